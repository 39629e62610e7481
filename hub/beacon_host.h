/*
 * hub/beacon_host.h - what this machine says of itself: routes, ports, rules.
 *
 * Files of /proc and what nft(8) or iptables(8) print. Each reader is a
 * function of a text.
 */
#ifndef HUB_BEACON_HOST_H
#define HUB_BEACON_HOST_H

#include "beacon_doctor.h"

enum doctor_host_limit {
    DOCTOR_OUTPUT = 256 << 10, /* bytes of a file of /proc that are read */
    DOCTOR_PIDS = 8192,        /* programs that are looked through */
    DOCTOR_FDS = 4096,         /* descriptors of each */
};

/** Find the interface of the default route in the text of /proc/net/route; two
    halves of the internet, as some tunnels have it, count before. */
bool doctor_read_route(const char *text, char interface[TN_IF_NAME]);

/** Find who is bound to a port in the text of /proc/net/udp: its socket's
    number; 0: nobody. */
unsigned long doctor_read_udp(const char *text, int port);

/** Read the rules that `nft list ruleset` or `iptables -S` print; the kind and
    what else stands there stay. */
void doctor_read_rules(const char *text, int port, struct doctor_wall *w);

/** Collect all: route, tunnel, who holds the port if that is not ours, the
    firewall. at[] is filled already. Suspends. */
void doctor_host(struct doctor_facts *f);

#endif
