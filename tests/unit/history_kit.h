/*
 * What the tests of the history share: a task to run in, an open file, a span
 * as it is found.
 */
#ifndef HISTORY_KIT_H
#define HISTORY_KIT_H

#include <tenon/task.h>

#include "hub/store.h"
#include "test.h"

#include <stdio.h>

/* Everything here runs in a task: the history has its own. */
static void (*body)(void);

static int
root(void *arg)
{
    (void)arg;
    body();
    return 0;
}

static void
in_task(void (*fn)(void))
{
    body = fn;
    OK(tn_run(NULL, root, NULL));
}

#define TASK_TEST(id)                                                          \
    static void in_##id(void);                                                 \
    TEST(id)                                                                   \
    {                                                                          \
        in_task(in_##id);                                                      \
    }                                                                          \
    static void in_##id(void)

static struct store_opts opts;

static store *
open_store(void)
{
    static char path[300];
    store *s;

    snprintf(path, sizeof(path), "%s/history.db", test_dir());
    opts.path = path;
    OK(store_open(&s, &opts));
    return s;
}

static struct room_event
event(uint64_t number, const char *text)
{
    struct room_event ev = {.number = number,
                            .time = 1700000000000 + (int64_t)number,
                            .what = ROOM_SAY,
                            .kind = ROOM_WEB,
                            .author = UINT64_MAX - 7,
                            .size = 5};

    ev.name_len = (size_t)snprintf(ev.name, sizeof(ev.name), "安");
    ev.text_len = (size_t)snprintf(ev.text, sizeof(ev.text), "%s", text);
    snprintf(ev.ref, sizeof(ev.ref), "r%d", (int)number);
    return ev;
}

static void
append(store *s, uint64_t number, const char *text)
{
    struct room_event ev = event(number, text);

    OK(store_append(s, &ev, 1, TN_MIN));
}

/* The texts that a span yields, the latest first: "c b a ". */
struct found {
    char text[4096];
    int count, stop;
    struct room_event last;
};

static struct found found;

static int
collect(void *arg, const struct room_event *ev)
{
    struct found *f = arg;
    size_t at = strlen(f->text);

    if (f->stop > 0 && f->count == f->stop) {
        return 1;
    }
    f->count++;
    f->last = *ev;
    snprintf(f->text + at, sizeof(f->text) - at, "%s ", ev->text);
    return 0;
}

static bool
read_span(store *s, uint64_t after, uint64_t before, int limit)
{
    struct store_span span = {.after = after,
                              .before = before,
                              .limit = limit,
                              .row = collect,
                              .arg = &found};

    found.count = 0;
    found.text[0] = '\0';
    OK(store_read(s, &span));
    return span.more;
}

#endif
