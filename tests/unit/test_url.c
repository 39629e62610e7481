/*
 * test_url.c - URLs, percent coding, paths that stay where they are.
 */
#include <tenon/url.h>

#include "test.h"

#include <stdio.h>

static tn_str
str(const char *text)
{
    return (tn_str){text, strlen(text)};
}

/* ---- parse ---- */

/* "scheme|userinfo|host|port|path|query|fragment", "-" for what is absent. */
static void
parses(const char *text, const char *want)
{
    char got[512] = "";
    size_t n = strlen(text), at = 0;
    uint8_t *copy = guard_copy(text, n);
    tn_url u;
    OK(tn_url_parse(&u, (tn_str){(const char *)copy, n}));
    char port[16];
    snprintf(port, sizeof(port), "%d", u.port);
    const tn_str parts[] = {u.scheme, u.userinfo, u.host,    str(port),
                            u.path,   u.query,    u.fragment};
    for (size_t i = 0; i < 7; i++) {
        bool there = parts[i].at != NULL;
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%.*s",
                               i > 0 ? "|" : "", there ? (int)parts[i].len : 1,
                               there ? parts[i].at : "-");
    }
    STREQ(got, want);
    guard_free(copy, n);
}

TEST(a_url_has_its_parts)
{
    parses("http://user:word@host:80/path?query#part",
           "http|user:word|host|80|/path|query|part");
    parses("http://a", "http|-|a|-1||-|-");
    parses("HTTPS://A.example/", "HTTPS|-|A.example|-1|/|-|-");
    parses("ws://a:9000/chat?", "ws|-|a|9000|/chat||-");
    parses("http://[::1]:8080/x", "http|-|::1|8080|/x|-|-");
    parses("http://[::ffff:1.2.3.4]", "http|-|::ffff:1.2.3.4|-1||-|-");
    parses("http://a?b/c", "http|-|a|-1||b/c|-");
    parses("http://a#b?c/d", "http|-|a|-1||-|b?c/d");
    parses("http://a:/x", "http|-|a|-1|/x|-|-");
    parses("http://@a/", "http||a|-1|/|-|-");
    parses("http://a/b:c@d", "http|-|a|-1|/b:c@d|-|-");
    parses("http://a//b", "http|-|a|-1|//b|-|-");
    parses("mailto:a@b.c", "mailto|-|-|-1|a@b.c|-|-");
    parses("x+y-z.1:", "x+y-z.1|-|-|-1||-|-");
    parses("http://a:65535", "http|-|a|65535||-|-");
    parses("http://a/?q=[1]|{2}^`\\", "http|-|a|-1|/|q=[1]|{2}^`\\|-");
    parses("http://%c3%a9.example/%20", "http|-|%c3%a9.example|-1|/%20|-|-");
}

TEST(what_is_no_url_is_refused)
{
    static const char *const wrong[] = {
        "",
        "a",
        "/a",
        "//a/b",
        ":a",
        "1http://a",
        "ht tp://a",
        "ht_tp://a",
        "http://",
        "http:///a",
        "http://:80/",
        "http://a:x/",
        "http://a:-1/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:80:80/",
        "http://a b/",
        "http://a/b c",
        "http://a/\t",
        "http://a/\n",
        "http://a/\x7f",
        "http://a/\x01",
        "http://a/\xc3\xa9",
        "http://a/%",
        "http://a/%4",
        "http://a/%4g",
        "http://a/?%",
        "http://a/#%",
        "http://a/\"",
        "http://a/<",
        "http://a/a\\b",
        "http://a/#b#c",
        "http://a%/",
        "http://a\\b/",
        "http://a^/",
        "http://u@v@a/",
        "http://u\\@a/",
        "http://u%@a/",
        "http://[::1/",
        "http://::1/",
        "http://[::g]/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.a]/",
        "http://a,b/",
    };
    tn_url u;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (tn_url_parse(&u, str(wrong[i])) != -EINVAL) {
            FAIL("\"%s\" is no URL", wrong[i]);
        }
    }
    ERR(tn_url_parse(&u, (tn_str){"http://a/\0b", 11}), -EINVAL);
}

TEST(a_url_has_its_most)
{
    static char text[TN_URL_MAX + 2];
    tn_url u;
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://h/", 9);
    OK(tn_url_parse(&u, (tn_str){text, TN_URL_MAX}));
    ERR(tn_url_parse(&u, (tn_str){text, TN_URL_MAX + 1}), -ENAMETOOLONG);
}

