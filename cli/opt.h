/*
 * cli/opt.h - one table of options per command, and what is made from it.
 *
 * A command is one file cmd_NAME.c that defines `const struct command
 * command_NAME`, one line in cmd.h, one line in meson.build. Its option table
 * drives parsing, range checks, --help, the OPTIONS part of its man page and
 * the completions of three shells:
 *
 *     struct greet { bool loud; int times; const char *name; };
 *     static const struct opt opts[] = {
 *         OPT_FLAG(struct greet, loud, "loud", 'L', "Shout."),
 *         OPT_INT(struct greet, times, "times", 't', "N", 1, 9, "1",
 *                 "How often."),
 *         OPT_STRING(struct greet, name, "name", 0, "NAME", NULL, "Whom."),
 *         OPT_END,
 *     };
 *
 * Values land in the struct, whose field must have the type of the kind: the
 * macros do not compile otherwise. Strings are borrowed from argv.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_kind {
    OPT_IS_FLAG,     /* bool */
    OPT_IS_INT,      /* int */
    OPT_IS_FD,       /* int: a descriptor that the caller left open */
    OPT_IS_SIZE,     /* int64_t, bytes: 512, 64k, 1M, 2G (powers of 1024) */
    OPT_IS_DURATION, /* int64_t, ns: 200ms, 1.5s, 2m; a bare number: seconds */
    OPT_IS_STRING,   /* const char * */
    OPT_IS_WORD,     /* int: index into words */
    OPT_IS_LIST,     /* struct opt_list: each time it is given */
};

enum {
    OPT_LIST_MAX = 64, /* an option that often is a mistake of a script */
};

/* The values of an option that may be given more than once, in order. */
struct opt_list {
    int count;
    const char *at[OPT_LIST_MAX];
};

struct opt {
    const char *name; /* long, without dashes; NULL ends the table */
    char letter;      /* 0: none */
    const char *arg;  /* name of the value, "N"; NULL for flags */
    enum opt_kind kind;
    int64_t min, max;     /* inclusive; for int, size, duration (ns) */
    const char *fallback; /* default as one would type it; NULL: 0 or NULL */
    const char *sentence; /* "Wait for a connection.", with its full stop */
    size_t offset;
    const char *const *words; /* ends in NULL; for OPT_IS_WORD */
};

/* The offset of a field, which must have exactly that type. */
#define OPT_AT(s, field, type)                                                 \
    (offsetof(s, field) + 0 * sizeof(_Generic(((s *)0)->field, type : 1)))

#define OPT_FLAG(s, field, name, letter, sentence)                             \
    {                                                                          \
        name, letter, NULL, OPT_IS_FLAG, 0, 0, NULL, sentence,                 \
            OPT_AT(s, field, bool), NULL                                       \
    }
#define OPT_INT(s, field, name, letter, arg, min, max, fallback, sentence)     \
    {                                                                          \
        name, letter, arg, OPT_IS_INT, min, max, fallback, sentence,           \
            OPT_AT(s, field, int), NULL                                        \
    }
#define OPT_SIZE(s, field, name, letter, arg, min, max, fallback, sentence)    \
    {                                                                          \
        name, letter, arg, OPT_IS_SIZE, min, max, fallback, sentence,          \
            OPT_AT(s, field, int64_t), NULL                                    \
    }
#define OPT_TIME(s, field, name, letter, arg, min, max, fallback, sentence)    \
    {                                                                          \
        name, letter, arg, OPT_IS_DURATION, min, max, fallback, sentence,      \
            OPT_AT(s, field, int64_t), NULL                                    \
    }
#define OPT_STRING(s, field, name, letter, arg, fallback, sentence)            \
    {                                                                          \
        name, letter, arg, OPT_IS_STRING, 0, 0, fallback, sentence,            \
            OPT_AT(s, field, const char *), NULL                               \
    }
