/*
 * test_parcel_moves.c - how far it is: told in time, and never more than there
 * can be, whatever a sender claims.
 */
#include "parcel/teller.h"
#include "parcel/wire.h"
#include "parcel_kit.h"

enum { ROOM = 1024 };

/* ---- in time ---- */

static int told;
static struct parcel_event last;

static void
note(void *arg, const struct parcel_event *ev)
{
    (void)arg;
    told++;
    last = *ev;
}

static void
move(struct teller *t, const struct parcel_item *item, int64_t done)
{
    struct parcel_event ev = {
        .what = PARCEL_MOVED, .item = item, .done = done};

    teller_tell(t, &ev);
}

static int
steps(void *arg)
{
    static const struct parcel_item one = {.index = 1}, two = {.index = 2};
    struct parcel_event ev = {.what = PARCEL_DONE, .item = &one};
    struct teller t;
    tn_group g;

    (void)arg;
    OK(teller_init(&t, note, NULL));
    tn_group_init(&g, TN_KEEP_GOING);
    OK(tn_go(&g, teller_run, &t));
    OK(tn_sleep(TN_SEC));
    told = 0;
    for (int i = 1; i <= 10; i++) {
        move(&t, &one, i);
    }
    EQ(told, 1);
    EQ(last.done, 1);
    OK(tn_sleep(TN_SEC)); /* it stalls: the tenth is told */
    EQ(told, 2);
    EQ(last.done, 10);
    /* Twenty a second, however often it moves. */
    for (int i = 0; i < 1000; i++) {
        move(&t, &one, 100 + i);
        OK(tn_sleep(TN_MS));
    }
    OK(tn_sleep(TN_SEC));
    EQ(last.done, 1099);
    LE(told, 2 + 22);
    /* Behind its end an item does not move. */
    move(&t, &one, 2000);
    move(&t, &one, 2001);
    teller_tell(&t, &ev);
    OK(tn_sleep(TN_SEC));
    EQ(last.what, PARCEL_DONE);
    /* Nor behind the beginning of the next; but behind another one's end. */
    move(&t, &one, 1);
    move(&t, &one, 2);
    ev = (struct parcel_event){.what = PARCEL_BEGIN, .item = &two};
    teller_tell(&t, &ev);
    OK(tn_sleep(TN_SEC));
    EQ(last.what, PARCEL_BEGIN);
    move(&t, &two, 1);
    move(&t, &two, 2);
    ev = (struct parcel_event){.what = PARCEL_DONE, .item = &one};
    teller_tell(&t, &ev);
    OK(tn_sleep(TN_SEC));
    EQ(last.what, PARCEL_MOVED);
    EQ(last.done, 2);
    /* What waits is told at the end, too. */
    move(&t, &two, 3);
    move(&t, &two, 4);
    teller_flush(&t);
    EQ(last.done, 4);
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    teller_fini(&t);
    return 0;
}

TEST(the_last_move_before_a_stall_is_told)
{
    tn_opts opts = {.backend = "sim"};

    EQ(tn_run(&opts, steps, NULL), 0);
}

/* ---- what cannot be ---- */

/* What a sender says that was written by hand. */
struct script {
    uint8_t bytes[ROOM];
    struct pen p;
    tn_sock *sock;
};

static void
frame(struct script *s, unsigned type, const uint8_t *src, size_t n)
{
    CHECK((size_t)(s->p.p - s->bytes) + WIRE_HEAD + n <= ROOM);
    pen_uint(&s->p, type, 1);
    pen_uint(&s->p, n, 4);
    pen_bytes(&s->p, src, n);
}

