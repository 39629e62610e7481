/*
 * Completion scripts for bash, zsh and fish, made from the option tables.
 */
#include "cmd.h"
#include "say.h"

#include <string.h>

/* Write text for inside single quotes; `special` gets a backslash. */
static void
put_quoted(FILE *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (strchr(special, *text)) {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void
put_words(FILE *out, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        fprintf(out, "%s%s", i ? " " : "", words[i]);
    }
}

/* --- bash ----------------------------------------------------------------- */

static void
bash_command(FILE *out, const struct command *cmd)
{
    fprintf(out, "    %s)\n        case $prev in\n", cmd->name);
    for (const struct opt *o = cmd->opts; o->name; o++) {
        if (!o->arg) {
            continue;
        }
        fprintf(out, "        --%s", o->name);
        if (o->letter) {
            fprintf(out, "|-%c", o->letter);
        }
        fputs(") words='", out);
        if (o->words) {
            put_words(out, o->words);
        }
        fputs("'; value=1 ;;\n", out);
    }
    fputs("        *) words='--help", out);
    for (const struct opt *o = cmd->opts; o->name; o++) {
        fprintf(out, " --%s", o->name);
    }
    fputs("' ;;\n        esac ;;\n", out);
}

static void
complete_bash(FILE *out)
{
    fputs("# bash completion for tenon, made from its option tables.\n"
          "_tenon() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} words='' value=''\n"
          "    local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        words='help --help --version",
          out);
    for (int i = 0; commands[i]; i++) {
        fprintf(out, " %s", commands[i]->name);
    }
    fputs("'\n        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "        return\n    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (int i = 0; commands[i]; i++) {
        bash_command(out, commands[i]);
    }
    fputs("    esac\n"
          "    case $value$cur in\n"
          "    1*|-*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
          "    *) COMPREPLY=() ;;\n"
          "    esac\n}\n"
          "complete -o default -F _tenon tenon\n",
          out);
}

/* --- zsh ------------------------------------------------------------------ */

static void
zsh_option(FILE *out, const struct opt *o)
{
    fputs(" \\\n        ", out);
    if (o->letter) {
        fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name,
                o->letter, o->arg ? "+" : "", o->name, o->arg ? "=" : "");
    } else {
        fprintf(out, "'--%s%s[", o->name, o->arg ? "=" : "");
    }
    put_quoted(out, o->sentence, "[]:");
    fputc(']', out);
    if (o->arg) {
        fprintf(out, ":%s:", o->arg);
    }
    if (o->words) {
        fputc('(', out);
        put_words(out, o->words);
        fputc(')', out);
    }
    fputc('\'', out);
}

static void
complete_zsh(FILE *out)
{
    fputs("#compdef tenon\n"
          "# zsh completion for tenon, made from its option tables.\n"
          "local -a commands=(\n",
          out);
    for (int i = 0; commands[i]; i++) {
        fprintf(out, "    '%s:", commands[i]->name);
        put_quoted(out, commands[i]->summary, ":");
        fputs("'\n", out);
    }
    fputs(")\n"
          "if (( CURRENT == 2 )); then\n"
          "    _describe command commands\n"
          "    return\n"
          "fi\n"
          "shift words\n"
          "(( CURRENT-- ))\n"
          "case $words[1] in\n",
          out);
    for (int i = 0; commands[i]; i++) {
        fprintf(out, "%s)\n    _arguments -s", commands[i]->name);
        for (const struct opt *o = commands[i]->opts; o->name; o++) {
            zsh_option(out, o);
        }
        fputs(" \\\n        '(-h --help)'{-h,--help}'[Print a summary and "
              "exit.]' \\\n        '*:operand:_default' ;;\n",
              out);
    }
    fputs("esac\n", out);
}

/* --- fish ----------------------------------------------------------------- */

static void
fish_option(FILE *out, const char *command, const struct opt *o)
{
    fprintf(out, "complete -c tenon -n '__fish_seen_subcommand_from %s'",
            command);
    if (o->letter) {
        fprintf(out, " -s %c", o->letter);
    }
    fprintf(out, " -l %s", o->name);
    if (o->arg) {
        fputs(" -x", out);
    }
    if (o->words) {
        fputs(" -a '", out);
        put_words(out, o->words);
        fputc('\'', out);
    }
    fputs(" -d '", out);
    put_quoted(out, o->sentence, "");
    fputs("'\n", out);
}

static void
complete_fish(FILE *out)
{
    fputs("# fish completion for tenon, made from its option tables.\n", out);
    for (int i = 0; commands[i]; i++) {
        const struct command *cmd = commands[i];
        fprintf(out, "complete -c tenon -f -n __fish_use_subcommand -a %s -d '",
                cmd->name);
        put_quoted(out, cmd->summary, "");
        fputs("'\n", out);
        for (const struct opt *o = cmd->opts; o->name; o++) {
            fish_option(out, cmd->name, o);
        }
    }
}

int
complete_main(FILE *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        complete_bash(out);
    } else if (strcmp(shell, "zsh") == 0) {
        complete_zsh(out);
    } else if (strcmp(shell, "fish") == 0) {
        complete_fish(out);
    } else {
        return say_usage("__complete %s: must be bash, zsh or fish", shell);
    }
    return EXIT_DONE;
}
