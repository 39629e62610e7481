/*
 * fuzz_web.c - any bytes as what a browser says, and as the fields by which the
 * hub judges whom it answers.
 */
#include <tenon/text.h>

#include "fuzz.h"
#include "hub/web_int.h"

#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

static struct guard guarded, open_to_all;

static void
prepare(void)
{
    static const unsigned char secret[GUARD_SECRET];

    if (!guarded.has_code) {
        MUST(guard_set_code(&guarded, "code", secret) == 0);
        MUST(guard_add_host(&guarded, "hub.example") == 0);
    }
}

/* What was read is within its limits, and can be written again. */
static void
check_message(tn_str data)
{
    struct web_message m;

    if (web_parse(&m, data) < 0) {
        MUST(m.root == NULL);
        return;
    }
    MUST(web_is_shallow(data));
    MUST(m.verb[0] != '\0');
    MUST(m.name_len <= data.len && m.text_len <= data.len);
    MUST(tn_text_valid(m.name, m.name_len));
    MUST(tn_text_valid(m.text, m.text_len));
    MUST(strlen(m.text) == m.text_len);
    json_decref(m.root);
}

static void
check_guard(tn_str data)
{
    MUST(guard_may_enter(&open_to_all, data));
    MUST(!guard_may_enter(&guarded, data)); /* nobody guesses a cookie */
    if (guard_host(&guarded, data)) {
        MUST(data.len > 0 && memchr(data.at, '/', data.len) == NULL);
    }
    /* No text is the origin of itself: a scheme stands before it. */
    MUST(!guard_origin(&guarded, data, data));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    tn_str data = {(const char *)bytes, size};

    prepare();
    check_message(data);
    if (size > 0) {
        check_guard(data);
    }
    return 0;
}
