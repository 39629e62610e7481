/*
 * phone_tool.c - LocalSend with nothing around it, for tests.
 *
 *     phone_tool recv DIR             until SIGINT
 *     phone_tool find MS              devices, a line each
 *     phone_tool at IP:PORT           the device there
 *     phone_tool send IP:PORT FINGERPRINT PATH...     "-": plain HTTP
 *
 * Settings come by the environment: PHONE_ALIAS, PHONE_STATE, PHONE_PIN,
 * PHONE_MULTICAST, PHONE_CLEAR, PHONE_POLICY, PHONE_MAX, PHONE_AT_ONCE,
 * PHONE_BIND, PHONE_PORT_NUMBER; PHONE_TAKE is what is asked for: "none", or
 * the first so many files. Events are lines on the standard output.
 */
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/run.h>
#include <tenon/sock.h>

#include "parcel/phone.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char **args;
static int arg_count;

static void
told(void *arg, const struct parcel_event *ev)
{
    static const char *const names[] = {"paired", "offer", "answer",  "begin",
                                        "moved",  "done",  "skipped", "failed"};

    (void)arg;
    if (ev->what == PARCEL_MOVED) {
        return;
    }
    printf("%s %s %s %s\n", names[ev->what], ev->item ? ev->item->path : "-",
           tn_err_name(ev->err), ev->final ? ev->final : "-");
    (void)fflush(stdout);
}

static void
ended(void *arg, const char *who, int err, const struct parcel_result *r)
{
    (void)arg;
    printf("ended %s done %u skipped %u failed %u by %s\n",
           err < 0 ? tn_err_name(err) : "OK", r->done, r->skipped, r->failed,
           who);
    (void)fflush(stdout);
}

static int
ask(void *arg, const struct parcel_ask *a)
{
    const char *text = arg;

    if (strcmp(text, "none") == 0) {
        return -EACCES;
    }
    if (strcmp(text, "wait") == 0) {
        return tn_sleep(TN_FOREVER);
    }
    for (uint32_t i = 0; i < a->sum->files; i++) {
        a->take[i] = i < strtoul(text, NULL, 10);
    }
    return 0;
}

static int
number(const char *name)
{
    const char *text = getenv(name);

    return text ? (int)strtol(text, NULL, 10) : 0;
}

static void
fill(struct phone_opts *o)
{
    const char *policy = getenv("PHONE_POLICY"), *bind = getenv("PHONE_BIND");

    *o = (struct phone_opts){.alias = getenv("PHONE_ALIAS"),
                             .state = getenv("PHONE_STATE"),
                             .pin = getenv("PHONE_PIN"),
                             .port = number("PHONE_PORT_NUMBER"),
                             .multicast = number("PHONE_MULTICAST"),
                             .sessions = number("PHONE_AT_ONCE"),
                             .clear = getenv("PHONE_CLEAR") != NULL,
                             .max_bytes = number("PHONE_MAX"),
                             .told = told,
                             .ended = ended,
                             .arg = getenv("PHONE_TAKE")};
    o->alias = o->alias ? o->alias : "tool";
    o->port = o->port ? o->port : PHONE_ANY;
    o->ask = o->arg ? ask : NULL;
    o->policy = !policy                       ? PARCEL_RENAME
                : strcmp(policy, "skip") == 0 ? PARCEL_SKIP
                                              : PARCEL_OVERWRITE;
    if (bind && tn_addr_ip(&o->bind, bind, 0) < 0) {
        (void)fprintf(stderr, "phone_tool: %s: no address\n", bind);
    }
}

