/*
 * test_share_text.c - what a share writes and compares: archives, names,
 * digests, media types.
 */
#include <tenon/share.h>

#include "http/share_pure.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- archives ---- */

static unsigned
sum_of(const char *h)
{
    unsigned sum = 0;
    for (int i = 0; i < TN__TAR_BLOCK; i++) {
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
    }
    return sum;
}

static void
good_header(const char *h, const char *name, char type, long long size)
{
    STREQ(h, name);
    EQ(h[156], type);
    EQ(strtoll(h + 124, NULL, 8), size);
    EQ(strtol(h + 148, NULL, 8), sum_of(h));
    MEMEQ(h + 257,
          "ustar\0"
          "00",
          8);
}

TEST(a_short_name_is_one_block)
{
    static char head[TN__TAR_HEAD];
    struct tn__tar_entry e = {"dir/a.txt", false, 0640, 77, 1000000000};
    EQ(tn__tar_head(head, &e), TN__TAR_BLOCK);
    good_header(head, "dir/a.txt", '0', 77);
    STREQ(head + 100, "0000640");
    EQ(strtol(head + 136, NULL, 8), 1000000000);
    struct tn__tar_entry d = {"dir/", true, 0755, 0, -5};
    EQ(tn__tar_head(head, &d), TN__TAR_BLOCK);
    good_header(head, "dir/", '5', 0);
    EQ(strtol(head + 136, NULL, 8), 0);
}

/* Every length of a name: the record's length counts its own digits. */
TEST(long_names_go_into_records)
{
    static char head[TN__TAR_HEAD];
    static char name[TN_SHARE_PATH + 1];
    for (size_t n = 101; n <= TN_SHARE_PATH; n++) {
        memset(name, 'n', n);
        name[n] = '\0';
        struct tn__tar_entry e = {name, false, 0644, 5, 0};
        size_t len = tn__tar_head(head, &e);
        EQ(len % TN__TAR_BLOCK, 0);
        long records = strtol(head + 124, NULL, 8);
        char *text = head + TN__TAR_BLOCK;
        EQ(head[156], 'x');
        EQ(strtol(text, NULL, 10), records);
        EQ(text[records - 1], '\n');
        EQ(len, (size_t)(2 + (records + 511) / 512) * TN__TAR_BLOCK);
        const char *value = strstr(text, " path=");
        CHECK(value && strncmp(value + 6, name, n) == 0 &&
              value[6 + n] == '\n');
        EQ(strtol(head + len - TN__TAR_BLOCK + 148, NULL, 8),
           sum_of(head + len - TN__TAR_BLOCK));
    }
}

TEST(large_files_and_other_scripts_too)
{
    static char head[TN__TAR_HEAD];
    struct tn__tar_entry e = {"big", false, 0644, (int64_t)1 << 33, 0};
    EQ(tn__tar_head(head, &e), 3 * TN__TAR_BLOCK);
    STREQ(head + TN__TAR_BLOCK, "19 size=8589934592\n");
    good_header(head + 2 * TN__TAR_BLOCK, "big", '0', 0);
    struct tn__tar_entry u = {"\xc3\xa4", false, 0644, ((int64_t)1 << 33) - 1,
                              0};
    EQ(tn__tar_head(head, &u), 3 * TN__TAR_BLOCK);
    STREQ(head + TN__TAR_BLOCK, "11 path=\xc3\xa4\n");
    good_header(head + 2 * TN__TAR_BLOCK, "\xc3\xa4", '0',
                ((long long)1 << 33) - 1);
}

/* ---- names ---- */

