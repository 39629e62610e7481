/*
 * phone_offer.c - files that are offered, and the answer: JSON of both sides.
 */
#include <tenon/err.h>

#include "path.h"
#include "phone_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading an offer ------------------------------------------------------*/

/* Where the next text goes; the room was counted before. */
struct shelf {
    char *at;
};

static const char *
keep(struct shelf *s, const char *text, size_t n)
{
    char *to = s->at;

    memcpy(to, text, n);
    to[n] = '\0';
    s->at += n + 1;
    return to;
}

static const char *
keep_clean(struct shelf *s, const char *text, size_t n)
{
    char *to = s->at;

    s->at += tn_text_clean(to, 3 * n + 1, text, n) + 1;
    return to;
}

/* A path of ours: it stays below the folder, and no system of another kind
   would read something else in it. */
static bool
is_good(const char *name, size_t n)
{
    if (!tn_text_valid(name, n) || memchr(name, '\\', n) ||
        !path_is_good(name, n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static void
read_rest(struct phone_offered *f, const json_t *file)
{
    const char *sha = json_string_value(json_object_get(file, "sha256"));
    const json_t *metadata = json_object_get(file, "metadata");
    const char *time = json_string_value(json_object_get(metadata, "modified"));

    f->has_sha = sha && phone_unhex(f->sha, PHONE_SHA, sha);
    f->has_mtime = time && phone_time_read(&f->mtime, time);
}

static int
read_file(struct phone_offered *f, struct shelf *s, const char *id,
          const json_t *file)
{
    const json_t *name = json_object_get(file, "fileName");
    const json_t *size = json_object_get(file, "size");
    size_t n = json_string_length(name), id_len = strlen(id);

    if (!json_is_string(name) || n == 0 || n > PHONE_NAME ||
        !json_is_integer(size) || json_integer_value(size) < 0 || id_len == 0 ||
        id_len > PHONE_ID) {
        return -EINVAL;
    }
    f->id = keep(s, id, id_len);
    f->name = keep_clean(s, json_string_value(name), n);
    f->path = is_good(json_string_value(name), n)
                  ? keep(s, json_string_value(name), n)
                  : NULL;
    f->size = json_integer_value(size);
    read_rest(f, file);
    return 0;
}

/* Bytes of all texts. */
static size_t
room_of(json_t *files)
{
    const char *id;
    json_t *file;
    size_t room = 1;

    json_object_foreach(files, id, file)
    {
        size_t n = json_string_length(json_object_get(file, "fileName"));
        room += strlen(id) + 4 * (n < PHONE_NAME ? n : PHONE_NAME) + 3;
    }
    return room;
}

static int
read_files(struct phone_offer *o, json_t *files)
{
    const char *id;
    json_t *file;
    int64_t sum = 0;
    struct shelf s;

    o->files = calloc(json_object_size(files), sizeof(*o->files));
    o->texts = malloc(room_of(files));
    if (!o->files || !o->texts) {
        return -ENOMEM;
    }
    s.at = o->texts;
    json_object_foreach(files, id, file)
    {
        struct phone_offered *f = &o->files[o->count];
        int err = read_file(f, &s, id, file);

        if (err < 0) {
            return err;
        }
        if (__builtin_add_overflow(sum, f->size, &sum)) {
            return -E2BIG;
        }
        o->count++;
    }
    return 0;
}

int
phone_offer_read(struct phone_offer *offer, tn_str json)
{
    json_t *root = phone_json(json);
    json_t *files = json_object_get(root, "files");
    size_t count = json_object_size(files);
    int err = -EINVAL;

    memset(offer, 0, sizeof(*offer));
    if (count > PHONE_FILES) {
        err = -E2BIG;
    } else if (root && count > 0) {
        err = phone_info_take(&offer->from, json_object_get(root, "info"));
    }
    if (err == 0) {
        err = read_files(offer, files);
    }
    json_decref(root);
    if (err < 0) {
        phone_offer_fini(offer);
    }
    return err;
}

void
phone_offer_fini(struct phone_offer *offer)
{
    free(offer->files);
    free(offer->texts);
    memset(offer, 0, sizeof(*offer));
}

/* --- writing one -----------------------------------------------------------*/

static void
id_of(char dst[16], uint32_t item)
{
    (void)snprintf(dst, 16, "%lu", (unsigned long)item);
}

static json_t *
bid_object(const struct phone_bid *b, const char *id)
{
    json_t *file = json_object(), *metadata = NULL;
    int err = phone_json_set(file, "id", json_string(id));
    char text[2 * PHONE_SHA + 1], time[32];

    err |= phone_json_set(file, "fileName", json_string(b->path));
    err |= phone_json_set(file, "size", json_integer(b->size));
    err |= phone_json_set(file, "fileType", json_string(b->type));
    if (b->has_sha) {
        phone_hex(text, b->sha, PHONE_SHA);
        /* Lower case is how hashes of files are mostly written. */
        for (char *p = text; *p != '\0'; p++) {
            *p = (char)(*p >= 'A' ? *p | 0x20 : *p);
        }
        err |= phone_json_set(file, "sha256", json_string(text));
    }
    if (phone_time_write(time, b->mtime)) {
        metadata = json_object();
        err |= phone_json_set(metadata, "modified", json_string(time));
        err |= phone_json_set(file, "metadata", metadata);
    }
    if (err != 0) {
        json_decref(file);
        return NULL;
    }
    return file;
}

char *
phone_bid_write(const struct phone_info *info, const struct phone_bid *bids,
                uint32_t count)
{
    json_t *root = json_object(), *files = json_object();
    int err =
        phone_json_set(root, "info", phone_info_give(info, PHONE_SAY_WHERE));
    char id[16];

    for (uint32_t i = 0; i < count && err == 0; i++) {
        id_of(id, bids[i].item);
        err = phone_json_set(files, id, bid_object(&bids[i], id));
    }
    err |= phone_json_set(root, "files", files);
    return phone_json_text(root, err);
}

/* A word that goes into a URL, and has to fit. */
static bool
copy_word(char *dst, size_t cap, const json_t *value)
{
    size_t n = json_string_length(value);

    if (!json_is_string(value) || n == 0 || n >= cap) {
        return false;
    }
    memcpy(dst, json_string_value(value), n);
    dst[n] = '\0';
    return true;
}

int
phone_bid_answer(char session[PHONE_ID + 1], struct phone_bid *bids,
                 uint32_t count, tn_str json)
{
    json_t *root = phone_json(json);
    const json_t *files = json_object_get(root, "files");
    char id[16];
    int err = 0;

    if (!json_is_object(files) ||
        !copy_word(session, PHONE_ID + 1, json_object_get(root, "sessionId"))) {
        json_decref(root);
        return -EPROTO;
    }
    for (uint32_t i = 0; i < count && err == 0; i++) {
        const json_t *token;

        id_of(id, bids[i].item);
        token = json_object_get(files, id);
        bids[i].token[0] = '\0';
        if (token && !json_is_null(token) &&
            !copy_word(bids[i].token, sizeof(bids[i].token), token)) {
            err = -EPROTO;
        }
    }
    json_decref(root);
    return err;
}
