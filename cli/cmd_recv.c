/*
 * tenon recv [OPTION]... [DIR]
 *
 *     tenon recv                       into this folder
 *     tenon recv --once -o - | tar x   a stream
 *
 * Takes files and folders that tenon send brings. A code that is shown here and
 * typed there pairs the two, and encrypts; what came in part is gone on with.
 */
#include <tenon/err.h>
#include <tenon/seal.h>
#include <tenon/serve.h>

#include "cmd.h"
#include "cmd_recv_int.h"
#include "question.h"
#include "run.h"
#include "say.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct opt opts[] = {
    OPT_INT(struct recv_opts, port, "port", 'p', "PORT", 0, 65535, "8001",
            "The port; 0 lets the system choose."),
    OPT_STRING(struct recv_opts, bind, "bind", 0, "ADDR", NULL,
               "Listen on this address only."),
    OPT_FLAG(struct recv_opts, yes, "yes", 'y',
             "Take what is offered without asking."),
    OPT_LIST(struct recv_opts, only, "only", 0, "GLOB",
             "Take only what fits: a path, the last part of one, or a folder "
             "above. Again for more."),
    OPT_FLAG(struct recv_opts, once, "once", 0, "End after one parcel."),
    OPT_STRING(struct recv_opts, output, "output", 'o', "FILE", NULL,
               "With --once: write the bytes of what comes to FILE; - is "
               "stdout."),
    OPT_FLAG(struct recv_opts, rename, "rename", 0,
             "A file whose name is taken gets a number; this is what happens "
             "anyway."),
    OPT_FLAG(struct recv_opts, skip, "skip", 0,
             "A file whose name is taken is not received."),
    OPT_FLAG(struct recv_opts, overwrite, "overwrite", 0,
             "A file whose name is taken replaces what is there, once it is "
             "whole."),
    OPT_SIZE(struct recv_opts, max_size, "max-size", 0, "N", 1,
             (int64_t)1 << 50, NULL, "Refuse offers of more than N bytes."),
    OPT_STRING(struct recv_opts, code_file, "code-file", 0, "FILE", NULL,
               "The code is the first line of FILE, and not a new one; - is "
               "stdin."),
    OPT_FLAG(struct recv_opts, insecure, "insecure", 0,
             "No code: anybody may send, and everybody on the way can read "
             "and change it."),
    OPT_FLAG(struct recv_opts, plain, "plain", 0,
             "Take single files in the plain form of a first exercise: length "
             "and name, length and data. It has no code and is as insecure."),
    OPT_FLAG(struct recv_opts, hidden, "hidden", 0,
             "Do not be found; who sends has to know the address."),
    OPT_FLAG(struct recv_opts, no_phones, "no-phones", 0,
             "Take no files from phones (LocalSend)."),
    OPT_INT(struct recv_opts, phone_port, "phone-port", 0, "PORT", 0, 65535,
            "53317",
            "The TCP port for phones; 0 lets the system choose. The usual one "
            "is not opened where --bind keeps this on this machine."),
    OPT_STRING(struct recv_opts, as, "as", 0, "NAME", NULL,
               "What to be called; by default your login name and the "
               "machine's."),
    OPT_FLAG(struct recv_opts, json, "json", 0,
             "Print each event as a JSON object on a line of its own."),
    OPT_FLAG(struct recv_opts, quiet, "quiet", 0, "Print errors only."),
    OPT_READY_FD(struct recv_opts),
    OPT_VERBOSE(struct recv_opts),
    OPT_END,
};

static const char *const examples[] = {
    "tenon recv ~/Downloads",
    "tenon recv --once -y -o - | tar x",
    "tenon recv -y --only '*.pdf' inbox",
    "tenon recv -y --code-file ~/.code --json /srv/incoming >>log",
    NULL,
};

/* --- the work --------------------------------------------------------------*/

static int
serve(void *arg)
{
    struct recv *r = arg;
    const tn_serve_opts how = {
        .max_connections = RECV_SESSIONS,
        .idle = PARCEL_SILENCE,
    };
    int err = tn_serve(r->listener, inbox_one, r, &how);
    if (err != -ECANCELED && err != -ETIME && !r->over) {
        inbox_over(r, say_failed(err, &r->ep));
    }
    return 0;
}

/* All that runs beside each other. What else takes files is a line here. */
static int
run_all(struct recv *r)
{
    const struct {
        bool wanted;
        tn_task_fn *fn;
        void *arg;
    } tasks[] = {
        {r->beacon != NULL, inbox_beacon, r},
        {r->phone != NULL, inbox_phone, r},
        {!r->o->quiet && !r->o->json, progress_run, &r->progress},
        {true, serve, r},
    };

    tn_group_init(&r->group, TN_KEEP_GOING);
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        int err =
            tasks[i].wanted ? tn_go(&r->group, tasks[i].fn, tasks[i].arg) : 0;
        if (err < 0) {
            r->code_of_exit = say_failed(err, NULL);
            tn_group_cancel(&r->group);
            break;
        }
    }
    (void)tn_group_wait(&r->group);
    progress_clear(&r->progress);
    if (r->beacon) {
        beacon_bye(r->beacon);
    }
    return r->code_of_exit;
}

