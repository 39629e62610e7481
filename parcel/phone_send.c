/*
 * phone_send.c - a parcel to a device: an offer, an answer, then the files that
 * it wants, a few at a time.
 */
#include <tenon/err.h>
#include <tenon/share.h>
#include <tenon/task.h>
#include <tenon/url.h>

#include "job.h"
#include "parcel_int.h"
#include "phone_self.h"
#include "source.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 << 10 };

/* Not more than so many moves are told. */
#define TOLD (TN_SEC / 20)

struct sending {
    const struct phone_opts *opts;
    const struct phone_device *device;
    const parcel *p;
    struct parcel_result *result;
    struct phone_self self;
    struct phone_client client;
    struct parcel_sum sum;
    uint32_t count, next;
    struct phone_bid *bids;
    char session[PHONE_ID + 1];
    int gone; /* why nothing more can be sent */
    int64_t all_done, told_at;
};

/* --- telling ---------------------------------------------------------------*/

static void
tell(struct sending *g, enum parcel_what what, const struct parcel_event *more)
{
    struct parcel_event ev = *more;

    ev.what = what;
    ev.who = g->device->alias;
    ev.all_done = g->all_done;
    if (g->opts->told) {
        g->opts->told(g->opts->arg, &ev);
    }
}

static void
tell_sum(struct sending *g, enum parcel_what what)
{
    tell(g, what, &(struct parcel_event){.sum = &g->sum});
}

static const struct parcel_item *
item_of(const struct sending *g, const struct phone_bid *b)
{
    return &g->p->list.items[b->item];
}

static void
failed(struct sending *g, const struct parcel_item *item, int err,
       const char *why)
{
    g->result->failed++;
    tell(g, PARCEL_FAILED,
         &(struct parcel_event){
             .item = item, .err = err, .final = why ? why : tn_strerror(err)});
}

/* --- hashing ---------------------------------------------------------------*/

/* A file while it is hashed; a portion at a time. */
struct hashing {
    struct source src;
    EVP_MD_CTX *md;
    int64_t pos, size;
    unsigned char piece[PIECE];
};

static int
hash_some(void *arg)
{
    struct hashing *h = arg;

    for (int i = 0; i < 64 && h->pos < h->size; i++) {
        int64_t left = h->size - h->pos;
        size_t n = left < PIECE ? (size_t)left : PIECE;
        int err = source_read(&h->src, h->piece, n, h->pos);

        if (err < 0) {
            return err;
        }
        if (EVP_DigestUpdate(h->md, h->piece, n) != 1) {
            return -ENOMEM;
        }
        h->pos += (int64_t)n;
    }
    return 0;
}

static int
hash_all(struct hashing *h, unsigned char sha[PHONE_SHA])
{
    unsigned n = 0;
    int err = 0;

    h->md = EVP_MD_CTX_new();
    if (!h->md || EVP_DigestInit_ex(h->md, EVP_sha256(), NULL) != 1) {
        return -ENOMEM;
    }
    while (err == 0 && h->pos < h->size) {
        err = job_run(hash_some, h);
        if (err == 0) {
            err = tn_checkpoint();
        }
    }
    if (err == 0 &&
        (EVP_DigestFinal_ex(h->md, sha, &n) != 1 || n != PHONE_SHA)) {
        err = -ENOMEM;
    }
    return err;
}

/* Open an item's file; -ESTALE: it has another size than it had. */
static int
open_source(const struct sending *g, const struct phone_bid *b,
            struct source *src)
{
    const struct parcel_item *item = item_of(g, b);
    char *path = malloc(PATH_MAX);
    int err = path ? parcel_real_path(g->p, b->item, path, PATH_MAX) : -ENOMEM;

    if (err == 0) {
        err = source_open(src, path, strchr(item->path, '/') == NULL);
    }
    free(path);
    if (err == 0 && src->st.st_size != item->size) {
        source_close(src);
        err = -ESTALE;
    }
    return err;
}

