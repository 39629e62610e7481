/*
 * tenon: the verbs of a socket library as one command. To understand the rest,
 * read cmd.h (the list of commands), opt.h (their option tables), then any
 * cmd_NAME.c.
 */
#include <tenon/api.h>

#include "cmd.h"
#include "run.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_POINTER(name) &command_##name,
const struct command *const commands[] = {COMMANDS(COMMAND_POINTER) NULL};

const struct command *
command_by_name(const char *name)
{
    for (int i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static bool
is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 ||
           strcmp(word, "-h") == 0;
}

/* "tenon NAME help" is "tenon NAME --help", as with many others; but to serve
   a folder of that name is what it says. */
static bool
asks_for_help(int argc, char **argv)
{
    return argc == 1 && strcmp(argv[0], "help") == 0 &&
           access("help", F_OK) != 0;
}

static int
run_command(const struct command *cmd, int argc, char **argv)
{
    int count;
    void *opts = calloc(1, cmd->size);
    if (!opts) {
        say("out of memory");
        return EXIT_FAILED;
    }
    say_as(cmd->name);
    enum opt_result r = asks_for_help(argc, argv)
                            ? OPT_HELP
                            : opt_parse(cmd, opts, argc, argv, &count);
    int code = EXIT_USAGE;
    if (r == OPT_HELP) {
        opt_help(cmd, stdout);
        code = EXIT_DONE;
    } else if (r == OPT_OK) {
        code = cmd->run(opts, count, argv);
    }
    free(opts);
    return code;
}

/* "tenon help NAME" is "tenon NAME --help"; "tenon help" lists them. */
static int
help(int count, char **words)
{
    const char *name = count > 0 ? words[0] : NULL;
    const struct command *cmd = name ? command_by_name(name) : NULL;
    if (count > 1) {
        return say_usage("%s: one word too many", words[1]);
    }
    if (cmd) {
        opt_help(cmd, stdout);
    } else if (name && is_help(name)) {
        help_help(stdout);
    } else if (name) {
        return command_unknown(name);
    } else {
        help_all(stdout);
    }
    return EXIT_DONE;
}

int
main(int argc, char **argv)
{
    if (program_start() < 0) {
        return EXIT_FAILED;
    }
    const char *word = argc > 1 ? argv[1] : "";
    const struct command *cmd = command_by_name(word);
    int code = EXIT_DONE;
    if (cmd) {
        code = run_command(cmd, argc - 2, argv + 2);
    } else if (argc < 2 || is_help(word)) {
        code = help(argc > 2 ? argc - 2 : 0, argv + 2);
    } else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("tenon %s\n", tn_version());
    } else if (strncmp(word, "__", 2) == 0) {
        code = doc_main(argc - 1, argv + 1);
    } else {
        code = command_unknown(word);
    }
    return program_end(code);
}
