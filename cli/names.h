/*
 * cli/names.h - the names by which browsers may call a server: --host.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "hub/guard.h"
#include "opt.h"

/**
 * Have a server go by this machine's own names and those of --host.
 *
 * @param g      changed; zeroed at first.
 * @param hosts  borrowed; each "NAME,..."; GUARD_HOSTS names in all.
 * @return EXIT_DONE, or EXIT_USAGE, the complaint printed.
 */
int names_take(struct guard *g, const struct opt_list *hosts);

#endif
