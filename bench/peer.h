/*
 * peer.h - what the servers that tenon is compared with have in common.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>

enum {
    PEER_BUFFER = 65536, /* bytes one read may bring; shared by all clients,
                            so it stays in the cache */
};

/* Listen on a free port of 127.0.0.1 and print "127.0.0.1:PORT". The
   descriptor does not block. Ends the program if it cannot. */
int peer_listen(void);

/* Say what failed, with errno's reason, and end the program. */
_Noreturn void peer_die(const char *what);

/* Allocate, or end the program. */
void *peer_alloc(size_t size);

#endif
