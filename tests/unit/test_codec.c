/*
 * test_codec.c - every codec, cut at every byte, at its limits, and lied to.
 */
#include <tenon/codec.h>
#include <tenon/err.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

/* ---- what holds for every codec ---- */

#define CODEC(text)                                                            \
    {                                                                          \
        .name = text, .data = text                                             \
    }

/* Each takes payloads of 12 bytes at least, 20 at most. */
static const struct test_param codecs[] = {
    CODEC("line,max=20"),
    CODEC("crlf,max=20"),
    CODEC("nul,max=20"),
    CODEC("delim:0102030405060708,max=20"),
    CODEC("delim:6161,max=20"),
    CODEC("fixed:12"),
    CODEC("u8,max=20"),
    CODEC("u16be,max=20"),
    CODEC("u16le,max=20"),
    CODEC("u32be,max=20"),
    CODEC("u32ne,max=20"),
    CODEC("i32ne,max=20"),
    CODEC("u64be,max=20"),
    CODEC("i64le,max=20"),
    CODEC("u32be,max=20,offset=5,self"),
    CODEC("u16le,max=20,adjust=-3"),
    CODEC("u8,max=20,adjust=2,offset=56"),
    CODEC("varint,max=20"),
    CODEC("netstring,max=20"),
};

static const char payload[12] = "\x7fsecret\r-\x80\xffz";

static tn_codec
parsed(const char *text)
{
    tn_codec c;
    OK(tn_codec_parse(&c, text));
    return c;
}

TEST_EACH(what_was_encoded_decodes, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[100];
    tn_view msg;
    size_t used;
    ssize_t n = OK(tn_codec_encode(&c, wire, sizeof(wire), payload, 12));
    uint8_t *guarded = guard_copy(wire, (size_t)n);
    EQ(tn_codec_decode(&c, guarded, (size_t)n, &msg, &used), 1);
    EQ(used, n);
    EQ(msg.len, 12);
    MEMEQ(msg.data, payload, 12);
    CHECK(msg.data >= guarded && msg.data + msg.len <= guarded + n);
    guard_free(guarded, (size_t)n);
}

TEST_EACH(every_prefix_wants_more, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[100];
    ssize_t n = OK(tn_codec_encode(&c, wire, sizeof(wire), payload, 12));
    for (size_t k = 0; k < (size_t)n; k++) {
        uint8_t *guarded = guard_copy(wire, k);
        tn_view msg = {NULL, 77};
        size_t used;
        EQ(tn_codec_decode(&c, guarded, k, &msg, &used), 0);
        CHECK(used > k && used <= (size_t)n);
        EQ(msg.len, 77);
        guard_free(guarded, k);
    }
}

TEST_EACH(glued_messages_come_apart, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[1000];
    size_t n = 0;
    for (int i = 0; i < 5; i++) {
        n += (size_t)OK(
            tn_codec_encode(&c, wire + n, sizeof(wire) - n, payload, 12));
    }
    size_t at = 0;
    for (int i = 0; i < 5; i++) {
        tn_view msg;
        size_t used;
        EQ(tn_codec_decode(&c, wire + at, n - at, &msg, &used), 1);
        EQ(msg.len, 12);
        MEMEQ(msg.data, payload, 12);
        at += used;
    }
    EQ(at, n);
}

TEST_EACH(the_buffer_may_be_exact_and_not_shorter, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[100];
    size_t n = (size_t)OK(tn_codec_encode(&c, wire, 100, payload, 12));
    uint8_t *exact = guard_alloc(n);
    EQ(tn_codec_encode(&c, exact, n, payload, 12), n);
    MEMEQ(exact, wire, n);
    memset(exact, 0x5a, n);
    ERR(tn_codec_encode(&c, exact, n - 1, payload, 12), -ENOBUFS);
    for (size_t i = 0; i < n; i++) {
        EQ(exact[i], 0x5a);
    }
    EQ(tn_codec_encode(&c, wire, n + 1, payload, 12), n);
    guard_free(exact, n);
}

