/*
 * Text to typed values and back: numbers, sizes, durations, words. A complaint
 * names the option as it was typed, the value, and what would have been right.
 */
#include <tenon/api.h>

#include "opt.h"
#include "say.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: formatting takes the first that divides. The names that are
   only read follow. */
static const struct unit time_units[] = {
    {"h", 3600 * TN_SEC}, {"m", TN_MIN}, {"s", TN_SEC}, {"ms", TN_MS},
    {"us", TN_US},        {"ns", TN_NS}, {"", TN_SEC},  {NULL, 0},
};

static const struct unit size_units[] = {
    {"G", (int64_t)1 << 30},
    {"M", 1 << 20},
    {"k", 1 << 10},
    {"", 1},
    {"K", 1 << 10},
    {"kB", 1 << 10},
    {"KB", 1 << 10},
    {"KiB", 1 << 10},
    {"MB", 1 << 20},
    {"MiB", 1 << 20},
    {"GB", 1 << 30},
    {"GiB", 1 << 30},
    {NULL, 0},
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *
units_of(enum opt_kind kind)
{
    if (kind == OPT_IS_DURATION) {
        return time_units;
    }
    return kind == OPT_IS_SIZE ? size_units : no_units;
}

static const char *
noun_of(enum opt_kind kind)
{
    if (kind == OPT_IS_DURATION) {
        return "a time such as 200ms, 1.5s or 2m";
    }
    return kind == OPT_IS_SIZE ? "a size such as 512, 64k or 1M"
                               : "a whole number";
}

/* Decimal places become units: 1.5s is 1500 ms; what is finer is dropped. From
   the last one on, so that a factor of 1024 loses nothing on the way. */
static int64_t
fraction(const char *digits, size_t n, int64_t factor)
{
    int64_t sum = 0;
    while (n > 0) {
        n--;
        sum = (sum + (digits[n] - '0') * factor) / 10;
    }
    return sum;
}

/* False if the text is no number, or one with a unit that does not exist. */
static bool
read_number(const char *text, const struct unit *units, int64_t *value)
{
    bool minus = text[0] == '-';
    const char *digits = text + minus;
    size_t whole = strspn(digits, "0123456789");
    const char *dot = digits + whole;
    size_t places = *dot == '.' ? strspn(dot + 1, "0123456789") : 0;
    const char *unit = *dot == '.' ? dot + 1 + places : dot;
    if (whole == 0 || whole > 18 || (*dot == '.' && places == 0)) {
        return false;
    }
    while (units->name && strcmp(units->name, unit) != 0) {
        units++;
    }
    if (!units->name || (places > 0 && units->factor == 1)) {
        return false;
    }
    int64_t sum;
    if (__builtin_mul_overflow(strtoll(digits, NULL, 10), units->factor,
                               &sum) ||
        __builtin_add_overflow(sum, fraction(dot + 1, places, units->factor),
                               &sum)) {
        sum = INT64_MAX;
    }
    *value = minus ? -sum : sum;
    return true;
}

const char *
opt_format(enum opt_kind kind, int64_t value, char *buf, size_t cap)
{
    const struct unit *u = units_of(kind);
    while (value != 0 && value % u->factor != 0) {
        u++;
    }
    (void)snprintf(buf, cap, "%" PRId64 "%s", value ? value / u->factor : 0,
                   value ? u->name : "");
    return buf;
}

static const char *
word_list(const char *const *words, char *buf, size_t cap)
{
    size_t at = 0;
    for (int i = 0; words[i] && at < cap; i++) {
        const char *gap = i == 0 ? "" : words[i + 1] ? ", " : " or ";
        int n = snprintf(buf + at, cap - at, "%s%s", gap, words[i]);
        at += n < 0 ? 0 : (size_t)n;
    }
    return buf;
}

const char *
opt_range(const struct opt *o, char *buf, size_t cap)
{
    char low[OPT_VALUE_TEXT];
    char high[OPT_VALUE_TEXT];
    buf[0] = '\0';
    if (o->kind == OPT_IS_WORD) {
        return word_list(o->words, buf, cap);
    }
    if (o->kind != OPT_IS_FLAG && o->kind != OPT_IS_STRING &&
        o->kind != OPT_IS_LIST) {
        (void)snprintf(buf, cap, "%s to %s",
                       opt_format(o->kind, o->min, low, sizeof(low)),
                       opt_format(o->kind, o->max, high, sizeof(high)));
    }
    return buf;
}

static bool
store_number(const struct opt *o, void *field, const char *shown,
             const char *text)
{
    char range[2 * OPT_VALUE_TEXT];
    int64_t value;
    if (!read_number(text, units_of(o->kind), &value)) {
        say("%s %s: must be %s", shown, text, noun_of(o->kind));
        return false;
    }
    if (value < o->min || value > o->max) {
        say("%s %s: must be %s", shown, text,
            opt_range(o, range, sizeof(range)));
        return false;
    }
    /* Looked at now: later the number may be one of our own. */
    if (o->kind == OPT_IS_FD && value >= 0 && fcntl((int)value, F_GETFD) < 0) {
        say("%s %s: it is not open", shown, text);
        return false;
    }
    if (o->kind == OPT_IS_INT || o->kind == OPT_IS_FD) {
        *(int *)field = (int)value;
    } else {
        *(int64_t *)field = value;
    }
    return true;
}

static bool
store_word(const struct opt *o, void *field, const char *shown,
           const char *text)
{
    char range[2 * OPT_VALUE_TEXT];
    const char *best = NULL;
    for (int i = 0; o->words[i]; i++) {
        if (strcmp(o->words[i], text) == 0) {
            *(int *)field = i;
            return true;
        }
        best = opt_nearest(text, best, o->words[i]);
    }
    if (best) {
        say("%s %s: did you mean %s?", shown, text, best);
    } else {
        say("%s %s: must be %s", shown, text,
            opt_range(o, range, sizeof(range)));
    }
    return false;
}

static bool
store_more(struct opt_list *list, const char *shown, const char *text)
{
    if (list->count == OPT_LIST_MAX) {
        say("%s: given more than %d times", shown, OPT_LIST_MAX);
        return false;
    }
    list->at[list->count++] = text;
    return true;
}

bool
opt_store(const struct opt *o, void *into, const char *shown, const char *text)
{
    void *field = (char *)into + o->offset;
    switch (o->kind) {
    case OPT_IS_FLAG:
        *(bool *)field = true;
        return true;
    case OPT_IS_STRING:
        *(const char **)field = text;
        return true;
    case OPT_IS_WORD:
        return store_word(o, field, shown, text);
    case OPT_IS_LIST:
        return store_more(field, shown, text);
    case OPT_IS_INT:
    case OPT_IS_FD:
    case OPT_IS_SIZE:
    case OPT_IS_DURATION:
        break;
    }
    return store_number(o, field, shown, text);
}
