/*
 * share_tar.c - the heads of an archive's entries.
 *
 * POSIX.1-2017 pax: the old header of 512 bytes; where a name or a size does
 * not fit into it, records of text in an entry before it say so. Readers that
 * know only the old one get names cut at 100 bytes.
 */
#include "http/share_pure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where the fields of a header are. */
enum {
    NAME = 0,
    NAME_LEN = 100,
    MODE = 100,
    UID = 108,
    GID = 116,
    SIZE = 124,
    MTIME = 136,
    SUM = 148,
    TYPE = 156,
    MAGIC = 257,
};

/* What eleven octal digits hold. */
#define OCTAL_MAX (((int64_t)1 << 33) - 1)

static void
put_octal(char *at, int digits, int64_t value)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + (value & 7));
        value >>= 3;
    }
}

static void
put_header(char *h, const char *name, char type, const struct tn__tar_entry *e,
           int64_t size)
{
    int64_t modified = e->modified < 0           ? 0
                       : e->modified > OCTAL_MAX ? OCTAL_MAX
                                                 : e->modified;
    unsigned sum = 0;
    memset(h, 0, TN__TAR_BLOCK);
    memcpy(h + NAME, name, strnlen(name, NAME_LEN));
    put_octal(h + MODE, 7, e->mode & 0777);
    put_octal(h + UID, 7, 0);
    put_octal(h + GID, 7, 0);
    put_octal(h + SIZE, 11, size > OCTAL_MAX ? 0 : size);
    put_octal(h + MTIME, 11, modified);
    h[TYPE] = type;
    memcpy(h + MAGIC, "ustar\00000", 8);
    memset(h + SUM, ' ', 8);
    for (int i = 0; i < TN__TAR_BLOCK; i++) {
        sum += (unsigned char)h[i];
    }
    put_octal(h + SUM, 6, sum);
    h[SUM + 6] = '\0';
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static size_t
put_record(char *dst, size_t cap, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3;
    size_t len = rest + 1;
    for (size_t limit = 10; len >= limit; limit *= 10) {
        len++; /* one digit more, which may need another one */
    }
    int n = snprintf(dst, cap, "%zu %s=%s\n", len, key, value);
    return n < 0 ? 0 : (size_t)n;
}

static bool
is_plain(const char *name)
{
    size_t n = 0;
    for (; name[n]; n++) {
        if ((unsigned char)name[n] >= 0x80) {
            return false;
        }
    }
    return n <= NAME_LEN;
}

size_t
tn__tar_head(char dst[TN__TAR_HEAD], const struct tn__tar_entry *e)
{
    size_t at = 0;
    size_t records = 0;
    char *text = dst + TN__TAR_BLOCK;
    size_t room = TN__TAR_HEAD - 2 * TN__TAR_BLOCK;
    memset(dst, 0, TN__TAR_HEAD);
    if (!is_plain(e->path)) {
        records = put_record(text, room, "path", e->path);
    }
    if (e->size > OCTAL_MAX) {
        char digits[24];
        (void)snprintf(digits, sizeof(digits), "%" PRId64, e->size);
        records += put_record(text + records, room - records, "size", digits);
    }
    if (records > 0) {
        put_header(dst, "./PaxHeaders/entry", 'x', e, (int64_t)records);
        at = TN__TAR_BLOCK +
             (records + TN__TAR_BLOCK - 1) / TN__TAR_BLOCK * TN__TAR_BLOCK;
    }
    put_header(dst + at, e->path, e->is_folder ? '5' : '0', e, e->size);
    return at + TN__TAR_BLOCK;
}