TEST(names_sort_as_people_count)
{
    static const char *const sorted[] = {
        "",
        "1",
        "1a",
        "2",
        "10",
        "010",
        "A",
        "a",
        "a1",
        "a1b",
        "a2",
        "a10",
        "a99999999999999999999",
        "a100000000000000000000",
        "B",
        "b.txt",
        "ba",
        "\xc3\xa4",
    };
    int n = (int)(sizeof(sorted) / sizeof(sorted[0]));
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            int order = tn__name_compare(sorted[i], sorted[j]);
            bool same_value =
                strcmp(sorted[i], "10") == 0 || strcmp(sorted[i], "010") == 0;
            if (same_value && (strcmp(sorted[j], "10") == 0 ||
                               strcmp(sorted[j], "010") == 0)) {
                EQ(order == 0, i == j);
            } else if ((order < 0) != (i < j) || (order == 0) != (i == j)) {
                FAIL("\"%s\" and \"%s\": %d", sorted[i], sorted[j], order);
            }
        }
    }
}

/* ---- digests ---- */

/* RFC 9530 appendix B: the digest of {"hello": "world"} and a newline. */
#define HELLO "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"

static int
find(const char *text, unsigned char *hash)
{
    return tn__digest_find((tn_str){text, strlen(text)}, hash);
}

TEST(digests_go_there_and_back)
{
    unsigned char hash[32], again[32];
    char text[TN_SHARE_DIGEST];
    EQ(find(HELLO, hash), 1);
    EQ(hash[0], 0x44);
    EQ(hash[31], 0x38);
    tn__digest_text(text, hash);
    STREQ(text, HELLO);
    for (int i = 0; i < 32; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memset(hash, 0, sizeof(hash));
            hash[i] = (unsigned char)(1 << bit);
            tn__digest_text(text, hash);
            EQ(find(text, again), 1);
            MEMEQ(hash, again, 32);
        }
    }
}

TEST(digests_are_found_among_others)
{
    unsigned char hash[32];
    EQ(find("sha-512=:AAAA:, " HELLO ", md5=:AA==:", hash), 1);
    EQ(find(HELLO ";a=1", hash), 1);
    EQ(find("sha-512=:AAAA:", hash), 0);
    EQ(find("", hash), 0);
    EQ(tn__digest_find((tn_str){NULL, 0}, hash), 0);
    ERR(find("sha-256", hash), -EINVAL);
    ERR(find("sha-256=", hash), -EINVAL);
    ERR(find("sha-256=:AAAA:", hash), -EINVAL);
    ERR(find("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabD!=:", hash),
        -EINVAL);
    ERR(find("sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=", hash),
        -EINVAL);
    ERR(find(HELLO "x", hash), -EINVAL);
}

TEST(digests_are_wanted_with_a_weight)
{
    CHECK(tn__digest_wanted((tn_str){"sha-256=10", 10}));
    CHECK(tn__digest_wanted((tn_str){"sha-512=3, sha-256=1", 20}));
    CHECK(!tn__digest_wanted((tn_str){"sha-256=0", 9}));
    CHECK(!tn__digest_wanted((tn_str){"sha-512=3", 9}));
    CHECK(!tn__digest_wanted((tn_str){NULL, 0}));
}

/* ---- types ---- */

TEST(types_come_from_the_name)
{
    STREQ(tn_share_type("a/b.html"), "text/html; charset=utf-8");
    STREQ(tn_share_type("X.JPG"), "image/jpeg");
    STREQ(tn_share_type("x.js"), "text/javascript; charset=utf-8");
    STREQ(tn_share_type("x.svg"), "image/svg+xml");
    STREQ(tn_share_type("x.tar.gz"), "application/gzip");
    STREQ(tn_share_type("noext"), "application/octet-stream");
    STREQ(tn_share_type("a.b/noext"), "application/octet-stream");
    STREQ(tn_share_type("x."), "application/octet-stream");
    STREQ(tn_share_type("x.no-such-suffix"), "application/octet-stream");
    STREQ(tn_share_type(""), "application/octet-stream");
}

TEST(the_systems_table_is_read)
{
    FILE *file = fopen("/etc/mime.types", "re");
    if (!file) {
        SKIP("no /etc/mime.types here");
    }
    OK(fclose(file));
    STREQ(tn_share_type("x.odt"), "application/vnd.oasis.opendocument.text");
    STREQ(tn_share_type("x.flac"), "audio/flac");
    STREQ(tn_share_type("x.vcf"), "text/vcard; charset=utf-8");
}