/* ---- join ---- */

static void
joins(const char *base, const char *ref, const char *want)
{
    char got[256];
    size_t n = strlen(want);
    EQ(tn_url_join(got, sizeof(got), str(base), str(ref)), n);
    STREQ(got, want);
    size_t enough = strlen(base) + strlen(ref) + 2;
    uint8_t *room = guard_alloc(enough);
    EQ(tn_url_join((char *)room, enough, str(base), str(ref)), n);
    MEMEQ(room, want, n + 1);
    guard_free(room, enough);
    for (size_t cap = 0; cap <= n; cap++) {
        ERR(tn_url_join(got, cap, str(base), str(ref)), -ENAMETOOLONG);
    }
}

static const char *const rfc_base = "http://a/b/c/d;p?q";

TEST(join_rfc_3986_section_5_4_1)
{
    static const char *const refs[][2] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y#s"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
    };
    for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
        joins(rfc_base, refs[i][0], refs[i][1]);
    }
}

TEST(join_rfc_3986_section_5_4_2)
{
    static const char *const refs[][2] = {
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/./x", "http://a/b/c/g#s/./x"},
        {"g#s/../x", "http://a/b/c/g#s/../x"},
        {"http:g", "http:g"}, /* for strict parsers */
    };
    for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
        joins(rfc_base, refs[i][0], refs[i][1]);
    }
}

TEST(join_what_redirects_say)
{
    joins("http://a", "b", "http://a/b");
    joins("http://a", "?b", "http://a?b");
    joins("http://a?q", "b", "http://a/b");
    joins("http://a:80/x/y", "../../../z", "http://a:80/z");
    joins("http://u:p@a/x", "//b:1/y", "http://b:1/y");
    joins("http://u:p@a/x", "/y", "http://u:p@a/y");
    joins("http://a/x", "https://b", "https://b");
    joins("http://a/x", "https://b/c/../d/./e", "https://b/d/e");
    joins("http://a/x#s", "", "http://a/x");
    joins("http://a/x/", "", "http://a/x/");
    joins("http://a//x//y", "../z", "http://a//x/z");
    joins("http://a/b/./c", "", "http://a/b/./c");
    joins("http://[::1]/x", "y", "http://[::1]/y");
    joins("http://a/x", "y:80/z", "y:80/z");
    joins("http://a/x", "./y:80/z", "http://a/y:80/z");
    joins("http://a/x", "/%2e%2e/y", "http://a/%2e%2e/y");
}

TEST(join_refuses_what_is_no_url)
{
    char got[256];
    ERR(tn_url_join(got, 256, str("a/b"), str("c")), -EINVAL);
    ERR(tn_url_join(got, 256, str(""), str("c")), -EINVAL);
    ERR(tn_url_join(got, 256, str("http://a/"), str("b c")), -EINVAL);
    ERR(tn_url_join(got, 256, str("http://a/"), str("//")), -EINVAL);
    ERR(tn_url_join(got, 256, str("http://a/"), str("//b:x")), -EINVAL);
    ERR(tn_url_join(got, 256, str("http://a/"), str("/b\r\nc")), -EINVAL);
    ERR(tn_url_join(got, 256, str("http://a/"), str(":b")), -EINVAL);
    ERR(tn_url_join(got, 256, str("http://a/"), str("b%")), -EINVAL);
    ERR(tn_url_join(got, 256, str("x:/a"), str("/.//evil")), -EINVAL);
}

/* ---- percent coding ---- */

static void
decodes(const char *text, bool plus, const char *want, size_t n)
{
    char room[64];
    uint8_t *copy = guard_copy(text, strlen(text));
    tn_str src = {(const char *)copy, strlen(text)};
    EQ(tn_url_decode(room, sizeof(room), src, plus), n);
    MEMEQ(room, want, n);
    EQ(room[n], 0);
    EQ(tn_url_decode(room, n + 1, src, plus), n);
    ERR(tn_url_decode(room, n, src, plus), -ENAMETOOLONG);
    guard_free(copy, strlen(text));
}

TEST(decode)
{
    decodes("", false, "", 0);
    decodes("abc", false, "abc", 3);
    decodes("a%20b%2Fc%2f", false, "a b/c/", 6);
    decodes("%00", false, "\0", 1);
    decodes("%c3%A9%fF", false, "\xc3\xa9\xff", 3);
    decodes("a+b", false, "a+b", 3);
    decodes("a+b%2B", true, "a b+", 4);
    decodes("%2541", false, "%41", 3);
}

