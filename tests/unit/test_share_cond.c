/*
 * test_share_cond.c - conditions, ranges and wishes of a client: RFC 9110
 * sections 12 to 14, each case with its clause.
 */
#include "http/share_pure.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1000000, CHANGED = 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */ };

#define DATE    "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER   "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct tn__version strong = {"\"a\"", CHANGED, CHANGED + NOW};
static const struct tn__version weak = {"W/\"a\"", CHANGED, CHANGED + NOW};
static const struct tn__version nothing = {NULL, 0, NOW};

/* "Name: value" lines into fields. */
static int
fields_of(tn_http_field *fields, const char *text)
{
    int count = 0;
    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t colon = strcspn(text, ":");
        fields[count].name = (tn_str){text, colon};
        fields[count].value = (tn_str){text + colon + 2, n - colon - 2};
        count++;
        text += n + (text[n] == '\n');
    }
    return count;
}

static int
check(const char *text, bool reads, const struct tn__version *v)
{
    tn_http_field fields[8];
    int count = fields_of(fields, text);
    return tn__cond_check(fields, count, reads, v);
}

static void
expect(const char *text, int get, int put)
{
    int g = check(text, true, &strong);
    int p = check(text, false, &strong);
    if (g != get || p != put) {
        FAIL("%s: GET %d, PUT %d; wanted %d, %d", text, g, p, get, put);
    }
}

TEST(without_conditions_all_goes_on)
{
    expect("", 0, 0);
    expect("Host: a", 0, 0);
}

TEST(if_match_compares_strongly)
{
    expect("If-Match: \"a\"", 0, 0);
    expect("If-Match: *", 0, 0);
    expect("If-Match: \"b\"", 412, 412);
    expect("If-Match: \"b\", \"a\"", 0, 0);
    expect("If-Match: \"b\",,\t\"a\" ,", 0, 0);
    expect("If-Match: W/\"a\"", 412, 412);
    expect("If-Match: a", 412, 412);
    expect("If-Match: ", 412, 412);
    expect("If-Match: \"b\"\nIf-Match: \"a\"", 0, 0);
    EQ(check("If-Match: W/\"a\"", true, &weak), 412);
    EQ(check("If-Match: *", false, &nothing), 412);
    EQ(check("If-Match: \"a\"", false, &nothing), 412);
}

TEST(if_none_match_compares_weakly)
{
    expect("If-None-Match: \"a\"", 304, 412);
    expect("If-None-Match: W/\"a\"", 304, 412);
    expect("If-None-Match: *", 304, 412);
    expect("If-None-Match: \"b\"", 0, 0);
    expect("If-None-Match: \"b\", \"c,a\", W/\"a\"", 304, 412);
    expect("If-None-Match: \"a\" \"b\"", 0, 0); /* not a list */
    expect("If-None-Match: w/\"a\"", 0, 0);     /* case matters */
    EQ(check("If-None-Match: \"a\"", true, &weak), 304);
    EQ(check("If-None-Match: *", false, &nothing), 0);
}

TEST(if_modified_since_is_of_reads)
{
    expect("If-Modified-Since: " DATE, 304, 0);
    expect("If-Modified-Since: " LATER, 304, 0);
    expect("If-Modified-Since: " EARLIER, 0, 0);
    expect("If-Modified-Since: yesterday", 0, 0);
    expect("If-Modified-Since: " DATE "\nIf-Modified-Since: " DATE, 0, 0);
    EQ(check("If-Modified-Since: " DATE, true, &nothing), 0);
}

TEST(if_unmodified_since_is_of_all)
{
    expect("If-Unmodified-Since: " DATE, 0, 0);
    expect("If-Unmodified-Since: " LATER, 0, 0);
    expect("If-Unmodified-Since: " EARLIER, 412, 412);
    expect("If-Unmodified-Since: never", 0, 0);
}

/* RFC 9110 section 13.2.2: tags decide where both are there. */
TEST(the_order_is_that_of_the_rfc)
{
    expect("If-Match: \"a\"\nIf-Unmodified-Since: " EARLIER, 0, 0);
    expect("If-Unmodified-Since: " LATER "\nIf-Match: \"b\"", 412, 412);
    expect("If-None-Match: \"b\"\nIf-Modified-Since: " DATE, 0, 0);
    expect("If-None-Match: \"a\"\nIf-Modified-Since: " EARLIER, 304, 412);
    expect("If-None-Match: \"a\"\nIf-Match: \"b\"", 412, 412);
    expect("If-None-Match: \"a\"\nIf-Match: \"a\"", 304, 412);
}