static int
hash_bid(const struct sending *g, struct phone_bid *b)
{
    struct hashing *h = calloc(1, sizeof(*h));
    int err = h ? open_source(g, b, &h->src) : -ENOMEM;

    if (err == 0) {
        h->size = b->size;
        err = hash_all(h, b->sha);
        EVP_MD_CTX_free(h->md);
        source_close(&h->src);
        b->has_sha = err == 0;
    }
    free(h);
    return err;
}

/* --- the offer -------------------------------------------------------------*/

/* What can be sent: files that are there, and are named in UTF-8. */
static int
make_bids(struct sending *g)
{
    const struct list *l = &g->p->list;

    g->bids = calloc(l->count + 1, sizeof(*g->bids));
    if (!g->bids) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        const struct parcel_item *item = &l->items[i];
        size_t n = strlen(item->path);

        if (item->kind == PARCEL_STREAM) {
            return -ESPIPE;
        }
        if (item->kind != PARCEL_FILE) {
            continue;
        }
        if (!tn_text_valid(item->path, n)) {
            failed(g, item, -EILSEQ, "its name is no UTF-8");
            continue;
        }
        if (g->count == PHONE_FILES) {
            return -E2BIG;
        }
        g->bids[g->count++] =
            (struct phone_bid){.item = i,
                               .path = item->path,
                               .type = tn_share_type(item->path),
                               .size = item->size,
                               .mtime = item->mtime};
        g->sum.files++;
        g->sum.bytes += item->size;
    }
    return 0;
}

/* Hash them, unless that is so much that people would wait for it. One that
   cannot be read is left out. */
static int
hash_bids(struct sending *g)
{
    uint32_t kept = 0;

    if (g->sum.bytes > PHONE_HASHED) {
        return 0;
    }
    for (uint32_t i = 0; i < g->count; i++) {
        struct phone_bid *b = &g->bids[i];
        int err = hash_bid(g, b);

        if (err == -ECANCELED || err == -ETIME || err == -ENOMEM) {
            return err;
        }
        if (err < 0) {
            g->sum.files--;
            g->sum.bytes -= b->size;
            failed(g, item_of(g, b), err, NULL);
        } else {
            g->bids[kept++] = *b;
        }
    }
    g->count = kept;
    return 0;
}

/* A page's first words, or nothing: why it said no. */
static void
keep_reason(struct sending *g, const char *text)
{
    size_t n = text && text[0] != '<' ? strcspn(text, "\r\n") : 0;

    if (text && text[0] != '{') {
        (void)tn_text_clean(g->result->reason, sizeof(g->result->reason), text,
                            tn_text_cut(text, n, PARCEL_REASON));
    }
}

static int
code_of(int status)
{
    switch (status) {
    case 200:
    case 204:
        return 0;
    case 401:
        return -EKEYREJECTED;
    case 403:
        return -EACCES;
    case 409:
    case 429:
        return -EBUSY;
    case 413:
        return -EFBIG;
    case 507:
        return -ENOSPC;
    default:
        return -EPROTO;
    }
}

static int
offer(struct sending *g)
{
    char path[64 + 3 * PHONE_PIN] = "prepare-upload", *text = NULL;
    char *json = phone_bid_write(&g->self.info, g->bids, g->count);
    int status = json ? 0 : -ENOMEM;
    int err;

    if (status == 0 && g->opts->pin) {
        size_t n = strlen(path);
        tn_str pin = {g->opts->pin, strlen(g->opts->pin)};

        n += (size_t)snprintf(path + n, sizeof(path) - n, "?pin=");
        status = (int)tn_url_encode(path + n, sizeof(path) - n, pin, "");
    }
    if (status >= 0) {
        status = phone_client_post(&g->client, path, json, &text, NULL);
    }
    err = status < 0 ? status : code_of(status);
    if (err == 0 && status == 200) {
        err = phone_bid_answer(g->session, g->bids, g->count,
                               (tn_str){text, strlen(text)});
    } else if (err < 0) {
        keep_reason(g, text);
    }
    explicit_bzero(path, sizeof(path));
    free(text);
    free(json);
    return err;
}

/* --- one file --------------------------------------------------------------*/