TEST(decode_refuses_half_codes)
{
    static const char *const wrong[] = {"%",   "a%",   "%4",  "%g0",
                                        "%0g", "%%41", "% 1", "%+1"};
    char room[64];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ERR(tn_url_decode(room, 64, str(wrong[i]), true), -EINVAL);
    }
}

TEST(decode_in_place)
{
    char text[] = "a%20b%41";
    EQ(tn_url_decode(text, sizeof(text), (tn_str){text, 8}, false), 4);
    STREQ(text, "a bA");
}

TEST(encode)
{
    char room[64];
    EQ(tn_url_encode(room, 64, str("aZ09-._~"), ""), 8);
    STREQ(room, "aZ09-._~");
    EQ(tn_url_encode(room, 64, str("a b/c?d%e"), ""), 17);
    STREQ(room, "a%20b%2Fc%3Fd%25e");
    EQ(tn_url_encode(room, 64, str("a b/c"), "/"), 7);
    STREQ(room, "a%20b/c");
    EQ(tn_url_encode(room, 64, (tn_str){"\0\xff", 2}, "/"), 6);
    STREQ(room, "%00%FF");
    EQ(tn_url_encode(room, 1, str(""), ""), 0);
    ERR(tn_url_encode(room, 0, str(""), ""), -ENAMETOOLONG);
    ERR(tn_url_encode(room, 3, str(" "), ""), -ENAMETOOLONG);
    EQ(tn_url_encode(room, 4, str(" "), ""), 3);
    ERR(tn_url_encode(room, 1, str("a"), ""), -ENAMETOOLONG);
}

TEST(every_byte_comes_back)
{
    char all[256], coded[769], back[257];
    for (int i = 0; i < 256; i++) {
        all[i] = (char)i;
    }
    ssize_t n = tn_url_encode(coded, sizeof(coded), (tn_str){all, 256}, "/");
    CHECK(n > 0);
    EQ(tn_url_decode(back, sizeof(back), (tn_str){coded, (size_t)n}, true),
       256);
    MEMEQ(back, all, 256);
}

/* ---- paths ---- */

static void
path_is(const char *path, const char *want)
{
    char room[256];
    uint8_t *copy = guard_copy(path, strlen(path));
    tn_str src = {(const char *)copy, strlen(path)};
    EQ(tn_url_path(room, sizeof(room), src), strlen(want));
    STREQ(room, want);
    guard_free(copy, strlen(path));
}

TEST(path_is_names_below_a_folder)
{
    path_is("/", "");
    path_is("//", "");
    path_is("/a", "a");
    path_is("/a/", "a");
    path_is("/a/b/c.txt", "a/b/c.txt");
    path_is("//a///b//", "a/b");
    path_is("/./a/./b/.", "a/b");
    path_is("/a/../b", "b");
    path_is("/a/b/../../c", "c");
    path_is("/a/..", "");
    path_is("/a/b/..", "a");
    path_is("/a%20b/%c3%a9", "a b/\xc3\xa9");
    path_is("/%2e/a/%2E%2e/b", "b");
    path_is("/...", "...");
    path_is("/.../..a/a..", ".../..a/a..");
    path_is("/.hidden", ".hidden");
    path_is("/a+b", "a+b");
    path_is("/%252e%252e/a", "%2e%2e/a");
    path_is("/~root/C:", "~root/C:");
    path_is("/..%c0%af", "..\xc0\xaf");
    path_is("/..\\", "..\\");
}

/* Ways to write a name that leads up, and what parts names; those that are
   the same to a file system may not get through in any combination. */
TEST(no_spelling_leads_above_the_folder)
{
    static const char *const up[] = {"..",   "%2e%2e", "%2E%2E", ".%2e",
                                     "%2e.", ".%2E",   "%2E."};
    static const char *const slash[] = {"/",     "//",  "/./",
                                        "/%2e/", "///", "/.//%2E/"};
    static const char *const before[] = {"",      "/",          "/.",
                                         "/a/..", "/a/b/../..", "/%61/%2e%2e"};
    static const char *const behind[] = {"",     "/",   "/etc/passwd",
                                         "/a/b", "/..", "/%2e%2e/x"};
    char path[256], room[256];
    int count = 0;
    for (int i = 0; i < 7 * 6 * 6 * 6; i++) {
        snprintf(path, sizeof(path), "%s%s%s%s", before[i / 252 % 6],
                 slash[i / 42 % 6], up[i % 7], behind[i / 7 % 6]);
        if (tn_url_path(room, sizeof(room), str(path)) != -EINVAL) {
            FAIL("%s leads to %s", path, room);
        }
        count++;
    }
    EQ(count, 1512);
}

