/*
 * test_parcel.c - the codec, the tree and the paths of a transfer.
 */
#include <tenon/err.h>

#include "parcel/list.h"
#include "parcel/path.h"
#include "parcel/tree.h"
#include "parcel/wire.h"
#include "test.h"

#include <stdio.h>

/* ---- the tree ---- */

static void
hex(const struct tree_hash *h, char dst[2 * TREE_HASH + 1])
{
    for (int i = 0; i < TREE_HASH; i++) {
        (void)snprintf(dst + 2 * i, 3, "%02x", h->bytes[i]);
    }
}

/* RFC 9162 section 2.1.1, word for word, of the leaves made elsewhere. */
static void
by_the_book(const struct tree_hash *leaf, size_t n, struct tree_hash *out)
{
    struct tree both, none;
    size_t k = 1;

    if (n <= 1) {
        tree_init(&none);
        tree_root(&none, out);
        *out = n == 1 ? leaf[0] : *out;
        return;
    }
    while (k * 2 < n) {
        k *= 2;
    }
    tree_init(&both);
    for (int side = 0; side < 2; side++) {
        struct tree_hash h;

        by_the_book(side == 0 ? leaf : leaf + k, side == 0 ? k : n - k, &h);
        tree_push(&both, &h);
    }
    tree_root(&both, out); /* a node of two */
}

TEST(the_tree_has_the_shape_of_the_rfc)
{
    enum { MOST = 130 };
    struct tree_hash leaf[MOST], want, got;
    struct tree t;

    tree_init(&t);
    for (size_t n = 0; n <= MOST; n++) {
        by_the_book(leaf, n, &want);
        tree_root(&t, &got);
        MEMEQ(got.bytes, want.bytes, TREE_HASH);
        if (n < MOST) {
            tree_leaf(&leaf[n], &n, sizeof(n));
            tree_push(&t, &leaf[n]);
        }
    }
}

TEST(runs_of_zeros_are_what_single_ones_are)
{
    struct tree_hash zero, other, a, b;

    tree_zero_leaf(&zero, PARCEL_BLOCK);
    tree_leaf(&other, "x", 1);
    for (unsigned before = 0; before < 20; before++) {
        for (unsigned run = 0; run < 40; run++) {
            struct tree fast, slow;

            tree_init(&fast);
            tree_init(&slow);
            for (unsigned i = 0; i < before; i++) {
                tree_push(&fast, &other);
                tree_push(&slow, &other);
            }
            tree_push_zeros(&fast, run);
            for (unsigned i = 0; i < run; i++) {
                tree_push(&slow, &zero);
            }
            tree_push(&fast, &other);
            tree_push(&slow, &other);
            tree_root(&fast, &a);
            tree_root(&slow, &b);
            MEMEQ(a.bytes, b.bytes, TREE_HASH);
        }
    }
}

/* The vectors of docs/wire/transfer.md. */
TEST(the_tree_is_that_of_the_document)
{
    static uint8_t block[PARCEL_BLOCK];
    char text[2 * TREE_HASH + 1];
    struct tree_hash h;
    struct tree t;

    tree_init(&t);
    tree_root(&t, &h);
    hex(&h, text);
    STREQ(text, "99aa06d3014798d86001c324468d497f");
    tree_leaf(&h, "abc", 3);
    tree_push(&t, &h);
    tree_root(&t, &h);
    hex(&h, text);
    STREQ(text, "06b05ab6733a618578af5f94892f3950");
    tree_init(&t);
    memset(block, 'a', sizeof(block));
    tree_leaf(&h, block, sizeof(block));
    tree_push(&t, &h);
    tree_push_zeros(&t, 1);
    tree_leaf(&h, "abc", 3);
    tree_push(&t, &h);
    tree_root(&t, &h);
    hex(&h, text);
    STREQ(text, "297ae935f8679e7ce6f858311232ce96");
}

TEST(a_tree_of_everything_there_can_be)
{
    struct tree_hash h;
    struct tree t;

    tree_init(&t);
    tree_push_zeros(&t, UINT64_C(1) << 45);
    tree_push_zeros(&t, (UINT64_C(1) << 45) - 1);
    tree_root(&t, &h);
    EQ(t.leaves, (UINT64_C(1) << 46) - 1);
}

/* ---- paths ---- */

TEST(paths_that_are_good)
{
    static const char *const good[] = {
        "a",  "a/b",  "a b", "...",         "a/.b/..c",     "-",   "\xff",
        "\n", "a\\b", "C:",  ".tenon-part", "x.tenon-part", "con",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(path_is_good(good[i], strlen(good[i])));
    }
}

