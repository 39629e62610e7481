/*
 * http_show.h - what a head says, in one line of words.
 */
#ifndef TENON_HTTP_SHOW_H
#define TENON_HTTP_SHOW_H

#include <tenon/http.h>

#include <stdio.h>

enum { SHOW_MAX = 65536 };

/* What the three outcomes look like: "more", "refused", "refused 400" or "ok"
   and words such as "path=/x" and "body=length:5". Returns `dst`. */
char *show_request(char *dst, const tn_http_request *req, ssize_t rc);
char *show_response(char *dst, const tn_http_response *res, ssize_t rc);
char *show_trailers(char *dst, const tn_http_field *fields, int count,
                    ssize_t rc);

#endif
