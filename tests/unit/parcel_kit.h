/*
 * parcel_kit.h - a sender and a receiver in one loop, and between them a wire
 * that can be cut after any byte.
 */
#ifndef TENON_PARCEL_KIT_H
#define TENON_PARCEL_KIT_H

#include <tenon/run.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include "parcel/parcel.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIT static __attribute__((unused))

enum { KIT_BLOCK = PARCEL_BLOCK };

/* One transfer, and how it went. */
struct kit {
    const char *path; /* what is sent; NULL: see `parcel` */
    const char *dir;  /* where to */
    parcel *parcel;   /* may be NULL */
    const char *send_code, *recv_code;
    enum parcel_policy policy;
    int out; /* a descriptor, above 0, instead of `dir` */
    int64_t max_bytes;
    int (*ask)(void *arg, const struct parcel_ask *ask);
    parcel_told *send_told, *recv_told;
    void *arg;
    int64_t flip; /* a byte that changes on its way, 1 being the first */
    int64_t cut;  /* bytes that the sender's wire carries; 0: all */
    int sent, received;
    struct parcel_result send, recv;
    int64_t carried;
    uint8_t *tape[2]; /* what was carried there, and back; NULL: not kept */
    size_t tape_len[2], tape_cap;
    tn_scope *cancel; /* opened around the sender, for who cancels it */
    tn_sock *wire[4]; /* sender, its end, the receiver's end, receiver */
};

/* Set while one of the two sides is at work: a test's faults are for them. */
static bool *kit_fault;

static int
kit_send(void *arg)
{
    struct kit *k = arg;
    struct parcel_send_opts opts = {.code = k->send_code,
                                    .who = "sender",
                                    .told = k->send_told,
                                    .arg = k->arg};
    parcel *p = k->parcel;
    tn_scope scope;

    tn_deadline(&scope, TN_FOREVER);
    k->cancel = &scope;
    k->sent = p ? 0 : parcel_new(&p);
    if (k->sent == 0 && !k->parcel) {
        k->sent = parcel_add(p, k->path);
    }
    if (k->sent == 0) {
        k->sent = parcel_send(k->wire[0], p, &opts, &k->send);
    }
    if (!k->parcel) {
        parcel_free(p);
    }
    (void)tn_scope_end(&scope);
    (void)tn_close(k->wire[0]);
    return 0;
}

static int
kit_receive(void *arg)
{
    struct kit *k = arg;
    struct parcel_recv_opts opts = {.code = k->recv_code,
                                    .who = "receiver",
                                    .dir = k->dir,
                                    .out = k->out > 0 ? k->out : -1,
                                    .policy = k->policy,
                                    .max_bytes = k->max_bytes,
                                    .ask = k->ask,
                                    .told = k->recv_told,
                                    .arg = k->arg};

    k->received = parcel_receive(k->wire[3], &opts, &k->recv);
    (void)tn_close(k->wire[3]);
    return 0;
}

/* Bytes from one end to the other; at the cut all ends. */
static void
kit_carry(struct kit *k, int from, int to, bool counts)
{
    static char buf[2][64 << 10];
    char *mine = buf[counts];

    for (;;) {
        size_t cap = sizeof(buf[0]);
        ssize_t n;

        if (counts && k->cut > 0 && (int64_t)cap > k->cut - k->carried) {
            cap = (size_t)(k->cut - k->carried);
        }
        n = cap > 0 ? tn_recv(k->wire[from], mine, cap, 0) : 0;
        if (counts && n > 0 && k->flip > k->carried &&
            k->flip <= k->carried + n) {
            mine[k->flip - k->carried - 1] ^= 1;
        }
        if (n <= 0 || tn_sendall(k->wire[to], mine, (size_t)n, NULL) < 0) {
            break;
        }
        if (counts) {
            k->carried += n;
        }
        if (k->tape[!counts]) {
            size_t *len = &k->tape_len[!counts];

            CHECK(*len + (size_t)n <= k->tape_cap);
            memcpy(k->tape[!counts] + *len, mine, (size_t)n);
            *len += (size_t)n;
        }
    }
    (void)tn_shutdown(k->wire[to], SHUT_WR);
    if (counts) {
        (void)tn_shutdown(k->wire[from], SHUT_RDWR);
        (void)tn_shutdown(k->wire[to], SHUT_RDWR);
    }
}

static int
kit_there(void *arg)
{
    kit_carry(arg, 1, 2, true);
    return 0;
}

static int
kit_back(void *arg)
{
    kit_carry(arg, 2, 1, false);
    return 0;
}

/* Run one transfer; within a task. */
KIT void
kit_run(struct kit *k)
{
    tn_group g;

    k->carried = 0;
    OK(tn_socketpair(&k->wire[0], AF_UNIX, SOCK_STREAM, 0));
    OK(tn_socketpair(&k->wire[2], AF_UNIX, SOCK_STREAM, 0));
    tn_group_init(&g, 0);
    OK(tn_go(&g, kit_receive, k));
    OK(tn_go(&g, kit_send, k));
    OK(tn_go(&g, kit_there, k));
    OK(tn_go(&g, kit_back, k));
    if (kit_fault) {
        *kit_fault = true;
    }
    OK(tn_group_wait(&g));
    if (kit_fault) {
        *kit_fault = false;
    }
    (void)tn_close(k->wire[1]);
    (void)tn_close(k->wire[2]);
}

/* ---- files ---- */

/* "NAME" in the test's folder, made as a folder if `make`; it stays. */
KIT const char *
kit_path(const char *name, bool make)
{
    static char text[32][512];
    char path[512];
    int i = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    while (text[i][0] != '\0' && strcmp(text[i], path) != 0) {
        CHECK(++i < 32);
    }
    memcpy(text[i], path, sizeof(path));
    if (make) {
        CHECK(mkdir(path, 0777) == 0 || errno == EEXIST);
    }
    return text[i];
}

/* A file of bytes that no block has twice; aged, so that nobody waits. */
KIT void
kit_write(const char *path, size_t n, unsigned seed)
{
    static uint32_t block[KIT_BLOCK / 4];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(fd >= 0);
    for (size_t at = 0; at < n; at += KIT_BLOCK) {
        size_t now = n - at < KIT_BLOCK ? n - at : KIT_BLOCK;

        for (size_t i = 0; i < KIT_BLOCK / 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            block[i] = seed;
        }
        EQ(write(fd, block, now), now);
    }
    close(fd);
}

KIT bool
kit_same(const char *a, const char *b)
{
    static char x[KIT_BLOCK], y[KIT_BLOCK];
    int p = open(a, O_RDONLY | O_CLOEXEC), q = open(b, O_RDONLY | O_CLOEXEC);
    bool same = p >= 0 && q >= 0;

    while (same) {
        ssize_t n = read(p, x, sizeof(x)), m = read(q, y, sizeof(y));

        same = n == m && n >= 0 && memcmp(x, y, (size_t)n) == 0;
        if (n <= 0) {
            break;
        }
    }
    if (p >= 0) {
        close(p);
    }
    if (q >= 0) {
        close(q);
    }
    return same;
}

KIT bool
kit_is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Run `fn` as the root task. */
KIT void
kit_main(int (*fn)(void *arg))
{
    EQ(tn_run(NULL, fn, NULL), 0);
}

#endif
