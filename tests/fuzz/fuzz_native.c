/*
 * fuzz_native.c - any bytes as a datagram of the native dialect, as the payload
 * of a packet, and as a message.
 */
#include "fuzz.h"
#include "hub/native_talk.h"

#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

/* What is read is written as it was. */
static void
as_frame(const uint8_t *data, size_t size)
{
    unsigned char again[WIRE_DATAGRAM];
    struct wire_frame f;
    size_t n;

    if (wire_parse(&f, data, size) == 0) {
        n = wire_write(again, &f);
        MUST(n + f.body_len <= size);
        MUST(memcmp(again, data, n) == 0 || f.type == WIRE_HELLO_FRAME);
    }
}

/* A link survives whatever it is fed, and its memory is bounded. */
static void
as_packets(const uint8_t *data, size_t size)
{
    static unsigned char buf[LINK_MESSAGE];
    static struct link l;
    struct blob *b = blob_new("hello", 5);
    uint64_t number = 0;
    int64_t now = TN_SEC;

    MUST(b != NULL);
    link_init(&l, now, LINK_OF_HUB);
    for (size_t at = 0; at < size;) {
        size_t n = data[at] < size - at ? data[at] : size - at - 1;

        (void)!link_queue(&l, b);
        (void)!link_read(&l, ++number, data + at + 1, n, now);
        MUST(link_write(&l, buf, WIRE_PAYLOAD, now, &number) <= WIRE_PAYLOAD);
        MUST(link_take(&l, buf, sizeof(buf)) <= (ssize_t)sizeof(buf));
        MUST(l.next - l.first <= LINK_WINDOW);
        MUST(l.want - l.taken <= LINK_WINDOW_UP);
        at += n + 1;
        now += 10 * TN_MS;
    }
    link_fini(&l);
    MUST(b->refs == 1);
    blob_drop(b);
}

static void
check_text(const char *text, size_t len, size_t max)
{
    MUST(len <= max && strlen(text) == len);
}

static void
as_message(const uint8_t *data, size_t size)
{
    static unsigned char again[LINK_MESSAGE];
    static struct talk_say say;
    static struct room_event ev;
    struct talk_join join;
    struct talk_welcome welcome;
    struct wire_in i;
    uint64_t mark;

    switch ((int)talk_get_type(&i, data, size)) {
    case TALK_JOIN:
        if (talk_get_join(&i, &join)) {
            MUST(talk_put_join(again, &join) == size);
            MUST(memcmp(again, data, size) == 0);
        }
        break;
    case TALK_SAY:
        if (talk_get_say(&i, &say)) {
            check_text(say.text, say.len, ROOM_TEXT_MAX);
            MUST(talk_put_say(again, &say) == size);
            MUST(memcmp(again, data, size) == 0);
        }
        break;
    case TALK_WELCOME:
        if (talk_get_welcome(&i, &welcome)) {
            MUST(talk_put_welcome(again, &welcome) == size);
        }
        break;
    case TALK_EVENT:
        if (talk_get_event(&i, &ev, &mark)) {
            check_text(ev.text, ev.text_len, ROOM_TEXT_MAX);
            check_text(ev.name, ev.name_len, ROOM_NAME_MAX);
            MUST(talk_put_event(again, &ev) <= size);
        }
        break;
    default:
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_frame(data, size);
    as_packets(data, size);
    as_message(data, size);
    return 0;
}
