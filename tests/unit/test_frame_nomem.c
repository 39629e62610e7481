/*
 * test_frame_nomem.c - memory is refused at the Nth request, for each N, once
 * and for good.
 */
#include <tenon/frame.h>

#include "nomem.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 200000 };

static void
feed(void *arg)
{
    static const uint8_t head[4] = {0, MESSAGE >> 16, MESSAGE >> 8 & 0xff,
                                    MESSAGE & 0xff};
    static char body[MESSAGE];
    EQ(tn_sendall(arg, head, 4, NULL), 4);
    EQ(tn_sendall(arg, body, MESSAGE, NULL), MESSAGE);
}

/* Read a message; how often memory was refused meanwhile. */
static int
read_one(tn_sock *sock, int refuse_at)
{
    tn_framer *f = NULL;
    tn_codec c;
    tn_view msg;
    int refused = 0, r;
    OK(tn_codec_length(&c, 4, TN_BIG, MESSAGE));
    nomem_until = refuse_at;
    if (tn_framer_new(&f, sock, &c) == -ENOMEM) {
        CHECK(f == NULL);
        refused++;
        nomem_until = 0;
        OK(tn_framer_new(&f, sock, &c));
    }
    while ((r = tn_framer_read(f, &msg)) == -ENOMEM) {
        CHECK(msg.data == NULL);
        refused++;
        nomem_until = refused < 3 ? nomem_until : 0;
    }
    nomem_until = 0;
    EQ(r, 1);
    EQ(msg.len, MESSAGE);
    tn_framer_free(f);
    return refused;
}

/* For each N until nothing was refused any more; how many had to be tried. */
static int
refuse_each(void)
{
    for (int n = 1; n < 100; n++) {
        tn_sock *ends[2];
        OK(tn_socketpair(ends, AF_UNIX, SOCK_STREAM, 0));
        struct test_thread *feeder = test_thread_start(feed, ends[1]);
        int refused = read_one(ends[0], n);
        test_thread_join(feeder);
        tn_close(ends[0]);
        tn_close(ends[1]);
        if (refused == 0) {
            return n;
        }
    }
    return 0;
}

TEST(a_refusal_loses_nothing)
{
    GE(refuse_each(), 5);
}

TEST(many_refusals_lose_nothing)
{
    nomem_for_good = true;
    GE(refuse_each(), 5);
}
