/*
 * tenon chat [OPTION]... [ADDR] [-]
 *
 *     tenon chat                       the room on this network, or machine
 *     tenon chat -n ann 192.168.1.5
 *     echo "build done" | tenon chat -n builder 192.168.1.5 -
 *
 * Joins a room that tenon hub opened, by the native dialect: what is said
 * arrives, or is marked as not delivered. With --plain any other room of the
 * same plain text: the name first, then "name:text", "name:q" to leave.
 */
#include <tenon/err.h>

#include "cmd.h"
#include "cmd_chat_int.h"
#include "pairing.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const langs[] = {"auto", "zh", "en", NULL};

static const struct opt opts[] = {
    OPT_STRING(struct chat_opts, name, "name", 'n', "NAME", NULL,
               "What to be called in the room; by default your login name."),
    OPT_STRING(struct chat_opts, code_file, "code-file", 0, "FILE", NULL,
               "The room code is the first line of FILE; without it a code "
               "that is needed is asked for on the terminal."),
    OPT_FLAG(struct chat_opts, plain, "plain", 0,
             "Speak plain text, for rooms that are no tenon hub: nothing "
             "tells whether what was said arrived."),
    OPT_TIME(struct chat_opts, quit, "quit", 'q', "T", 0, TN_MIN * 60 * 24,
             "500ms",
             "When input comes from a pipe or a file: stay this long after "
             "its end, for answers."),
    OPT_TIME(struct chat_opts, wait, "wait", 0, "T", 0, TN_MIN * 60 * 24, "1m",
             "When input comes from a pipe or a file: wait so long after its "
             "end for all of it to be delivered."),
    OPT_FLAG(struct chat_opts, json, "json", 0,
             "Show each event as a JSON object on a line of its own."),
    OPT_WORD(struct chat_opts, lang, "lang", 0, "LANG", langs, "auto",
             "In whose words joins and leaves are shown; auto is the "
             "locale's. With --plain the room decides."),
    OPT_FLAG(struct chat_opts, bell, "bell", 0,
             "Ring when your name is mentioned, or somebody writes to you "
             "alone."),
    OPT_STRING(struct chat_opts, secure.ca, "ca", 0, "FILE", NULL,
               "For /send to a hub with --tls: trust whom these certificates "
               "vouch for (PEM)."),
    OPT_STRING(struct chat_opts, secure.pin, "pin", 0, "SHA256", NULL,
               "Likewise: trust only a certificate with this fingerprint, "
               "which the hub prints."),
    OPT_FLAG(struct chat_opts, secure.insecure, "insecure", 0,
             "Likewise: believe whoever answers. Anybody on the way can read "
             "and change the files then."),
    OPT_FLAG(struct chat_opts, only4, "ipv4", '4', "IPv4 only."),
    OPT_FLAG(struct chat_opts, only6, "ipv6", '6', "IPv6 only."),
    OPT_END,
};

static const char *const examples[] = {
    "tenon chat -n ann 192.168.1.5",
    "tenon chat --json -n logger 192.168.1.5:8000",
    "echo 'build done' | tenon chat -n builder 192.168.1.5 -",
    "tenon chat --plain -n ann course.example:8000",
    NULL,
};

/* --- for both kinds of room ------------------------------------------------*/

int
chat_refused(const tn_addr *peer, bool gone)
{
    char text[TN_ADDR_TEXT] = "?";
    where_peer(peer, text, sizeof(text));
    say("%s: %s (%s)", text, tn_strerror(-ECONNREFUSED),
        gone ? "the room is gone" : "no room there; tenon hub opens one");
    return EXIT_FAILED;
}

bool
chat_colour(const struct chat_opts *o)
{
    const char *never = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !o->json && !(never && *never);
}

/* --- start -----------------------------------------------------------------*/

static int
choose_name(struct chat_start *s)
{
    const char *name = s->o->name ? s->o->name : pairing_login();
    if (!name) {
        return say_usage("who are you? (give a name with -n)");
    }
    if (dialect_name(s->name, name, strlen(name)) < 0 ||
        strcmp(s->name, "q") == 0) {
        return say_usage("-n %s: a name has 1 to %d characters, no colon, and "
                         "is not q",
                         name, ROOM_NAME_CHARS);
    }
    return EXIT_DONE;
}

static int
choose_room(struct chat_start *s, int n, char **words)
{
    const struct where w = {
        .udp = true, .only4 = s->o->only4, .only6 = s->o->only6};
    s->ep = (tn_endpoint){.transport = TN_UDP, .port = CHAT_PORT};
    if (n == 0) {
        (void)snprintf(s->ep.host, sizeof(s->ep.host), "127.0.0.1");
        s->ep.host_len = (int)strlen(s->ep.host);
        s->found = !s->o->plain;
        return EXIT_DONE;
    }
    if (n == 1 && tn_endpoint_parse(&s->ep, words[0], TN_UDP) == 0) {
        if (s->ep.transport != TN_UDP) {
            return say_usage("%s: a room is at a UDP address", words[0]);
        }
        if (s->ep.port < 0) {
            s->ep.port = CHAT_PORT;
            return where_check(&s->ep, &w);
        }
    }
    return where_parse(&s->ep, &w, n, words);
}

static int
cmd_chat(const void *opts_filled, int n, char **words)
{
    struct chat_start s = {.o = opts_filled};
    if (n > 0 && strcmp(words[n - 1], "-") == 0) {
        s.pipe = true;
        n--;
    }
    if (n > 2) {
        return say_usage("%s: one address is enough", words[2]);
    }
    int code = secure_check(&s.o->secure, true, false);
    if (code == EXIT_DONE) {
        code = choose_room(&s, n, words);
    }
    if (code == EXIT_DONE) {
        code = choose_name(&s);
    }
    if (code == EXIT_DONE) {
        code = run_task(s.o->plain ? chat_plain : chat_visit, &s, RUN_ONCE);
    }
    return code;
}

const struct command command_chat = {
    .name = "chat",
    .summary = "Talk in a room from a terminal, or from a script",
    .operands = "[ADDR] [-]\nHOST PORT [-]",
    .min_operands = 0,
    .max_operands = 3,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct chat_opts),
    .run = cmd_chat,
};
