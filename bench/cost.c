/*
 * cost.c - what a task costs: bytes while it waits, time to make and to switch.
 *
 *     cost parked N     N tasks parked in a receive on a socket pair each;
 *                       prints the resident bytes that each task added, its
 *                       two sockets included
 *     cost asleep N     the same for tasks that only sleep
 *     cost spawn N      N times: start a task, wait for its end; ns each
 *     cost yield N      N times: let another task run; ns each
 *
 * Prints one number. The two times are the best of many short batches, because
 * a disturbance can only add.
 */
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 1000, /* steps between two looks at the clock */
    MOST = 1000000000,
};

static int count;

static double result;

static double
resident_bytes(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "re");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "Rss:", 4) == 0) {
            kib = strtol(line + 4, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return (double)kib * 1024;
}

static int
receive(void *arg)
{
    char buf[1024];
    ssize_t n = tn_recv(arg, buf, sizeof(buf), 0);

    return n < 0 ? (int)n : 0;
}

static int
asleep(void *arg)
{
    (void)arg;
    return tn_sleep(TN_FOREVER);
}

static int
parked(void *arg)
{
    tn_sock **socks = calloc((size_t)count * 2, sizeof(*socks));
    tn_task_fn *fn = arg != NULL ? receive : asleep;
    int err = socks != NULL ? 0 : -ENOMEM;
    double before = 0;
    tn_group g;

    tn_group_init(&g, 0);
    for (int i = -1; i < count && err == 0; i++) {
        if (i == 0) { /* the first stack brings a whole slab along */
            tn_checkpoint();
            before = resident_bytes();
        }
        tn_sock **pair = socks + 2 * (i < 0 ? 0 : i);
        if (fn == receive && i >= 0) {
            err = tn_socketpair(pair, AF_UNIX, SOCK_STREAM, 0);
        }
        if (err == 0) {
            err = tn_go(&g, i < 0 ? asleep : fn, pair[0]);
        }
    }
    tn_checkpoint();
    result = (resident_bytes() - before) / count;
    tn_group_cancel(&g);
    tn_group_wait(&g);
    for (int i = 0; i < 2 * count && socks != NULL; i++) {
        tn_close(socks[i]);
    }
    free(socks);
    return err;
}

static int
nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int
yielder(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++) {
        tn_checkpoint();
    }
    return 0;
}

static int
spawn_batch(void)
{
    for (int i = 0; i < BATCH; i++) {
        tn_group g;
        tn_group_init(&g, 0);
        int err = tn_go(&g, nothing, NULL);
        int end = tn_group_wait(&g);
        if (err < 0 || end < 0) {
            return err < 0 ? err : end;
        }
    }
    return 0;
}

/* Two tasks take turns. */
static int
yield_batch(void)
{
    int turns = BATCH / 2;
    tn_group g;

    tn_group_init(&g, 0);
    int err = tn_go(&g, yielder, &turns);
    yielder(&turns);
    int end = tn_group_wait(&g);
    return err < 0 ? err : end;
}

static int
timed(void *arg)
{
    int (*batch)(void) = arg != NULL ? spawn_batch : yield_batch;

    result = 1e18;
    for (int i = 0; i < count; i += BATCH) {
        int64_t start = tn_now();
        int err = batch();
        double each = (double)(tn_now() - start) / BATCH;
        if (err < 0) {
            return err;
        }
        result = each < result ? each : result;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    const char *what = argc == 3 ? argv[1] : "";
    long n = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    bool first = strcmp(what, "parked") == 0 || strcmp(what, "spawn") == 0;
    bool memory = strcmp(what, "parked") == 0 || strcmp(what, "asleep") == 0;
    bool time = strcmp(what, "spawn") == 0 || strcmp(what, "yield") == 0;

    if (!(memory || time) || n < 1 || n > MOST) {
        fputs("usage: cost parked|asleep|spawn|yield N\n", stderr);
        return 2;
    }
    count = (int)n;
    int err = tn_run(NULL, memory ? parked : timed, first ? &count : NULL);
    if (err < 0) {
        fprintf(stderr, "cost: %s\n", tn_strerror(err));
        return 1;
    }
    printf("%.1f\n", result);
    return 0;
}
