/*
 * The hidden commands that make documents from the option tables at build
 * time:
 *
 *     tenon __man talk < tenon-talk.1.scd.in   fills the line @OPTIONS@ in
 *     tenon __complete bash|zsh|fish           a completion script
 *     tenon __options                          the tables, for tests
 */
#include "cmd.h"
#include "say.h"

#include <string.h>

enum {
    DOC_LINE = 512 /* longer lines of a page's source come in parts */
};

/* scdoc reads these as markup anywhere. */
static void
put_scdoc(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("*_\\~", *text)) {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void
man_row(FILE *out, const struct opt *o)
{
    char text[OPT_DESCRIPTION];
    if (o->letter) {
        fprintf(out, "*-%c*, ", o->letter);
    }
    fprintf(out, "*--%s*", o->name);
    if (o->arg) {
        fprintf(out, " _%s_", o->arg);
    }
    fputs("\n\t", out);
    put_scdoc(out, opt_describe(o, text, sizeof(text)));
    fputs("\n\n", out);
}

static void
man_options(FILE *out, const struct command *cmd)
{
    for (const struct opt *o = cmd->opts; o->name; o++) {
        man_row(out, o);
    }
    fputs("*-h*, *--help*\n\tPrint a summary and exit.\n", out);
}

/* A page's list of commands, for tenon(1). */
static void
man_commands(FILE *out)
{
    for (int i = 0; commands[i]; i++) {
        fprintf(out, "%s*tenon-%s*(1)\n\t", i ? "\n" : "", commands[i]->name);
        put_scdoc(out, commands[i]->summary);
        fputs(".\n", out);
    }
}

static int
fill_page(FILE *in, FILE *out, const struct command *cmd)
{
    char line[DOC_LINE];
    while (fgets(line, sizeof(line), in)) {
        if (cmd && strcmp(line, "@OPTIONS@\n") == 0) {
            man_options(out, cmd);
        } else if (strcmp(line, "@COMMANDS@\n") == 0) {
            man_commands(out);
        } else {
            fputs(line, out);
        }
    }
    return EXIT_DONE;
}

static int
list_options(FILE *out)
{
    char text[OPT_DESCRIPTION];
    for (int i = 0; commands[i]; i++) {
        for (const struct opt *o = commands[i]->opts; o->name; o++) {
            fprintf(out, "%s\t%s\t%c\t%s\t%s\n", commands[i]->name, o->name,
                    o->letter ? o->letter : '-', o->arg ? o->arg : "",
                    opt_describe(o, text, sizeof(text)));
        }
    }
    return EXIT_DONE;
}

int
doc_main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(argv[0], "__options") == 0) {
        return list_options(stdout);
    }
    if (strcmp(argv[0], "__man") == 0) {
        return fill_page(stdin, stdout, command_by_name(word));
    }
    if (strcmp(argv[0], "__complete") == 0) {
        return complete_main(stdout, word);
    }
    return command_unknown(argv[0]);
}
