/*
 * test_http.c - fields, lists, chunks where they lie, reasons, dates. What is a
 * head and what is none stands in tests/conform/http.
 */
#include <tenon/http.h>

#include "test.h"

#include <stdio.h>
#include <time.h>

static tn_http_request request;

static tn_str
str(const char *text)
{
    return (tn_str){text, strlen(text)};
}

static bool
same(tn_str have, const char *want)
{
    return have.at != NULL && have.len == strlen(want) &&
           memcmp(have.at, want, have.len) == 0;
}

/* ---- fields ---- */

static const tn_http_field some[] = {
    {{"Accept", 6}, {"a", 1}},
    {{"X-Flag", 6}, {"", 0}},
    {{"accept", 6}, {"b", 1}},
    {{"Accept-Encoding", 15}, {"gzip;q=0.5, \"x, br\" , BR", 24}},
    {{"X^Y", 3}, {"1", 1}},
};

enum { SOME = sizeof(some) / sizeof(some[0]) };

TEST(find_knows_no_case)
{
    EQ(tn_http_find(some, SOME, "ACCEPT", 0), 0);
    EQ(tn_http_find(some, SOME, "accept", 1), 2);
    EQ(tn_http_find(some, SOME, "accept", 3), -1);
    EQ(tn_http_find(some, SOME, "accept", -5), 0);
    EQ(tn_http_find(some, SOME, "accept-encoding", 0), 3);
    EQ(tn_http_find(some, SOME, "accept-encodin", 0), -1);
    EQ(tn_http_find(some, SOME, "", 0), -1);
    EQ(tn_http_find(NULL, 0, "a", 0), -1);
}

TEST(find_takes_no_other_character_for_a_letter)
{
    EQ(tn_http_find(some, SOME, "x~y", 0), -1); /* "^" but for one bit */
    EQ(tn_http_find(some, SOME, "x^y", 0), 4);
    EQ(tn_http_find(some, SOME, "x\rflag", 0), -1);
}

TEST(value_is_the_first_one)
{
    CHECK(same(tn_http_value(some, SOME, "accept"), "a"));
    CHECK(same(tn_http_value(some, SOME, "x-flag"), ""));
    CHECK(tn_http_value(some, SOME, "host").at == NULL);
}

static bool
has(const char *value, const char *token)
{
    tn_http_field field = {{"L", 1}, str(value)};
    return tn_http_has_token(&field, 1, "l", token);
}

TEST(a_list_has_its_words)
{
    CHECK(has("a", "A"));
    CHECK(has("b,a", "a"));
    CHECK(has(" , ,\tb ,, a\t,", "a"));
    CHECK(has("a;q=1", "a"));
    CHECK(has("b;q=\"a, c\", a ; x", "a"));
    CHECK(!has("", "a"));
    CHECK(!has(",", "a"));
    CHECK(!has("ab", "a"));
    CHECK(!has("b a", "a"));
    CHECK(!has("\"a\"", "a"));
    CHECK(!has("\"x, a, y\"", "a"));
    CHECK(!has("\"x\\\", a, y\"", "a"));
    CHECK(!has("b;a", "a"));
}

TEST(a_list_may_be_in_several_fields)
{
    const tn_http_field fields[] = {
        {{"Connection", 10}, {"a", 1}},
        {{"Other", 5}, {"b", 1}},
        {{"connection", 10}, {"c, d", 4}},
    };
    CHECK(tn_http_has_token(fields, 3, "Connection", "d"));
    CHECK(!tn_http_has_token(fields, 3, "Connection", "b"));
    CHECK(tn_http_has_token(some, SOME, "accept-encoding", "br"));
    CHECK(tn_http_has_token(some, SOME, "accept-encoding", "gzip"));
    CHECK(!tn_http_has_token(some, SOME, "accept-encoding", "x"));
}

/* ---- heads ---- */

TEST(views_point_into_the_buffer)
{
    static const char head[] = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n";
    EQ(tn_http_parse_request(&request, head, sizeof(head) - 1, 0),
       sizeof(head) - 1);
    CHECK(request.path.at == head + 4);
    CHECK(request.query.at == head + 7);
    CHECK(request.fields[0].value.at == request.authority.at);
    CHECK(request.authority.at == head + 25);
}

