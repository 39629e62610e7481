/*
 * cli/pairing.h - the code that a receiver shows and a sender is asked for.
 */
#ifndef CLI_PAIRING_H
#define CLI_PAIRING_H

#include "parcel/parcel.h"

enum {
    PAIRING_DIGITS = 6,                /* of a code that we make */
    PAIRING_SHOWN = PARCEL_CODE + 2,   /* "473-915" */
    PAIRING_TYPED = 4 * PARCEL_CODE,   /* with all its dashes and blanks */
    PAIRING_WHO = 3 * PARCEL_WHO + 16, /* "ann@laptop" */
};

/** Make a code that nobody can guess in a few tries. */
void pairing_new(char code[PARCEL_CODE + 1]);

/** Write it for people: "473-915". */
const char *pairing_show(const char *code, char buf[PAIRING_SHOWN]);

/** Read what somebody typed: dashes and blanks do not count. False if nothing
    is left, or more than a code has. */
bool pairing_read(char code[PARCEL_CODE + 1], const char *text);

/** Read it from a file's first line; "-" is stdin. An exit code, the complaint
    printed. */
int pairing_of_file(char code[PARCEL_CODE + 1], const char *path);

/** The login name: of the environment, or this user's own; NULL: neither. */
const char *pairing_login(void);

/** What we call ourselves: `given`, or user and machine. */
void pairing_who(char who[PAIRING_WHO], const char *given);

#endif
