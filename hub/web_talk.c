#include <tenon/err.h>
#include <tenon/task.h>

#include "dialect.h"
#include "lan.h"
#include "web_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct bucket_rule ask_rule = {WEB_ASK_INTERVAL, WEB_ASK_BURST};

/* --- what it is sent: one task ---------------------------------------------*/

void
web_ring_all(struct web *w)
{
    char ring = 0;

    for (struct web_conn *c = w->first; c != NULL; c = c->next) {
        (void)!tn_chan_try_send(c->bell, &ring);
    }
}

/* Send all that it has not seen. */
static int
catch_up(struct web_conn *c)
{
    struct web *w = c->web;

    while (c->state == WEB_IN && c->at < w->end) {
        const struct room_event *ev;
        size_t n;
        int err;

        if (w->end - c->at > WEB_RING) {
            return -EOVERFLOW;
        }
        ev = &w->ring[c->at++ % WEB_RING];
        /* Written to a place of our own: the ring goes on while we send. */
        if (!web_may_see(ev, c->id)) {
            continue;
        }
        n = web_write_event(c->line, sizeof(c->line), ev, c->author, true);
        err = n > 0 ? tn_ws_send(c->ws, TN_WS_TEXT, c->line, n) : 0;
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* Wait for the bell until a moment; 1 if it rang, 0 if the time is up. */
static int
wait_bell(struct web_conn *c, int64_t until)
{
    int64_t left = until - tn_now();
    tn_scope limit;
    char ring;
    bool late;
    int err;

    tn_deadline(&limit, left > 0 ? left : 0);
    err = tn_chan_recv(c->bell, &ring);
    late = tn_scope_end(&limit);
    return err == 0 ? 1 : late ? 0 : err;
}

static int
courier(void *arg)
{
    struct web_conn *c = arg;
    int64_t alive = tn_now() + WEB_ALIVE;
    int err = 0;

    tn_task_name("web courier");
    while (err == 0 && c->state != WEB_REPLACED) {
        err = catch_up(c);
        if (err == 0) {
            err = wait_bell(c, alive);
        }
        if (err == 0) {
            alive = tn_now() + WEB_ALIVE;
            err = web_send(c, json_pack("{s:s,s:I}", "is", "alive", "latest",
                                        (json_int_t)c->web->latest));
        } else if (err > 0) {
            err = 0;
        }
    }
    return err == 0 ? -ECONNRESET : err;
}

/* --- coming in -------------------------------------------------------------*/

/* Why somebody is not let in: the word of web.md, and a sentence. */
struct reason {
    int err;
    const char *why, *text;
};

static const struct reason reasons[] = {
    {-EEXIST, "taken", "The name is taken."},
    {-ENAMETOOLONG, "name", "The name is too long."},
    {-EUSERS, "full", "The room is full."},
    {-ESHUTDOWN, "full", "The room is closed."},
    {-EAGAIN, "slow", "Too many came in at once. Wait a little."},
    {-EBADMSG, "what", "The key has to be 16 to 64 letters and digits."},
    {-EIO, "what", "The hub is out of order."},
    {0, "name", "This is not a name."}, /* any other */
};

static int
refuse(struct web_conn *c, int err, const char *ref)
{
    const struct reason *r = reasons;

    while (r->err != 0 && r->err != err) {
        r++;
    }
    return web_refuse(c, r->why, r->text, ref);
}

/* Send the welcome, what was missed, and from then on what happens. The
   moment of both is the same: nothing is left out or sent twice, though the
   room goes on meanwhile. */
static int
welcome(struct web_conn *c, const struct web_message *m)
{
    struct web *w = c->web;
    bool known = strcmp(m->epoch, w->epoch) == 0;
    struct web_span missed = {.after = known ? m->since : 0,
                              .before = w->latest + 1,
                              .limit = WEB_PAST};
    json_int_t latest = (json_int_t)w->latest;
    json_t *people = web_people(w, c->id);
    json_t *you = json_string(room_name(w->room, c->id));
    const char *share = w->share == NULL    ? "no"
                        : w->opts.read_only ? "read"
                                            : "write";
    json_t *files;
    int err;

    c->at = w->end;
    files = web_list_files(w); /* suspends: all else is of the moment before */
    err = web_send(c, json_pack("{s:s,s:s,s:s,s:o?,s:I,s:o,s:o,s:s,s:i}", "is",
                                "welcome", "epoch", w->epoch, "room",
                                w->opts.name, "you", you, "latest", latest,
                                "people", people, "files", files, "share",
                                share, "text_max", ROOM_TEXT_MAX));
    if (err == 0) {
        err = web_send_past(c, &missed);
    }
    return err;
}

static int
hello(struct web_conn *c, const struct web_message *m)
{
    char ring = 0;
    int err;

    if (c->state != WEB_NEW) {
        return web_refuse(c, "order", "You are in already.", NULL);
    }
    c->state = WEB_ENTERS;
    err = web_sit(c, m);
    if (c->state == WEB_REPLACED) {
        return 0; /* the courier sees to it */
    }
    if (err < 0) {
        c->state = WEB_NEW;
        return err == -ECANCELED || err == -ETIME ? err : refuse(c, err, NULL);
    }
    err = welcome(c, m);
    if (err == 0 && c->state == WEB_ENTERS) {
        c->state = WEB_IN;
        (void)!tn_chan_try_send(c->bell, &ring);
    }
    return err;
}

/* --- saying something ------------------------------------------------------*/

static bool
is_ref(const char *ref)
{
    size_t n = strspn(ref, "0123456789abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return n <= ROOM_REF_MAX && ref[n] == '\0';
}

/* Clean a text of several lines into c->text, as one: its length; -EMSGSIZE;
   -ENOMEM. */
static int
clean_into(struct web_conn *c, char *raw, size_t n)
{
    char *scratch = malloc(3 * n + 1); /* cleaning may treble it */
    size_t len;

    if (scratch == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        raw[i] = raw[i] == '\n' ? ' ' : raw[i];
    }
    len = tn_text_clean(scratch, 3 * n + 1, raw, n);
    if (len <= ROOM_TEXT_MAX) {
        memcpy(c->text, scratch, len + 1);
        len = strspn(c->text, " ") == len ? 0 : dialect_defuse(c->text, len);
    }
    free(scratch);
    return len <= ROOM_TEXT_MAX ? (int)len : -EMSGSIZE;
}

/* The same for a message: its length; -EMSGSIZE; -ENOMEM. */
static int
clean(struct web_conn *c, const struct web_message *m)
{
    char *raw;
    int len;

    if (m->text_len > (size_t)3 * ROOM_TEXT_MAX) {
        return -EMSGSIZE;
    }
    raw = strndup(m->text, m->text_len);
    if (raw == NULL) {
        return -ENOMEM;
    }
    len = clean_into(c, raw, m->text_len);
    free(raw);
    return len;
}

/* It was said before: what is on its way comes by itself. */
static int
confirm(struct web_conn *c, const struct refs_entry *e)
{
    if (e->number == 0) {
        return 0;
    }
    return web_send(c, json_pack("{s:s,s:s,s:I}", "is", "said", "ref", e->ref,
                                 "n", (json_int_t)e->number));
}

/* Why words were not said. */
static int
refuse_words(struct web_conn *c, int err, const char *ref)
{
    if (err == -ESRCH) {
        return web_refuse(c, "nobody", "Nobody is called so.", ref);
    }
    return err == -EAGAIN
               ? web_refuse(c, "slow", "Not so fast, this was not said.", ref)
               : web_refuse(c, "order", "You are not in the room.", ref);
}

/* Say c->text, as `m` has it. */
static int
utter(struct web_conn *c, const struct web_message *m, size_t len)
{
    struct refs *refs = c->web->opts.refs;
    const char *ref = m->ref;
    struct room_words words = {.text = c->text,
                               .len = len,
                               .ref = ref,
                               .act = strcmp(m->how, "act") == 0};
    struct refs_entry *e;
    int err;

    if (ref[0] != '\0') {
        e = refs_find(refs, c->author, ref);
        if (e != NULL) {
            return confirm(c, e);
        }
    }
    if (m->to_len > 0) {
        words.to = room_find(c->web->room, m->to, m->to_len);
        if (words.to == 0) {
            return refuse_words(c, -ESRCH, ref);
        }
    }
    if (ref[0] != '\0') {
        refs_add(refs, c->author, ref, 0);
    }
    err = room_utter(c->web->room, c->id, &words, tn_now());
    if (err == 0) {
        return 0;
    }
    e = ref[0] != '\0' ? refs_find(refs, c->author, ref) : NULL;
    if (e != NULL) { /* it may be said again */
        memset(e, 0, sizeof(*e));
    }
    return refuse_words(c, err, ref);
}

/* Whether what is asked for can be done at all: 1; or what sending the answer
   returned. */
static int
may_ask(struct web_conn *c, const struct web_message *m)
{
    int err = 1;

    if (c->state != WEB_IN) {
        err = web_refuse(c, "order", "Say hello first.",
                         is_ref(m->ref) ? m->ref : NULL);
    } else if (!is_ref(m->ref)) {
        err = web_refuse(c, "what", "The ref has to be 32 letters at most.",
                         NULL);
    }
    return err;
}

static int
say(struct web_conn *c, const struct web_message *m)
{
    int len = may_ask(c, m);

    if (len != 1) {
        return len;
    }
    len = clean(c, m);
    if (len == -ENOMEM) {
        return len;
    }
    if (len < 0) {
        return web_refuse(c, "long", "This is too long.", m->ref);
    }
    if (len == 0) {
        return web_refuse(c, "what", "Nothing was said.", m->ref);
    }
    return utter(c, m, (size_t)len);
}

/* Be called something else. The event tells all that it is so. */
static int
nick(struct web_conn *c, const struct web_message *m)
{
    int err = may_ask(c, m);

    if (err != 1) {
        return err;
    }
    err = web_rename(c, m);
    if (err == 1) {
        return web_send(c, json_pack("{s:s,s:s,s:I}", "is", "said", "ref",
                                     m->ref, "n", (json_int_t)c->web->latest));
    }
    if (err == -EAGAIN) {
        return web_refuse(c, "slow", "Too many new names. Wait a little.",
                          m->ref);
    }
    if (err < 0) {
        return err == -ECANCELED || err == -ETIME ? err
                                                  : refuse(c, err, m->ref);
    }
    return 0;
}

static int
more(struct web_conn *c, const struct web_message *m)
{
    const struct web_span span = {.before = m->before, .limit = WEB_MORE};

    if (c->state != WEB_IN) {
        return web_refuse(c, "order", "Say hello first.", NULL);
    }
    return web_send_past(c, &span);
}

/* --- what it says: the other task ------------------------------------------*/

static int
obey(struct web_conn *c, const struct web_message *m)
{
    if (strcmp(m->verb, "say") == 0) {
        return say(c, m); /* the room itself counts these */
    }
    if (!bucket_take(&c->asks, &ask_rule, tn_now())) {
        return web_refuse(c, "slow", "Not so fast.", NULL);
    }
    if (strcmp(m->verb, "hello") == 0) {
        return hello(c, m);
    }
    if (strcmp(m->verb, "more") == 0) {
        return more(c, m);
    }
    if (strcmp(m->verb, "nick") == 0) {
        return nick(c, m);
    }
    return web_refuse(c, "what", "This is not understood.", NULL);
}

static int
on_message(struct web_conn *c, enum tn_ws_kind kind, tn_str data)
{
    struct web_message m;
    int err;

    if (kind != TN_WS_TEXT || web_parse(&m, data) < 0) {
        if (!bucket_take(&c->asks, &ask_rule, tn_now())) {
            return -EPROTO;
        }
        return web_refuse(c, "what", "This is not understood.", NULL);
    }
    err = obey(c, &m);
    json_decref(m.root);
    return err;
}

/* Receive a message; who has not come in has only so long. */
static int
receive(struct web_conn *c, enum tn_ws_kind *kind, tn_str *data)
{
    tn_scope limit;
    bool late;
    int got;

    tn_deadline(&limit, c->state == WEB_NEW ? WEB_HELLO : TN_FOREVER);
    got = tn_ws_recv(c->ws, kind, data);
    late = tn_scope_end(&limit);
    return got < 0 && late ? -EPROTO : got;
}

static int
reader(void *arg)
{
    struct web_conn *c = arg;
    enum tn_ws_kind kind;
    tn_str data;
    int err;

    tn_task_name("web reader");
    do {
        err = receive(c, &kind, &data);
        if (err == 1) {
            err = on_message(c, kind, data);
            err = err == 0 ? 1 : err;
        }
    } while (err == 1);
    return err == 0 ? -EPIPE : err;
}

/* --- a connection ----------------------------------------------------------*/

static void
link_conn(struct web *w, struct web_conn *c)
{
    c->number = ++w->conns;
    c->next = w->first;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    w->first = c;
}

static void
unlink_conn(struct web *w, struct web_conn *c)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        w->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
}

static bool
is_crowded(const struct web *w, const struct in6_addr *ip)
{
    int count = 0;

    if (lan_is_loopback(ip)) {
        return false;
    }
    for (const struct web_conn *c = w->first; c != NULL; c = c->next) {
        count += memcmp(&c->ip, ip, sizeof(*ip)) == 0;
    }
    return count >= WEB_PER_HOST;
}

static void
say_why(struct web_conn *c, int err)
{
    if (c->state == WEB_REPLACED) {
        (void)web_send(c, json_pack("{s:s}", "is", "bye"));
        (void)tn_ws_close(c->ws, WEB_CLOSE_TAKEN, "you came again");
    } else if (err == -ECANCELED) {
        (void)web_send(c, json_pack("{s:s}", "is", "bye"));
        (void)tn_ws_close(c->ws, WEB_CLOSE_AWAY, "the hub closes");
    } else if (err == -EOVERFLOW) {
        (void)tn_ws_close(c->ws, WEB_CLOSE_SLOW, "too slow");
    } else if (err == -EPROTO) {
        (void)tn_ws_close(c->ws, WEB_CLOSE_RULES, "not understood");
    }
}

/* Say why it ends, and wait for the answer. Whoever gives none is not there:
   nothing of the connection's own end is worth a wait then. */
static void
part(struct web_conn *c, int err)
{
    enum tn_ws_kind kind;
    tn_scope shield;
    tn_str data;

    tn_shield(&shield, WEB_LINGER);
    say_why(c, err);
    while (tn_ws_recv(c->ws, &kind, &data) == 1) {
        /* What was on its way when we closed. */
    }
    if (tn_scope_end(&shield)) {
        (void)tn_shutdown(c->sock, SHUT_RDWR);
    }
}

static int
converse(struct web_conn *c)
{
    tn_group g;
    int err;

    tn_group_init(&g, 0);
    err = tn_go(&g, reader, c);
    if (err == 0) {
        err = tn_go(&g, courier, c);
    }
    if (err < 0) {
        tn_group_cancel(&g);
    }
    return tn_group_wait(&g);
}

static int
serve(struct web *w, struct web_conn *c)
{
    int err = tn_chan_new(&c->bell, 1, 1);

    if (err == 0) {
        link_conn(w, c);
        err = converse(c);
        web_rise(c);
        unlink_conn(w, c);
        part(c, err);
    }
    tn_chan_free(c->bell);
    return err;
}

int
web_talk(tn_exchange *x, void *arg)
{
    static const tn_ws_opts opts = {.max_message = WEB_MESSAGE,
                                    .send_time = WEB_SEND,
                                    .protocol = "tenon.room.1"};
    struct web *w = arg;
    struct web_conn *c = calloc(1, sizeof(*c));
    int err;

    if (c == NULL) {
        return -ENOMEM;
    }
    c->web = w;
    c->peer = tn_httpd_peer(x);
    c->sock = tn_httpd_sock(x);
    if (!lan_ip(&c->ip, &c->peer->u.sa) || is_crowded(w, &c->ip)) {
        free(c);
        return tn_httpd_error(x, 503, "Too many connections from there.");
    }
    err = tn_ws_accept(&c->ws, x, &opts);
    if (err == 0) {
        (void)serve(w, c);
        tn_ws_free(c->ws);
    }
    free(c);
    return err == TN_EWS ? 0 : err;
}
