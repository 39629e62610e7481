/*
 * test_share_form.c - forms with files: RFC 2046 section 5.1, RFC 7578, what
 * browsers and curl send, and what an attacker would.
 */
#include "http/share_pure.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static int
init(struct tn__form *f, const char *type)
{
    return tn__form_init(f, (tn_str){type, strlen(type)});
}

/* What was found, as text: "[name|file]data;" for each part. */
struct found {
    char text[1024];
    size_t len;
};

static void
add(struct found *o, const char *s, size_t n)
{
    CHECK(o->len + n < sizeof(o->text));
    memcpy(o->text + o->len, s, n);
    o->len += n;
    o->text[o->len] = '\0';
}

static void
note(struct found *o, const struct tn__form *f, int event, tn_str data)
{
    if (event == TN__FORM_PART) {
        add(o, "[", 1);
        add(o, f->name, strlen(f->name));
        if (f->is_file) {
            add(o, "|", 1);
            add(o, f->file, strlen(f->file));
        }
        add(o, "]", 1);
    } else if (event == TN__FORM_DATA) {
        add(o, data.at, data.len);
    } else if (event == TN__FORM_DONE) {
        add(o, ";", 1);
    }
}

/* Feed what is unused and the next bytes together, `step` at a time; the last
   byte lies before a page that cannot be read. */
static int
feed(struct found *o, const char *type, const char *s, size_t n, size_t step)
{
    struct tn__form f;
    size_t from = 0;
    int event = TN__FORM_MORE;
    memset(o, 0, sizeof(*o));
    OK(init(&f, type));
    for (size_t to = step < n ? step : n;; to = to + step < n ? to + step : n) {
        size_t len = to - from;
        uint8_t *copy = guard_copy(s + from, len);
        size_t at = 0;
        do {
            size_t used;
            tn_str data;
            event = tn__form_step(&f, (const char *)copy + at, len - at, &used,
                                  &data);
            LE(used, len - at);
            at += used;
            note(o, &f, event, data);
        } while (event > TN__FORM_MORE && event != TN__FORM_END);
        guard_free(copy, len);
        from += at;
        if (event < 0 || event == TN__FORM_END || to == n) {
            return event;
        }
    }
}

static void
form(const char *s, size_t n, int event, const char *want)
{
    static const char type[] = "multipart/form-data; boundary=XX";
    for (size_t step = 1; step <= n; step++) {
        struct found o;
        int r = feed(&o, type, s, n, step);
        if (r != event || (want && strcmp(o.text, want) != 0)) {
            FAIL("step %zu: %d, %s; wanted %d, %s", step, r, o.text, event,
                 want);
        }
    }
}

#define FORM(s, event, want) form(s, sizeof(s) - 1, event, want)
#define HEAD(params)         "Content-Disposition: form-data; " params "\r\n"

TEST(a_form_is_cut_into_its_parts)
{
    FORM("--XX\r\n" HEAD(
             "name=\"a\"") "\r\n1\r\n"
                           "--XX\r\n" HEAD(
                               "name=\"f\"; filename=\"x.txt\"") "Content-Type:"
                                                                 " text/"
                                                                 "plain\r\n\r\n"
                                                                 "line\r\nline"
                                                                 "\r\n\r\n"
                                                                 "--XX--\r\n",
         TN__FORM_END, "[a]1;[f|x.txt]line\r\nline\r\n;");
}

TEST(empty_parts_and_files)
{
    FORM("--XX\r\n" HEAD("name=f; filename=\"\"") "\r\n\r\n--XX--",
         TN__FORM_END, "[f|];");
    FORM("--XX\r\n\r\nno head\r\n--XX--", TN__FORM_END, "[]no head;");
    FORM("--XX--", TN__FORM_END, "");
}

TEST(what_stands_around_does_not_matter)
{
    FORM("preamble --XX\r\n--X\r\r\n--XX \t\r\n" HEAD(
             "name=a") "\r\nv\r\n--XX--epilogue\r\n--XX\r\n",
         TN__FORM_END, "[a]v;");
}

TEST(what_looks_like_a_boundary_is_data)
{
    FORM("--XX\r\n" HEAD("name=a") "\r\n\r\r\n\n--XX\r\n--X\r--XX\r\n--XY\r\n"
                                   "--XX--",
         TN__FORM_END, "[a]\r\r\n\n--XX\r\n--X\r--XX\r\n--XY;");
    FORM("--XX\r\n" HEAD("name=a") "\r\n\r\n\r\n\r\n--XX--", TN__FORM_END,
         "[a]\r\n\r\n;");
}

TEST(a_form_that_ends_early_wants_more)
{
    FORM("--X", TN__FORM_MORE, "");
    FORM("--XX\r\n" HEAD("name=a"), TN__FORM_MORE, "");
    FORM("--XX\r\n" HEAD("name=a") "\r\ndata\r\n--XX", TN__FORM_MORE,
         "[a]data;");
    FORM("--XX\r\n" HEAD("name=a") "\r\ndata\r\n--X", TN__FORM_MORE, "[a]data");
}

