/*
 * hub/beacon_doctor.h - why nobody is found: facts, and what follows from them.
 *
 * Facts are collected by beacon_probe.h (the networks) and beacon_host.h (the
 * machine). What follows from them is a function of nothing else, one finding
 * for each thing that is wrong, with the command that would mend it.
 */
#ifndef HUB_BEACON_DOCTOR_H
#define HUB_BEACON_DOCTOR_H

#include <tenon/netif.h>

#include "beacon.h"

enum doctor_limit {
    DOCTOR_IFS = 32,      /* interfaces that are looked at */
    DOCTOR_FINDINGS = 48, /* more would not be read */
    DOCTOR_TEXT = 320,    /* bytes of a sentence or a command */
    DOCTOR_RULE = 160,    /* bytes of a firewall's rule that are shown */
    /* The port of rooms, which a firewall should let in as well. */
    DOCTOR_HUB_PORT = 8000,
};

/* One interface. */
struct doctor_if {
    char name[TN_IF_NAME];
    unsigned index, flags; /* IFF_UP, ... */
    tn_addr addr, netmask; /* of IPv4; len 0: none */
    tn_addr broadcast, peer;
    bool six;      /* it has an address of IPv6 */
    bool asked;    /* a question went out */
    int error;     /* else why not, < 0; 0: there was no way to ask */
    bool by_peer;  /* asked its other end only: nothing can come back */
    bool by_group; /* asked by multicast, having no broadcast */
    bool echo;     /* our question was heard by ourselves */
    int answers;   /* of others and of programs of this machine */
    int announces, asked_by; /* heard: announcements, questions of others */
};

enum doctor_wall_kind {
    DOCTOR_NO_WALL,
    DOCTOR_UFW,
    DOCTOR_FIREWALLD,
    DOCTOR_NFT,
    DOCTOR_IPTABLES,
};

/* The firewall, as far as it may be read. */
struct doctor_wall {
    enum doctor_wall_kind kind;
    bool unread;            /* there may be rules; only root reads them */
    int drops;              /* the port of ours that a rule drops; 0: none */
    bool policy;            /* what no rule admits is dropped */
    bool accepts;           /* a rule admits the port that is asked at */
    bool answers;           /* a rule admits what comes from that port */
    char rule[DOCTOR_RULE]; /* the one that drops */
    char place[96]; /* of nft: "inet filter input", where to put another */
};

struct doctor_facts {
    int port; /* that is asked at */
    int count;
    struct doctor_if at[DOCTOR_IFS];
    int port_error;    /* of sharing the port; 0: it can be shared */
    char holder[64];   /* "dnsmasq (pid 17)" who has it; "": unknown */
    int found;         /* how many have answered */
    bool has_stranger; /* one outside of our networks was heard */
    tn_addr stranger;
    char stranger_by[TN_IF_NAME];
    char route[TN_IF_NAME]; /* interface of the default route; "": none */
    bool tunnel;            /* which is a tunnel */
    struct doctor_wall wall;
};

struct doctor_finding {
    const char *code;           /* "no-echo"; of static life */
    char interface[TN_IF_NAME]; /* "": it is about all */
    char text[DOCTOR_TEXT];
    char mend[DOCTOR_TEXT]; /* a command; "": there is none */
};

/**
 * Say what follows from the facts.
 *
 * @param f    borrowed.
 * @param out  room for DOCTOR_FINDINGS; the worst first.
 * @return how many.
 */
int doctor_judge(const struct doctor_facts *f, struct doctor_finding *out);

/** Bits of a mask; 0 if there is none. */
int doctor_prefix(const tn_addr *netmask);

#endif