TEST(paths_that_are_not)
{
    static const char *const bad[] = {
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "./a",
        "a/.",
        "a/..",
        "../a",
        "a/../b",
        "//",
        "a/./b",
        ".x.tenon-part",
        "a/.x.tenon-part",
        "..tenon-part/a",
        ".a.tenon-part/b",
    };
    static char path[2 * PARCEL_PATH];
    size_t n = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!path_is_good(bad[i], strlen(bad[i])));
    }
    CHECK(!path_is_good("a\0b", 3));
    CHECK(!path_is_good("a/b\0", 4));
    memset(path, 'x', sizeof(path));
    CHECK(path_is_good(path, PARCEL_NAME));
    CHECK(!path_is_good(path, PARCEL_NAME + 1));
    while (n < PARCEL_PATH + 2) {
        path[n + 200] = '/';
        n += 201;
    }
    CHECK(path_is_good(path, 201 * 20 - 1));
    CHECK(!path_is_good(path, PARCEL_PATH + 2));
    for (n = 0; n < PARCEL_DEPTH; n++) {
        memcpy(path + 2 * n, "a/", 2);
    }
    CHECK(path_is_good(path, 2 * PARCEL_DEPTH - 1));
    path[2 * n] = 'a';
    CHECK(!path_is_good(path, 2 * PARCEL_DEPTH + 1));
}

/* All spellings of up to four pieces: what is let through has no piece that
   leads anywhere but down. */
TEST(every_spelling_of_hostile_pieces)
{
    static const char *const piece[] = {"..", ".",   "",   "a",
                                        "/",  "...", "\\", " "};

    enum { PIECES = 8 };

    unsigned good = 0;

    for (unsigned code = 0; code < PIECES * PIECES * PIECES * PIECES; code++) {
        char path[64], again[64], *at = again, *part;
        size_t n = 0;

        for (unsigned c = code, i = 0; i < 4; i++, c /= PIECES) {
            n += (size_t)snprintf(path + n, sizeof(path) - n, "%s%s",
                                  i > 0 ? "/" : "", piece[c % PIECES]);
        }
        if (!path_is_good(path, n)) {
            continue;
        }
        good++;
        memcpy(again, path, n + 1);
        while ((part = strsep(&at, "/")) != NULL) {
            CHECK(part[0] != '\0' && strcmp(part, ".") != 0 &&
                  strcmp(part, "..") != 0);
        }
    }
    EQ(good, 4 * 4 * 4 * 4); /* a, ..., \, blank */
}

TEST(names_of_parts_and_copies)
{
    char name[PARCEL_NAME + 1], dst[PARCEL_NAME + 1], other[PARCEL_NAME + 1];

    path_part(dst, "a.txt");
    STREQ(dst, ".a.txt.tenon-part");
    CHECK(path_is_part(dst, strlen(dst)));
    path_copy(dst, "a.txt", 1);
    STREQ(dst, "a (1).txt");
    path_copy(dst, "a", 12);
    STREQ(dst, "a (12)");
    path_copy(dst, ".profile", 2);
    STREQ(dst, ".profile (2)");
    memset(name, 'n', PARCEL_NAME);
    name[PARCEL_NAME] = '\0';
    path_part(dst, name);
    EQ(strlen(dst), PARCEL_NAME);
    CHECK(path_is_part(dst, strlen(dst)));
    name[PARCEL_NAME - 1] = 'm';
    path_part(other, name);
    NE(strcmp(dst, other), 0);
    path_copy(dst, name, 9999);
    EQ(strlen(dst), PARCEL_NAME);
    memcpy(name + PARCEL_NAME - 4, ".txt", 4);
    path_copy(dst, name, 7);
    EQ(strlen(dst), PARCEL_NAME);
    STREQ(dst + PARCEL_NAME - 8, " (7).txt");
}

static int
check_two(const char *a, enum parcel_kind kind, const char *b)
{
    struct list l = {0};
    struct wire_item i = {.kind = kind, .path = a, .path_len = strlen(a)};
    uint32_t bad = 99;
    int err;

    OK(list_add(&l, &i));
    i.path = "a!";
    i.path_len = 2;
    i.kind = PARCEL_FILE;
    OK(list_add(&l, &i));
    i.path = b;
    i.path_len = strlen(b);
    OK(list_add(&l, &i));
    err = list_check(&l, &bad);
    list_fini(&l);
    return err;
}

TEST(two_items_in_one_place)
{
    OK(check_two("a", PARCEL_FOLDER, "a/b"));
    ERR(check_two("a", PARCEL_FILE, "a/b"), -EEXIST);
    ERR(check_two("a", PARCEL_STREAM, "a/b/c"), -EEXIST);
    ERR(check_two("a", PARCEL_FOLDER, "a"), -EEXIST);
    ERR(check_two("x/y", PARCEL_FILE, "x/y"), -EEXIST);
    OK(check_two("a", PARCEL_FILE, "ab"));
    OK(check_two("b", PARCEL_FILE, "a"));
}

/* ---- the codec ---- */

/* Every shorter payload is none; nothing is read behind the end. */
#define WHOLE_ONLY(get, bytes, n, least, out)                                  \
    do {                                                                       \
        for (size_t len = 0; len < (n); len++) {                               \
            uint8_t *copy = guard_copy(bytes, len);                            \
                                                                               \
            if (len < (least)) {                                               \
                CHECK(!get(copy, len, out));                                   \
            } else {                                                           \
                (void)get(copy, len, out);                                     \
            }                                                                  \
        }                                                                      \
        CHECK(get(guard_copy(bytes, n), n, out));                              \
    } while (0)

