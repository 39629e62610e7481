/*
 * test_get_words.c - `tenon get` and what servers write: names for files,
 * ranges, times to wait. Each text lies in a block of its own length, so that
 * a look beyond it is seen by the sanitizers.
 */
#include "cmd_get_int.h"
#include "test.h"

#include <stdio.h>

static char *
block(const char *at, size_t n)
{
    char *p = malloc(n ? n : 1);

    CHECK(p != NULL);
    memcpy(p, at, n);
    return p;
}

/* ---- names ---- */

static bool
name(const char *text, size_t n, char *buf)
{
    char *p = block(text, n);
    bool r = name_of_field((tn_str){p, n}, buf, GET_TEXT);

    free(p);
    return r;
}

static void
check_name(const char *got)
{
    size_t n = strlen(got);

    CHECK(n > 0 && n < GET_TEXT);
    CHECK(got[0] != '.' && got[0] != '-');
    CHECK(strpbrk(got, "/\\") == NULL);
    for (size_t i = 0; i < n; i++) {
        CHECK((unsigned char)got[i] >= ' ' && got[i] != 0x7f);
    }
}

static const char *const no_names[] = {
    "",
    "attachment",
    "filename",
    "; filename",
    "; filename=",
    "; filename=\"",
    "; filename=\"\"",
    "; filename=\"a",
    "; filename=\"../a\"",
    "; filename=\"/etc/passwd\"",
    "; filename=\"..\\a\"",
    "; filename=..",
    "; filename=.ssh",
    "; filename=\"-rf\"",
    "; filename=\"a\tb\"",
    "; filename=\"a\x1b[31m\"",
    "; filename=\"\342\200\256fdp.exe\"",
    "; filename*=UTF-8''%2e%2e",
    "; filename*=UTF-8''a%2fb",
    "; filename*=UTF-8''a%00b",
    "; filename*=UTF-8''a%0db",
    "; filename*=UTF-8''%ff",
    "; filename*=UTF-8''%",
    "; filename*=UTF-8''%e2%80%aefdp.exe",
    "; x=\"; filename=a\"",
    "; xfilename=a",
};

TEST(names_that_would_do_harm_are_none)
{
    char got[GET_TEXT];

    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
        printf("%s\n", no_names[i]);
        CHECK(!name(no_names[i], strlen(no_names[i]), got));
    }
    CHECK(name("a; filename=\"b c.txt\"", 21, got));
    STREQ(got, "b c.txt");
}

static uint32_t seed = 1;