#define RANGE_IF(text, version)                                                \
    tn__cond_range((tn_str){text, strlen(text)}, version)

/* Section 13.1.5. */
TEST(if_range_wants_a_strong_match)
{
    struct tn__version fresh = {"\"a\"", CHANGED, CHANGED + 1};
    CHECK(tn__cond_range((tn_str){NULL, 0}, &strong));
    CHECK(RANGE_IF("\"a\"", &strong));
    CHECK(!RANGE_IF("\"b\"", &strong));
    CHECK(!RANGE_IF("W/\"a\"", &strong));
    CHECK(!RANGE_IF("W/\"a\"", &weak));
    CHECK(RANGE_IF(DATE, &strong));
    CHECK(!RANGE_IF(LATER, &strong));
    CHECK(!RANGE_IF(EARLIER, &strong));
    CHECK(!RANGE_IF(DATE, &fresh));
    CHECK(!RANGE_IF("", &strong));
    CHECK(!RANGE_IF("\"a\", \"b\"", &strong));
}

/* ---- ranges ---- */

/* "0-5 7-9", "none", "bad". */
static void
ranges(const char *value, int64_t size, const char *want)
{
    struct tn__span spans[TN_SHARE_RANGES];
    char text[1024] = "";
    size_t len = strlen(value);
    uint8_t *guarded = guard_copy(value, len);
    int n = tn__range_read((tn_str){(const char *)guarded, len}, size, spans);
    guard_free(guarded, len);
    if (n <= 0) {
        (void)snprintf(text, sizeof(text), "%s", n == 0 ? "none" : "bad");
    }
    for (int i = 0; i < n; i++) {
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof(text) - at, "%s%lld-%lld",
                       i ? " " : "", (long long)spans[i].from,
                       (long long)spans[i].to - 1);
    }
    if (strcmp(text, want) != 0) {
        FAIL("%s of %lld: %s, wanted %s", value, (long long)size, text, want);
    }
}

TEST(one_range)
{
    ranges("bytes=0-499", 10000, "0-499");
    ranges("bytes=500-", 10000, "500-9999");
    ranges("bytes=-500", 10000, "9500-9999");
    ranges("bytes=9999-", 10000, "9999-9999");
    ranges("bytes=0-0", 1, "0-0");
    ranges("bytes=0-99999", 10000, "0-9999");
    ranges("bytes=-99999", 10000, "0-9999");
    ranges("Bytes=0-1", 10, "0-1");
    ranges("bytes= 0-1 ,", 10, "0-1");
    ranges("bytes=0-99999999999999999999999999", 10, "0-9");
}

TEST(ranges_outside_are_bad)
{
    ranges("bytes=10000-", 10000, "bad");
    ranges("bytes=10000-10001", 10000, "bad");
    ranges("bytes=-0", 10000, "bad");
    ranges("bytes=0-", 0, "bad");
    ranges("bytes=-1", 0, "none"); /* all of nothing: no way to say it */
    ranges("bytes=99999999999999999999999-", 10, "bad");
    ranges("bytes=20-,0-1", 10, "0-1");
}

TEST(what_is_no_range_is_ignored)
{
    ranges("", 10, "none");
    ranges("bytes", 10, "none");
    ranges("bytes=", 10, "none");
    ranges("bytes=-", 10, "none");
    ranges("bytes=5-4", 10, "none");
    ranges("bytes=a-b", 10, "none");
    ranges("bytes=0-1x", 10, "none");
    ranges("bytes=0 - 1", 10, "none");
    ranges("bytes=1-2-3", 10, "none");
    ranges("bytes=+1-2", 10, "none");
    ranges("bytes=--1", 10, "none");
    ranges("lines=0-1", 10, "none");
    ranges("bytes=0-1;2-3", 10, "none");
}

/* Section 14.2: overlapping ranges, and many small ones. */
TEST(ranges_that_touch_become_one)
{
    ranges("bytes=0-9,2000-2009", 10000, "0-9 2000-2009");
    ranges("bytes=2000-2009,0-9", 10000, "2000-2009 0-9");
    ranges("bytes=0-99,50-149", 10000, "0-149");
    ranges("bytes=0-9,20-29", 10000, "0-29");
    ranges("bytes=0-9,1000-1009,500-509,5-1005", 10000, "0-1009");
    ranges("bytes=0-,0-,0-", 10000, "0-9999");
    ranges("bytes=5000-5009,0-9,-10,4990-4999", 10000,
           "4990-5009 0-9 9990-9999");
}

