/*
 * cli/cmd.h - the list of commands, in the order that `tenon help` shows.
 *
 * X(name) stands for `const struct command command_name` in cmd_name.c.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "opt.h"

#define COMMANDS(X)                                                            \
    X(hub)                                                                     \
    X(chat)                                                                    \
    X(send)                                                                    \
    X(recv)                                                                    \
    X(find)                                                                    \
    X(serve)                                                                   \
    X(get)                                                                     \
    X(talk)                                                                    \
    X(echo)

#define COMMAND_EXTERN(name) extern const struct command command_##name;
COMMANDS(COMMAND_EXTERN)
#undef COMMAND_EXTERN

/* All of them; ends in NULL. */
extern const struct command *const commands[];

/** Find a command by its name, NULL if there is none. */
const struct command *command_by_name(const char *name);

/** Complain about a command that does not exist; returns EXIT_USAGE. */
int command_unknown(const char *name);

/** Print what `tenon` prints without arguments: examples and the list. */
void help_all(FILE *out);

/** Print what `tenon help help` prints: how to ask. */
void help_help(FILE *out);

/** Do what `tenon __man`, `__complete` and `__options` are for: make the man
    pages and completions at build time. Returns the exit code. */
int doc_main(int argc, char **argv);

/** Print a completion script for "bash", "zsh" or "fish"; an exit code. */
int complete_main(FILE *out, const char *shell);

#endif