#define OPT_WORD(s, field, name, letter, arg, words, fallback, sentence)       \
    {                                                                          \
        name, letter, arg, OPT_IS_WORD, 0, 0, fallback, sentence,              \
            OPT_AT(s, field, int), words                                       \
    }
#define OPT_LIST(s, field, name, letter, arg, sentence)                        \
    {                                                                          \
        name, letter, arg, OPT_IS_LIST, 0, 0, NULL, sentence,                  \
            OPT_AT(s, field, struct opt_list), NULL                            \
    }
#define OPT_END                                                                \
    {                                                                          \
        NULL, 0, NULL, OPT_IS_FLAG, 0, 0, NULL, NULL, 0, NULL                  \
    }

/* Rows that mean the same in every command; the field is named as here. */
#define OPT_READY_FD(s)                                                        \
    {                                                                          \
        "ready-fd", 0, "FD", OPT_IS_FD, 0, 65535, "-1",                        \
            "Write the bound address and a newline to this file descriptor "   \
            "once listening.",                                                 \
            OPT_AT(s, ready_fd, int), NULL                                     \
    }
#define OPT_VERBOSE(s)                                                         \
    OPT_FLAG(s, verbose, "verbose", 'v', "Tell on stderr what happens.")

/* An option that people may expect and that is not there: what to do. */
struct opt_hint {
    char letter;      /* 0: none */
    const char *name; /* long, without dashes; NULL ends the table */
    const char *text; /* "here it is --insecure", no full stop */
};

struct command {
    const char *name;
    const char *summary;  /* "Talk or pipe over ...", no full stop */
    const char *operands; /* "ADDR"; "" for none; usage lines, '\n'
                                    between them */
    int min_operands;
    int max_operands;
    const char *const *examples;  /* ends in NULL; "tenon talk ..." */
    const struct opt *opts;       /* ends in OPT_END */
    const struct opt_hint *hints; /* NULL: none */
    size_t size;                  /* of the struct that opts fill */
    /* Returns the program's exit code, see say.h. `opts` and `words` live
       until the program ends. */
    int (*run)(const void *opts, int n, char **words);
};

enum opt_result {
    OPT_OK = 0,
    OPT_HELP = 1, /* --help was given; nothing was printed */
    OPT_BAD = 2,  /* the complaint is on stderr */
};

enum {
    OPT_VALUE_TEXT = 96,   /* room for any number, size or duration as text */
    OPT_DESCRIPTION = 768, /* room for what opt_describe() writes */
};

/**
 * Fill in the defaults, then what the words say; GNU's conventions.
 *
 * @param cmd    the command.
 * @param into   cmd->size bytes.
 * @param argc   words after the command's name.
 * @param argv   reordered: operands first.
 * @param count  set to the number of operands, which is checked, too.
 */
enum opt_result opt_parse(const struct command *cmd, void *into, int argc,
                          char **argv, int *count);

/** Parse one value into its field; false if the complaint was printed.
    `shown` is the option as the user typed it, "-w" or "--wait". */
bool opt_store(const struct opt *o, void *into, const char *shown,
               const char *text);

/** Write a number the way the option takes it: "65536", "64k", "200ms". */
const char *opt_format(enum opt_kind kind, int64_t value, char *buf,
                       size_t cap);

/** Write "1 to 65536", or "upper, echo or discard"; "" where all is legal. */
const char *opt_range(const struct opt *o, char *buf, size_t cap);

/** Write the sentence, the range and the default: what help and man show. */
const char *opt_describe(const struct opt *o, char *buf, size_t cap);

/** Find the word that was probably meant, NULL if none is near. */
const char *opt_nearest(const char *typed, const char *best, const char *word);

/** Print what --help prints. */
void opt_help(const struct command *cmd, FILE *out);

/** Print a text wrapped at 78 columns; `column` is where the cursor is. */
void opt_wrap(FILE *out, const char *text, int column, int indent);

#endif