TEST(too_many_ranges_are_ignored)
{
    char text[1024] = "bytes=0-0";
    for (int i = 1; i < TN_SHARE_RANGES; i++) {
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof(text) - at, ",%d-%d", i * 1000,
                       i * 1000);
    }
    struct tn__span spans[TN_SHARE_RANGES];
    EQ(tn__range_read((tn_str){text, strlen(text)}, 1 << 20, spans),
       TN_SHARE_RANGES);
    size_t at = strlen(text);
    (void)snprintf(text + at, sizeof(text) - at, ",999999-");
    EQ(tn__range_read((tn_str){text, strlen(text)}, 1 << 20, spans),
       TN__RANGES_NONE);
}

/* ---- what is accepted ---- */

static void
codings(const char *text, int zstd, int br, int gzip, int identity)
{
    tn_http_field fields[8];
    struct tn__accept a;
    tn__accept_codings(&a, fields, fields_of(fields, text));
    if (a.q[TN__ZSTD] != zstd || a.q[TN__BR] != br || a.q[TN__GZIP] != gzip ||
        a.q[TN__IDENTITY] != identity) {
        FAIL("%s: zstd %d, br %d, gzip %d, identity %d", text, a.q[TN__ZSTD],
             a.q[TN__BR], a.q[TN__GZIP], a.q[TN__IDENTITY]);
    }
}

/* Section 12.5.3. */
TEST(codings_have_weights)
{
    codings("", 0, 0, 0, 1);
    codings("Accept-Encoding: ", 0, 0, 0, 1);
    codings("Accept-Encoding: gzip", 0, 0, 1000, 1);
    codings("Accept-Encoding: GZip, br, zstd", 1000, 1000, 1000, 1);
    codings("Accept-Encoding: gzip;q=0.5, zstd;q=0.001", 1, 0, 500, 1);
    codings("Accept-Encoding: gzip ; Q=0.5", 0, 0, 500, 1);
    codings("Accept-Encoding: x-gzip;q=1.000", 0, 0, 1000, 1);
    codings("Accept-Encoding: *", 1000, 1000, 1000, 1);
    codings("Accept-Encoding: *;q=0", 0, 0, 0, 0);
    codings("Accept-Encoding: *;q=0, gzip", 0, 0, 1000, 0);
    codings("Accept-Encoding: identity;q=0, gzip;q=0.1", 0, 0, 100, 0);
    codings("Accept-Encoding: identity;q=1, *;q=0.5", 500, 500, 500, 1000);
    codings("Accept-Encoding: gzip;q=0", 0, 0, 0, 1);
    codings("Accept-Encoding: gzip;q=2", 0, 0, 0, 1);
    codings("Accept-Encoding: gzip;q=1.001", 0, 0, 0, 1);
    codings("Accept-Encoding: gzip;q=0.1234", 0, 0, 0, 1);
    codings("Accept-Encoding: gzip;q=x", 0, 0, 0, 1);
    codings("Accept-Encoding: gzipped", 0, 0, 0, 1);
    codings("Accept-Encoding: gzip\nAccept-Encoding: br", 0, 1000, 1000, 1);
}

static int
type(const char *text, const char *name)
{
    tn_http_field fields[8];
    int count = fields_of(fields, text);
    return tn__accept_type(fields, count, name);
}

/* Section 12.5.1. */
TEST(the_closest_media_range_counts)
{
    const char *browser = "Accept: text/html,application/xhtml+xml,"
                          "application/xml;q=0.9,*/*;q=0.8";
    EQ(type("", "text/html"), 1000);
    EQ(type(browser, "text/html"), 1000);
    EQ(type(browser, "application/json"), 800);
    EQ(type("Accept: application/json", "text/html"), 0);
    EQ(type("Accept: application/JSON;v=\"a,b;q=0\"", "application/json"),
       1000);
    EQ(type("Accept: */*, text/*;q=0.3, text/html;q=0.1", "text/html"), 100);
    EQ(type("Accept: */*, text/*;q=0.3, text/html;q=0.1", "text/css"), 300);
    EQ(type("Accept: */*, text/*;q=0.3, text/html;q=0.1", "image/png"), 1000);
    EQ(type("Accept: text/", "text/html"), 0);
    EQ(type("Accept: ,,", "text/html"), 0);
}
