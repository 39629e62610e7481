/*
 * share_send.c - the bytes of a file: all, a range, several.
 */
#include "http/share_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    PART_HEAD = 512, /* of one range among several */
    MARK = 24,       /* digits of the boundary between them */
};

static int
send_all(struct tn__call *c, const struct tn__body *b)
{
    int r = tn_httpd_field(c->x, "Content-Type", b->type);
    r = r < 0 ? r : tn_httpd_length(c->x, b->st.st_size);
    return r < 0 || c->head || b->st.st_size == 0
               ? r
               : tn_httpd_sendfile(c->x, b->fd, 0, b->st.st_size);
}

static int
send_one(struct tn__call *c, const struct tn__body *b,
         const struct tn__span *span)
{
    char text[96];
    (void)snprintf(text, sizeof(text), "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                   span->from, span->to - 1, (int64_t)b->st.st_size);
    int r = tn_httpd_status(c->x, 206);
    r = r < 0 ? r : tn_httpd_field(c->x, "Content-Range", text);
    r = r < 0 ? r : tn_httpd_field(c->x, "Content-Type", b->type);
    r = r < 0 ? r : tn_httpd_length(c->x, span->to - span->from);
    return r < 0 ? r
                 : tn_httpd_sendfile(c->x, b->fd, span->from,
                                     span->to - span->from);
}

/* The head of a part, with the delimiter before it. */
static int
part_head(char *dst, const char *mark, const struct tn__body *b,
          const struct tn__span *span)
{
    return snprintf(dst, PART_HEAD,
                    "\r\n--%s\r\nContent-Type: %.128s\r\nContent-Range: bytes "
                    "%" PRId64 "-%" PRId64 "/%" PRId64 "\r\n\r\n",
                    mark, b->type, span->from, span->to - 1,
                    (int64_t)b->st.st_size);
}

/* What no file can contain on purpose, not knowing it. */
static void
make_mark(char mark[MARK + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[MARK] = {0};
    (void)getrandom(random, sizeof(random), GRND_NONBLOCK);
    for (int i = 0; i < MARK; i++) {
        mark[i] = digits[random[i] & 15];
    }
    mark[MARK] = '\0';
}

/* RFC 9110 section 14.6. */
static int
send_several(struct tn__call *c, const struct tn__body *b,
             const struct tn__span *spans, int count)
{
    char mark[MARK + 1];
    char head[PART_HEAD];
    char type[64];
    char tail[MARK + 16];
    make_mark(mark);
    int tail_len = snprintf(tail, sizeof(tail), "\r\n--%s--\r\n", mark);
    int64_t total = tail_len;
    for (int i = 0; i < count; i++) {
        total += part_head(head, mark, b, &spans[i]);
        total += spans[i].to - spans[i].from;
    }
    (void)snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s",
                   mark);
    int r = tn_httpd_status(c->x, 206);
    r = r < 0 ? r : tn_httpd_field(c->x, "Content-Type", type);
    r = r < 0 ? r : tn_httpd_length(c->x, total);
    for (int i = 0; i < count && r >= 0; i++) {
        int n = part_head(head, mark, b, &spans[i]);
        r = tn_httpd_write(c->x, head, (size_t)n);
        r = r < 0 ? r
                  : tn_httpd_sendfile(c->x, b->fd, spans[i].from,
                                      spans[i].to - spans[i].from);
    }
    return r < 0 ? r : tn_httpd_write(c->x, tail, (size_t)tail_len);
}

static int
send_none(struct tn__call *c, const struct tn__body *b)
{
    char text[48];
    (void)snprintf(text, sizeof(text), "bytes */%" PRId64,
                   (int64_t)b->st.st_size);
    (void)tn_httpd_field(c->x, "Content-Range", text);
    return tn_httpd_error(c->x, 416, NULL);
}

int
tn__share_send(struct tn__call *c, const struct tn__body *b)
{
    struct tn__span spans[TN_SHARE_RANGES];
    struct tn__version v = {b->etag, b->st.st_mtim.tv_sec, time(NULL)};
    tn_str range = tn_httpd_value(c->x, "Range");
    int r = tn_httpd_field(c->x, "Accept-Ranges", "bytes");
    /* RFC 9110 section 14.2: of GET only. */
    int count = r < 0 || c->head || !range.at ||
                        !tn__cond_range(tn_httpd_value(c->x, "If-Range"), &v)
                    ? TN__RANGES_NONE
                    : tn__range_read(range, b->st.st_size, spans);
    if (r < 0) {
        return r;
    }
    if (count == TN__RANGES_BAD) {
        return send_none(c, b);
    }
    if (count == TN__RANGES_NONE) {
        return send_all(c, b);
    }
    return count == 1 ? send_one(c, b, &spans[0])
                      : send_several(c, b, spans, count);
}
