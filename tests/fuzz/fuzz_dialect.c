/*
 * fuzz_dialect.c - any bytes as a datagram, from a stranger and from a member,
 * and as a line that a client reads.
 */
#include <tenon/text.h>

#include "fuzz.h"
#include "hub/dialect.h"

#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool
has_control(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* What goes out for what came in: at most so much, one line, well-formed. */
static void
check_line(const struct dialect_reader *r, const char *name, size_t cap)
{
    static struct room_event ev;
    static char line[DIALECT_DATAGRAM];
    size_t n;

    ev.what = ROOM_SAY;
    ev.name_len = strlen(name);
    memcpy(ev.name, name, ev.name_len + 1);
    ev.text_len = r->len;
    memcpy(ev.text, r->text, r->len + 1);
    n = dialect_write(line, cap, &ev, DIALECT_ZH);
    MUST(n <= cap && tn_text_valid(line, n) && !has_control(line, n));
    MUST(cap < 100 || memcmp(line, name, ev.name_len) == 0);
    MUST(cap < 100 || line[ev.name_len] == ':');
}

static void
check_name(const struct dialect_reader *r)
{
    char again[ROOM_NAME_MAX + 1];

    if (r->err < 0) {
        MUST(r->len == 0);
        return;
    }
    /* A name is a name: nobody gets another by asking for what he has. */
    MUST((size_t)dialect_name(again, r->text, r->len) == r->len);
    MUST(strcmp(again, r->text) == 0);
    MUST(memchr(r->text, ':', r->len) == NULL);
}

static void
read_as(const char *known, const char *data, size_t size)
{
    static struct dialect_reader r;
    char name[ROOM_NAME_MAX + 1] = "";
    size_t steps = 0;

    memcpy(name, known, strlen(known) + 1);
    dialect_open(&r, data, size);
    while (dialect_next(&r, name[0] != '\0' ? name : NULL)) {
        MUST(++steps <= 2 * size + 1);
        MUST(r.len <= ROOM_TEXT_MAX && r.text[r.len] == '\0');
        MUST(tn_text_valid(r.text, r.len) && !has_control(r.text, r.len));
        if (r.what == DIALECT_JOIN) {
            MUST(name[0] == '\0');
            check_name(&r);
            memcpy(name, r.text, r.len + 1);
        } else if (r.what == DIALECT_SAY) {
            check_line(&r, name, DIALECT_DATAGRAM);
            check_line(&r, name, steps % 80);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct dialect_line l;

    read_as("", text, size);
    read_as("ann", text, size);
    dialect_parse(&l, text, size);
    MUST(l.name_len <= size && l.text_len <= size);
    return 0;
}