TEST_EACH(the_limit_is_exact, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[200];
    char big[21];
    memset(big, 'b', sizeof(big));
    if (c.kind == TN_CODEC_FIXED) {
        ERR(tn_codec_encode(&c, wire, 200, big, 11), -EINVAL);
        ERR(tn_codec_encode(&c, wire, 200, big, 13), -EINVAL);
        return;
    }
    tn_view msg;
    size_t used;
    for (size_t len = 19; len <= 20; len++) {
        ssize_t n = OK(tn_codec_encode(&c, wire, 200, big, len));
        EQ(tn_codec_decode(&c, wire, (size_t)n, &msg, &used), 1);
        EQ(msg.len, len);
    }
    ERR(tn_codec_encode(&c, wire, 200, big, 21), TN_ETOOBIG);
    tn_codec larger = c;
    larger.max = 21;
    ssize_t n = OK(tn_codec_encode(&larger, wire, 200, big, 21));
    ERR(tn_codec_decode(&c, wire, (size_t)n, &msg, &used), TN_ETOOBIG);
}

TEST_EACH(kept_envelopes_come_and_go_whole, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[100], again[100];
    size_t n = (size_t)OK(tn_codec_encode(&c, wire, 100, payload, 12));
    tn_view msg;
    size_t used;
    c.keep = true;
    EQ(tn_codec_decode(&c, wire, n, &msg, &used), 1);
    CHECK(msg.data == wire);
    EQ(msg.len, n);
    EQ(tn_codec_encode(&c, again, 100, msg.data, msg.len), n);
    MEMEQ(again, wire, n);
    ERR(tn_codec_encode(&c, again, 100, wire, n - 1), -EINVAL);
}

TEST_EACH(a_message_may_be_empty, codecs)
{
    tn_codec c = parsed(p->data);
    uint8_t wire[100];
    if (c.kind == TN_CODEC_FIXED || c.adjust > 0) {
        ERR(tn_codec_encode(&c, wire, 100, NULL, 0), -EINVAL);
        return;
    }
    c.max = 0;
    ssize_t n = OK(tn_codec_encode(&c, wire, 100, NULL, 0));
    tn_view msg;
    size_t used;
    EQ(tn_codec_decode(&c, wire, (size_t)n, &msg, &used), 1);
    EQ(used, n);
    EQ(msg.len, 0);
    ERR(tn_codec_encode(&c, wire, 100, "x", 1), TN_ETOOBIG);
}

/* ---- lengths ---- */

/* Decode bytes given as a string literal. */
#define DECODE(c, bytes, msg, used)                                            \
    tn_codec_decode(c, bytes, sizeof(bytes) - 1, msg, used)

static tn_codec
length_codec(int bytes, tn_order order, size_t max)
{
    tn_codec c;
    OK(tn_codec_length(&c, bytes, order, max));
    return c;
}

TEST(length_bytes_stand_in_their_order)
{
    uint8_t wire[16];
    tn_codec c = length_codec(4, TN_BIG, 100);
    EQ(tn_codec_encode(&c, wire, 16, "abc", 3), 7);
    MEMEQ(wire, "\0\0\0\3abc", 7);
    c = length_codec(2, TN_LITTLE, 100);
    EQ(tn_codec_encode(&c, wire, 16, "abc", 3), 5);
    MEMEQ(wire, "\3\0abc", 5);
    c = length_codec(4, TN_NATIVE, 100);
    EQ(tn_codec_encode(&c, wire, 16, "abc", 3), 7);
    uint32_t three = 3;
    MEMEQ(wire, &three, 4);
}

TEST(four_gib_less_one_is_refused_at_its_header)
{
    tn_codec c = length_codec(4, TN_BIG, 1 << 20);
    tn_view msg;
    size_t used;
    ERR(DECODE(&c, "\xff\xff\xff\xff", &msg, &used), TN_ETOOBIG);
    ERR(DECODE(&c, "\x00\x10\x00\x01", &msg, &used), TN_ETOOBIG);
    EQ(DECODE(&c, "\x00\x10\x00\x00", &msg, &used), 0);
    EQ(used, (1 << 20) + 4);
}

