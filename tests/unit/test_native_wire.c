/*
 * test_native_wire.c - frames and messages of the native dialect as bytes:
 * whole, cut off at every byte, with the last byte before an unreadable page.
 */
#include <tenon/err.h>

#include "hub/native_talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char nonce[WIRE_NONCE] = "0123456789abcdef";
static const unsigned char cookie[WIRE_COOKIE] = "cookie of 20 bytes.";
static const unsigned char share[WIRE_SHARE] =
    "a share of the key exchange 32.";

static const struct wire_frame frames[] = {
    {.type = WIRE_HELLO_FRAME, .nonce = nonce},
    {.type = WIRE_COOKIE_FRAME, .nonce = nonce, .cookie = cookie, .flags = 1},
    {.type = WIRE_ENTER_FRAME,
     .nonce = nonce,
     .cookie = cookie,
     .share = share},
    {.type = WIRE_ANSWER_FRAME, .nonce = nonce, .session = 7, .share = share},
    {.type = WIRE_REFUSE_FRAME, .nonce = nonce, .why = WIRE_FULL},
    {.type = WIRE_RESET_FRAME, .session = UINT64_MAX},
    {.type = WIRE_PACKET_FRAME, .session = 1, .number = 0x1122334455667788},
};

enum {
    FRAMES = sizeof(frames) / sizeof(frames[0]),
};

/* --- frames ----------------------------------------------------------------*/

static void
same_bytes(const unsigned char *a, const unsigned char *b, size_t n)
{
    CHECK((a == NULL) == (b == NULL));
    if (a != NULL) {
        MEMEQ(a, b, n);
    }
}

static void
same(const struct wire_frame *a, const struct wire_frame *b)
{
    EQ(a->type, b->type);
    EQ(a->flags, b->flags);
    EQ(a->why, b->why);
    CHECK(a->session == b->session && a->number == b->number);
    same_bytes(a->nonce, b->nonce, WIRE_NONCE);
    same_bytes(a->cookie, b->cookie, WIRE_COOKIE);
    same_bytes(a->share, b->share, WIRE_SHARE);
}

TEST(frames_are_read_as_they_were_written)
{
    for (int i = 0; i < FRAMES; i++) {
        unsigned char buf[WIRE_DATAGRAM];
        size_t n = wire_write(buf, &frames[i]);
        uint8_t *copy = guard_copy(buf, n);
        struct wire_frame f;

        OK(wire_parse(&f, copy, n));
        same(&f, &frames[i]);
        guard_free(copy, n);
    }
}

TEST(frames_that_are_cut_off_are_none)
{
    for (int i = 0; i < FRAMES; i++) {
        unsigned char buf[WIRE_DATAGRAM];
        size_t n = wire_write(buf, &frames[i]);

        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *copy = guard_copy(buf, cut);
            struct wire_frame f;

            ERR(wire_parse(&f, copy, cut), -EBADMSG);
            guard_free(copy, cut);
        }
    }
}

TEST(only_packets_and_hello_may_be_longer)
{
    for (int i = 0; i < FRAMES; i++) {
        unsigned char buf[WIRE_DATAGRAM + 1] = {0};
        size_t n = wire_write(buf, &frames[i]);
        struct wire_frame f;
        bool may = frames[i].type == WIRE_PACKET_FRAME ||
                   frames[i].type == WIRE_HELLO_FRAME;

        EQ(wire_parse(&f, buf, n + 1), may ? 0 : -EBADMSG);
        ERR(wire_parse(&f, buf, WIRE_DATAGRAM + 1), -EBADMSG);
    }
}

TEST(what_is_not_ours)
{
    unsigned char buf[WIRE_DATAGRAM];
    struct wire_frame f;
    size_t n = wire_write(buf, &frames[0]);

    ERR(wire_parse(&f, "ann", 3), -EBADMSG);
    CHECK(!wire_is_native("\xff", 1));
    CHECK(!wire_is_native("\xffX", 2));
    CHECK(wire_is_native("\xffT", 2));
    buf[3] = WIRE_PACKET_FRAME + 1;
    ERR(wire_parse(&f, buf, n), -EBADMSG);
    buf[3] = 0;
    ERR(wire_parse(&f, buf, n), -EBADMSG);
    buf[2] = 2; /* a later version: who asks shall be told */
    buf[3] = WIRE_HELLO_FRAME;
    ERR(wire_parse(&f, buf, n), -EPROTO);
    MEMEQ(f.nonce, nonce, WIRE_NONCE);
    ERR(wire_parse(&f, buf, 19), -EPROTO);
    CHECK(f.nonce == NULL);
}

/* Nothing that goes to an address which proved nothing is longer than what is
   answered. */
TEST(answers_are_no_longer_than_questions)
{
    unsigned char buf[WIRE_DATAGRAM];

    LE(wire_write(buf, &frames[1]), WIRE_HELLO);
    LE(wire_write(buf, &frames[4]), WIRE_HELLO);
    LE(wire_write(buf, &frames[5]), WIRE_HEAD);
    EQ(wire_write(buf, &frames[0]), WIRE_HELLO);
    EQ(wire_write(buf, &frames[6]), WIRE_HEAD);
}

