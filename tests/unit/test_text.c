/*
 * test_text.c - UTF-8 from strangers.
 */
#include <tenon/text.h>

#include "test.h"

#include <string.h>

static void
cleans(const char *src, size_t n, const char *want)
{
    char out[256];
    uint8_t *guarded = guard_copy(src, n);
    EQ(tn_text_clean(out, sizeof(out), (const char *)guarded, n), strlen(want));
    STREQ(out, want);
    guard_free(guarded, n);
}

#define CLEANS(src, want) cleans(src, sizeof(src) - 1, want)

TEST(text_of_people_stays)
{
    CLEANS("", "");
    CLEANS("hello, \"world\" ~", "hello, \"world\" ~");
    CLEANS("加入了群聊：é ß 🦊", "加入了群聊：é ß 🦊");
    CLEANS("\u200e\u200f\u200d", "\u200e\u200f\u200d");
}

TEST(controls_are_dropped)
{
    CLEANS("a\x1b[31mb\r\n\a\x7f", "a[31mb");
    CLEANS("a\tb", "a b");
    CLEANS("a\0b", "ab");
    CLEANS("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\xc2\xa0");
}

TEST(what_turns_text_around_is_dropped)
{
    CLEANS("a\u202ab\u202ec\u2066d\u2069e\u2028f\u2029g", "abcdefg");
    CLEANS("\u2027\u202f\u2065\u206a", "\u2027\u202f\u2065\u206a");
}

#define R "\xef\xbf\xbd"

/* The same as Python's bytes.decode("utf-8", "replace"). */
TEST(bytes_that_are_no_utf8_are_replaced)
{
    CLEANS("\xff", R);
    CLEANS("a\x80z", "a" R "z");
    CLEANS("\xc0\xaf", R R);
    CLEANS("\xe0\x80\xaf", R R R);
    CLEANS("\xed\xa0\x80", R R R);
    CLEANS("\xf4\x90\x80\x80", R R R R);
    CLEANS("\xf0\x9f\xa6", R);
    CLEANS("\xf0\x9f\xa6!", R "!");
    CLEANS("\xe5\x8a", R);
    CLEANS("\xe5", R);
    CLEANS("\xf5\x80", R R);
    CLEANS("\xc3(", R "(");
}

TEST(clean_never_cuts_a_character)
{
    char out[8];
    EQ(tn_text_clean(out, 3, "é€", 5), 2);
    STREQ(out, "é");
    EQ(tn_text_clean(out, 5, "é€", 5), 2);
    EQ(tn_text_clean(out, 6, "é€", 5), 5);
    STREQ(out, "é€");
    EQ(tn_text_clean(out, 1, "a", 1), 0);
    STREQ(out, "");
    EQ(tn_text_clean(NULL, 0, "a", 1), 0);
}

TEST(three_times_the_bytes_hold_everything)
{
    char src[50], out[151];
    memset(src, 0xff, sizeof(src));
    EQ(tn_text_clean(out, sizeof(out), src, sizeof(src)), 150);
}

TEST(cut_keeps_characters_whole)
{
    const char *s = "aé€🦊z"; /* 1 + 2 + 3 + 4 + 1 bytes */
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < 13; max++) {
        EQ(tn_text_cut(s, 11, max), want[max]);
    }
}

TEST(cut_does_not_stop_at_rubbish)
{
    EQ(tn_text_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
    EQ(tn_text_cut("\xff\xff\xff", 3, 2), 2);
    EQ(tn_text_cut("a\x80\x80", 3, 2), 2);
    EQ(tn_text_cut("\x80\x80", 2, 1), 1);
}

TEST(valid_is_rfc_3629)
{
    CHECK(tn_text_valid("", 0));
    CHECK(tn_text_valid("\0a", 2));
    CHECK(tn_text_valid("\xed\x9f\xbf\xee\x80\x80", 6));
    CHECK(tn_text_valid("\xf4\x8f\xbf\xbf", 4));
    CHECK(tn_text_valid("\xf0\x90\x80\x80", 4));
    CHECK(!tn_text_valid("\xc1\xbf", 2));
    CHECK(!tn_text_valid("\xe0\x9f\xbf", 3));
    CHECK(!tn_text_valid("\xed\xa0\x80", 3));
    CHECK(!tn_text_valid("\xf0\x8f\xbf\xbf", 4));
    CHECK(!tn_text_valid("\xf4\x90\x80\x80", 4));
    CHECK(!tn_text_valid("\xe5\x8a", 2));
    CHECK(!tn_text_valid("\x80", 1));
}
