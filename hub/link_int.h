/*
 * hub/link_int.h - what the two directions of a link share.
 *
 *   link.c      in: packets, acknowledgements, parts, messages
 *   link_out.c  out: what to send, when, and what the other side has
 */
#ifndef HUB_LINK_INT_H
#define HUB_LINK_INT_H

#include "link.h"

enum link_flag {
    LINK_FIRST = 1, /* a message begins with this part */
    LINK_LAST = 2,  /* and ends with it */
};

/* What the other side has. */
struct link_ack {
    uint32_t want;             /* all parts below */
    const unsigned char *mask; /* bit i of byte k: part want + 1 + 8k + i */
    size_t mask_len;
    uint64_t echo; /* the newest packet that asked for this answer */
    int64_t delay; /* ns between them */
};

/** Heed an acknowledgement; -EBADMSG. */
TN_USE int link_acked(struct link *l, const struct link_ack *ack, int64_t now);

/** Write which parts are here, beyond `want`: bytes of it. */
size_t link_mask(const struct link *l, unsigned char mask[LINK_MASK]);

#endif
