/*
 * cli/codec.h - the option --frame: read, and explained where it fails.
 */
#ifndef CLI_CODEC_H
#define CLI_CODEC_H

#include <tenon/codec.h>

enum {
    CODEC_WHY = 160, /* a reason in words */
};

/**
 * Read what --frame says.
 *
 * @param c     filled.
 * @param text  borrowed; "u32be,max=64k".
 * @param page  borrowed; the manual page that lists them.
 * @return EXIT_DONE, or EXIT_USAGE, the complaint printed.
 */
int codec_option(tn_codec *c, const char *text, const char *page);

/**
 * Say why a line cannot be sent as a message.
 *
 * @param c     borrowed.
 * @param data  borrowed; `n` bytes.
 * @param buf   filled; CODEC_WHY bytes will do.
 * @return `buf`; NULL if it can be sent.
 */
const char *codec_why_unsent(const tn_codec *c, const void *data, size_t n,
                             char *buf, size_t cap);

/**
 * Say why what came is no message.
 *
 * @param c     borrowed.
 * @param data  borrowed; `n` bytes from where the message begins.
 * @param buf   filled; CODEC_WHY bytes will do.
 * @return `buf`; NULL if it may be one.
 */
const char *codec_why_unread(const tn_codec *c, const void *data, size_t n,
                             char *buf, size_t cap);

#endif
