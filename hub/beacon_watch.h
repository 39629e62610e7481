/*
 * hub/beacon_watch.h - comings and goings, told as they happen.
 *
 * Announcements and good-byes are heard at the shared port. What neither says
 * (a program was killed, a network went) is noticed by asking now and then.
 */
#ifndef HUB_BEACON_WATCH_H
#define HUB_BEACON_WATCH_H

#include "beacon.h"

/* Everybody is asked so often; and who was not heard of for three times that
   has gone. */
#define BEACON_WATCH_EVERY (30 * TN_SEC)
#define BEACON_WATCH_LOST  (3 * BEACON_WATCH_EVERY + BEACON_WATCH_EVERY / 2)

enum beacon_event {
    BEACON_CAME,  /* somebody is here */
    BEACON_MOVED, /* name, members or flags are others now */
    BEACON_LEFT,  /* somebody said good-bye */
    BEACON_LOST,  /* somebody was not heard of for BEACON_WATCH_LOST */
};

struct beacon_watch {
    unsigned kinds; /* as in beacon_ask */
    int port;       /* as in beacon_opts */
    /* Must not suspend. */
    void (*event)(void *arg, enum beacon_event what,
                  const struct beacon_found *f);
    void *arg;
};

/**
 * Tell what happens until cancelled.
 *
 * @param w  borrowed until return.
 * @return -ECANCELED, -ETIME; -EADDRINUSE: a program has the port for itself;
 *   as tn_bind(); -ENETDOWN; -ENOMEM. Suspends.
 */
TN_USE int beacon_watch(const struct beacon_watch *w);

#endif
