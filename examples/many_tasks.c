/*
 * many_tasks.c - a task costs so little that each item of work gets one.
 *
 * Every task sleeps for a tenth of a second and hands its number over; all
 * sleep at the same time, in one thread. usage: many_tasks [COUNT]
 */
#include <tenon/chan.h>
#include <tenon/err.h>
#include <tenon/task.h>

#include <stdio.h>
#include <stdlib.h>

static tn_chan *results;

static int
work(void *arg)
{
    long number = (long)(intptr_t)arg;
    int err = tn_sleep(TN_SEC / 10);

    return err < 0 ? err : tn_chan_send(results, &number);
}

static int
root(void *arg)
{
    long count = *(long *)arg, sum = 0, number;
    int64_t start = tn_now();
    tn_group g;
    int err = tn_chan_new(&results, sizeof(number), 16);

    tn_group_init(&g, 0);
    for (long i = 1; i <= count && err == 0; i++) {
        err = tn_go(&g, work, (void *)(intptr_t)i);
    }
    for (long i = 0; i < count && err == 0; i++) {
        err = tn_chan_recv(results, &number);
        sum += number;
    }
    tn_group_cancel(&g);
    int end = tn_group_wait(&g);
    tn_chan_free(results);
    printf("%ld tasks, sum %ld, %.1f s\n", count, sum,
           (double)(tn_now() - start) / TN_SEC);
    return err < 0 ? err : end;
}

int
main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
    int err = tn_run(NULL, root, &count);

    if (err < 0) {
        fprintf(stderr, "many_tasks: %s\n", tn_strerror(err));
    }
    return err < 0;
}
