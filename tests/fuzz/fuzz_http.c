/*
 * fuzz_http.c - any bytes as a request, an answer, a body and trailers: the
 * same whole and in pieces, with vectors and without, and nothing outside of
 * what was given.
 */
#include <tenon/http.h>

#include "fuzz.h"
#include "http_portable.h"
#include "http_show.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 20000, PIECES = 64 };

#define MUST(cond) ((cond) ? (void)0 : abort())

static tn_http_request request[2];
static tn_http_response response[2];
static char shown[2][SHOW_MAX];

typedef ssize_t read_fn(int slot, bool portable, const char *buf, size_t n,
                        size_t seen);

static ssize_t
read_request(int slot, bool portable, const char *buf, size_t n, size_t seen)
{
    tn_http_request *req = &request[slot];
    ssize_t rc = portable ? portable_parse_request(req, buf, n, seen)
                          : tn_http_parse_request(req, buf, n, seen);
    show_request(shown[slot], req, rc);
    return rc;
}

static ssize_t
read_response(int slot, bool portable, const char *buf, size_t n, size_t seen)
{
    tn_http_response *res = &response[slot];
    ssize_t rc = portable ? portable_parse_response(res, buf, n, seen)
                          : tn_http_parse_response(res, buf, n, seen);
    show_response(shown[slot], res, rc);
    return rc;
}

/* By pieces whose sizes follow from the bytes themselves. */
static ssize_t
in_pieces(read_fn *read, bool portable, const char *buf, size_t n)
{
    size_t seen = 0;
    ssize_t rc = 0;
    while (rc == 0 && seen < n) {
        size_t step = 1 + (uint8_t)buf[seen] % PIECES;
        size_t have = n - seen < step ? n : seen + step;
        rc = read(1, portable, buf, have, seen);
        seen = have;
    }
    return rc;
}

/* A head that is not whole may be refused sooner or later; a whole one is the
   same. Of several mistakes in a request the first is told. */
static void
check_head(read_fn *read, const char *buf, size_t n)
{
    ssize_t whole = read(0, false, buf, n, 0);
    ssize_t other = read(1, true, buf, n, 0);
    MUST(whole == other && strcmp(shown[0], shown[1]) == 0);
    MUST(whole == TN_EHTTP || (whole >= 0 && whole <= (ssize_t)n));

    ssize_t pieces = in_pieces(read, false, buf, n);
    MUST(whole <= 0 || (pieces == whole && strcmp(shown[0], shown[1]) == 0));
    MUST(whole > 0 || pieces <= 0);
    MUST(read != read_request || whole >= 0 || pieces >= 0 ||
         strcmp(shown[0], shown[1]) == 0);
    MUST(in_pieces(read, true, buf, n) == pieces);
    if (whole > 0) {
        MUST(read(1, false, buf, (size_t)whole - 1, 0) == 0);
        MUST(read(1, false, buf, (size_t)whole, 0) == whole);
    }
}

/* Bytes of the data and of the body; < 0 if it is broken, 0 if unfinished. */
static ssize_t
read_body(const char *buf, size_t n, size_t step, char *data, size_t *len)
{
    tn_http_chunks chunks = {0};
    size_t at = 0;
    int rc = 0;
    *len = 0;
    while (rc == 0 && at < n) {
        size_t have = n - at < step ? n - at : step;
        size_t used = 0;
        tn_str piece;
        rc = tn_http_dechunk(&chunks, buf + at, have, &used, &piece);
        MUST(used <= have && piece.len <= used && (rc != 0 || used > 0));
        MUST(piece.len == 0 || (piece.at >= buf && piece.at < buf + n));
        memcpy(data + *len, piece.at, piece.len);
        *len += piece.len;
        at += used;
    }
    return rc == 1 ? (ssize_t)at : rc;
}

static void
check_body(const char *buf, size_t n)
{
    static char data[2][MOST];
    size_t len[2];
    ssize_t whole = read_body(buf, n, n, data[0], &len[0]);
    for (size_t step = 1; step < 20; step += 6) {
        MUST(read_body(buf, n, step, data[1], &len[1]) == whole);
        MUST(len[0] == len[1] && memcmp(data[0], data[1], len[0]) == 0);
    }
}

static void
check_trailers(const char *buf, size_t n)
{
    tn_http_field fields[4];
    int count = 0;
    ssize_t rc = tn_http_parse_trailers(fields, 4, &count, buf, n);
    show_trailers(shown[0], fields, count, rc);
    MUST(portable_parse_trailers(fields, 4, &count, buf, n) == rc);
    show_trailers(shown[1], fields, count, rc);
    MUST(rc < 0 || strcmp(shown[0], shown[1]) == 0);
    MUST(rc <= (ssize_t)n && count <= 4);
}

/* Whatever reads lists and dates. */
static void
check_values(const tn_http_request *req)
{
    for (int i = 0; i < req->field_count; i++) {
        int64_t when = 0;
        char text[TN_HTTP_DATE_TEXT];
        tn_http_has_token(&req->fields[i], 1, "connection", "close");
        if (tn_http_parse_date(req->fields[i].value, &when) == 0) {
            int64_t back = 0;
            tn_http_date(text, when);
            MUST(tn_http_parse_date((tn_str){text, 29}, &back) == 0);
            MUST(back == when || text[12] == '9'); /* a leap second of 9999 */
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MOST) {
        return 0;
    }
    char *buf = malloc(size > 0 ? size : 1); /* a wall behind its last byte */
    if (buf == NULL) {
        return 0;
    }
    memcpy(buf, data, size);
    check_head(read_request, buf, size);
    if (tn_http_parse_request(&request[0], buf, size, 0) > 0) {
        check_values(&request[0]);
    }
    check_head(read_response, buf, size);
    check_body(buf, size);
    check_trailers(buf, size);
    free(buf);
    return 0;
}
