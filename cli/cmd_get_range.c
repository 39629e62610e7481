/*
 * A part of a file, as -r asks for it.
 */
#include "cmd_get_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    RANGE_DIGITS = 18, /* of an offset: what an int64_t holds of any */
};

/* Digits to a number, -1 for none; moves on. False for too many. */
static bool
read_offset(const char **text, int64_t *value)
{
    size_t n = strspn(*text, "0123456789");
    *value = n > 0 ? strtoll(*text, NULL, 10) : -1;
    *text += n;
    return n <= RANGE_DIGITS;
}

int
range_make(struct get *g)
{
    const char *text = g->o->range;
    bool good = read_offset(&text, &g->first) && *text++ == '-' &&
                read_offset(&text, &g->last);
    if (good && *text == ',') {
        return say_usage("-r %s: one range at a time", g->o->range);
    }
    if (!good || *text || (g->first < 0 && g->last < 1) ||
        (g->first >= 0 && g->last >= 0 && g->last < g->first)) {
        return say_usage("-r %s: must be FIRST-LAST, FIRST- or -COUNT",
                         g->o->range);
    }
    if (tn_http_find(g->fields, g->field_count, "Range", 0) >= 0) {
        return say_usage("-r or -H 'Range: ...', not both");
    }
    (void)snprintf(g->range, sizeof(g->range), "bytes=%s", g->o->range);
    return EXIT_DONE;
}