TEST(small_frames_are_read_as_a_whole)
{
    uint8_t b[300];
    struct pen p = {b};
    struct wire_ask ask;
    struct wire_have have;
    struct wire_begin begin;
    struct wire_end end;
    struct wire_bye bye;

    pen_uint(&p, 7, 4);
    pen_uint(&p, 1024, 8);
    pen_uint(&p, 3, 4);
    WHOLE_ONLY(wire_get_ask, b, 16, 16, &ask);
    EQ(ask.item, 7);
    EQ(ask.first, 1024);
    EQ(ask.count, 3);
    pen_uint(&p, 0, 1);
    memset(p.p, 'h', 48);
    WHOLE_ONLY(wire_get_have, b, 17 + 48, 17 + 48, &have);
    EQ(have.count, 3);
    CHECK(!have.zero);
    b[16] = 1;
    CHECK(wire_get_have(b, 17, &have) && have.zero);
    CHECK(!wire_get_have(b, 18, &have));
    b[16] = 2;
    CHECK(!wire_get_have(b, 17, &have));
    p.p = b;
    pen_uint(&p, 1, 4);
    pen_uint(&p, 0644, 2);
    pen_uint(&p, UINT64_MAX, 8);
    pen_uint(&p, (uint64_t)-5, 8);
    WHOLE_ONLY(wire_get_begin, b, 22, 22, &begin);
    EQ(begin.size, -1);
    EQ(begin.mtime, -5);
    p.p = b;
    pen_uint(&p, wire_code(-ESTALE), 1);
    pen_uint(&p, 5, 8);
    memset(p.p, 'r', TREE_HASH);
    memcpy(p.p + TREE_HASH, "why", 3);
    WHOLE_ONLY(wire_get_end, b, 28, 25, &end);
    EQ(end.err, -ESTALE);
    EQ(end.why_len, 3);
    WHOLE_ONLY(wire_get_bye, b, 28, 1, &bye);
    CHECK(!wire_get_bye(b, 2 + PARCEL_REASON, &bye));
}

TEST(items_are_read_one_by_one)
{
    uint8_t b[2 * (WIRE_ITEM + 8)];
    struct pen p = {b};
    struct wire_item in = {.kind = PARCEL_FILE,
                           .mode = 0644,
                           .size = 5,
                           .space = 4,
                           .mtime = -1,
                           .path = "a/b",
                           .path_len = 3},
                     got;
    struct cut c;

    wire_put_item(&p, &in);
    in.kind = PARCEL_STREAM;
    in.size = -1;
    wire_put_item(&p, &in);
    for (size_t n = 0; n < 2 * (WIRE_ITEM + 3); n++) {
        c = (struct cut){.p = guard_copy(b, n), .left = n};
        EQ(wire_get_item(&c, &got), n >= WIRE_ITEM + 3);
    }
    c = (struct cut){.p = b, .left = sizeof(b)};
    CHECK(wire_get_item(&c, &got));
    EQ(got.size, 5);
    EQ(got.mtime, -1);
    MEMEQ(got.path, "a/b", 3);
    CHECK(wire_get_item(&c, &got));
    EQ(got.size, -1);
    b[0] = 9;
    c = (struct cut){.p = b, .left = sizeof(b)};
    CHECK(!wire_get_item(&c, &got));
    b[0] = PARCEL_STREAM; /* with a size */
    c = (struct cut){.p = b, .left = sizeof(b)};
    CHECK(!wire_get_item(&c, &got));
}

TEST(errors_have_the_same_number_everywhere)
{
    for (int code = 0; code < 256; code++) {
        int err = wire_errno((uint8_t)code);

        LE(err, 0);
        EQ(wire_errno(wire_code(err)), err);
    }
    EQ(wire_code(-ESTALE), 7); /* as the document says */
    EQ(wire_errno(wire_code(-ENETDOWN)), -EIO);
}

TEST(a_greeting)
{
    struct wire_greeting g = {.version = 1,
                              .role = WIRE_SENDER,
                              .wants_code = true,
                              .nonce = "nonce"},
                         got;
    uint8_t b[WIRE_GREETING];

    wire_put_greeting(b, &g);
    MEMEQ(b, "\x89TNP\r\n\x1a\n\x01\x01\x00\x01\x00\x00\x00\x00nonce", 21);
    CHECK(wire_get_greeting(&got, guard_copy(b, sizeof(b))));
    CHECK(got.wants_code && got.role == WIRE_SENDER);
    for (int i = 0; i < 8; i++) {
        b[i] ^= 1;
        CHECK(!wire_get_greeting(&got, b));
        b[i] ^= 1;
    }
    b[9] = 3;
    CHECK(!wire_get_greeting(&got, b));
}
