/*
 * cli/phones.h - what the commands that speak with phones (LocalSend) share.
 */
#ifndef CLI_PHONES_H
#define CLI_PHONES_H

#include "parcel/phone.h"

enum { PHONES_PATH = 1024 }; /* bytes of a path of ours */

/* Until the answers of phones are taken for complete: some sleep. */
#define PHONES_LOOK (2500 * TN_MS)

/** Find the folder for a command's certificate, and make those above it:
    $XDG_STATE_HOME/tenon/localsend-WHAT. `dst`, or NULL: there is no place, and
    another certificate is made each time. */
const char *phones_state(char dst[PHONES_PATH], const char *what);

/** What this machine is called; `dst`. */
const char *phones_host(char *dst, size_t cap);

#endif
