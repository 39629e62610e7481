/*
 * http_portable.h - the parsers of heads once more, built without vectors.
 *
 * The same sources under other names, so that one program can hold both and
 * compare them.
 */
#ifndef TENON_HTTP_PORTABLE_H
#define TENON_HTTP_PORTABLE_H

#include <tenon/http.h>

ssize_t portable_parse_request(tn_http_request *req, const char *buf, size_t n,
                               size_t seen);
ssize_t portable_parse_response(tn_http_response *res, const char *buf,
                                size_t n, size_t seen);
ssize_t portable_parse_trailers(tn_http_field *fields, int cap, int *count,
                                const char *buf, size_t n);

#endif