TEST(lengths_near_the_end_of_64_bits)
{
    tn_codec c = length_codec(8, TN_BIG, PTRDIFF_MAX - 4096);
    tn_view msg;
    size_t used;
    ERR(DECODE(&c, "\xff\xff\xff\xff\xff\xff\xff\xff", &msg, &used),
        TN_ETOOBIG);
    ERR(DECODE(&c, "\xff\xff\xff\xff\xff\xff\xff\xf8", &msg, &used),
        TN_ETOOBIG);
    ERR(DECODE(&c, "\x7f\xff\xff\xff\xff\xff\xff\xff", &msg, &used),
        TN_ETOOBIG);
    EQ(DECODE(&c, "\x7f\xff\xff\xff\xff\xff\xef\xff", &msg, &used), 0);
    EQ(used, (size_t)PTRDIFF_MAX - 4096 + 8);
    ERR(tn_codec_length(&c, 8, TN_BIG, (size_t)PTRDIFF_MAX - 4095), -EINVAL);
    ERR(tn_codec_length(&c, 8, TN_BIG, SIZE_MAX), -EINVAL);
}

TEST(adjust_cannot_overflow)
{
    tn_codec c = length_codec(8, TN_BIG, 1000);
    tn_view msg;
    size_t used;
    c.adjust = INT64_MAX;
    ERR(DECODE(&c, "\xff\xff\xff\xff\xff\xff\xff\xff", &msg, &used),
        TN_ETOOBIG);
    ERR(DECODE(&c, "\x80\0\0\0\0\0\0\1", &msg, &used), TN_ETOOBIG);
    c.adjust = INT64_MIN;
    ERR(DECODE(&c, "\0\0\0\0\0\0\0\1", &msg, &used), -EINVAL);
    c.adjust = INT64_MIN + TN_HEAD_MAX;
    c.includes_itself = true;
    ERR(DECODE(&c, "\0\0\0\0\0\0\0\1", &msg, &used), -EBADMSG);
    EQ(DECODE(&c, "\x7f\xff\xff\xff\xff\xff\xff\xc9", &msg, &used), 0);
    EQ(used, 9);
}

TEST(a_length_too_small_for_its_adjust_is_malformed)
{
    tn_codec c = length_codec(2, TN_BIG, 1000);
    tn_view msg;
    size_t used;
    c.adjust = -5;
    ERR(DECODE(&c, "\0\4", &msg, &used), -EBADMSG);
    EQ(DECODE(&c, "\0\5", &msg, &used), 1);
    EQ(msg.len, 0);
    c.adjust = 0;
    c.includes_itself = true;
    c.offset = 3;
    ERR(DECODE(&c, "abc\0\4", &msg, &used), -EBADMSG);
    EQ(DECODE(&c, "abc\0\6d", &msg, &used), 1);
    EQ(msg.len, 1);
    EQ(msg.data[0], 'd');
}

TEST(a_negative_length_is_malformed_not_large)
{
    tn_codec c = parsed("i32ne");
    int32_t header = -1;
    tn_view msg;
    size_t used;
    ERR(tn_codec_decode(&c, &header, 4, &msg, &used), -EBADMSG);
    header = INT32_MAX;
    ERR(tn_codec_decode(&c, &header, 4, &msg, &used), TN_ETOOBIG);
    header = 0;
    EQ(tn_codec_decode(&c, &header, 4, &msg, &used), 1);
}

TEST(a_length_that_its_bytes_cannot_say_is_not_written)
{
    static uint8_t data[70000], wire[70010];
    tn_codec c = length_codec(1, TN_BIG, 70000);
    OK(tn_codec_encode(&c, wire, sizeof(wire), data, 255));
    ERR(tn_codec_encode(&c, wire, sizeof(wire), data, 256), TN_ETOOBIG);
    c.is_signed = true;
    OK(tn_codec_encode(&c, wire, sizeof(wire), data, 127));
    ERR(tn_codec_encode(&c, wire, sizeof(wire), data, 128), TN_ETOOBIG);
    c = length_codec(2, TN_BIG, 70000);
    c.includes_itself = true;
    OK(tn_codec_encode(&c, wire, sizeof(wire), data, 65533));
    ERR(tn_codec_encode(&c, wire, sizeof(wire), data, 65534), TN_ETOOBIG);
}

/* ---- delimiters ---- */

