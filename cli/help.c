/*
 * What --help prints, made from the option table; what `tenon` prints alone.
 */
#include "cmd.h"
#include "say.h"

#include <string.h>

enum {
    HELP_COLUMN = 26, /* where sentences begin */
    HELP_WIDTH = 78,
    HELP_EXAMPLES = 8,
};

void
opt_wrap(FILE *out, const char *text, int column, int indent)
{
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column > indent && column + 1 + n > HELP_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", n, text);
        column += n;
        text += n;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* "Wait (1ms to 24h; default 5s).": the range goes before the full stop. */
const char *
opt_describe(const struct opt *o, char *buf, size_t cap)
{
    char range[2 * OPT_VALUE_TEXT];
    const char *fallback = o->fallback;
    int n = (int)strlen(o->sentence);
    if (fallback && fallback[0] == '-') {
        fallback = NULL; /* -1 stands for "not given" */
    }
    (void)opt_range(o, range, sizeof(range));
    if (range[0] && fallback) {
        (void)snprintf(buf, cap, "%.*s (%s; default %s).", n - 1, o->sentence,
                       range, fallback);
    } else if (range[0]) {
        (void)snprintf(buf, cap, "%.*s (%s).", n - 1, o->sentence, range);
    } else if (fallback) {
        (void)snprintf(buf, cap, "%.*s (default %s).", n - 1, o->sentence,
                       fallback);
    } else {
        (void)snprintf(buf, cap, "%s", o->sentence);
    }
    return buf;
}

static void
help_row(FILE *out, const struct opt *o)
{
    char text[OPT_DESCRIPTION];
    int n = o->letter ? fprintf(out, "  -%c, --%s", o->letter, o->name)
                      : fprintf(out, "      --%s", o->name);
    if (o->arg) {
        n += fprintf(out, " %s", o->arg);
    }
    if (n + 2 > HELP_COLUMN) {
        fputc('\n', out);
        n = 0;
    }
    fprintf(out, "%*s", HELP_COLUMN - n, "");
    opt_wrap(out, opt_describe(o, text, sizeof(text)), HELP_COLUMN,
             HELP_COLUMN);
}

static void
help_usage(FILE *out, const struct command *cmd)
{
    const char *line = cmd->operands;
    const char *head = "Usage:";
    do {
        int n = (int)strcspn(line, "\n");
        fprintf(out, "%-6s tenon %s [OPTION]...%s%.*s\n", head, cmd->name,
                n ? " " : "", n, line);
        line += n;
        head = "";
    } while (*line++ == '\n');
}

void
opt_help(const struct command *cmd, FILE *out)
{
    help_usage(out, cmd);
    fprintf(out, "\n%s.\n\nOptions:\n", cmd->summary);
    for (const struct opt *o = cmd->opts; o->name; o++) {
        help_row(out, o);
    }
    fprintf(out, "%-*s%s\n\nExamples:\n", HELP_COLUMN, "  -h, --help",
            "Print this and exit.");
    for (int i = 0; cmd->examples[i]; i++) {
        fprintf(out, "  %s\n", cmd->examples[i]);
    }
    fprintf(out, "\nMore: man tenon-%s\n", cmd->name);
}

/* The first example of each command, then the second of each, up to eight. */
static void
help_examples(FILE *out)
{
    int shown = 0;
    for (int round = 0; round < HELP_EXAMPLES; round++) {
        for (int i = 0; commands[i] && shown < HELP_EXAMPLES; i++) {
            const char *const *example = commands[i]->examples;
            int n = 0;
            while (n < round && example[n]) {
                n++;
            }
            if (example[n]) {
                fprintf(out, "  %s\n", example[n]);
                shown++;
            }
        }
    }
}

void
help_all(FILE *out)
{
    fprintf(out, "Usage: tenon COMMAND [OPTION]... [ADDR]\n\n");
    help_examples(out);
    fprintf(out, "\nCommands:\n");
    for (int i = 0; commands[i]; i++) {
        int n = fprintf(out, "  %s", commands[i]->name);
        fprintf(out, "%*s", 10 - n, "");
        opt_wrap(out, commands[i]->summary, 10, 10);
    }
    fprintf(out, "\nAddresses: host:port, [::1]:80, :8000, udp://host:port, "
                 "unix:/path, unix:@name.\n"
                 "tenon help COMMAND explains each; tenon --version tells "
                 "the version.\n");
}

void
help_help(FILE *out)
{
    fprintf(out, "Usage: tenon help [COMMAND]\n\n"
                 "Explain a command, or print examples and list them all.\n"
                 "The same are tenon COMMAND --help and tenon COMMAND help; "
                 "there is more in\nman tenon and man tenon-COMMAND.\n");
}

int
command_unknown(const char *name)
{
    const char *best = opt_nearest(name, NULL, "help");
    if (name[0] == '-') {
        return say_usage("%s: no such option (see tenon help)", name);
    }
    for (int i = 0; commands[i]; i++) {
        best = opt_nearest(name, best, commands[i]->name);
    }
    return best
               ? say_usage("%s: no such command (did you mean %s?)", name, best)
               : say_usage("%s: no such command (see tenon help)", name);
}