/* The root of the command's tasks. */
static int
run(void *arg)
{
    struct recv *r = arg;
    char text[TN_ADDR_TEXT];
    int err = tn_chan_new(&r->asking, 1, 1);
    int code = err < 0 ? say_failed(err, NULL) : inbox_open_door(r);
    if (code == EXIT_DONE && r->out < 0) {
        (void)!parcel_sweep(r->dir); /* what it cannot remove, stays */
    }
    if (code == EXIT_DONE) {
        inbox_open_phone(r);
        inbox_announce(r);
        code = run_ready(r->o->ready_fd,
                         tn_addr_format(&r->bound, text, sizeof(text)));
    }
    if (code == EXIT_DONE) {
        code = run_all(r);
    }
    phone_close(r->phone);
    beacon_close(r->beacon);
    tn_close(r->listener);
    tn_chan_free(r->asking);
    return code;
}

/* --- what goes together ----------------------------------------------------*/

static int
check_output(const struct recv_opts *o, int dirs)
{
    if (!o->output) {
        return EXIT_DONE;
    }
    if (!o->once) {
        return say_usage("-o goes with --once: one parcel, one file");
    }
    if (dirs > 0 || o->skip || o->rename || o->overwrite) {
        return say_usage("-o does not go with %s",
                         dirs > 0 ? "a folder" : "what to do about names");
    }
    if (strcmp(o->output, "-") != 0) {
        return EXIT_DONE;
    }
    int how = fcntl(STDOUT_FILENO, F_GETFL);
    if (how < 0 || (how & O_ACCMODE) == O_RDONLY) {
        say("-o -: stdout is not open");
        return EXIT_FAILED;
    }
    if (isatty(STDOUT_FILENO)) {
        return say_usage("-o -: what strangers send does not go to a terminal "
                         "as it is (| cat -v shows it)");
    }
    if (o->json) {
        return say_usage("--json and -o - both want stdout");
    }
    return EXIT_DONE;
}

static int
check_code(const struct recv_opts *o)
{
    if (o->insecure + o->plain + (o->code_file != NULL) > 1) {
        return say_usage("only one of --code-file, --insecure and --plain");
    }
    if (o->quiet && !o->json && !o->insecure && !o->plain && !o->code_file) {
        return say_usage("--quiet would not show the code: take --code-file");
    }
    return EXIT_DONE;
}

static int
check(const struct recv *r, int dirs)
{
    const struct recv_opts *o = r->o;
    struct stat st;
    if (o->skip + o->rename + o->overwrite > 1) {
        return say_usage("only one of --skip, --rename and --overwrite");
    }
    int code = check_output(o, dirs);
    if (code == EXIT_DONE) {
        code = check_code(o);
    }
    if (code == EXIT_DONE && !o->yes && !question_may()) {
        code = say_usage("no terminal to ask on whether to take what comes "
                         "(-y takes all)");
    }
    if (code != EXIT_DONE) {
        return code;
    }
    int err = stat(r->dir, &st) < 0      ? -errno
              : !S_ISDIR(st.st_mode)     ? -ENOTDIR
              : access(r->dir, W_OK) < 0 ? -errno
                                         : 0;
    if (err < 0 && !o->output) {
        say("%s: %s%s", r->dir, tn_strerror(err),
            err == -ENOENT ? " (mkdir makes it)" : "");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int
where_to_bind(struct recv *r)
{
    int err = 0;
    r->ep.transport = TN_TCP;
    r->ep.port = r->o->port;
    if (r->o->bind) {
        err = tn_endpoint_parse(&r->ep, r->o->bind, TN_TCP);
    }
    if (err < 0 || r->ep.transport != TN_TCP) {
        return say_usage("--bind %s: not an address of this machine",
                         r->o->bind);
    }
    if (r->ep.port < 0) {
        r->ep.port = r->o->port;
    }
    return EXIT_DONE;
}

static int
prepare(struct recv *r, int dirs)
{
    int code = check(r, dirs);
    if (code == EXIT_DONE) {
        code = where_to_bind(r);
    }
    if (code == EXIT_DONE && r->o->code_file) {
        code = pairing_of_file(r->code, r->o->code_file);
    } else {
        pairing_new(r->code);
    }
    pairing_who(r->who, r->o->as);
    return code == EXIT_DONE ? inbox_out_open(r) : code;
}

static int
cmd_recv(const void *opts_filled, int n, char **words)
{
    struct recv *r = calloc(1, sizeof(*r));
    if (!r) {
        say("out of memory");
        return EXIT_FAILED;
    }
    r->o = opts_filled;
    r->dir = n > 0 ? words[0] : ".";
    r->out = -1;
    int code = prepare(r, n);
    if (code == EXIT_DONE) {
        code = run_task(run, r, r->o->once ? RUN_ONCE : RUN_SERVER);
    }
    int last = inbox_out_close(r, code == EXIT_DONE);
    code = code == EXIT_DONE ? last : code;
    tn_wipe(r->code, sizeof(r->code));
    free(r);
    return code;
}

const struct command command_recv = {
    .name = "recv",
    .summary = "Receive files and folders",
    .operands = "[DIR]",
    .min_operands = 0,
    .max_operands = 1,
    .examples = examples,
    .opts = opts,
    .size = sizeof(struct recv_opts),
    .run = cmd_recv,
};