TEST(codes_and_reasons)
{
    for (int why = WIRE_FINE; why <= WIRE_RULES; why++) {
        int err = wire_err((enum wire_why)why);

        CHECK(why == WIRE_FINE ? err == 0 : err < 0);
        EQ(wire_err(wire_why(err)), err);
    }
    EQ(wire_err((enum wire_why)200), -EPROTO);
    EQ(wire_why(-EILSEQ), WIRE_NO_NAME);
    EQ(wire_why(-ENOMEM), WIRE_FULL);
}

/* --- sealing ---------------------------------------------------------------*/

static void
make_pair(struct wire_keys *hub, struct wire_keys *other)
{
    static const unsigned char key[WIRE_KEY] = "a key that both sides have, 32";

    wire_keys_init(hub, key, true);
    wire_keys_init(other, key, false);
}

TEST(packets_are_sealed_and_opened)
{
    struct wire_keys hub, other;
    unsigned char buf[WIRE_DATAGRAM], out[WIRE_DATAGRAM];
    struct wire_frame f;
    size_t n;

    make_pair(&hub, &other);
    memcpy(buf + WIRE_HEAD, "hello", 5);
    n = wire_seal(&hub, buf, 5, 77, 1);
    EQ(n, WIRE_HEAD + 5 + WIRE_TAG);
    OK(wire_parse(&f, buf, n));
    EQ(wire_unseal(&other, out, &f), 5);
    MEMEQ(out, "hello", 5);
    ERR(wire_unseal(&hub, out, &f), -EBADMSG); /* the other direction */
    for (size_t i = 4; i < n; i++) {
        buf[i] ^= 1;
        OK(wire_parse(&f, buf, n));
        ERR(wire_unseal(&other, out, &f), -EBADMSG);
        buf[i] ^= 1;
    }
}

TEST(without_a_code_nothing_is_sealed)
{
    struct wire_keys none = {.sealed = false};
    unsigned char buf[WIRE_DATAGRAM], out[WIRE_DATAGRAM];
    struct wire_frame f;

    memcpy(buf + WIRE_HEAD, "hello", 5);
    EQ(wire_seal(&none, buf, 5, 77, 1), WIRE_HEAD + 5);
    OK(wire_parse(&f, buf, WIRE_HEAD + 5));
    EQ(wire_unseal(&none, out, &f), 5);
    MEMEQ(out, "hello", 5);
}

/* --- messages --------------------------------------------------------------*/

static unsigned char message[LINK_MESSAGE];

/* Read a message whatever it is; true if it is understood. */
static bool
read_any(const unsigned char *buf, size_t n)
{
    static struct talk_say say;
    static struct room_event ev;
    struct talk_join join;
    struct talk_welcome welcome;
    struct talk_fate fate;
    struct guest_person p;
    enum wire_why why;
    uint64_t u;
    bool flag;
    struct wire_in i;

    switch ((int)talk_get_type(&i, buf, n)) {
    case TALK_JOIN:
        return talk_get_join(&i, &join);
    case TALK_SAY:
        return talk_get_say(&i, &say);
    case TALK_NICK:
        return talk_get_nick(&i, &say);
    case TALK_LEAVE:
        return wire_left(&i) == 0;
    case TALK_WELCOME:
        return talk_get_welcome(&i, &welcome);
    case TALK_REFUSED:
        return talk_get_refused(&i, &why);
    case TALK_PEOPLE:
        if (!talk_get_people(&i, &flag)) {
            return false;
        }
        while (wire_left(&i) > 0) {
            if (!talk_get_person(&i, &p)) {
                return false;
            }
        }
        return true;
    case TALK_EVENT:
        return talk_get_event(&i, &ev, &u);
    case TALK_FATE:
        return talk_get_fate(&i, &fate);
    case TALK_PRESENCE:
        return talk_get_presence(&i, &u, &flag);
    default:
        return false;
    }
}

/* Whole it is read; cut off anywhere, or longer, it is not. */
static void
read_cut(size_t n, size_t shortest)
{
    uint8_t *whole = guard_copy(message, n);

    CHECK(read_any(whole, n));
    guard_free(whole, n);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *copy = guard_copy(message, cut);

        CHECK(!read_any(copy, cut) || cut == shortest);
        guard_free(copy, cut);
    }
    message[n] = 0;
    CHECK(!read_any(message, n + 1));
}