/* Files of one size each, "a", "b" ... */
static void
greet_and_offer(struct script *s, unsigned count, int64_t size, int64_t sum)
{
    struct wire_greeting g = {.version = 1, .role = WIRE_SENDER};
    uint8_t bytes[ROOM];
    struct pen p = {bytes};

    s->p.p = s->bytes;
    wire_put_greeting(s->bytes, &g);
    s->p.p += WIRE_GREETING;
    frame(s, WIRE_HELLO, (const uint8_t *)"x", 1);
    for (unsigned i = 0; i < count; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        struct wire_item item = {
            .size = size, .path = name, .path_len = 1, .mode = 0644};

        wire_put_item(&p, &item);
    }
    frame(s, WIRE_OFFER, bytes, (size_t)(p.p - bytes));
    p.p = bytes;
    pen_uint(&p, count, 4);
    pen_uint(&p, 0, 4);
    pen_uint(&p, (uint64_t)sum, 8);
    frame(s, WIRE_OFFERED, bytes, 16);
}

/* All of an item is a hole; its root is another one. */
static void
one_hole(struct script *s, unsigned item, int64_t size, int64_t hole)
{
    uint8_t bytes[32] = {0};
    struct pen p = {bytes};

    pen_uint(&p, item, 4);
    pen_uint(&p, 0644, 2);
    pen_uint(&p, (uint64_t)size, 8);
    pen_uint(&p, 0, 8);
    frame(s, WIRE_BEGIN, bytes, 22);
    p.p = bytes;
    pen_uint(&p, (uint64_t)hole, 8);
    frame(s, WIRE_HOLE, bytes, 8);
    memset(bytes, 0, sizeof(bytes));
    frame(s, WIRE_END, bytes, 25);
}

static int
say_it(void *arg)
{
    struct script *s = arg;
    char waste[1024];

    (void)!tn_sendall(s->sock, s->bytes, (size_t)(s->p.p - s->bytes), NULL);
    (void)tn_shutdown(s->sock, SHUT_WR);
    while (tn_recv(s->sock, waste, sizeof(waste), 0) > 0) {
    }
    return 0;
}

static void
never_below_zero(void *arg, const struct parcel_event *ev)
{
    (void)arg;
    CHECK(ev->all_done >= 0);
    if (ev->item) {
        CHECK(ev->done >= 0 && ev->done <= ev->item->size);
    }
    last = ev->item ? *ev : last;
}

static void
receive_it(struct kit *k, struct script *s)
{
    tn_group g;

    k->dir = kit_path("dst", true);
    k->recv_told = never_below_zero;
    OK(tn_socketpair(&k->wire[2], AF_UNIX, SOCK_STREAM, 0));
    s->sock = k->wire[2];
    tn_group_init(&g, 0);
    OK(tn_go(&g, say_it, s));
    OK(tn_go(&g, kit_receive, k));
    OK(tn_group_wait(&g));
    (void)tn_close(s->sock);
}

static int
claims(void *arg)
{
    static struct script s;
    const int64_t huge = INT64_C(1) << 62;
    struct kit k = {0};

    (void)arg;
    /* Their sum is more than there are numbers for. */
    greet_and_offer(&s, 3, huge, INT64_MAX);
    for (unsigned i = 0; i < 3; i++) {
        one_hole(&s, i, huge, huge);
    }
    frame(&s, WIRE_FIN, NULL, 0);
    receive_it(&k, &s);
    EQ(k.received, -EIO);
    EQ(k.recv.failed, 3);
    EQ(last.err, -EBADMSG);
    /* More than it said at its beginning. */
    k = (struct kit){0};
    greet_and_offer(&s, 1, 10, 10);
    one_hole(&s, 0, 10, KIT_BLOCK);
    receive_it(&k, &s);
    EQ(k.received, -EPROTO);
    /* More than is taken here, of a file that was offered smaller. */
    k = (struct kit){.max_bytes = 1000};
    greet_and_offer(&s, 1, 10, 10);
    one_hole(&s, 0, 1001, 1001);
    frame(&s, WIRE_FIN, NULL, 0);
    receive_it(&k, &s);
    EQ(k.received, -EIO);
    EQ(last.err, -EFBIG);
    return 0;
}

TEST(holes_of_any_size_are_counted_right)
{
    kit_main(claims);
}
