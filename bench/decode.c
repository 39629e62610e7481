/*
 * decode.c - how long it takes to cut a message off bytes in memory.
 *
 * A buffer of 64 KiB full of 64-byte payloads is decoded again and again; the
 * best of many rounds is printed, in ns per message.
 *
 * usage: decode CODEC     a name that tn_codec_parse() knows: u32be, line, ...
 */
#include <tenon/codec.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include <stdio.h>
#include <string.h>

enum {
    BUFFER = 65536,
    PAYLOAD = 64,
    ROUNDS = 20000, /* about a hundred milliseconds */
};

static uint8_t buffer[BUFFER];

/* Fill the buffer; returns how many of its bytes are whole messages. */
static size_t
fill(const tn_codec *codec)
{
    uint8_t payload[PAYLOAD];
    size_t used = 0;
    ssize_t n = 0;

    memset(payload, 'x', sizeof(payload));
    while (n >= 0) {
        used += (size_t)n;
        n = tn_codec_encode(codec, buffer + used, sizeof(buffer) - used,
                            payload, sizeof(payload));
    }
    return used;
}

/* Cut all messages off; returns how many there were. */
static size_t
cut(const tn_codec *codec, size_t n)
{
    size_t count = 0, used = 0, bytes = 0;
    tn_view msg;

    for (size_t at = 0;
         tn_codec_decode(codec, buffer + at, n - at, &msg, &used) == 1;
         at += used) {
        bytes += msg.len;
        count++;
    }
    return bytes == count * PAYLOAD ? count : 0;
}

int
main(int argc, char **argv)
{
    double best = 1e18;
    tn_codec codec;

    if (argc != 2 || tn_codec_parse(&codec, argv[1]) < 0) {
        fprintf(stderr, "usage: decode CODEC\n");
        return 2;
    }
    size_t n = fill(&codec), wanted = cut(&codec, n);
    for (int i = 0; i < ROUNDS && wanted > 0; i++) {
        int64_t start = tn_now();
        size_t count = cut(&codec, n);
        double each = (double)(tn_now() - start) / (double)count;
        if (count != wanted) {
            wanted = 0;
        } else if (each < best) {
            best = each;
        }
    }
    if (wanted < (size_t)BUFFER / (PAYLOAD * 2)) {
        fprintf(stderr, "decode: %s cuts wrongly\n", argv[1]);
        return 1;
    }
    printf("%.2f\n", best);
    return 0;
}