TEST(messages_whole_and_cut)
{
    static struct talk_say say = {.mark = 5, .how = GUEST_MSG, .to = "bob"};
    struct talk_join join = {.since = 3, .name = "ann", .epoch = "0123"};
    struct talk_welcome welcome = {.id = 9, .name = "ann", .folder = "http://"};
    struct talk_fate fate = {.mark = 1, .why = WIRE_SLOWED};

    read_cut(talk_put_join(message, &join), SIZE_MAX);
    say.len = 2;
    memcpy(say.text, "hi", 3);
    read_cut(talk_put_say(message, &say), SIZE_MAX);
    read_cut(talk_put_nick(message, &say), SIZE_MAX);
    read_cut(talk_put_leave(message), SIZE_MAX);
    read_cut(talk_put_welcome(message, &welcome), SIZE_MAX);
    read_cut(talk_put_refused(message, WIRE_TAKEN), SIZE_MAX);
    read_cut(talk_put_fate(message, &fate), SIZE_MAX);
    read_cut(talk_put_presence(message, 8, true), SIZE_MAX);
}

TEST(an_event_as_long_as_it_gets)
{
    static struct room_event ev = {.number = 1,
                                   .what = ROOM_MSG,
                                   .kind = ROOM_NATIVE,
                                   .who = 2,
                                   .to = 3,
                                   .size = 4,
                                   .time = 5};
    static struct room_event back;
    uint64_t mark;
    struct wire_in i;
    size_t n;

    memset(ev.text, 't', ev.text_len = ROOM_TEXT_MAX);
    memset(ev.name, 'n', ev.name_len = ROOM_NAME_MAX);
    memset(ev.whom, 'w', ROOM_NAME_MAX);
    talk_ref(ev.ref, 0x0123456789abcdef);
    n = talk_put_event(message, &ev);
    LE(n, LINK_MESSAGE);
    read_cut(n, SIZE_MAX);
    EQ(talk_get_type(&i, message, n), TALK_EVENT);
    CHECK(talk_get_event(&i, &back, &mark));
    EQ(mark, 0x0123456789abcdef);
    STREQ(back.text, ev.text);
    STREQ(back.name, ev.name);
    STREQ(back.whom, ev.whom);
    EQ(back.text_len, ROOM_TEXT_MAX);
    CHECK(back.who == 2 && back.to == 3 && back.size == 4 && back.time == 5);
}

TEST(people_as_many_as_fit)
{
    struct guest_person p = {.id = 1, .kind = ROOM_WEB, .away = true};
    struct wire_out o;
    int count = 0;
    size_t one;

    memset(p.name, 'n', ROOM_NAME_MAX);
    talk_put_people(&o, message);
    while (talk_put_person(&o, &p)) {
        count++;
    }
    GE(count, 30);
    talk_end_people(message, true);
    CHECK(read_any(message, (size_t)(o.at - message)));
    talk_put_people(&o, message);
    CHECK(talk_put_person(&o, &p));
    one = (size_t)(o.at - message);
    read_cut(one, 2); /* the head alone is a list of nobody */
}

TEST(marks_are_their_own)
{
    char ref[ROOM_REF_MAX + 1];

    talk_ref(ref, 0xfedcba9876543210);
    STREQ(ref, "fedcba9876543210");
    CHECK(talk_mark(ref) == 0xfedcba9876543210);
    EQ(talk_mark(""), 0);
    EQ(talk_mark("fedcba987654321"), 0);
    EQ(talk_mark("fedcba98765432100"), 0);
    EQ(talk_mark("FEDCBA9876543210"), 0);
}

/* --- the document ----------------------------------------------------------*/

/* Bytes in hexadecimal, as docs/wire/chat.md has them. */
static size_t
read_hex(unsigned char *dst, size_t cap, const char *line)
{
    size_t n = 0;
    char *end;

    for (const char *at = line; n < cap; at = end) {
        long byte = strtol(at, &end, 16);

        if (end == at) {
            break;
        }
        dst[n++] = (unsigned char)byte;
    }
    return n;
}

/* Every line "frame: ..." is a frame, every "message: ..." a message. */
TEST(the_bytes_of_the_document)
{
    static char path[512], line[8192];
    static unsigned char bytes[WIRE_DATAGRAM];
    int found_frames = 0, found_messages = 0;
    FILE *doc;

    snprintf(path, sizeof(path), "%s/docs/wire/chat.md",
             getenv("TENON_SOURCE") != NULL ? getenv("TENON_SOURCE") : ".");
    doc = fopen(path, "re");
    CHECK(doc != NULL);
    while (fgets(line, sizeof(line), doc) != NULL) {
        if (strncmp(line, "frame: ", 7) == 0) {
            size_t n = read_hex(bytes, sizeof(bytes), line + 7);
            unsigned char again[WIRE_DATAGRAM];
            struct wire_frame f;

            OK(wire_parse(&f, bytes, n));
            MEMEQ(again, bytes, wire_write(again, &f));
            found_frames++;
        } else if (strncmp(line, "message: ", 9) == 0) {
            CHECK(read_any(bytes, read_hex(bytes, sizeof(bytes), line + 9)));
            found_messages++;
        }
    }
    fclose(doc);
    GE(found_frames, 7);
    GE(found_messages, 10);
}