TEST(what_is_absent_is_not_empty)
{
    static const char head[] = "GET / HTTP/1.0\r\n\r\n";
    EQ(tn_http_parse_request(&request, head, sizeof(head) - 1, 0),
       sizeof(head) - 1);
    CHECK(request.authority.at == NULL);
    CHECK(request.query.at == NULL);
    EQ(request.length, -1);
}

TEST(why_says_what_was_wrong)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost : h\r\n\r\n";
    ERR(tn_http_parse_request(&request, head, sizeof(head) - 1, 0), TN_EHTTP);
    EQ(request.status, 400);
    STREQ(request.why, "space before the colon of a field");
    CHECK(strstr(tn_why(), request.why) != NULL);
}

/* Put each byte at each place of a run of n bytes between two texts, the last
   byte before a guard page. All of them are taken, or refused. */
static void
put_everywhere(const char *before, int n, const char *after, const char *bytes,
               bool good)
{
    char text[256];
    int start = (int)strlen(before);
    int len = snprintf(text, sizeof(text), "%s%*s%s", before, n, "", after);
    CHECK(len < (int)sizeof(text));
    memset(text + start, 'x', (size_t)n);
    char *copy = (char *)guard_copy(text, (size_t)len);
    for (int i = start; i < start + n; i++) {
        for (const char *p = bytes; *p != '\0'; p++) {
            copy[i] = *p;
            EQ(tn_http_parse_request(&request, copy, (size_t)len, 0),
               good ? len : TN_EHTTP);
            EQ(request.status, good ? 0 : 400);
        }
        copy[i] = 'x';
    }
    guard_free((uint8_t *)copy, (size_t)len);
}

/* Sixteen bytes in one step, 64 at once, the last ones together with others:
   wherever a byte is, it is looked at. */
TEST(no_place_is_overlooked)
{
    for (int n = 1; n <= 20; n++) {
        put_everywhere("GET /", n, " HTTP/1.0\r\n\r\n",
                       "\"#<>\\\x01\x7f\x80\r\n\t", false);
        put_everywhere("GET /", n, " HTTP/1.0\r\n\r\n", "!$&'=?@[]^_`{|}~",
                       true);
        put_everywhere("GET / HTTP/1.0\r\n", n, ":\r\n\r\n",
                       " \"(),/;<=>?@[\\]{}\x7f\x80\xff\r\n\t", false);
        put_everywhere("GET / HTTP/1.0\r\n", n, ":\r\n\r\n",
                       "!#$%&'*+-.0A^_`a|~", true);
        put_everywhere("GET / HTTP/1.1\r\nHost:", n, "\r\n\r\n",
                       "\"#%/<>?@[\\]^`{|}\x80\r\n", false);
        put_everywhere("GET / HTTP/1.1\r\nHost:", n, "\r\n\r\n",
                       "!$&'()*+-.0;=A_a~", true);
    }
    for (int n = 1; n <= 130; n++) {
        put_everywhere("GET / HTTP/1.0\r\nX:", n, "\r\n\r\n",
                       "\x01\x1f\x7f\r\n", false);
        put_everywhere("GET / HTTP/1.0\r\nX:", n, "\r\n\r\n", " \t~\x80\xff",
                       true);
    }
}

/* As many fields as there may be, all with the same line. */
static ssize_t
read_many(const char *line)
{
    static char head[4096];
    size_t n = (size_t)snprintf(head, sizeof(head), "GET / HTTP/1.0\r\n");
    for (int i = 0; i < TN_HTTP_FIELDS; i++) {
        n += (size_t)snprintf(head + n, sizeof(head) - n, "%s\r\n", line);
    }
    n += (size_t)snprintf(head + n, sizeof(head) - n, "\r\n");
    CHECK(n < sizeof(head));
    ssize_t rc = tn_http_parse_request(&request, head, n, 0);
    CHECK(rc < 0 || (size_t)rc == n);
    return rc;
}

TEST(every_field_may_say_how_it_ends)
{
    CHECK(read_many("Connection: keep-alive") > 0);
    CHECK(request.keep_alive);
    EQ(request.field_count, TN_HTTP_FIELDS);
    CHECK(read_many("Connection: keep-alive, close") > 0);
    CHECK(!request.keep_alive);
    ERR(read_many("Host: a"), TN_EHTTP);
    ERR(read_many("Content-Length: 1"), TN_EHTTP);
}

