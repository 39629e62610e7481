#include <tenon/text.h>

#include "dialect.h"

#include <stdio.h>
#include <string.h>

enum {
    /* Room for "* NAME shared " and the like, in either language. */
    FRONT_MAX = ROOM_NAME_MAX + 64,
    /* Room for " (1023.9 MiB)". */
    SIZE_MAX_TEXT = 32,
    /* A longer one would not fit into a datagram beside the rest. */
    ADDRESS_MAX = DIALECT_DATAGRAM,
};

/* [DIALECT_ZH] and [DIALECT_EN]. All begin as the room's own words do, so no
   member can say them. */
static const char *const gone[] = {"* 文件被删除：", "* this file is gone: "};
static const char *const somebodys[] = {"* 有人分享了文件 ",
                                        "* somebody shared "};
static const char *const shared[] = {" 分享了文件 ", " shared "};

/* "3 B", "1.5 KiB", "20.0 MiB". */
static void
write_size(char *dst, int64_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)size / 1024;
    size_t unit = 0;

    if (size < 1024) {
        snprintf(dst, SIZE_MAX_TEXT, " (%d B)", (int)size);
        return;
    }
    while (n >= 1024 && unit < 3) {
        n /= 1024;
        unit++;
    }
    snprintf(dst, SIZE_MAX_TEXT, " (%.1f %s)", n, units[unit]);
}

static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~/", c) != NULL);
}

/* " URL" of the file; its length, 0 if it is too long. */
static size_t
write_address(char *dst, const struct room_event *ev)
{
    size_t n = (size_t)snprintf(dst, ADDRESS_MAX, " %s", ev->folder);

    for (size_t i = 0; i < ev->text_len; i++) {
        char c = ev->text[i];

        if (n + 4 > ADDRESS_MAX) {
            return 0;
        }
        if (is_plain(c)) {
            dst[n++] = c;
        } else {
            n += (size_t)snprintf(dst + n, 4, "%%%02X", (unsigned char)c);
        }
    }
    return n;
}

/* Add what fits, cut at a character. */
static size_t
put(char *dst, size_t at, size_t cap, const char *s, size_t n)
{
    size_t keep = tn_text_cut(s, n, cap - at);

    memcpy(dst + at, s, keep);
    return at + keep;
}

size_t
dialect_file(char *dst, size_t cap, const struct room_event *ev,
             enum dialect_lang lang)
{
    char front[FRONT_MAX], size[SIZE_MAX_TEXT] = "", address[ADDRESS_MAX];
    size_t at, size_len, address_len = 0;

    if (ev->what == ROOM_GONE) {
        snprintf(front, sizeof(front), "%s", gone[lang]);
    } else {
        bool known = ev->name_len > 0;

        snprintf(front, sizeof(front), "%s%s%s", known ? "* " : "",
                 known ? ev->name : somebodys[lang], known ? shared[lang] : "");
        write_size(size, ev->size);
        address_len = ev->folder != NULL ? write_address(address, ev) : 0;
    }
    at = put(dst, 0, cap, front, strlen(front));
    at = put(dst, at, cap, ev->text, ev->text_len);
    size_len = strlen(size);
    at = put(dst, at, cap, size, size_len);
    if (at + address_len <= cap) {
        at = put(dst, at, cap, address, address_len);
    }
    return at;
}
