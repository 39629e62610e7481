/*
 * phone_net.h - announcements: one UDP socket in the group of LocalSend, on
 * every network of this machine.
 */
#ifndef PARCEL_PHONE_NET_H
#define PARCEL_PHONE_NET_H

#include <tenon/netif.h>
#include <tenon/sock.h>

#include "phone.h"

#define PHONE_GROUP "224.0.0.167"

enum phone_net_limit {
    PHONE_IFS = 128,      /* addresses of interfaces that are looked at */
    PHONE_LINKS = 32,     /* of them to speak on */
    PHONE_GRAM = 8 << 10, /* bytes of an announcement */
    PHONE_FAILURES = 64,  /* receives that may fail in a row */
};

struct phone_net {
    tn_sock *sock; /* NULL: there is none */
    tn_addr group; /* with the port */
    tn_addr bind;  /* of one of our networks; len 0: all */
    int count;

    struct phone_link {
        char name[TN_IF_NAME];
        tn_path path;
    } link[PHONE_LINKS];
};

/** Open it, shared with other programs of this machine. 0; as tn_bind(). */
int phone_net_open(struct phone_net *net, int port, const tn_addr *bind);

void phone_net_close(struct phone_net *net);

/** Look which networks there are, and enter the group on them; how many were
    not there before. */
int phone_net_scan(struct phone_net *net);

/** Send to all networks; to how many it went. Never suspends. */
int phone_net_spread(const struct phone_net *net, const char *text);

/** Wait for the next datagram: its bytes; -ECANCELED, -ETIME; -EIO.
    Suspends. */
ssize_t phone_net_recv(const struct phone_net *net, char *buf, size_t cap,
                       tn_addr *from);

#endif
