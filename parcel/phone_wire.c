/*
 * phone_wire.c - what devices say of themselves; times and hashes as text.
 */
#include "phone_wire.h"

#include <tenon/err.h>

#include "phone_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* The version that we speak. */
#define VERSION "2.1"
/* What we are. */
#define MODEL "tenon"

/* --- JSON ------------------------------------------------------------------*/

/* Whether objects and lists are nested no deeper than the limit: the parser
   goes down by recursion. */
static bool
is_shallow(tn_str data)
{
    int depth = 0;
    bool text = false;

    for (size_t i = 0; i < data.len; i++) {
        char c = data.at[i];

        if (text) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                text = false;
            }
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > PHONE_DEPTH) {
                return false;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

json_t *
phone_json(tn_str data)
{
    json_t *root;

    if (data.len == 0 || data.len > PHONE_JSON || !is_shallow(data)) {
        return NULL;
    }
    root = json_loadb(data.at, data.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

int
phone_json_set(json_t *object, const char *key, json_t *value)
{
    return value ? json_object_set_new(object, key, value) : -1;
}

char *
phone_json_text(json_t *root, int err)
{
    char *text = err == 0 ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return text;
}

static const char *
text_of(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));

    return text ? text : "";
}

/* Letters and digits of the alphabet without accents, as many as fit. */
static void
word(char *dst, size_t cap, const char *src)
{
    size_t n = 0;

    for (; *src != '\0' && n + 1 < cap; src++) {
        if ((*src >= '0' && *src <= '9') || (*src >= 'a' && *src <= 'z') ||
            (*src >= 'A' && *src <= 'Z') || *src == '-' || *src == '_') {
            dst[n++] = *src;
        }
    }
    dst[n] = '\0';
}

/* --- who -------------------------------------------------------------------*/

static int
port_of(const json_t *root)
{
    json_int_t port = json_integer_value(json_object_get(root, "port"));

    return port >= 1 && port <= 65535 ? (int)port : PHONE_PORT;
}

int
phone_info_take(struct phone_info *info, const json_t *root)
{
    const char *alias = text_of(root, "alias");
    const char *protocol = text_of(root, "protocol");

    memset(info, 0, sizeof(*info));
    if (!json_is_object(root) ||
        !json_is_string(json_object_get(root, "alias"))) {
        return -EINVAL;
    }
    (void)tn_text_clean(info->alias, sizeof(info->alias), alias,
                        tn_text_cut(alias, strlen(alias), PHONE_ALIAS));
    word(info->kind, sizeof(info->kind), text_of(root, "deviceType"));
    if (info->kind[0] == '\0') {
        (void)snprintf(info->kind, sizeof(info->kind), "desktop");
    }
    word(info->fingerprint, sizeof(info->fingerprint),
         text_of(root, "fingerprint"));
    info->port = port_of(root);
    info->tenon = strcmp(text_of(root, "deviceModel"), MODEL) == 0;
    info->tls = strcmp(protocol, "https") == 0;
    info->says_tls = info->tls || strcmp(protocol, "http") == 0;
    info->announce = json_is_true(json_object_get(root, "announce")) ||
                     json_is_true(json_object_get(root, "announcement"));
    return 0;
}

int
phone_info_read(struct phone_info *info, tn_str json)
{
    json_t *root = json.len <= PHONE_SAID ? phone_json(json) : NULL;
    int err = root ? phone_info_take(info, root) : -EINVAL;

    json_decref(root);
    return err;
}

json_t *
phone_info_give(const struct phone_info *info, unsigned say)
{
    json_t *root = json_object();
    int err = phone_json_set(root, "alias", json_string(info->alias));

    err |= phone_json_set(root, "version", json_string(VERSION));
    err |= phone_json_set(root, "deviceModel", json_string(MODEL));
    err |= phone_json_set(root, "deviceType", json_string(info->kind));
    err |= phone_json_set(root, "fingerprint", json_string(info->fingerprint));
    err |= phone_json_set(root, "download", json_false());
    if ((say & PHONE_SAY_WHERE) != 0) {
        err |= phone_json_set(root, "port", json_integer(info->port));
        err |= phone_json_set(root, "protocol",
                              json_string(info->tls ? "https" : "http"));
    }
    if ((say & PHONE_SAY_ANNOUNCE) != 0) {
        err |= phone_json_set(root, "announce", json_boolean(info->announce));
        err |=
            phone_json_set(root, "announcement", json_boolean(info->announce));
    }
    if (err != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

char *
phone_info_write(const struct phone_info *info, unsigned say)
{
    json_t *root = phone_info_give(info, say);

    return root ? phone_json_text(root, 0) : NULL;
}

/* --- times -----------------------------------------------------------------*/

/* So many digits; -1: there are none. */
static int
digits(const char **at, int n)
{
    int value = 0;

    for (; n > 0; n--, ++*at) {
        if (**at < '0' || **at > '9') {
            return -1;
        }
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool
skip(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    ++*at;
    return true;
}

/* What is behind the point, in ns. */
static int64_t
fraction(const char **at)
{
    int64_t unit = 100 * 1000 * 1000, ns = 0;

    for (; **at >= '0' && **at <= '9'; ++*at, unit /= 10) {
        ns += unit * (**at - '0');
    }
    return ns;
}

/* The zone in seconds east of Greenwich; false: it is none. */
static bool
zone(const char *at, int *seconds)
{
    int sign = *at == '-' ? -1 : 1;
    int hours, minutes;

    *seconds = 0;
    if (*at == '\0' || ((*at == 'Z' || *at == 'z') && at[1] == '\0')) {
        return true;
    }
    if (!skip(&at, '+') && !skip(&at, '-')) {
        return false;
    }
    hours = digits(&at, 2);
    (void)skip(&at, ':');
    minutes = hours >= 0 && *at != '\0' ? digits(&at, 2) : 0;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || *at != '\0') {
        return false;
    }
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool
clock_of(const char **at, struct tm *tm)
{
    tm->tm_hour = digits(at, 2);
    if (tm->tm_hour < 0 || tm->tm_hour > 23 || !skip(at, ':')) {
        return false;
    }
    tm->tm_min = digits(at, 2);
    if (tm->tm_min < 0 || tm->tm_min > 59 || !skip(at, ':')) {
        return false;
    }
    tm->tm_sec = digits(at, 2);
    return tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

static bool
date_of(const char **at, struct tm *tm)
{
    tm->tm_year = digits(at, 4) - 1900;
    if (tm->tm_year <= -1900 || !skip(at, '-')) {
        return false;
    }
    tm->tm_mon = digits(at, 2) - 1;
    if (tm->tm_mon < 0 || tm->tm_mon > 11 || !skip(at, '-')) {
        return false;
    }
    tm->tm_mday = digits(at, 2);
    return tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

bool
phone_time_read(int64_t *ns, const char *text)
{
    struct tm tm = {0};
    const char *at = text;
    int64_t part = 0, s;
    int east;

    if (!date_of(&at, &tm) ||
        (!skip(&at, 'T') && !skip(&at, 't') && !skip(&at, ' ')) ||
        !clock_of(&at, &tm)) {
        return false;
    }
    if (skip(&at, '.')) {
        part = fraction(&at);
    }
    if (!zone(at, &east)) {
        return false;
    }
    /* Nanoseconds of 64 bits reach from 1677 to 2262. */
    s = (int64_t)timegm(&tm) - east;
    if (s < -9000000000 || s > 9000000000) {
        return false;
    }
    *ns = s * TN_SEC + part;
    return true;
}

bool
phone_time_write(char dst[32], int64_t ns)
{
    int64_t part = ns % TN_SEC;
    time_t s = (time_t)(ns / TN_SEC - (part < 0));
    struct tm tm;
    size_t n;

    part += part < 0 ? TN_SEC : 0;
    if (!gmtime_r(&s, &tm) || tm.tm_year < -900 || tm.tm_year > 8099) {
        return false;
    }
    n = strftime(dst, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(dst + n, 32 - n, ".%03dZ", (int)(part / TN_MS));
    return true;
}

/* --- hashes ----------------------------------------------------------------*/

void
phone_hex(char *dst, const unsigned char *bytes, size_t n)
{
    static const char letters[] = "0123456789ABCDEF";

    for (size_t i = 0; i < n; i++) {
        dst[2 * i] = letters[bytes[i] >> 4];
        dst[2 * i + 1] = letters[bytes[i] & 15];
    }
    dst[2 * n] = '\0';
}

static int
nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
phone_unhex(unsigned char *dst, size_t n, const char *text)
{
    if (strlen(text) != 2 * n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        dst[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

bool
phone_is_same(const char *a, const char *b)
{
    return a[0] != '\0' && strcasecmp(a, b) == 0;
}
