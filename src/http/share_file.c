/*
 * share_file.c - a file as the answer: which form of it, and whether the
 * client has it already.
 */
#include <tenon/url.h>

#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name, *suffix, *tag;
} codings[TN__CODINGS] = {
    [TN__ZSTD] = {"zstd", ".zst", "-zst"},
    [TN__BR] = {"br", ".br", "-br"},
    [TN__GZIP] = {"gzip", ".gz", "-gz"},
};

/* ---- types ---- */

/* What compression makes smaller. */
static bool
is_wordy(const char *type)
{
    static const char *const heads[] = {
        "text/",
        "application/json",
        "application/xml",
        "application/javascript",
        "application/wasm",
        "image/svg+xml",
        "application/xhtml+xml",
        "application/x-tar",
        "image/bmp",
        "font/ttf",
        "application/rtf",
    };
    size_t n = strcspn(type, ";");
    if (n > 4 && (memcmp(type + n - 4, "+xml", 4) == 0 ||
                  (n > 5 && memcmp(type + n - 5, "+json", 5) == 0))) {
        return true;
    }
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (strncmp(type, heads[i], strlen(heads[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* What a browser shows without running anything of it. */
static bool
is_harmless(const char *type)
{
    static const char *const heads[] = {
        "text/plain", "image/png",  "image/jpeg", "image/gif",
        "image/webp", "image/avif", "audio/",     "video/",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (strncmp(type, heads[i], strlen(heads[i])) == 0) {
            return true;
        }
    }
    return false;
}

static const char *
type_of(const struct tn__call *c)
{
    const char *name = c->share->one ? c->share->shown : c->path;
    const char *type = tn_share_type(name);
    return c->share->opts.attach && !is_harmless(type)
               ? "application/octet-stream"
               : type;
}

/* ---- names ---- */

int
tn__share_disposition(struct tn__call *c, const char *kind, const char *name)
{
    /* Twice: for old clients in ASCII, RFC 6266 section 4.3. */
    char plain[TN_SHARE_NAME + 1];
    char coded[3 * TN_SHARE_NAME + 1];
    char text[5 * TN_SHARE_NAME];
    size_t n = 0;
    for (const char *p = name; *p && n < TN_SHARE_NAME; p++) {
        bool safe = *p >= ' ' && *p < 0x7f && !strchr("\"\\%;", *p);
        plain[n++] = (char)(safe ? *p : '_');
    }
    plain[n] = '\0';
    if (tn_url_encode(coded, sizeof(coded), (tn_str){name, strlen(name)}, "") <
        0) {
        return -ENAMETOOLONG;
    }
    (void)snprintf(text, sizeof(text),
                   "%s; filename=\"%s\"; filename*=UTF-8''%s", kind, plain,
                   coded);
    return tn_httpd_field(c->x, "Content-Disposition", text);
}

static const char *
last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- which form ---- */

/* A file beside it that is the same, compressed, and not older. Not where
   strangers may put one there. */
static int
open_beside(const struct tn__call *c, enum tn__coding coding,
            const struct stat *plain, struct stat *st)
{
    char *path;
    if (c->share->opts.writable || c->share->one ||
        asprintf(&path, "%s%s", c->path, codings[coding].suffix) < 0) {
        return -ENOENT;
    }
    int fd = tn__share_open_read(c->share, path, st);
    free(path);
    if (fd >= 0 &&
        (!S_ISREG(st->st_mode) || st->st_mtim.tv_sec < plain->st_mtim.tv_sec)) {
        close(fd);
        fd = -ENOENT;
    }
    return fd;
}

/* Can it be coded on the way? A range is one of bytes that exist. */
static bool
can_squeeze(const struct tn__call *c, const struct tn__body *b,
            enum tn__coding coding, bool identity)
{
    const tn_share *s = c->share;
    bool worth = is_wordy(b->type) && b->st.st_size >= TN_SHARE_COMPRESS;
    return coding != TN__BR && !s->opts.no_compress && (worth || !identity) &&
           s->squeezes < TN__SQUEEZES && !tn_httpd_value(c->x, "Range").at;
}

/* Choose the form that the client likes best: of equals what lies there
   compressed already, then the smallest. `own` is set to a descriptor to
   close. False: none is acceptable. */
static bool
choose(struct tn__call *c, struct tn__body *b, int *own)
{
    const struct stat plain = b->st;
    struct tn__accept a;
    tn__accept_codings(&a, c->req->fields, c->req->field_count);
    bool identity = a.q[TN__IDENTITY] > 0;
    int best = identity ? a.q[TN__IDENTITY] - 1 : 0;
    bool found = identity;
    for (int i = 0; i < TN__CODINGS; i++) {
        struct stat st;
        int fd = a.q[i] > best ? open_beside(c, (enum tn__coding)i, &plain, &st)
                               : -ENOENT;
        if (fd >= 0) {
            if (*own >= 0) {
                close(*own);
            }
            *own = b->fd = fd;
            b->st = st;
            b->coding = (enum tn__coding)i;
            best = a.q[i];
            found = true;
        }
    }
    for (int i = 0; i < TN__CODINGS && *own < 0; i++) {
        enum tn__coding coding = (enum tn__coding)i;
        if (a.q[i] > best && can_squeeze(c, b, coding, identity)) {
            b->squeeze = true;
            b->coding = coding;
            best = a.q[i];
            found = true;
        }
    }
    return found;
}

/* ---- hashes ---- */

int
tn__share_hash(int fd, int64_t size, unsigned char sha256[32])
{
    char *buf = malloc(TN_SHARE_PIECE);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int r = buf && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
                ? 0
                : -ENOMEM;
    for (int64_t at = 0; r == 0 && at < size;) {
        ssize_t n = pread(fd, buf, TN_SHARE_PIECE, at);
        if (n <= 0) {
            r = n < 0 ? -errno : TN_ETRUNCATED;
            break;
        }
        (void)EVP_DigestUpdate(ctx, buf, (size_t)n);
        at += n;
        r = tn_checkpoint();
    }
    if (r == 0) {
        (void)EVP_DigestFinal_ex(ctx, sha256, NULL);
    }
    EVP_MD_CTX_free(ctx);
    free(buf);
    return r;
}

/* Say the hash of what is sent, if that was asked for. */
static int
tell_digest(struct tn__call *c, const struct tn__body *b)
{
    tn_share *s = c->share;
    unsigned char sha256[32];
    char text[TN_SHARE_DIGEST];
    if (!tn__digest_wanted(tn_httpd_value(c->x, "Want-Repr-Digest")) ||
        b->squeeze || b->st.st_size > TN_SHARE_DIGEST_MAX) {
        return 0;
    }
    for (int i = 0; i < TN_SHARE_DIGESTS; i++) {
        if (b->etag[0] == '"' && strcmp(s->hashed[i].etag, b->etag) == 0) {
            tn__digest_text(text, s->hashed[i].sha256);
            return tn_httpd_field(c->x, "Repr-Digest", text);
        }
    }
    int r = tn__share_hash(b->fd, b->st.st_size, sha256);
    if (r < 0) {
        return r;
    }
    struct tn__hashed *h = &s->hashed[s->hashed_count++ % TN_SHARE_DIGESTS];
    memcpy(h->etag, b->etag, sizeof(h->etag));
    memcpy(h->sha256, sha256, sizeof(h->sha256));
    tn__digest_text(text, sha256);
    return tn_httpd_field(c->x, "Repr-Digest", text);
}

/* ---- the answer ---- */

/* The fields that 200, 206 and 304 have in common. */
static int
say_version(struct tn__call *c, const struct tn__body *b)
{
    char date[TN_HTTP_DATE_TEXT];
    bool varies = b->coding != TN__IDENTITY || is_wordy(b->type) ||
                  !c->share->opts.writable;
    int r = tn_httpd_field(c->x, "ETag", b->etag);
    r = r < 0 ? r
              : tn_httpd_field(c->x, "Last-Modified",
                               tn_http_date(date, b->st.st_mtim.tv_sec));
    r = r < 0 ? r : tn_httpd_field(c->x, "Cache-Control", "no-cache");
    return r < 0 || !varies ? r
                            : tn_httpd_field(c->x, "Vary", "Accept-Encoding");
}

static int
answer(struct tn__call *c, struct tn__body *b)
{
    const char *name = c->share->one ? c->share->shown : last_name(c->path);
    int r = say_version(c, b);
    if (b->coding != TN__IDENTITY && r == 0) {
        r = tn_httpd_field(c->x, "Content-Encoding", codings[b->coding].name);
    }
    if (c->share->opts.attach && r == 0) {
        r = tn__share_disposition(c, "attachment", name);
        r = r < 0 ? r
                  : tn_httpd_field(c->x, "Content-Security-Policy",
                                   "default-src 'none'; sandbox");
    }
    r = r < 0 ? r : tell_digest(c, b);
    return r < 0        ? r
           : b->squeeze ? tn__share_squeeze(c, b)
                        : tn__share_send(c, b);
}

int
tn__share_file(struct tn__call *c, int fd, const struct stat *st)
{
    struct tn__body b = {
        .fd = fd, .st = *st, .type = type_of(c), .coding = TN__IDENTITY};
    int own = -1;
    if (!choose(c, &b, &own)) {
        return tn_httpd_error(c->x, 406, "No coding that you accept is here.");
    }
    char strong[TN__ETAG];
    const char *tag = b.coding == TN__IDENTITY ? "" : codings[b.coding].tag;
    tn__share_etag(strong, &b.st, tag);
    /* What is coded on the way may come out otherwise next time. */
    bool weaken = b.squeeze && strong[0] == '"';
    (void)snprintf(b.etag, sizeof(b.etag), "%s%.*s", weaken ? "W/" : "",
                   TN__ETAG - 3, strong);
    struct tn__version v = {b.etag, b.st.st_mtim.tv_sec, time(NULL)};
    int verdict = tn__cond_check(c->req->fields, c->req->field_count, true, &v);
    int r;
    if (verdict == 304) {
        r = say_version(c, &b);
        r = r < 0 ? r : tn_httpd_reply(c->x, 304, NULL, "", 0);
    } else {
        r = verdict ? tn_httpd_error(c->x, verdict, NULL) : answer(c, &b);
    }
    if (own >= 0) {
        close(own);
    }
    return r;
}
