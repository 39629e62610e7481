#include "opt.h"

#include "say.h"

#include <stdlib.h>
#include <string.h>

enum {
    NEAR_MAX = 24 /* longer words are compared by their head */
};

/* The words that are still to be looked at. */
struct cursor {
    const struct command *cmd;
    void *into;
    int argc;
    int at;
    char **argv;
};

/* --- what was probably meant ---------------------------------------------- */

static int
least(int a, int b)
{
    return a < b ? a : b;
}

/* Letters to insert, delete, change or swap with their neighbour. */
static int
distance(const char *a, const char *b)
{
    uint8_t d[NEAR_MAX + 1][NEAR_MAX + 1];
    int m = (int)strnlen(a, NEAR_MAX);
    int n = (int)strnlen(b, NEAR_MAX);
    for (int i = 0; i <= m; i++) {
        for (int j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (uint8_t)(i + j);
                continue;
            }
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1]) {
                best = least(best, d[i - 2][j - 2] + 1);
            }
            d[i][j] = (uint8_t)best;
        }
    }
    return d[m][n];
}

static bool
is_near(const char *typed, const char *word)
{
    size_t n = strlen(typed);
    if (n >= 2 && strncmp(typed, word, n) == 0) {
        return true;
    }
    return n > 2 && distance(typed, word) <= (n < 5 ? 1 : 2);
}

const char *
opt_nearest(const char *typed, const char *best, const char *word)
{
    if (!is_near(typed, word)) {
        return best;
    }
    if (best && distance(typed, best) <= distance(typed, word)) {
        return best;
    }
    return word;
}

/* --- finding the row ------------------------------------------------------ */

static const struct opt *
find_long(const struct opt *opts, const char *name, size_t n)
{
    for (const struct opt *o = opts; o->name; o++) {
        if (strncmp(o->name, name, n) == 0 && o->name[n] == '\0') {
            return o;
        }
    }
    return NULL;
}

static const struct opt *
find_letter(const struct opt *opts, char letter)
{
    for (const struct opt *o = opts; o->name; o++) {
        if (o->letter && o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

/* What another program's option is here; NULL if nobody knows. By its letter,
   or by `n` bytes of its long name. */
static const char *
find_hint(const struct command *cmd, char letter, const char *name, size_t n)
{
    for (const struct opt_hint *h = cmd->hints; h && h->name; h++) {
        if (letter ? h->letter == letter
                   : strncmp(h->name, name, n) == 0 && h->name[n] == '\0') {
            return h->text;
        }
    }
    return NULL;
}

static enum opt_result
unknown_letter(const struct cursor *c, char letter)
{
    const char *hint = find_hint(c->cmd, letter, NULL, 0);
    if (hint) {
        say("unknown option -%c (%s)", letter, hint);
    } else {
        say("unknown option -%c (see tenon %s --help)", letter, c->cmd->name);
    }
    return OPT_BAD;
}

static enum opt_result
unknown_long(const struct cursor *c, const char *name, size_t n)
{
    char typed[NEAR_MAX + 1];
    (void)snprintf(typed, sizeof(typed), "%.*s", (int)n, name);
    const char *hint = find_hint(c->cmd, 0, name, n);
    if (hint) {
        say("unknown option --%.*s (%s)", (int)n, name, hint);
        return OPT_BAD;
    }
    const char *best = opt_nearest(typed, NULL, "help");
    for (const struct opt *o = c->cmd->opts; o->name; o++) {
        best = opt_nearest(typed, best, o->name);
    }
    if (best) {
        say("unknown option --%.*s (did you mean --%s?)", (int)n, name, best);
    } else {
        say("unknown option --%.*s (see tenon %s --help)", (int)n, name,
            c->cmd->name);
    }
    return OPT_BAD;
}

/* --- one word ------------------------------------------------------------- */

/* The value is what follows in the word, else the next word. */
static enum opt_result
take_value(struct cursor *c, const struct opt *o, const char *shown,
           const char *rest)
{
    if (!rest) {
        if (c->at >= c->argc) {
            say("%s needs a value: %s", shown, o->arg);
            return OPT_BAD;
        }
        rest = c->argv[c->at++];
    }
    return opt_store(o, c->into, shown, rest) ? OPT_OK : OPT_BAD;
}

static enum opt_result
parse_long(struct cursor *c, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    if (n == 4 && memcmp(name, "help", n) == 0) {
        return OPT_HELP;
    }
    const struct opt *o = find_long(c->cmd->opts, name, n);
    if (!o) {
        return unknown_long(c, name, n);
    }
    char shown[NEAR_MAX + 3];
    (void)snprintf(shown, sizeof(shown), "--%s", o->name);
    if (o->kind != OPT_IS_FLAG) {
        return take_value(c, o, shown, equals ? equals + 1 : NULL);
    }
    if (equals) {
        say("%s takes no value", shown);
        return OPT_BAD;
    }
    return opt_store(o, c->into, shown, "") ? OPT_OK : OPT_BAD;
}

/* -xv, -x v, and flags in one word: -lkv. */
static enum opt_result
parse_letters(struct cursor *c, const char *word)
{
    for (const char *p = word + 1; *p; p++) {
        char shown[3] = {'-', *p, '\0'};
        const struct opt *o = find_letter(c->cmd->opts, *p);
        if (!o && *p == 'h') {
            return OPT_HELP;
        }
        if (!o) {
            return unknown_letter(c, *p);
        }
        if (o->kind != OPT_IS_FLAG) {
            return take_value(c, o, shown, p[1] ? p + 1 : NULL);
        }
        (void)opt_store(o, c->into, shown, "");
    }
    return OPT_OK;
}

/* --- all words ------------------------------------------------------------ */

static enum opt_result
check_count(const struct command *cmd, int count, char **words)
{
    if (count < cmd->min_operands) {
        say("%.*s is missing (see tenon %s --help)",
            (int)strcspn(cmd->operands, "\n"), cmd->operands, cmd->name);
        return OPT_BAD;
    }
    if (count > cmd->max_operands) {
        say("%s: one word too many", words[cmd->max_operands]);
        return OPT_BAD;
    }
    return OPT_OK;
}

static bool
store_defaults(const struct command *cmd, void *into)
{
    memset(into, 0, cmd->size);
    for (const struct opt *o = cmd->opts; o->name; o++) {
        struct opt free_row = *o;
        free_row.min = INT64_MIN; /* -1 may stand for "not given" */
        free_row.max = INT64_MAX;
        if (o->fallback && !opt_store(&free_row, into, o->name, o->fallback)) {
            return false;
        }
    }
    return true;
}

/* Move an operand to the front of argv; the words before it are used up. */
static void
keep_operand(struct cursor *c, int *count, int from)
{
    c->argv[(*count)++] = c->argv[from];
}

enum opt_result
opt_parse(const struct command *cmd, void *into, int argc, char **argv,
          int *count)
{
    struct cursor c = {cmd, into, argc, 0, argv};
    bool only_operands = false;
    *count = 0;
    if (!store_defaults(cmd, into)) {
        return OPT_BAD;
    }
    while (c.at < argc) {
        enum opt_result r = OPT_OK;
        const char *word = argv[c.at++];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            keep_operand(&c, count, c.at - 1);
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else {
            r = word[1] == '-' ? parse_long(&c, word) : parse_letters(&c, word);
        }
        if (r != OPT_OK) {
            return r;
        }
    }
    return check_count(cmd, *count, argv);
}
