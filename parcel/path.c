/*
 * path.c - paths as bytes; no file is touched here.
 */
#include "path.h"

#include <tenon/text.h>

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum {
    PART_LEN = sizeof(PATH_PART) - 1,
    HASH_LEN = 17, /* a dot and 16 digits */
    SUFFIX = 32,   /* bytes of a name's ".txt" that a copy keeps */
};

bool
path_is_part(const char *name, size_t n)
{
    return n > PART_LEN && name[0] == '.' &&
           memcmp(name + n - PART_LEN, PATH_PART, PART_LEN) == 0;
}

static bool
is_name(const char *s, size_t n)
{
    return n > 0 && n <= PARCEL_NAME && !(n == 1 && s[0] == '.') &&
           !(n == 2 && s[0] == '.' && s[1] == '.') && !path_is_part(s, n);
}

bool
path_is_good(const char *path, size_t n)
{
    size_t at = 0, depth = 0;

    if (n == 0 || n > PARCEL_PATH || memchr(path, '\0', n)) {
        return false;
    }
    for (;;) {
        const char *slash = memchr(path + at, '/', n - at);
        size_t end = slash ? (size_t)(slash - path) : n;

        if (!is_name(path + at, end - at) || ++depth > PARCEL_DEPTH) {
            return false;
        }
        if (!slash) {
            return true;
        }
        at = end + 1;
    }
}

int
path_order(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    /* The slash comes before every other byte but the end. */
    int left = *a == '/' ? 1 : *a == '\0' ? 0 : (unsigned char)*a + 1;
    int right = *b == '/' ? 1 : *b == '\0' ? 0 : (unsigned char)*b + 1;
    return left - right;
}

bool
path_is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

void
path_part(char dst[PARCEL_NAME + 1], const char *name)
{
    size_t n = strlen(name);

    if (1 + n + PART_LEN <= PARCEL_NAME) {
        (void)snprintf(dst, PARCEL_NAME + 1, ".%s" PATH_PART, name);
    } else {
        int keep = PARCEL_NAME - 1 - HASH_LEN - PART_LEN;

        (void)snprintf(dst, PARCEL_NAME + 1, ".%.*s.%016llx" PATH_PART, keep,
                       name, (unsigned long long)XXH3_64bits(name, n));
    }
}

/* Where the ".txt" of a name begins; its end if there is none. */
static size_t
suffix_of(const char *name, size_t n)
{
    const char *dot = strrchr(name, '.');

    return dot && dot > name && n - (size_t)(dot - name) <= SUFFIX
               ? (size_t)(dot - name)
               : n;
}

void
path_copy(char dst[PARCEL_NAME + 1], const char *name, unsigned number)
{
    size_t n = strlen(name), stem = suffix_of(name, n);
    char middle[16];
    size_t extra =
        (size_t)snprintf(middle, sizeof(middle), " (%u)", number) + n - stem;

    /* A name that is as long as names get gives up the end of its stem. */
    if (stem + extra > PARCEL_NAME) {
        stem = tn_text_cut(name, stem, PARCEL_NAME - extra);
    }
    (void)snprintf(dst, PARCEL_NAME + 1, "%.*s%s%s", (int)stem, name, middle,
                   name + suffix_of(name, n));
}
