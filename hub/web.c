#include "web.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include "web_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* After Ctrl-C: browsers are told good-bye, and answer. Files under way are cut
   off; both sides of them can go on later where they were. */
#define WEB_DRAIN (1 * TN_SEC)

/* --- the ring --------------------------------------------------------------*/

/* The room published something: an outlet that never suspends. */
static void
take(void *arg, const struct room_event *ev)
{
    struct web *w = arg;
    struct room_event *place = &w->ring[w->end % WEB_RING];

    if (ev->what == ROOM_NOTE || ev->what == ROOM_BYE) {
        return;
    }
    if (w->end >= WEB_RING) {
        w->floor = place->number;
    }
    *place = *ev;
    w->end++;
    w->latest = ev->number;
    web_note(w, ev);
    web_ring_all(w);
}

/* --- life ------------------------------------------------------------------*/

static int
make_epoch(struct web *w)
{
    uint64_t random;

    if (w->store != NULL) {
        memcpy(w->epoch, store_epoch(w->store), sizeof(w->epoch));
        return 0;
    }
    if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
        return -EIO;
    }
    snprintf(w->epoch, sizeof(w->epoch), "%016llx", (unsigned long long)random);
    return 0;
}

static int
open_share(struct web *w, const char *folder)
{
    const tn_share_opts how = {.prefix = "/files/",
                               .writable = !w->opts.read_only,
                               .keep = true,
                               .attach = true,
                               .taken = TN_SHARE_RENAME,
                               .news = web_on_news,
                               .arg = w};

    return folder != NULL ? tn_share_new(&w->share, folder, &how) : 0;
}

static int
make_queues(struct web *w)
{
    char token = 0;
    int err = tn_chan_new(&w->desks, sizeof(token), WEB_DESKS);

    for (int i = 0; i < WEB_DESKS && err == 0; i++) {
        err = tn_chan_try_send(w->desks, &token);
    }
    return err == 0 ? tn_chan_new(&w->news, sizeof(struct web_news), WEB_NEWS)
                    : err;
}

int
web_open(web **out, room *r, store *s, const struct web_opts *opts)
{
    struct web *w = calloc(1, sizeof(*w));
    int err;

    *out = NULL;
    if (w == NULL) {
        return tn_fail(-ENOMEM, "open the web page", NULL);
    }
    json_object_seed(0); /* before there are threads that would do it */
    w->room = r;
    w->store = s;
    w->opts = *opts;
    w->floor = w->latest = room_latest(r);
    err = make_epoch(w);
    if (err == 0) {
        err = make_queues(w);
    }
    if (err == 0) {
        err = open_share(w, opts->files);
    }
    if (err == 0) {
        err = room_attach(r, take, w);
    }
    if (err < 0) {
        web_close(w);
        return err;
    }
    *out = w;
    return 0;
}

/* Listen, and look after what is not a request. */
static int
serve_http(struct web *w, tn_sock *listener)
{
    const tn_httpd_opts how = {.max_body = -1, /* the share has its own limit */
                               .drain_time = WEB_DRAIN,
                               .gate = web_gate,
                               .log = w->opts.log != NULL ? web_log : NULL};

    return tn_httpd_serve(listener, web_routes, w, &how);
}

int
web_serve(web *w, tn_sock *listener)
{
    tn_group g;
    int err, result = 0;

    tn_group_init(&g, 0);
    err = tn_go(&g, web_sweep, w);
    if (err == 0) {
        err = tn_go(&g, web_tell_news, w);
    }
    if (err == 0) {
        result = serve_http(w, listener);
    }
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    return err < 0 ? err : result;
}

void
web_close(web *w)
{
    if (w == NULL) {
        return;
    }
    tn_share_free(w->share);
    tn_chan_free(w->desks);
    tn_chan_free(w->news);
    free(w);
}
