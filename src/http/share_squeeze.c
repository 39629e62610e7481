/*
 * share_squeeze.c - a file compressed on its way to the client.
 *
 * A piece at a time, at the cheapest useful level: what is saved is the
 * network's time, and other tasks run between the pieces. The memory does not
 * grow with the file.
 */
#include "http/share_int.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    ZSTD_LEVEL = 1,
    ZSTD_WINDOW = 20, /* 1 MiB: browsers take up to 8 */
    GZIP_LEVEL = 3,
    GZIP_WINDOW = 15 + 16, /* 16: with the head of gzip */
};

struct squeeze {
    ZSTD_CCtx *zstd; /* one of the two */
    z_stream *gzip;
    char *in, *out;
};

static int
gzip_open(struct squeeze *z)
{
    z->gzip = calloc(1, sizeof(*z->gzip));
    if (z->gzip && deflateInit2(z->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8,
                                Z_DEFAULT_STRATEGY) != Z_OK) {
        free(z->gzip);
        z->gzip = NULL;
    }
    return z->gzip ? 0 : -ENOMEM;
}

static int
zstd_open(struct squeeze *z, int64_t size)
{
    z->zstd = ZSTD_createCCtx();
    if (!z->zstd) {
        return -ENOMEM;
    }
    size_t r =
        ZSTD_CCtx_setParameter(z->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    r = ZSTD_isError(r)
            ? r
            : ZSTD_CCtx_setParameter(z->zstd, ZSTD_c_windowLog, ZSTD_WINDOW);
    r = ZSTD_isError(r)
            ? r
            : ZSTD_CCtx_setPledgedSrcSize(z->zstd, (unsigned long long)size);
    return ZSTD_isError(r) ? TN_ECODING : 0;
}

static void
squeeze_close(struct squeeze *z)
{
    ZSTD_freeCCtx(z->zstd);
    if (z->gzip) {
        (void)deflateEnd(z->gzip);
        free(z->gzip);
    }
    free(z->in);
    free(z->out);
}

/* Code one piece and write what comes out. */
static int
zstd_piece(struct squeeze *z, struct tn__call *c, size_t n, bool last)
{
    ZSTD_inBuffer in = {z->in, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {z->out, TN_SHARE_PIECE, 0};
        left = ZSTD_compressStream2(z->zstd, &out, &in,
                                    last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return TN_ECODING;
        }
        int r = out.pos > 0 ? tn_httpd_write(c->x, z->out, out.pos) : 0;
        if (r < 0) {
            return r;
        }
    } while (last ? left > 0 : in.pos < in.size);
    return 0;
}

static int
gzip_piece(struct squeeze *z, struct tn__call *c, size_t n, bool last)
{
    z->gzip->next_in = (Bytef *)z->in;
    z->gzip->avail_in = (uInt)n;
    do {
        z->gzip->next_out = (Bytef *)z->out;
        z->gzip->avail_out = TN_SHARE_PIECE;
        if (deflate(z->gzip, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) {
            return TN_ECODING;
        }
        size_t made = TN_SHARE_PIECE - z->gzip->avail_out;
        int r = made > 0 ? tn_httpd_write(c->x, z->out, made) : 0;
        if (r < 0) {
            return r;
        }
    } while (z->gzip->avail_out == 0);
    return 0;
}

static int
run(struct squeeze *z, struct tn__call *c, const struct tn__body *b)
{
    int64_t at = 0;
    int r = 0;
    while (r == 0 && at < b->st.st_size) {
        int64_t left = b->st.st_size - at;
        size_t want = left < TN_SHARE_PIECE ? (size_t)left : TN_SHARE_PIECE;
        ssize_t n = pread(b->fd, z->in, want, at);
        if (n <= 0) { /* it shrank: what went out must not look whole */
            return n < 0 ? -errno : TN_ETRUNCATED;
        }
        at += n;
        bool last = at == b->st.st_size;
        r = z->zstd ? zstd_piece(z, c, (size_t)n, last)
                    : gzip_piece(z, c, (size_t)n, last);
        r = r < 0 ? r : tn_checkpoint();
    }
    return r;
}

int
tn__share_squeeze(struct tn__call *c, const struct tn__body *b)
{
    struct squeeze z = {NULL, NULL, NULL, NULL};
    int r = tn_httpd_field(c->x, "Content-Type", b->type);
    if (r < 0 || c->head) { /* no length is said, for nobody knows it */
        return r < 0 ? r : tn_httpd_flush(c->x);
    }
    c->share->squeezes++;
    z.in = malloc(TN_SHARE_PIECE);
    z.out = malloc(TN_SHARE_PIECE);
    r = !z.in || !z.out         ? -ENOMEM
        : b->coding == TN__ZSTD ? zstd_open(&z, b->st.st_size)
                                : gzip_open(&z);
    r = r < 0 ? r : run(&z, c, b);
    squeeze_close(&z);
    c->share->squeezes--;
    return r;
}
