/*
 * phone_json.h - what the two files that read and write LocalSend's JSON share.
 */
#ifndef PARCEL_PHONE_JSON_H
#define PARCEL_PHONE_JSON_H

#include "phone_wire.h"

#include <jansson.h>

/** Parse an object within the limits; NULL: it is none. */
json_t *phone_json(tn_str data);

/** Add a member, the value being taken, which may be NULL; 0 or -1. */
int phone_json_set(json_t *object, const char *key, json_t *value);

/** Text of an object, which is released; NULL if `err` is one, too. */
char *phone_json_text(json_t *root, int err);

/** What an object says of a device: as phone_info_read(). */
int phone_info_take(struct phone_info *info, const json_t *root);

/** The reverse; NULL: no memory. */
json_t *phone_info_give(const struct phone_info *info, unsigned say);

#endif
