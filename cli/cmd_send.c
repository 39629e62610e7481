/*
 * tenon send [OPTION]... FILE... [TO]
 *
 *     tenon send report.pdf photos           to whoever receives here
 *     tenon send report.pdf 192.168.1.7      to that machine
 *     tar c . | tenon send - --name all.tar --to ann
 *
 * Sends files, folders and what a pipe gives to tenon recv, into the folder of
 * a hub, or to a phone. A connection that breaks is made anew, and what is
 * there is not sent again.
 */
#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/task.h>

#include "cmd.h"
#include "cmd_send_int.h"
#include "question.h"
#include "run.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct opt opts[] = {
    OPT_STRING(struct send_opts, to, "to", 0, "TO", NULL,
               "Where to: an address, a name that tenon find tells, the URL of "
               "a hub, or localsend:NAME for a phone. All words are files "
               "then."),
    OPT_STRING(struct send_opts, name, "name", 0, "NAME", NULL,
               "What to call the file that comes by stdin."),
    OPT_STRING(struct send_opts, code_file, "code-file", 0, "FILE", NULL,
               "The receiver's code is the first line of FILE; - is stdin."),
    OPT_STRING(struct send_opts, as, "as", 0, "NAME", NULL,
               "What to be called; by default your login name and the "
               "machine's."),
    OPT_TIME(struct send_opts, retry_for, "retry-for", 0, "T", 0,
             24 * 60 * TN_MIN, "2m",
             "When the connection is lost, try for so long to get another."),
    OPT_FLAG(struct send_opts, json, "json", 0,
             "Print each event as a JSON object on a line of its own."),
    OPT_FLAG(struct send_opts, quiet, "quiet", 0, "Print errors only."),
    OPT_FLAG(struct send_opts, only4, "ipv4", '4', "IPv4 only."),
    OPT_FLAG(struct send_opts, only6, "ipv6", '6', "IPv6 only."),
    OPT_FLAG(struct send_opts, secure.insecure, "insecure", 0,
             "No code: everybody on the way can read and change it. To an "
             "https hub: believe whoever answers."),
    OPT_STRING(struct send_opts, secure.ca, "ca", 0, "FILE", NULL,
               "To an https hub: trust whom these certificates vouch for (PEM, "
               "or a folder of c_rehash), and not whom the system trusts."),
    OPT_STRING(struct send_opts, secure.pin, "pin", 0, "SHA256", NULL,
               "To an https hub: trust only the certificate with this "
               "fingerprint, whoever signed it."),
    OPT_VERBOSE(struct send_opts),
    OPT_END,
};

static const char *const examples[] = {
    "tenon send report.pdf photos",
    "tenon send film.mkv 192.168.1.7",
    "tar c . | tenon send - --name all.tar --to ann",
    "tenon send notes.txt http://192.168.1.5:8000/",
    "tenon send photos \"localsend:Nice Orange\"",
    NULL,
};

/* --- the parcel ------------------------------------------------------------*/

static int
add(struct send *s, const char *word)
{
    int err = strcmp(word, "-") == 0
                  ? parcel_add_fd(s->parcel, STDIN_FILENO, s->o->name)
                  : parcel_add(s->parcel, word);
    if (err == -EEXIST) {
        say("%s: another one is called so already", word);
    } else if (err < 0) {
        return say_failed(err, NULL);
    }
    return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int
add_all(struct send *s)
{
    struct parcel_sum sum;
    uint32_t left_out = 0;
    int err = parcel_new(&s->parcel);
    int code =
        err < 0 ? say_failed(tn_fail(err, "send", NULL), NULL) : EXIT_DONE;
    for (int i = 0; i < s->count && code == EXIT_DONE; i++) {
        code = add(s, s->files[i]);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    parcel_sum_of(s->parcel, &sum, &left_out);
    if (left_out > 0 && !s->o->quiet) {
        say("left out: %u links and devices", (unsigned)left_out);
    }
    if (sum.files + sum.folders == 0) {
        say("nothing is left to send");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* --- the work --------------------------------------------------------------*/

static int
deliver(struct send *s)
{
    s->report = (struct report){
        .json = s->o->json,
        .quiet = s->o->quiet,
        .verbose = s->o->verbose,
        .sender = true,
        .clear = s->o->secure.insecure,
        .progress = &s->progress,
        .peer = s->at,
    };
    return s->place.kind == SEND_WEB     ? outbox_to_web(s)
           : s->place.kind == SEND_PHONE ? outbox_to_phone(s)
                                         : outbox_to_recv(s);
}

/* The root of the command's tasks. The files first: what is not there, nobody
   has to be found for. */
static int
run(void *arg)
{
    struct send *s = arg;
    tn_group group;
    int code = add_all(s);
    if (code == EXIT_DONE) {
        code = outbox_find(s);
    }
    tn_group_init(&group, TN_KEEP_GOING);
    if (code == EXIT_DONE && tn_go(&group, progress_run, &s->progress) < 0) {
        code = say_failed(-ENOMEM, NULL);
    }
    if (code == EXIT_DONE) {
        code = deliver(s);
    }
    tn_group_cancel(&group);
    (void)tn_group_wait(&group);
    progress_clear(&s->progress);
    parcel_free(s->parcel);
    return code;
}

/* --- what goes together ----------------------------------------------------*/

static int
check_stdin(struct send *s)
{
    const struct send_opts *o = s->o;
    bool code = o->code_file && strcmp(o->code_file, "-") == 0;
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        count += strcmp(s->files[i], "-") == 0;
    }
    if (count > 1) {
        return say_usage("- is stdin, and there is one only");
    }
    if (count > 0 && code) {
        return say_usage("--code-file - and - both want stdin");
    }
    if (count > 0 && !o->name) {
        return say_usage("- needs --name NAME: what shall it be called?");
    }
    if (count == 0 && o->name) {
        return say_usage("--name is for -, what comes by stdin");
    }
    return EXIT_DONE;
}

/* A hub may have no code, so that only the rest is checked for all places. */
static int
check(struct send *s)
{
    const struct send_opts *o = s->o;
    if (o->only4 && o->only6) {
        return say_usage("-4 or -6, not both");
    }
    if (o->code_file && o->secure.insecure) {
        return say_usage("only one of --code-file and --insecure");
    }
    int code = secure_check(&o->secure, true, false);
    return code == EXIT_DONE ? check_stdin(s) : code;
}

static int
cmd_send(const void *opts_filled, int n, char **words)
{
    struct send *s = calloc(1, sizeof(*s));
    if (!s) {
        say("out of memory");
        return EXIT_FAILED;
    }
    s->o = opts_filled;
    s->files = words;
    s->count = n;
    int code = outbox_split(s);
    if (code == EXIT_DONE) {
        code = check(s);
    }
    pairing_who(s->who, s->o->as);
    if (code == EXIT_DONE && s->o->code_file) {
        code = outbox_read_code(s);
    }
    if (code == EXIT_DONE) {
        code = run_task(run, s, RUN_ONCE);
    }
    tn_wipe(s->code, sizeof(s->code));
    tn_wipe(s->room_code, sizeof(s->room_code));
    free(s);
    return code;
}

const struct command command_send = {
    .name = "send",
    .summary = "Send files and folders",
    .operands = "FILE... [TO]",
    .min_operands = 1,
    .max_operands = SEND_WORDS,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct send_opts),
    .run = cmd_send,
};
