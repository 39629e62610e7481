/*
 * tenon/http.h - the messages of HTTP/1.1: heads, fields, bodies, dates.
 *
 * Pure: bytes in, results that point into them, nothing allocated, nothing
 * waited for. httpd.h and httpc.h stand on it; most programs want those.
 *
 * A head is read by one call with one of three outcomes: it is whole, more
 * bytes are needed, or it is refused. It is strict: what two implementations
 * could understand differently (RFC 9112 section 11) is refused: lines that do
 * not end in CR LF, folded ones, a space before the colon, two lengths, a
 * length beside a coding, a coding other than "chunked".
 *
 * Errors:  TN_EHTTP; `status` of the message says what to answer.
 * Threads: any.
 * Next:    httpd.h, httpc.h; url.h for targets.
 */
#ifndef TENON_HTTP_H
#define TENON_HTTP_H

#include <tenon/api.h>
#include <tenon/err.h>
#include <tenon/text.h>

enum tn_http_limit {
    TN_HTTP_FIELDS = 100,     /* fields of a head; more: 431 */
    TN_HTTP_DATE_TEXT = 30,   /* bytes of a date, NUL included */
    TN_HTTP_CHUNK_LINE = 256, /* bytes of a chunk's size and extensions */
};

/* A method of RFC 9110 section 9.3; the text tells others apart. */
enum tn_http_method {
    TN_HTTP_OTHER,
    TN_HTTP_GET,
    TN_HTTP_HEAD,
    TN_HTTP_POST,
    TN_HTTP_PUT,
    TN_HTTP_DELETE,
    TN_HTTP_OPTIONS,
    TN_HTTP_TRACE,
    TN_HTTP_CONNECT,
    TN_HTTP_PATCH, /* RFC 5789 */
};

/* How a target is written, RFC 9112 section 3.2. */
enum tn_http_form {
    TN_HTTP_ORIGIN,    /* "/path?query" */
    TN_HTTP_ABSOLUTE,  /* "http://host/path" */
    TN_HTTP_AUTHORITY, /* "host:port", only of CONNECT */
    TN_HTTP_ASTERISK,  /* "*", only of OPTIONS */
};

/* How the body ends, RFC 9112 section 6.3. */
enum tn_http_body {
    TN_HTTP_NO_BODY,
    TN_HTTP_LENGTH,      /* after `length` bytes */
    TN_HTTP_CHUNKED,     /* with the last chunk */
    TN_HTTP_UNTIL_CLOSE, /* with the connection; answers only */
};

typedef struct tn_http_field {
    tn_str name;  /* as it was written; compare without regard to case */
    tn_str value; /* without white space around it */
} tn_http_field;

/* The head of a request. Views point into the buffer that was parsed. */
typedef struct tn_http_request {
    enum tn_http_method method;
    tn_str method_text;
    tn_str target;    /* all of it */
    tn_str authority; /* host and port: from an absolute target or CONNECT,
                          else from Host; absent if there is none (1.0) */
    tn_str path;      /* begins with "/"; "*" for the asterisk form, and for
                          OPTIONS of a host without a path; "" of CONNECT */
    tn_str query;     /* behind "?"; absent if there is no "?" */
    enum tn_http_form form;
    int minor; /* of HTTP/1.x: 0 or 1 */
    enum tn_http_body body;
    int64_t length;       /* TN_HTTP_LENGTH: bytes; else -1 */
    bool keep_alive;      /* the sender would like to go on afterwards */
    bool expect_continue; /* it waits for 100 before it sends its body */
    bool expect_unknown;  /* Expect asks for something else: 417 */
    bool upgrade;         /* Connection names Upgrade */
    int status;           /* of a refused head: what to answer */
    const char *why;      /* and what is wrong with it: a static text without
                             a byte of the sender's */
    int field_count;
    tn_http_field fields[TN_HTTP_FIELDS];
} tn_http_request;

/* The head of an answer. */
typedef struct tn_http_response {
    int status; /* 100 to 599 */
    tn_str reason;
    int minor;
    enum tn_http_body body; /* if the request was neither HEAD nor CONNECT */
    int64_t length;         /* TN_HTTP_LENGTH: bytes; else -1 */
    bool keep_alive;
    int field_count;
    tn_http_field fields[TN_HTTP_FIELDS];
} tn_http_response;

/* Reads a chunked body piece by piece; zero it first. */
typedef struct tn_http_chunks {
    int state;
    int line;      /* bytes of the line so far, or of all trailer lines */
    uint64_t left; /* bytes of this chunk that are still to come */
} tn_http_chunks;

TN_BEGIN_DECLS

