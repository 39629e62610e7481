/*
 * cli/json.h - text as JSON has it.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>

enum {
    /* Bytes that JSON may make of one: \u001b. */
    JSON_GROWTH = 6,
};

/**
 * Write text as a JSON string with its quotes (RFC 8259 section 7).
 *
 * @param dst  JSON_GROWTH * n + 3 bytes are enough; ends in NUL.
 * @param cap  bytes; what does not fit is left out whole.
 * @param s    borrowed; UTF-8; `n` bytes.
 * @param n    bytes.
 * @return dst.
 */
const char *json_quote(char *dst, size_t cap, const char *s, size_t n);

#endif