struct outgo {
    struct sending *g;
    const struct phone_bid *bid;
    struct source src;
    int64_t pos;
    size_t n, used; /* of the piece */
    unsigned char piece[PIECE];
};

static int
read_piece(void *arg)
{
    struct outgo *o = arg;
    int64_t left = o->bid->size - o->pos;

    o->used = 0;
    o->n = left < PIECE ? (size_t)left : PIECE;
    return source_read(&o->src, o->piece, o->n, o->pos);
}

static ssize_t
give(void *arg, void *buf, size_t cap)
{
    struct outgo *o = arg;
    struct sending *g = o->g;
    size_t n;

    if (o->used == o->n && o->pos < o->bid->size) {
        int err = job_run(read_piece, o);

        if (err < 0) {
            return err;
        }
        o->pos += (int64_t)o->n;
    }
    n = o->n - o->used < cap ? o->n - o->used : cap;
    memcpy(buf, o->piece + o->used, n);
    o->used += n;
    g->all_done += (int64_t)n;
    g->result->moved += (int64_t)n;
    if (tn_now() - g->told_at >= TOLD) {
        int64_t done = o->pos - (int64_t)(o->n - o->used);

        g->told_at = tn_now();
        tell(g, PARCEL_MOVED,
             &(struct parcel_event){.item = item_of(g, o->bid), .done = done});
    }
    return (ssize_t)n;
}

static int
url_of(const struct sending *g, const struct phone_bid *b, char *dst,
       size_t cap)
{
    char session[3 * PHONE_ID + 1], token[3 * PHONE_TOKEN + 1];
    tn_str s = {g->session, strlen(g->session)};
    tn_str t = {b->token, strlen(b->token)};
    int n;

    if (tn_url_encode(session, sizeof(session), s, "") < 0 ||
        tn_url_encode(token, sizeof(token), t, "") < 0) {
        return -EPROTO;
    }
    n = snprintf(dst, cap,
                 "%s" PHONE_API "upload?sessionId=%s&fileId=%lu&token=%s",
                 g->client.origin, session, (unsigned long)b->item, token);
    return n < 0 || (size_t)n >= cap ? -EPROTO : 0;
}

/* The status; an error of ours or of the network. */
static int
upload(struct outgo *o)
{
    static const tn_http_field fields[] = {
        {{"Content-Type", 12}, {"application/octet-stream", 24}},
    };
    char url[PHONE_URL];
    const tn_httpc_request req = {.method = "POST",
                                  .url = url,
                                  .fields = fields,
                                  .field_count = 1,
                                  .source = give,
                                  .source_arg = o,
                                  .length = o->bid->size};
    int err = url_of(o->g, o->bid, url, sizeof(url));
    tn_fetch *f;

    if (err == 0) {
        err = tn_httpc_open(&f, o->g->client.http, &req);
    }
    if (err < 0) {
        return err;
    }
    int status = tn_httpc_response(f)->status;
    char rest[512];
    /* Read to its end, for the next one on this connection. */
    for (int i = 0; i < 16 && tn_httpc_read(f, rest, sizeof(rest)) > 0; i++) {
    }
    tn_httpc_close(f);
    return status;
}

/* A file with what it needs in memory. */
static int
send_one(struct sending *g, const struct phone_bid *b)
{
    struct outgo *o = calloc(1, sizeof(*o));
    int err = o ? open_source(g, b, &o->src) : -ENOMEM;

    if (err == 0) {
        o->g = g;
        o->bid = b;
        tell(g, PARCEL_BEGIN, &(struct parcel_event){.item = item_of(g, b)});
        err = upload(o);
        source_close(&o->src);
    }
    free(o);
    return err;
}

static const char *
word_of(int status, char *dst, size_t cap)
{
    (void)snprintf(dst, cap, "the device answered %d%s", status,
                   status == 422   ? ": it arrived damaged"
                   : status == 507 ? ": its disk is full"
                   : status == 403 ? ": it wants no more"
                                   : "");
    return dst;
}