TEST(a_delimiter_may_hold_nul_and_repeat)
{
    tn_codec c;
    tn_view msg;
    size_t used;
    OK(tn_codec_delimiter(&c, "\0\0\1", 3, 100));
    EQ(DECODE(&c, "a\0b\0\0\0\1c", &msg, &used), 1);
    EQ(used, 7);
    EQ(msg.len, 4);
    OK(tn_codec_delimiter(&c, "aab", 3, 100));
    EQ(DECODE(&c, "aaaab", &msg, &used), 1);
    EQ(msg.len, 2);
    OK(tn_codec_delimiter(&c, "\r\n", 2, 100));
    EQ(DECODE(&c, "\n\r\r\n", &msg, &used), 1);
    EQ(msg.len, 2);
}

TEST(a_line_is_too_big_when_it_can_no_longer_end)
{
    tn_codec c;
    tn_view msg;
    size_t used;
    OK(tn_codec_delimiter(&c, "\r\n", 2, 3));
    EQ(DECODE(&c, "abc\r", &msg, &used), 0);
    EQ(DECODE(&c, "abc\r\n", &msg, &used), 1);
    ERR(DECODE(&c, "abcd\r", &msg, &used), TN_ETOOBIG);
    ERR(DECODE(&c, "abcd\r\n", &msg, &used), TN_ETOOBIG);
}

TEST(data_that_would_be_cut_in_two_is_not_written)
{
    tn_codec c;
    uint8_t wire[32];
    OK(tn_codec_delimiter(&c, "\r\n", 2, 100));
    ERR(tn_codec_encode(&c, wire, 32, "a\r\nb", 4), -EINVAL);
    EQ(tn_codec_encode(&c, wire, 32, "a\r", 2), 4);
    OK(tn_codec_delimiter(&c, "aa", 2, 100));
    ERR(tn_codec_encode(&c, wire, 32, "ba", 2), -EINVAL);
    EQ(tn_codec_encode(&c, wire, 32, "ab", 2), 4);
    OK(tn_codec_delimiter(&c, "abab", 4, 100));
    ERR(tn_codec_encode(&c, wire, 32, "ab", 2), -EINVAL);
    EQ(tn_codec_encode(&c, wire, 32, "aba", 3), 7);
}

TEST(a_delimiter_has_one_to_eight_bytes)
{
    tn_codec c;
    ERR(tn_codec_delimiter(&c, "x", 0, 100), -EINVAL);
    EQ(c.kind, TN_CODEC_NONE);
    ERR(tn_codec_delimiter(&c, "123456789", 9, 100), -EINVAL);
    OK(tn_codec_delimiter(&c, "12345678", 8, 100));
}

/* ---- varint, netstring ---- */