static uint32_t
next_number(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Pieces of what is written there, in any order, some bytes changed. */
static size_t
make_text(char *text, size_t cap)
{
    static const char *const pieces[] = {
        "attachment", ";",     " ",  "filename", "filename*", "=",    "\"",
        "\\",         "a.txt", "..", "/",        "UTF-8''",   "%2f",  "%c3%bc",
        "%00",        "bytes", "*/", "0-4",      "/10",       "9999", "\xff",
    };
    static const char *const starts[] = {
        "", "a; filename=", "a; filename*=", "bytes 5-"};
    const char *start = starts[next_number() % 4];
    size_t n = strlen(start), count = next_number() % 24;

    memcpy(text, start, n);
    for (size_t i = 0; i < count; i++) {
        const char *piece =
            pieces[next_number() % (sizeof(pieces) / sizeof(pieces[0]))];
        size_t len = strlen(piece);

        if (n + len <= cap) {
            memcpy(text + n, piece, len);
            n += len;
        }
    }
    if (n > 0 && next_number() % 4 == 0) {
        text[next_number() % n] = (char)next_number();
    }
    return n;
}

TEST(any_text_gives_a_good_name_or_none)
{
    char text[512], got[GET_TEXT];
    int good = 0;

    for (int i = 0; i < 200000; i++) {
        if (name(text, make_text(text, sizeof(text)), got)) {
            check_name(got);
            good++;
        }
    }
    CHECK(good > 100);
}

/* ---- ranges ---- */

static enum verdict
judged(struct one *u, int status, const char *text, size_t n, int64_t length)
{
    char *p = block(text, n);
    tn_http_response res = {.status = status,
                            .field_count = 1,
                            .body = TN_HTTP_LENGTH,
                            .length = length};
    const char *why = NULL;
    enum verdict v;

    res.fields[0] = (tn_http_field){{"Content-Range", 13}, {p, n}};
    u->sink.whole = -1;
    v = judge(u, &res, &why);
    CHECK(v != REFUSED || why != NULL);
    free(p);
    return v;
}

struct range {
    const char *text;
    enum verdict verdict;
    int64_t whole;
};

static const struct range ranges[] = {
    {"bytes 5-9/10", GO_ON, 10},
    {"bytes 5-9/*", GO_ON, 10},
    {"bytes 5-9/9", REFUSED, -1},
    {"bytes 5-9/11", REFUSED, -1},
    {"bytes 5-9/10x", REFUSED, -1},
    {"bytes 5-9/-10", REFUSED, -1},
    {"bytes 5-9/+10", REFUSED, -1},
    {"bytes 5-9/", REFUSED, -1},
    {"bytes 5-9", REFUSED, -1},
    {"bytes -5-9/10", REFUSED, -1},
    {"bytes 5--9/10", REFUSED, -1},
    {"bytes */10", REFUSED, -1},
    {"bytes 5-999999999999999999/1000000000000000000", REFUSED, -1},
    {"bytes 5-99999999999999999999999999/99999999999999999999", REFUSED, -1},
    {"bytes 18446744073709551621-18446744073709551625/10", REFUSED, -1},
    {"bytes 5-9/18446744073709551626", REFUSED, -1},
    {"", REFUSED, -1},
};

TEST(ranges_have_to_be_what_was_asked_for)
{
    struct get *g = calloc(1, sizeof(*g));
    struct one *u = calloc(1, sizeof(*u));

    CHECK(g && u);
    u->g = g;
    u->asked = 5;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        printf("%s\n", ranges[i].text);
        EQ(judged(u, 206, ranges[i].text, strlen(ranges[i].text), 5),
           ranges[i].verdict);
        EQ(u->sink.whole, ranges[i].whole);
    }
    EQ(judged(u, 416, "bytes */5", 9, 0), ENOUGH);
    EQ(judged(u, 416, "bytes */6", 9, 0), ANEW);
    EQ(judged(u, 416, "bytes */-5", 10, 0), ANEW);
    free(u);
    free(g);
}

TEST(any_range_goes_on_where_we_are_or_not_at_all)
{
    struct get *g = calloc(1, sizeof(*g));
    struct one *u = calloc(1, sizeof(*u));
    char text[512];

    CHECK(g && u);
    u->g = g;
    for (int i = 0; i < 200000; i++) {
        size_t n = make_text(text, sizeof(text));

        u->asked = 1 + next_number() % 9;
        if (judged(u, 206, text, n, 5) == GO_ON) {
            EQ(u->sink.whole, u->asked + 5);
        }
        (void)judged(u, 416, text, n, 0);
    }
    free(u);
    free(g);
}

/* ---- times ---- */

static int64_t
retry_after(const char *text)
{
    size_t n = strlen(text);
    char *p = block(text, n);
    tn_http_response res = {.status = 503, .field_count = 1};
    int64_t r;

    res.fields[0] = (tn_http_field){{"Retry-After", 11}, {p, n}};
    r = judge_retry_after(&res);
    free(p);
    return r;
}

TEST(times_to_wait_have_bounds)
{
    EQ(retry_after("0"), 0);
    EQ(retry_after("120"), 120 * TN_SEC);
    GE(retry_after("99999999999999999999999999"), 100000000 * TN_SEC);
    EQ(retry_after(""), -1);
    EQ(retry_after("-1"), -1);
    EQ(retry_after("soon"), -1);
    EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
}