static int
receive(const struct phone_opts *opts)
{
    struct phone_opts o = *opts;
    phone *p;
    tn_addr at;
    tn_group g;

    o.dir = args[2];
    int err = phone_open(&p, &o);
    if (err < 0) {
        return err;
    }
    err = phone_addr(p, &at);
    printf("ready %d %s\n", tn_addr_port(&at), phone_fingerprint(p));
    (void)fflush(stdout);
    tn_group_init(&g, 0);
    if (err == 0) {
        err = tn_go(&g, phone_run, p);
    }
    if (err == 0) {
        err = tn_sleep(TN_FOREVER);
    }
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    phone_close(p);
    return err;
}

static void
show(const struct phone_device *d)
{
    char text[TN_ADDR_TEXT];

    printf("device %s %s %s %s %s\n",
           tn_addr_format(&d->addr, text, sizeof(text)),
           d->tls ? "https" : "http", d->kind, d->fingerprint, d->alias);
}

static int
find(const struct phone_opts *o)
{
    static struct phone_device found[PHONE_FOUND];
    int n =
        phone_find(o, strtol(args[2], NULL, 10) * TN_MS, found, PHONE_FOUND);

    for (int i = 0; i < n; i++) {
        show(&found[i]);
    }
    return n < 0 ? n : 0;
}

static int
address(tn_addr *a)
{
    tn_endpoint ep;
    int err = tn_endpoint_parse(&ep, args[2], TN_TCP);

    return err < 0 ? err : tn_addr_ip(a, ep.host, ep.port < 0 ? 0 : ep.port);
}

static int
at(const struct phone_opts *o)
{
    struct phone_device d;
    tn_addr a;
    int err = address(&a);

    if (err == 0) {
        err = phone_at(o, &a, &d);
    }
    if (err == 0) {
        show(&d);
    }
    return err;
}

static int
give(const struct phone_opts *o)
{
    struct phone_device d = {.tls = strcmp(args[3], "-") != 0, .alias = "it"};
    struct parcel_result r = {0};
    parcel *p;
    int err = address(&d.addr);

    if (d.tls) {
        (void)snprintf(d.fingerprint, sizeof(d.fingerprint), "%s", args[3]);
    }
    if (err == 0) {
        err = parcel_new(&p);
    }
    if (err < 0) {
        return err;
    }
    for (int i = 4; i < arg_count && err == 0; i++) {
        err = parcel_add(p, args[i]);
    }
    if (err == 0) {
        err = phone_send(o, &d, p, &r);
    }
    parcel_free(p);
    printf("sent done %u skipped %u failed %u reason %s\n", r.done, r.skipped,
           r.failed, r.reason);
    return err;
}

static int
body(void *arg)
{
    struct phone_opts o;

    (void)arg;
    fill(&o);
    return strcmp(args[1], "recv") == 0   ? receive(&o)
           : strcmp(args[1], "find") == 0 ? find(&o)
           : strcmp(args[1], "at") == 0   ? at(&o)
                                          : give(&o);
}

/* SIGINT cancels, as the program's does. */
static int
watched(void *arg)
{
    static const int signo[] = {SIGINT};
    tn_signals *s;
    int err = tn_signals_open(&s, signo, 1);

    if (err < 0) {
        return err;
    }
    err = tn_signals_wait(s);
    tn_signals_close(s);
    tn_group_cancel(arg);
    return err < 0 ? err : 0;
}

static int
root(void *arg)
{
    tn_group watch, work;

    (void)arg;
    tn_group_init(&watch, 0);
    tn_group_init(&work, 0);
    int err = tn_go(&watch, watched, &work);
    if (err == 0) {
        err = tn_go(&work, body, NULL);
    }
    int result = tn_group_wait(&work);
    tn_group_cancel(&watch);
    (void)tn_group_wait(&watch);
    return err < 0 ? err : result;
}

int
main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: phone_tool recv|find|at|send ...\n");
        return 2;
    }
    args = argv;
    arg_count = argc;
    int err = tn_run(NULL, root, NULL);
    if (err < 0) {
        (void)fprintf(stderr, "phone_tool: %s: %s\n", tn_err_name(err),
                      tn_why());
    }
    return err < 0;
}