/**
 * Read the head of a request.
 *
 * One empty line before it is skipped (RFC 9112 section 2.2). HTTP/1.2 and
 * above count as 1.1. Targets may have "[]^`{|}", and a backslash behind the
 * "?", as browsers write them; else what RFC 3986 forbids is refused. Host has
 * to be one host that is not empty, and the one of an absolute target. Each
 * line is checked when its end has come, so that rubbish is refused early. Of
 * several mistakes the first is told.
 *
 * @param req   filled; its views point into `buf`.
 * @param buf   borrowed as long as the views are used; `n` bytes.
 * @param n     bytes; the caller's limit for a head is its buffer.
 * @param seen  bytes of `buf` that an earlier call saw without finding the
 *              end, so that no byte is looked at twice; 0 at first.
 * @return bytes of the head, its last empty line included; 0: more is needed;
 *   TN_EHTTP: refused, for ever, and req->status says why: 400, 414, 431 (too
 *   many fields), 501 (a transfer coding that nobody knows, a method of more
 *   than 32 letters), 505. req->why and tn_why() have it in words.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9112 sections 2, 3, 5, 6; RFC 9110 section 7.2.
 */
TN_API TN_USE ssize_t tn_http_parse_request(tn_http_request *req,
                                            const char *buf, size_t n,
                                            size_t seen);

/**
 * Read the head of an answer.
 *
 * Two Content-Lengths that say the same are one; a length other than 0, or a
 * coding, where no body may be (1xx, 204) is refused.
 *
 * @param res   filled; its views point into `buf`.
 * @param buf   borrowed as long as the views are used; `n` bytes.
 * @param n     bytes.
 * @param seen  as tn_http_parse_request().
 * @return as tn_http_parse_request(); TN_EHTTP also if it contradicts itself.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9112 sections 4, 5, 6.
 */
TN_API TN_USE ssize_t tn_http_parse_response(tn_http_response *res,
                                             const char *buf, size_t n,
                                             size_t seen);

/**
 * Find a field by its name.
 *
 * @param fields  borrowed; `count` of them.
 * @param count   how many.
 * @param name    borrowed; any case.
 * @param from    index to begin at; 0 for the first.
 * @return its index; -1 if there is none.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9110 section 5.1.
 */
TN_API int tn_http_find(const tn_http_field *fields, int count,
                        const char *name, int from);

/**
 * Return the value of a field of which there should be one.
 *
 * @param fields  borrowed; `count` of them.
 * @param count   how many.
 * @param name    borrowed; any case.
 * @return the first one's value; absent if there is none.
 * @suspends   no.
 * @thread     any.
 * @see        tn_http_find().
 */
TN_API tn_str tn_http_value(const tn_http_field *fields, int count,
                            const char *name);

/**
 * Tell whether a list contains a word, in any of the fields of that name.
 *
 * @param fields  borrowed; `count` of them.
 * @param count   how many.
 * @param name    borrowed; any case.
 * @param token   borrowed; any case; parameters behind ";" do not matter.
 * @return true if so.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9110 section 5.6.1.
 */
TN_API bool tn_http_has_token(const tn_http_field *fields, int count,
                              const char *name, const char *token);

/**
 * Read a piece of a chunked body where it lies.
 *
 * Call until `used` is `n` or the end: each call yields at most one piece.
 * Extensions are checked and passed over.
 *
 * @param c     changed; zeroed before the first call.
 * @param buf   borrowed; what came and was not used yet; `n` bytes.
 * @param n     bytes.
 * @param used  how many of them this call has dealt with.
 * @param data  set to the piece, inside `buf`; len 0 if there is none yet.
 * @return 1 the last chunk was read: `used` is behind its line, and the trailer
 *   section follows, perhaps empty, for tn_http_parse_trailers(); 0 not yet;
 *   TN_EHTTP.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9112 section 7.1.
 */
TN_API TN_USE int tn_http_dechunk(tn_http_chunks *c, const char *buf, size_t n,
                                  size_t *used, tn_str *data);

/**
 * Read the trailer section behind the last chunk.
 *
 * Fields that frame, route or authenticate have no business there and are
 * refused (RFC 9110 section 6.5.1).
 *
 * @param fields  filled; `cap` of them; views point into `buf`.
 * @param cap     how many fit.
 * @param count   set to how many there are.
 * @param buf     borrowed as long as the views are used; `n` bytes.
 * @param n       bytes.
 * @return bytes, the last empty line included; 0: more is needed; TN_EHTTP.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9112 section 7.1.2.
 */
TN_API TN_USE ssize_t tn_http_parse_trailers(tn_http_field *fields, int cap,
                                             int *count, const char *buf,
                                             size_t n);

/**
 * Return the reason phrase of a status code.
 *
 * @param status  any.
 * @return text of static life; "Unknown" for codes nobody registered.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9110 section 15; Python http.HTTPStatus.
 */
TN_API const char *tn_http_reason(int status);

/**
 * Write a date as HTTP does: "Sun, 06 Nov 1994 08:49:37 GMT".
 *
 * @param dst   TN_HTTP_DATE_TEXT bytes; ends in NUL.
 * @param when  seconds since 1970; years 0 to 9999, others are cut to that.
 * @return dst.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9110 section 5.6.7; Python email.utils.formatdate.
 */
TN_API char *tn_http_date(char *dst, int64_t when);

/**
 * Read a date in any of HTTP's three forms.
 *
 * @param text  borrowed.
 * @param when  set to seconds since 1970.
 * @return 0; -EINVAL.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 9110 section 5.6.7.
 */
TN_API TN_USE int tn_http_parse_date(tn_str text, int64_t *when);

TN_END_DECLS

#endif
