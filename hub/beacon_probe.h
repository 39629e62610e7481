/*
 * hub/beacon_probe.h - what the networks say: questions sent by each, and what
 * of them comes back.
 */
#ifndef HUB_BEACON_PROBE_H
#define HUB_BEACON_PROBE_H

#include "beacon_doctor.h"

/**
 * Ask on every network and listen at the shared port meanwhile.
 *
 * @param f     filled but for what doctor_host() knows.
 * @param port  as in beacon_opts.
 * @param wait  ns.
 * @return 0; -ENOMEM; -ECANCELED; as tn_interfaces(). Suspends.
 */
TN_USE int doctor_probe(struct doctor_facts *f, int port, int64_t wait);

#endif