TEST(varints_have_at_most_64_bits)
{
    tn_codec c;
    tn_view msg;
    size_t used;
    OK(tn_codec_varint(&c, 300));
    EQ(DECODE(&c, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", &msg, &used), 1);
    EQ(used, 10);
    EQ(DECODE(&c, "\x80\x80\x80\x80\x80\x80\x80\x80\x80", &msg, &used), 0);
    ERR(DECODE(&c, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", &msg, &used),
        -EBADMSG);
    ERR(DECODE(&c, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", &msg, &used),
        -EBADMSG);
    ERR(DECODE(&c, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &msg, &used),
        TN_ETOOBIG);
    EQ(DECODE(&c, "\xac\x02", &msg, &used), 0);
    EQ(used, 302);
    ERR(DECODE(&c, "\xad\x02", &msg, &used), TN_ETOOBIG);
}

TEST(netstrings_are_taken_literally)
{
    tn_codec c;
    tn_view msg;
    size_t used;
    OK(tn_codec_netstring(&c, 100));
    EQ(DECODE(&c, "0:,", &msg, &used), 1);
    EQ(msg.len, 0);
    EQ(DECODE(&c, "5:hello,", &msg, &used), 1);
    EQ(DECODE(&c, "", &msg, &used), 0);
    EQ(used, 3);
    EQ(DECODE(&c, "12", &msg, &used), 0);
    EQ(used, 16);
    ERR(DECODE(&c, "00:,", &msg, &used), -EBADMSG);
    ERR(DECODE(&c, "05", &msg, &used), -EBADMSG);
    ERR(DECODE(&c, ":,", &msg, &used), -EBADMSG);
    ERR(DECODE(&c, "-1:,", &msg, &used), -EBADMSG);
    ERR(DECODE(&c, " 1:a,", &msg, &used), -EBADMSG);
    ERR(DECODE(&c, "1:ab", &msg, &used), -EBADMSG);
    ERR(DECODE(&c, "101", &msg, &used), TN_ETOOBIG);
    ERR(DECODE(&c, "99999999999999999999999", &msg, &used), TN_ETOOBIG);
    OK(tn_codec_netstring(&c, (size_t)PTRDIFF_MAX - 4096));
    ERR(DECODE(&c, "18446744073709551621:", &msg, &used), TN_ETOOBIG);
    ERR(DECODE(&c, "9223372036854775807:", &msg, &used), TN_ETOOBIG);
    EQ(DECODE(&c, "9223372036854771711:", &msg, &used), 0);
}

/* ---- custom ---- */

/* Does as its argument says, right or wrong. */
struct behaviour {
    int result;
    size_t used, at, len;
};

static int
behave(const tn_codec *c, const void *buf, size_t n, tn_view *msg, size_t *used)
{
    const struct behaviour *b = c->arg;
    (void)n;
    msg->data = (uint8_t *)(uintptr_t)buf + b->at;
    msg->len = b->len;
    *used = b->used;
    return b->result;
}

static int
behaves(struct behaviour b, size_t n, size_t *used)
{
    static const uint8_t buf[1000];
    tn_codec c;
    tn_view msg;
    OK(tn_codec_custom(&c, behave, NULL, 10));
    c.arg = &b;
    return tn_codec_decode(&c, buf, n, &msg, used);
}

TEST(a_custom_function_is_not_trusted)
{
    size_t used;
    EQ(behaves((struct behaviour){1, 5, 1, 4}, 8, &used), 1);
    EQ(used, 5);
    EQ(behaves((struct behaviour){1, 5, 1, 5}, 8, &used), -EINVAL);
    EQ(behaves((struct behaviour){1, 0, 0, 0}, 8, &used), -EINVAL);
    EQ(behaves((struct behaviour){1, 9, 0, 4}, 8, &used), -EINVAL);
    EQ(behaves((struct behaviour){1, 5, (size_t)-1, 4}, 8, &used), -EINVAL);
    EQ(behaves((struct behaviour){1, 5, 0, SIZE_MAX}, 8, &used), -EINVAL);
    EQ(behaves((struct behaviour){2, 5, 0, 4}, 8, &used), -EINVAL);
    EQ(behaves((struct behaviour){1, 20, 0, 11}, 20, &used), TN_ETOOBIG);
    EQ(behaves((struct behaviour){-EBADMSG, 0, 0, 0}, 8, &used), -EBADMSG);
}

TEST(a_custom_function_cannot_wait_for_ever)
{
    size_t used;
    EQ(behaves((struct behaviour){0, 3, 0, 0}, 8, &used), 0);
    EQ(used, 9);
    EQ(behaves((struct behaviour){0, 30, 0, 0}, 8, &used), 0);
    EQ(used, 30);
    EQ(behaves((struct behaviour){0, 0, 0, 0}, 10 + 63, &used), 0);
    EQ(behaves((struct behaviour){0, 0, 0, 0}, 10 + 64, &used), TN_ETOOBIG);
}

static int
brackets(const tn_codec *c, const void *data, size_t len, tn_envelope *out)
{
    (void)c;
    (void)data;
    (void)len;
    out->head[out->head_len++] = '<';
    out->tail[out->tail_len++] = '>';
    return 0;
}

TEST(a_custom_envelope_is_sent)
{
    tn_codec c;
    uint8_t wire[16];
    OK(tn_codec_custom(&c, behave, brackets, 10));
    EQ(tn_codec_encode(&c, wire, 16, "abc", 3), 5);
    MEMEQ(wire, "<abc>", 5);
    OK(tn_codec_custom(&c, behave, NULL, 10));
    ERR(tn_codec_encode(&c, wire, 16, "abc", 3), -EINVAL);
    ERR(tn_codec_custom(&c, NULL, brackets, 10), -EINVAL);
}

/* ---- badly made ---- */

TEST(a_codec_that_is_not_well_made_does_nothing)
{
    tn_codec c = {.kind = TN_CODEC_NONE};
    tn_view msg;
    size_t used;
    uint8_t wire[8];
    ERR(tn_codec_decode(&c, "x", 1, &msg, &used), -EINVAL);
    ERR(tn_codec_encode(&c, wire, 8, "x", 1), -EINVAL);
    c = length_codec(4, TN_BIG, 10);
    c.width = 3;
    ERR(tn_codec_decode(&c, "xxxxxxx", 7, &msg, &used), -EINVAL);
    c.width = 4;
    c.offset = 57;
    ERR(tn_codec_decode(&c, "xxxxxxx", 7, &msg, &used), -EINVAL);
    ERR(tn_codec_length(&c, 0, TN_BIG, 10), -EINVAL);
    ERR(tn_codec_length(&c, 3, TN_BIG, 10), -EINVAL);
    ERR(tn_codec_length(&c, 16, TN_BIG, 10), -EINVAL);
    ERR(tn_codec_length(&c, 260, TN_BIG, 10), -EINVAL);
    ERR(tn_codec_fixed(&c, 0), -EINVAL);
    ERR(tn_codec_fixed(&c, SIZE_MAX), -EINVAL);
    ERR(tn_codec_varint(&c, SIZE_MAX), -EINVAL);
    ERR(tn_codec_netstring(&c, SIZE_MAX), -EINVAL);
}

/* ---- names ---- */

TEST(names_say_what_they_mean)
{
    tn_codec c = parsed("line");
    EQ(c.delim_len, 1);
    EQ(c.delim[0], '\n');
    EQ(c.max, 1 << 20);
    c = parsed("nul");
    EQ(c.delim_len, 1);
    EQ(c.delim[0], 0);
    c = parsed("delim:0D0a,max=64k,keep");
    MEMEQ(c.delim, "\r\n", 2);
    EQ(c.max, 65536);
    CHECK(c.keep);
    c = parsed("fixed:1G");
    EQ(c.size, 1 << 30);
    c = parsed("u16le,offset=3,adjust=-12,self,max=2M");
    EQ(c.width, 2);
    EQ(c.order, TN_LITTLE);
    EQ(c.offset, 3);
    EQ(c.adjust, -12);
    CHECK(c.includes_itself && !c.is_signed);
    c = parsed("i8");
    EQ(c.width, 1);
    CHECK(c.is_signed);
}

static const struct test_param bad_names[] = {
    CODEC(""),
    CODEC(","),
    CODEC("lines"),
    CODEC("LINE"),
    CODEC("line,"),
    CODEC("line,,keep"),
    CODEC("line,max"),
    CODEC("line,max="),
    CODEC("line,max=k"),
    CODEC("line,max=1kk"),
    CODEC("line,max=-1"),
    CODEC("line,max=9223372036854775807"),
    CODEC("line,max=99999999999999999999"),
    CODEC("line,max=8589934592G"),
    CODEC("line,offset=1"),
    CODEC("line,self"),
    CODEC("delim:"),
    CODEC("delim:0"),
    CODEC("delim:0g"),
    CODEC("delim:\x10\x11"),
    CODEC("delim:000102030405060708"),
    CODEC("fixed:"),
    CODEC("fixed:0"),
    CODEC("fixed:5,max=9"),
    CODEC("u"),
    CODEC("u32"),
    CODEC("u8be"),
    CODEC("u24be"),
    CODEC("u128be"),
    CODEC("s32be"),
    CODEC("u32be,offset=57"),
    CODEC("u32be,adjust=x"),
    CODEC("u32be,adjust=--1"),
    CODEC("u32be,adjust=9223372036854775807"),
    CODEC("u32be,selfish"),
};

TEST_EACH(a_wrong_name_is_refused_and_quoted, bad_names)
{
    tn_codec c = {.kind = TN_CODEC_FIXED, .size = 7};
    ERR(tn_codec_parse(&c, p->data), -EINVAL);
    EQ(c.size, 7);
    CHECK(strstr(tn_why(), p->data) != NULL);
}
