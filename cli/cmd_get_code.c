/*
 * Content codings on their way back: gzip, deflate (zlib), zstd. Memory is
 * bounded by the window: 32 KiB, and 8 MiB as RFC 9659 allows.
 */
#include <tenon/err.h>

#include "cmd_get_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

enum {
    CODE_OUT = 32 << 10,
    CODE_WINDOW_LOG = 23,  /* RFC 9659: 8 MiB */
    GZIP_OR_ZLIB = 32 + 15 /* windowBits: see zlib.h, inflateInit2() */
};

struct code {
    z_stream z;
    ZSTD_DStream *zstd;
    bool is_zlib;
    bool any;   /* a byte has come */
    bool ended; /* a whole member, or frame, and nothing behind it yet */
    char out[CODE_OUT];
};

static bool
is_word(tn_str name, const char *word)
{
    return name.len == strlen(word) &&
           strncasecmp(name.at, word, name.len) == 0;
}

static bool
start(struct code *c, tn_str name)
{
    c->is_zlib = is_word(name, "gzip") || is_word(name, "x-gzip") ||
                 is_word(name, "deflate");
    if (c->is_zlib) {
        return inflateInit2(&c->z, GZIP_OR_ZLIB) == Z_OK;
    }
    c->zstd = is_word(name, "zstd") ? ZSTD_createDStream() : NULL;
    return c->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(
                          c->zstd, ZSTD_d_windowLogMax, CODE_WINDOW_LOG));
}

struct code *
code_new(tn_str name)
{
    struct code *c = calloc(1, sizeof(*c));
    if (c && !start(c, name)) {
        code_free(c);
        c = NULL;
    }
    return c;
}

void
code_free(struct code *c)
{
    if (!c) {
        return;
    }
    if (c->is_zlib) {
        (void)inflateEnd(&c->z);
    }
    (void)ZSTD_freeDStream(c->zstd);
    free(c);
}

static int
damaged(void)
{
    return tn_fail(TN_ECODING, "unpack the body", NULL);
}

/* RFC 1952 section 2.2: one member may follow another. An output that was
   filled may have left more inside. */
static int
unzip(struct code *c, const char *buf, size_t n, code_put *put, void *arg)
{
    int err = 0;
    c->z.next_in = (Bytef *)(uintptr_t)buf;
    c->z.avail_in = (uInt)n;
    do {
        if (c->ended && inflateReset(&c->z) != Z_OK) {
            return damaged();
        }
        c->z.next_out = (Bytef *)c->out;
        c->z.avail_out = CODE_OUT;
        int r = inflate(&c->z, Z_NO_FLUSH);
        size_t got = CODE_OUT - c->z.avail_out;
        c->ended = r == Z_STREAM_END;
        if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR) {
            return damaged();
        }
        err = got > 0 ? put(arg, c->out, got) : 0;
    } while (err == 0 &&
             (c->z.avail_in > 0 || (c->z.avail_out == 0 && !c->ended)));
    return err;
}

static int
unzstd(struct code *c, const char *buf, size_t n, code_put *put, void *arg)
{
    ZSTD_inBuffer in = {buf, n, 0};
    ZSTD_outBuffer out = {c->out, CODE_OUT, CODE_OUT};
    int err = 0;
    while ((in.pos < n || out.pos == CODE_OUT) && err == 0) {
        if (in.pos == n && c->ended) {
            break;
        }
        out.pos = 0;
        size_t r = ZSTD_decompressStream(c->zstd, &out, &in);
        if (ZSTD_isError(r)) {
            return damaged();
        }
        c->ended = r == 0;
        err = out.pos > 0 ? put(arg, c->out, out.pos) : 0;
    }
    return err;
}

int
code_write(struct code *c, const char *buf, size_t n, code_put *put, void *arg)
{
    if (n == 0) {
        return 0;
    }
    c->any = true;
    return c->is_zlib ? unzip(c, buf, n, put, arg)
                      : unzstd(c, buf, n, put, arg);
}

int
code_end(const struct code *c)
{
    return !c->any || c->ended ? 0 : damaged();
}