/* However deep it goes down before. */
TEST(as_many_steps_back_as_names)
{
    char path[600] = "", room[600];
    for (int depth = 0; depth < 40; depth++) {
        path[0] = '\0';
        for (int i = 0; i < depth; i++) {
            strncat(path, "/ab", 4);
        }
        for (int i = 0; i < depth; i++) {
            strncat(path, "/%2e.", 6);
        }
        EQ(tn_url_path(room, sizeof(room), str(depth > 0 ? path : "/")), 0);
        strncat(path, "/../x", 6);
        ERR(tn_url_path(room, sizeof(room), str(path)), -EINVAL);
    }
}

TEST(path_refuses_what_is_no_name)
{
    static const char *const wrong[] = {
        "",       "a",        "a/b",       "*",     "\\a",     "/%2f",
        "/a%2Fb", "/..%2f..", "/%2fetc",   "/a%00", "/%00",    "/%",
        "/%2",    "/a/%zz",   "/a%00.txt", "/..",   "/..%2fx", "/a/../..",
        "/./..",  "//..",     "/a/..//..", "%2fa",  "../a",    "./a",
    };
    char room[64];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (tn_url_path(room, sizeof(room), str(wrong[i])) != -EINVAL) {
            FAIL("%s is no path", wrong[i]);
        }
    }
    ERR(tn_url_path(room, 64, (tn_str){"/a\0b", 4}), -EINVAL);
}

TEST(path_keeps_to_its_room)
{
    char room[8];
    ERR(tn_url_path(room, 0, str("/")), -ENAMETOOLONG);
    EQ(tn_url_path(room, 1, str("/")), 0);
    ERR(tn_url_path(room, 3, str("/abc")), -ENAMETOOLONG);
    EQ(tn_url_path(room, 4, str("/abc")), 3);
    EQ(tn_url_path(room, 4, str("/abc/")), 3);
    EQ(tn_url_path(room, 7, str("/abc/.")), 3);
    EQ(tn_url_path(room, 8, str("/abc/..")), 0);
    ERR(tn_url_path(room, 5, str("/abc/d")), -ENAMETOOLONG);
    EQ(tn_url_path(room, 6, str("/abc/d")), 5);
    EQ(tn_url_path(room, 4, str("/abc///")), 3);
}

/* ---- queries ---- */

static void
query_is(const char *query, const char *name, const char *want)
{
    char room[64];
    uint8_t *copy = guard_copy(query, strlen(query));
    tn_str src = {(const char *)copy, strlen(query)};
    EQ(tn_url_query(room, sizeof(room), src, name), strlen(want));
    STREQ(room, want);
    guard_free(copy, strlen(query));
}

TEST(query_has_its_parameters)
{
    query_is("a=1&b=2", "a", "1");
    query_is("a=1&b=2", "b", "2");
    query_is("a=1&a=2", "a", "1");
    query_is("a&b=2", "a", "");
    query_is("a=&b=2", "a", "");
    query_is("&&a=1&", "a", "1");
    query_is("a=b=c", "a", "b=c");
    query_is("a=x+y%2B%26", "a", "x y+&");
    query_is("%61+b=1", "a b", "1");
    query_is("name=%c3%a9", "name", "\xc3\xa9");
    query_is("ab=1&a=2", "a", "2");
    query_is("a=1&ab=2", "ab", "2");
    query_is("=1&a=2", "a", "2");
    query_is("bad%=1&a=2", "a", "2");
}

TEST(query_without_it)
{
    char room[8];
    ERR(tn_url_query(room, 8, (tn_str){NULL, 0}, "a"), -ENOENT);
    ERR(tn_url_query(room, 8, str(""), "a"), -ENOENT);
    ERR(tn_url_query(room, 8, str("b=a"), "a"), -ENOENT);
    ERR(tn_url_query(room, 8, str("A=1"), "a"), -ENOENT);
    ERR(tn_url_query(room, 8, str("a%00=1"), "a"), -ENOENT);
    ERR(tn_url_query(room, 8, str("a=%4"), "a"), -EINVAL);
    ERR(tn_url_query(room, 3, str("a=123"), "a"), -ENAMETOOLONG);
    EQ(tn_url_query(room, 4, str("a=123"), "a"), 3);
}