TEST(broken_forms_are_refused)
{
    FORM("--XXY\r\n", TN_EHTTP, "");
    FORM("--XX\r\nno colon\r\n\r\n", TN_EHTTP, "");
    FORM("--XX\r\n: no name\r\n\r\n", TN_EHTTP, "");
    FORM("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n", TN_EHTTP,
         "");
    FORM("--XX\r\n" HEAD("name=\"a") "\r\n", TN_EHTTP, "");
    FORM("--XX\r\n" HEAD("name=\"a\" b") "\r\n", TN_EHTTP, "");
    FORM("--XX\r\n" HEAD("name=\"a\0b\"") "\r\n", TN_EHTTP, "");
    FORM("--XX\r\n" HEAD("name=a") "Content-Transfer-Encoding: base64\r\n\r\n",
         TN_EHTTP, "");
}

TEST(names_are_read_as_browsers_write_them)
{
    FORM("--XX\r\n" HEAD(
             "name=\"a%22b%0d%0A%41\"; filename=\"\xc3\xa4 1.txt\"") "\r\n\r\n-"
                                                                     "-XX--",
         TN__FORM_END, "[a\"b\r\n%41|\xc3\xa4 1.txt];");
    FORM("--XX\r\n" HEAD("name=f; filename=\"a\\\"b\\\\c\"") "\r\n\r\n--XX--",
         TN__FORM_END, "[f|c];");
    FORM("--XX\r\nCONTENT-disposition:form-data;NAME=f;FileName=x\r\n\r\n"
         "\r\n--XX--",
         TN__FORM_END, "[f|x];");
}

TEST(only_the_last_name_of_a_path_counts)
{
    FORM("--XX\r\n" HEAD(
             "name=f; filename=\"../../etc/passwd\"") "\r\n\r\n--XX--",
         TN__FORM_END, "[f|passwd];");
    FORM(
        "--XX\r\n" HEAD("name=f; filename=\"C:\\dir\\x.txt\"") "\r\n\r\n--XX--",
        TN__FORM_END, "[f|x.txt];");
    FORM("--XX\r\n" HEAD("name=f; filename=\"dir/\"") "\r\n\r\n--XX--",
         TN__FORM_END, "[f|];");
}

static const char long_70[] = "0123456789012345678901234567890123456789"
                              "012345678901234567890123456789";

TEST(boundaries_follow_the_rules)
{
    struct tn__form f;
    char text[200];
    OK(init(&f, "multipart/form-data; boundary=a"));
    OK(init(&f, "Multipart/Form-Data;boundary=\"a b:=?\""));
    OK(init(&f, "multipart/form-data; charset=utf-8; BOUNDARY=x"));
    ERR(init(&f, "multipart/form-data"), -EINVAL);
    ERR(init(&f, "multipart/form-data; boundary="), -EINVAL);
    ERR(init(&f, "multipart/form-data; boundary=\"\""), -EINVAL);
    ERR(init(&f, "multipart/form-data; boundary=\"a \""), -EINVAL);
    ERR(init(&f, "multipart/form-data; boundary=\"a"), -EINVAL);
    ERR(init(&f, "multipart/form-data; boundary=a!b"), -EINVAL);
    ERR(init(&f, "multipart/form-data; boundary=\"a\xc3\xa4\""), -EINVAL);
    ERR(init(&f, "multipart/mixed; boundary=a"), -EINVAL);
    ERR(init(&f, "application/x-www-form-urlencoded"), -EINVAL);
    ERR(init(&f, ""), -EINVAL);
    ERR(tn__form_init(&f, (tn_str){NULL, 0}), -EINVAL);
    (void)snprintf(text, sizeof(text), "multipart/form-data; boundary=%s",
                   long_70);
    OK(init(&f, text));
    (void)snprintf(text, sizeof(text), "multipart/form-data; boundary=%sx",
                   long_70);
    ERR(init(&f, text), -EINVAL);
}

TEST(heads_and_parts_are_bounded)
{
    struct tn__form f;
    static char big[TN_SHARE_PART_HEAD + 10];
    size_t used;
    tn_str data;
    OK(init(&f, "multipart/form-data; boundary=XX"));
    memset(big, 'a', sizeof(big));
    EQ(tn__form_step(&f, "--XX\r\n", 6, &used, &data), TN__FORM_MORE);
    EQ(tn__form_step(&f, big, TN_SHARE_PART_HEAD - 1, &used, &data),
       TN__FORM_MORE);
    EQ(used, 0);
    ERR(tn__form_step(&f, big, sizeof(big), &used, &data), TN_ETOOBIG);

    OK(init(&f, "multipart/form-data; boundary=XX"));
    int parts = 0;
    int event = TN__FORM_MORE;
    EQ(tn__form_step(&f, "--XX", 4, &used, &data), TN__FORM_MORE);
    while (parts <= TN_SHARE_PARTS && event >= 0) {
        static const char part[] = "\r\n\r\n\r\n--XX";
        size_t at = 0;
        while (at < sizeof(part) - 1 && event >= 0) {
            event = tn__form_step(&f, part + at, sizeof(part) - 1 - at, &used,
                                  &data);
            at += used;
        }
        parts++;
    }
    EQ(parts, TN_SHARE_PARTS + 1);
    EQ(event, TN_ETOOBIG);
}

TEST(a_long_name_is_too_much)
{
    static char s[3000];
    static char name[1200];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    int n = snprintf(s, sizeof(s), "--XX\r\n" HEAD("name=%s") "\r\n", name);
    struct found o;
    EQ(feed(&o, "multipart/form-data; boundary=XX", s, (size_t)n, (size_t)n),
       TN_ETOOBIG);
}
