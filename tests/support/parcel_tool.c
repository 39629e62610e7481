/*
 * parcel_tool.c - one side of a transfer, for tests that kill it and for the
 * benchmark: parcel_receive() and parcel_send() with nothing around them.
 *
 *     parcel_tool recv FD CODE DIR       over a connected socket that is FD
 *     parcel_tool plain FD - DIR         the homework's form
 *     parcel_tool send FD CODE PATH...
 *     parcel_tool sweep - - DIR
 *
 * CODE "-" is none, DIR "-" the standard output, PATH "-" the standard input.
 * Prints one line at its end: the name of the result, then done, skipped,
 * failed, moved, kept, ns of CPU, and why. TENON_PARCEL_POLICY is rename, skip
 * or overwrite; TENON_PARCEL_EVENTS prints what happens to each item.
 */
#include <tenon/err.h>
#include <tenon/run.h>
#include <tenon/sock.h>

#include "parcel/parcel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char **args;
static int arg_count;
static struct parcel_result result;

static void
told(void *arg, const struct parcel_event *ev)
{
    static const char *const names[] = {"paired", "offer", "answer",  "begin",
                                        "moved",  "done",  "skipped", "failed"};

    (void)arg;
    if (ev->item && ev->what != PARCEL_MOVED) {
        (void)fprintf(stderr, "%s %s %lld %s %s\n", names[ev->what],
                      ev->item->path, (long long)ev->done, tn_err_name(ev->err),
                      ev->final ? ev->final : "");
    }
}

static enum parcel_policy
policy(void)
{
    const char *text = getenv("TENON_PARCEL_POLICY");

    if (text && strcmp(text, "skip") == 0) {
        return PARCEL_SKIP;
    }
    return text && strcmp(text, "overwrite") == 0 ? PARCEL_OVERWRITE
                                                  : PARCEL_RENAME;
}

static int
take(tn_sock *sock, const char *code, bool is_plain)
{
    bool is_out = strcmp(args[4], "-") == 0;
    struct parcel_recv_opts opts = {
        .code = code,
        .who = "tool",
        .dir = args[4],
        .out = is_out ? 1 : -1,
        .policy = policy(),
        .told = getenv("TENON_PARCEL_EVENTS") ? told : NULL,
    };

    return is_plain ? parcel_receive_plain(sock, &opts, &result)
                    : parcel_receive(sock, &opts, &result);
}

static int
give(tn_sock *sock, const char *code)
{
    struct parcel_send_opts opts = {
        .code = code,
        .who = "tool",
        .told = getenv("TENON_PARCEL_EVENTS") ? told : NULL,
    };
    parcel *p;
    int err = parcel_new(&p);

    for (int i = 4; i < arg_count && err == 0; i++) {
        err = strcmp(args[i], "-") == 0 ? parcel_add_fd(p, 0, "stdin")
                                        : parcel_add(p, args[i]);
    }
    if (err == 0) {
        err = parcel_send(sock, p, &opts, &result);
    }
    parcel_free(p);
    return err;
}

static int
body(void *arg)
{
    const char *code = strcmp(args[3], "-") == 0 ? NULL : args[3];
    tn_sock *sock;
    int err;

    (void)arg;
    if (strcmp(args[1], "sweep") == 0) {
        return parcel_sweep(args[4]);
    }
    err = tn_fromfd(&sock, (int)strtol(args[2], NULL, 10));
    if (err < 0) {
        return err;
    }
    err = strcmp(args[1], "send") == 0
              ? give(sock, code)
              : take(sock, code, strcmp(args[1], "plain") == 0);
    if (err < 0) {
        (void)fprintf(stderr, "parcel_tool: %s\n", tn_why());
    }
    (void)tn_close(sock);
    return err;
}

int
main(int argc, char **argv)
{
    struct timespec t;
    int err;

    if (argc < 5) {
        (void)fprintf(stderr, "usage: parcel_tool recv|send FD CODE PATH...\n");
        return 2;
    }
    args = argv;
    arg_count = argc;
    err = tn_run(NULL, body, NULL);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    (void)fprintf(stderr, "%s %u %u %u %lld %lld %lld %s\n",
                  err < 0 ? tn_err_name(err) : "OK", result.done,
                  result.skipped, result.failed, (long long)result.moved,
                  (long long)result.kept,
                  (long long)t.tv_sec * 1000000000 + t.tv_nsec, result.reason);
    return err < 0;
}