TEST(a_name_that_looks_alike_says_nothing)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\n"
                               "Hose: b\r\nHost-: c\r\nconnectioN: upgrade\r\n"
                               "Connectiom: close\r\nCookie-Jar: close\r\n"
                               "Content-Lengti: x\r\nTransfer-Encodimg: x\r\n"
                               "EXPECT: 100-continue\r\nExpecu: 1\r\n"
                               "CONTENT-LENGTH: 5\r\n\r\n";
    EQ(tn_http_parse_request(&request, head, sizeof(head) - 1, 0),
       sizeof(head) - 1);
    CHECK(same(request.authority, "a"));
    EQ(request.length, 5);
    CHECK(request.keep_alive && request.upgrade && request.expect_continue);
}

TEST(nothing_new_is_nothing_to_do)
{
    EQ(tn_http_parse_request(&request, "GET", 3, 3), 0);
    EQ(tn_http_parse_request(&request, "GET", 3, 7), 0);
    EQ(tn_http_parse_request(&request, "", 0, 0), 0);
}

/* A head of a MiB, byte by byte: with a look at all of it for each byte this
   would take hours. */
TEST(a_head_in_pieces_is_no_square)
{
    enum { LARGE = 1 << 20 };

    char *head = malloc(LARGE);
    ssize_t rc = 0;
    CHECK(head != NULL);
    memset(head, 'x', LARGE);
    memcpy(head, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 28);
    for (size_t i = 1000; i < LARGE / 2; i += 1000) {
        memcpy(head + i * 2, "\r\nX:", 4);
    }
    for (size_t n = 1; n <= LARGE && rc == 0; n++) {
        rc = tn_http_parse_request(&request, head, n, n - 1);
    }
    EQ(rc, 0);
    free(head);
}

/* ---- chunks ---- */

TEST(data_stays_where_it_is)
{
    static const char body[] = "3\r\nabc\r\n0\r\n\r\n";
    tn_http_chunks c = {0};
    tn_str data;
    size_t used = 0;
    EQ(tn_http_dechunk(&c, body, 5, &used, &data), 0);
    EQ(used, 5);
    CHECK(data.at == body + 3);
    EQ(data.len, 2);
    EQ(tn_http_dechunk(&c, body + 5, 1, &used, &data), 0);
    EQ(used, 1);
    CHECK(same(data, "c"));
    EQ(tn_http_dechunk(&c, body + 6, 7, &used, &data), 1);
    EQ(used, 5);
    EQ(data.len, 0);
    EQ(tn_http_dechunk(&c, body + 11, 2, &used, &data), 1);
    EQ(used, 0);
}

TEST(each_call_yields_one_piece)
{
    static const char body[] = "1\r\na\r\n1\r\nb\r\n";
    tn_http_chunks c = {0};
    tn_str data;
    size_t used = 0;
    EQ(tn_http_dechunk(&c, body, 12, &used, &data), 0);
    CHECK(same(data, "a"));
    EQ(used, 4);
    EQ(tn_http_dechunk(&c, body + 4, 8, &used, &data), 0);
    CHECK(same(data, "b"));
    EQ(used, 6);
    EQ(tn_http_dechunk(&c, body + 10, 0, &used, &data), 0);
    EQ(used, 0);
    EQ(data.len, 0);
}

TEST(a_broken_body_stays_broken)
{
    tn_http_chunks c = {0};
    tn_str data;
    size_t used = 0;
    ERR(tn_http_dechunk(&c, "x", 1, &used, &data), TN_EHTTP);
    ERR(tn_http_dechunk(&c, "0\r\n", 3, &used, &data), TN_EHTTP);
    EQ(data.len, 0);
}

TEST(chunks_may_be_large_and_many)
{
    static char data[100000];
    tn_http_chunks c = {0};
    tn_str piece;
    size_t used = 0, total = 0;
    EQ(tn_http_dechunk(&c, "186a0\r\n", 7, &used, &piece), 0);
    while (total < sizeof(data)) {
        EQ(tn_http_dechunk(&c, data, 999, &used, &piece), 0);
        total += piece.len;
    }
    EQ(total, sizeof(data));
    for (int i = 0; i < 1000; i++) {
        const char *more = i == 0 ? "\r\n1\r\nx" : "1\r\nx";
        size_t n = strlen(more);
        EQ(tn_http_dechunk(&c, more, n, &used, &piece), 0);
        EQ(piece.len, 1);
        EQ(tn_http_dechunk(&c, "\r\n", 2, &used, &piece), 0);
        EQ(used, 2);
    }
}