static int
pull(void *arg)
{
    struct sending *g = arg;
    char why[64];

    tn_task_name("phone send");
    while (g->next < g->count && g->gone == 0) {
        const struct phone_bid *b = &g->bids[g->next++];
        int status;

        if (b->token[0] == '\0') {
            g->result->skipped++;
            tell(g, PARCEL_SKIPPED,
                 &(struct parcel_event){.item = item_of(g, b)});
            continue;
        }
        status = send_one(g, b);
        if (status == -ECANCELED || status == -ETIME) {
            return status;
        }
        if (status >= 200 && status < 300) {
            g->result->done++;
            tell(
                g, PARCEL_DONE,
                &(struct parcel_event){.item = item_of(g, b), .done = b->size});
        } else {
            failed(g, item_of(g, b), status < 0 ? status : code_of(status),
                   status < 0 ? NULL : word_of(status, why, sizeof(why)));
            /* It ended the session, or its certificate is another now. */
            g->gone = status == 403 ? -EACCES : status == TN_ECERT ? status : 0;
        }
    }
    return 0;
}

/* --- all of it -------------------------------------------------------------*/

/* We were interrupted: the other side shall not wait for the rest. */
static void
cancel(const struct sending *g)
{
    char path[64 + 3 * PHONE_ID] = "cancel?sessionId=";
    size_t n = strlen(path);
    tn_str s = {g->session, strlen(g->session)};
    tn_scope shield;

    if (g->session[0] == '\0' ||
        tn_url_encode(path + n, sizeof(path) - n, s, "") < 0) {
        return;
    }
    tn_shield(&shield, PHONE_CALL);
    (void)phone_client_post(&g->client, path, NULL, NULL, NULL);
    (void)tn_scope_end(&shield);
}

static void
count_answer(struct sending *g)
{
    memset(&g->sum, 0, sizeof(g->sum));
    for (uint32_t i = 0; i < g->count; i++) {
        if (g->bids[i].token[0] != '\0') {
            g->sum.files++;
            g->sum.bytes += g->bids[i].size;
        }
    }
}

static int
send_files(struct sending *g)
{
    tn_group group;
    int err = 0;

    count_answer(g);
    tell_sum(g, PARCEL_ANSWER);
    tn_group_init(&group, 0);
    for (int i = 0; i < PHONE_SENDS && err == 0; i++) {
        err = tn_go(&group, pull, g);
    }
    int ended = tn_group_wait(&group);
    err = err < 0 ? err : ended;
    if (err < 0) {
        cancel(g);
        return err;
    }
    while (g->next < g->count) {
        failed(g, item_of(g, &g->bids[g->next++]), g->gone,
               "the session is over");
    }
    return g->result->failed > 0 ? -EIO : 0;
}

static int
run(struct sending *g)
{
    int err = make_bids(g);

    if (err == 0) {
        err = hash_bids(g);
    }
    if (err == 0 && g->count == 0) {
        return g->result->failed > 0 ? -EIO : 0;
    }
    if (err == 0) {
        err = phone_client_open(&g->client, &g->self, g->device, PHONE_THINK);
    }
    if (err < 0) {
        return err;
    }
    tell_sum(g, PARCEL_PAIRED);
    tell_sum(g, PARCEL_OFFER);
    err = offer(g);
    if (err == 0) {
        err = send_files(g);
    }
    phone_client_close(&g->client);
    return err;
}

int
phone_send(const struct phone_opts *opts, const struct phone_device *device,
           parcel *p, struct parcel_result *result)
{
    struct sending *g = calloc(1, sizeof(*g));
    int err;

    memset(result, 0, sizeof(*result));
    if (!g) {
        return -ENOMEM;
    }
    g->opts = opts;
    g->device = device;
    g->p = p;
    g->result = result;
    err = opts->pin && strlen(opts->pin) > PHONE_PIN
              ? -EKEYREJECTED
              : phone_self_open(&g->self, opts);
    if (err == 0) {
        err = run(g);
        phone_self_close(&g->self);
    }
    free(g->bids);
    free(g);
    return err;
}