/* ---- reasons ---- */

TEST(reasons_are_registered)
{
    STREQ(tn_http_reason(100), "Continue");
    STREQ(tn_http_reason(200), "OK");
    STREQ(tn_http_reason(413), "Content Too Large");
    STREQ(tn_http_reason(418), "Unknown");
    STREQ(tn_http_reason(431), "Request Header Fields Too Large");
    STREQ(tn_http_reason(511), "Network Authentication Required");
    STREQ(tn_http_reason(0), "Unknown");
    STREQ(tn_http_reason(-1), "Unknown");
    STREQ(tn_http_reason(1000), "Unknown");
}

/* ---- dates ---- */

static void
is_date(int64_t when, const char *want)
{
    char text[TN_HTTP_DATE_TEXT];
    int64_t back = 0;
    STREQ(tn_http_date(text, when), want);
    OK(tn_http_parse_date(str(text), &back));
    EQ(back, when);
}

TEST(dates_are_written_and_read)
{
    is_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    is_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    is_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    is_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    is_date(1709251199, "Thu, 29 Feb 2024 23:59:59 GMT");
    is_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    is_date(-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT");
    is_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(dates_beyond_four_digits_are_cut)
{
    char text[TN_HTTP_DATE_TEXT];
    STREQ(tn_http_date(text, INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    STREQ(tn_http_date(text, INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

/* The C library knows the calendar too. */
TEST(dates_are_those_of_the_c_library)
{
    char text[TN_HTTP_DATE_TEXT], want[64];
    for (int64_t when = -62167219200; when < 253402300799; when += 8640013) {
        time_t t = (time_t)when;
        struct tm tm;
        int64_t back = 0;
        CHECK(gmtime_r(&t, &tm) != NULL);
        snprintf(want, sizeof(want), "%04d ", tm.tm_year + 1900);
        tn_http_date(text, when);
        MEMEQ(text + 12, want, 5);
        strftime(want, sizeof(want), "%a, %d %b", &tm);
        MEMEQ(text, want, 11);
        strftime(want, sizeof(want), "%H:%M:%S GMT", &tm);
        STREQ(text + 17, want);
        OK(tn_http_parse_date(str(text), &back));
        EQ(back, when);
    }
}

static int64_t
read_date(const char *text)
{
    int64_t when = 0;
    size_t n = strlen(text);
    uint8_t *copy = guard_copy(text, n);
    int rc = tn_http_parse_date((tn_str){(const char *)copy, n}, &when);
    guard_free(copy, n);
    CHECK(rc == 0 || rc == -EINVAL);
    return rc == 0 ? when : -1;
}

TEST(all_three_forms_are_read)
{
    EQ(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    EQ(read_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    EQ(read_date("Sun Nov  6 08:49:37 1994"), 784111777);
    EQ(read_date("Wed Nov 16 08:49:37 1994"), 784975777);
    EQ(read_date("Sun, 06 Nov 1994 08:49:60 GMT"), 784111800);
}

/* RFC 9110 section 5.6.7: not more than 50 years ahead. */
TEST(two_digits_of_a_year_are_near)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[64];
    CHECK(gmtime_r(&now, &tm) != NULL);
    for (int ahead = -49; ahead <= 50; ahead++) {
        int64_t want = 0, got = 0;
        int year = tm.tm_year + 1900 + ahead;
        snprintf(text, sizeof(text), "Mon, 01 Mar %04d 00:00:00 GMT", year);
        OK(tn_http_parse_date(str(text), &want));
        snprintf(text, sizeof(text), "Monday, 01-Mar-%02d 00:00:00 GMT",
                 year % 100);
        OK(tn_http_parse_date(str(text), &got));
        EQ(got, want);
    }
}

TEST(what_is_no_date_is_refused)
{
    static const char *const wrong[] = {
        "",
        "0",
        "now",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nob 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 199a 08:49:37 GMT",
        "Sun, 1d Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 199d 08:49:37 GMT",
        "Sun Nov DD 08:49:37 1994",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Funday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov    08:49:37 1994",
        "1994-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (read_date(wrong[i]) != -1) {
            FAIL("\"%s\" is no date", wrong[i]);
        }
    }
}
