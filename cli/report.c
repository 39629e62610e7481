#include "report.h"

#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include "json.h"
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    /* A path twice and a reason. */
    LINE = 3 * JSON_GROWTH * PARCEL_PATH,
};

/* --- objects ---------------------------------------------------------------*/

static struct {
    char text[LINE + 2];
    size_t n;
} line;

static void put(const char *format, ...) TN_PRINTF(1, 2);

static void
put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line.text + line.n, LINE - line.n, format, args);
    va_end(args);
    if (n > 0 && line.n + (size_t)n < LINE) {
        line.n += (size_t)n;
    }
    line.text[line.n] = '\0';
}

void
report_json_begin(const char *event)
{
    line.n = 0;
    put("{\"event\":\"%s\"", event);
}

/* Bytes as hexadecimal digits. */
static void
put_bytes(const char *key, const char *s, size_t n)
{
    put(",\"%s_bytes\":\"", key);
    for (size_t i = 0; i < n; i++) {
        put("%02x", (unsigned char)s[i]);
    }
    put("\"");
}

void
report_json_text(const char *key, const char *text)
{
    static char clean[3 * PARCEL_PATH + 1];
    size_t n = strnlen(text, PARCEL_PATH);
    bool valid = tn_text_valid(text, n);
    const char *shown = text;
    size_t len = n;
    if (!valid) {
        len = tn_text_clean(clean, sizeof(clean), text, n);
        shown = clean;
    }
    put(",\"%s\":", key);
    (void)json_quote(line.text + line.n, LINE - line.n, shown, len);
    line.n += strlen(line.text + line.n);
    if (!valid) {
        put_bytes(key, text, n);
    }
}

void
report_json_number(const char *key, int64_t value)
{
    put(",\"%s\":%" PRId64, key, value);
}

void
report_json_flag(const char *key, bool value)
{
    put(",\"%s\":%s", key, value ? "true" : "false");
}

void
report_json_end(void)
{
    put("}");
    line.text[line.n++] = '\n';
    say_data(line.text, line.n);
}

static void
begin(const struct report *r, const char *event)
{
    report_json_begin(event);
    if (r->session > 0) {
        report_json_number("session", r->session);
    }
}

static void
put_sum(const struct parcel_sum *sum)
{
    report_json_number("files", sum->files);
    report_json_number("folders", sum->folders);
    report_json_number("bytes", sum->bytes);
    report_json_flag("unsized", sum->is_unsized);
}

static const char *
event_name(enum parcel_what what)
{
    static const char *const names[] = {"paired", "offer", "answer",  "begin",
                                        "moved",  "done",  "skipped", "failed"};
    return names[what];
}

static void
tell_json(const struct report *r, const struct parcel_event *ev)
{
    begin(r, event_name(ev->what));
    if (ev->what == PARCEL_PAIRED) {
        report_json_text("peer", r->peer);
        report_json_text("who", r->who);
        report_json_flag("encrypted", !r->clear);
    }
    if (ev->sum && ev->what != PARCEL_PAIRED) {
        put_sum(ev->sum);
    }
    if (ev->item) {
        report_json_number("index", ev->item->index);
        report_json_text("path", ev->item->path);
        report_json_number("size", ev->item->size);
        report_json_number("done", ev->done);
        report_json_number("all_done", ev->all_done);
    }
    if (ev->final) {
        report_json_text(ev->what == PARCEL_FAILED ? "error" : "name",
                         ev->final);
    }
    report_json_end();
}

/* --- codes -----------------------------------------------------------------*/

bool
report_is_lost(int err)
{
    static const int codes[] = {
        -ECONNRESET, -ECONNREFUSED, -ECONNABORTED,  -EPIPE,      -ETIMEDOUT,
        -ETIME,      -ENETUNREACH,  -ENETDOWN,      -ENETRESET,  -EHOSTUNREACH,
        -EHOSTDOWN,  -ENOTCONN,     -EADDRNOTAVAIL, -EAGAIN,     TN_ETRUNCATED,
        TN_EBROKEN,  TN_ENONAME,    TN_ETRYNAME,    TN_ERESOLVE, TN_ECUT,
        TN_ETLS,
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (err == codes[i]) {
            return true;
        }
    }
    return false;
}

bool
report_is_left(int err)
{
    return err == -ESHUTDOWN;
}

bool
report_is_partial(int err, const struct parcel_result *result)
{
    return err == -EIO && result->failed > 0 && !result->reason[0];
}

/* --- words -----------------------------------------------------------------*/

static int
put_count(char *buf, size_t cap, uint32_t n, const char *what)
{
    return snprintf(buf, cap, "%" PRIu32 " %s%s", n, what, n == 1 ? "" : "s");
}

const char *
report_sum(const struct parcel_sum *sum, char buf[REPORT_SUM])
{
    char size[PROGRESS_SIZE];
    int n = 0;
    if (sum->files > 0 || sum->folders == 0) {
        n = put_count(buf, REPORT_SUM, sum->files, "file");
    }
    if (sum->folders > 0) {
        n += snprintf(buf + n, REPORT_SUM - (size_t)n, n > 0 ? " and " : "");
        n += put_count(buf + n, REPORT_SUM - (size_t)n, sum->folders, "folder");
    }
    if (sum->bytes > 0 || !sum->is_unsized) {
        n += snprintf(buf + n, REPORT_SUM - (size_t)n, ", %s",
                      progress_size(sum->bytes, size));
    }
    if (sum->is_unsized) {
        (void)snprintf(buf + n, REPORT_SUM - (size_t)n, "%s",
                       sum->bytes > 0 ? " and more" : " of unknown size");
    }
    return buf;
}

const char *
report_path(const char *path, char buf[REPORT_NAME + 1])
{
    static char clean[3 * PARCEL_PATH + 1];
    size_t n =
        tn_text_clean(clean, sizeof(clean), path, strnlen(path, PARCEL_PATH));
    if (n <= REPORT_NAME) {
        memcpy(buf, clean, n + 1);
        return buf;
    }
    /* The end of a path tells more than its beginning. */
    size_t cut = n - REPORT_NAME + strlen("...");
    while (cut < n && ((unsigned char)clean[cut] & 0xC0) == 0x80) {
        cut++;
    }
    (void)snprintf(buf, REPORT_NAME + 1, "...%s", clean + cut);
    return buf;
}

/* Lines about single files: so many, then a count at the end. */
static bool
may_note(struct report *r)
{
    if (r->quiet || r->json) {
        return false;
    }
    r->notes++;
    if (!r->verbose && r->notes > REPORT_NOTES) {
        return false;
    }
    if (r->progress) {
        progress_clear(r->progress);
    }
    return true;
}

/* A sender is told the name cleaned, as all that a peer says. */
static bool
is_renamed(const struct parcel_event *ev)
{
    char clean[REPORT_NAME + 1], final[REPORT_NAME + 1];
    return ev->final && strcmp(ev->final, ev->item->path) != 0 &&
           (strlen(ev->item->path) > REPORT_NAME ||
            strcmp(report_path(ev->item->path, clean),
                   report_path(ev->final, final)) != 0);
}

static void
tell_done(struct report *r, const struct parcel_event *ev)
{
    char name[REPORT_NAME + 1], final[REPORT_NAME + 1], size[PROGRESS_SIZE];
    report_path(ev->item->path, name);
    if (is_renamed(ev)) {
        if (may_note(r)) {
            say("%s is called %s%s, for that name was taken", name,
                report_path(ev->final, final), r->sender ? " there" : "");
        }
    } else if (r->verbose && may_note(r)) {
        say("%s, %s", name, progress_size(ev->done, size));
    }
}

static void
tell_item(struct report *r, const struct parcel_event *ev)
{
    char name[REPORT_NAME + 1], why[REPORT_NAME + 1];
    bool folder = ev->item->kind == PARCEL_FOLDER;
    if (ev->what == PARCEL_DONE && !folder) {
        tell_done(r, ev);
    } else if (ev->what == PARCEL_FAILED && may_note(r)) {
        say("%s: %s", report_path(ev->item->path, name),
            ev->final ? report_path(ev->final, why) : tn_strerror(ev->err));
    } else if (ev->what == PARCEL_SKIPPED && r->verbose && may_note(r)) {
        say("%s: not needed", report_path(ev->item->path, name));
    }
}

static void
tell_paired(const struct report *r)
{
    const char *how = r->clear ? "in the clear, " : "";
    if (!r->sender && !r->verbose) {
        return; /* its offer will tell */
    }
    if (r->who[0]) {
        say("%s%s %s at %s", how, r->sender ? "to" : "from", r->who, r->peer);
    } else {
        say("%s%s %s", how, r->sender ? "to" : "from", r->peer);
    }
}

static void
tell_words(struct report *r, const struct parcel_event *ev)
{
    char taken[REPORT_SUM], offered[REPORT_SUM];
    if (ev->item) {
        tell_item(r, ev);
    } else if (r->quiet) {
        return;
    } else if (ev->what == PARCEL_PAIRED) {
        tell_paired(r);
    } else if (ev->what == PARCEL_ANSWER && r->sender &&
               r->taken.files < r->offered.files) {
        say("of %s it takes %s", report_sum(&r->offered, offered),
            report_sum(&r->taken, taken));
    }
}

/* --- what happened ---------------------------------------------------------*/

void
report_show(struct report *r, struct progress *p)
{
    r->progress = p;
    progress_start(p, r->sender ? "" : r->who, !r->quiet && !r->json);
    progress_at(p, r->all_done, r->taken.is_unsized ? -1 : r->taken.bytes);
}

static void
show_progress(struct report *r, const struct parcel_event *ev)
{
    if (!r->progress) {
        return;
    }
    if (ev->what == PARCEL_ANSWER) {
        report_show(r, r->progress);
    }
    if (ev->item && ev->item->kind != PARCEL_FOLDER) {
        char name[REPORT_NAME + 1];
        progress_name(r->progress, report_path(ev->item->path, name));
    }
    progress_at(r->progress, r->all_done,
                r->taken.is_unsized ? -1 : r->taken.bytes);
}

static void
note(struct report *r, const struct parcel_event *ev)
{
    r->heard = tn_now();
    if (ev->who) {
        (void)tn_text_clean(r->who, sizeof(r->who), ev->who, strlen(ev->who));
    }
    if (ev->what == PARCEL_OFFER && ev->sum) {
        r->offered = r->taken = *ev->sum;
    }
    if (ev->what == PARCEL_ANSWER) {
        r->taken = ev->sum ? *ev->sum : r->offered;
        if (!r->answered) {
            r->wanted = r->taken;
            r->began = r->heard;
        }
        r->answered = true;
        r->files = 0;
    }
    if (!ev->item) {
        return;
    }
    r->all_done = ev->all_done;
    if (ev->what == PARCEL_BEGIN && ev->item->kind == PARCEL_STREAM) {
        r->streams = true;
    }
    if (ev->what == PARCEL_DONE && ev->item->kind != PARCEL_FOLDER) {
        r->files++;
        (void)report_path(ev->final && !r->sender ? ev->final : ev->item->path,
                          r->last);
    }
}

void
report_told(void *arg, const struct parcel_event *ev)
{
    struct report *r = arg;
    bool again = ev->what == PARCEL_PAIRED && r->paired;
    note(r, ev);
    r->paired = r->paired || ev->what == PARCEL_PAIRED;
    if (r->json && ev->what == PARCEL_MOVED && say_data_waits()) {
        /* Nobody is held up for this: the next one tells more. */
    } else if (r->json) {
        tell_json(r, ev);
    } else if (!again) {
        tell_words(r, ev);
    }
    show_progress(r, ev);
}

void
report_lost(struct report *r, const struct parcel_result *result, int64_t wait)
{
    char size[PROGRESS_SIZE];
    r->before += result->moved;
    r->lost++;
    if (r->progress) {
        progress_clear(r->progress);
    }
    if (r->json) {
        begin(r, "lost");
        report_json_text("error", tn_why());
        report_json_number("all_done", r->all_done);
        report_json_number("wait_ms", wait / TN_MS);
        report_json_end();
    } else if (!r->quiet) {
        say("%s; trying again (%s are there)", tn_why(),
            progress_size(r->all_done, size));
    }
}

static void
end_json(const struct report *r, const struct parcel_result *result, int err,
         int code)
{
    begin(r, "end");
    report_json_number("code", code);
    report_json_number("done", result->done);
    report_json_number("skipped", result->skipped);
    report_json_number("failed", result->failed);
    report_json_number("moved", r->before + result->moved);
    report_json_number("kept", result->kept);
    report_json_number("ms", r->began > 0 ? (tn_now() - r->began) / TN_MS : 0);
    if (err < 0) {
        report_json_text("error", tn_strerror(err));
    }
    if (result->reason[0]) {
        report_json_text("reason", result->reason);
    }
    report_json_end();
}

/* "3 files", or the name of the only one. */
static void
put_files(const struct report *r, const struct parcel_result *result, char *buf,
          size_t cap)
{
    uint32_t files = r->files;
    if (r->lost > 0) { /* some were done by an earlier connection */
        files = r->wanted.files > result->failed
                    ? r->wanted.files - result->failed
                    : 0;
    }
    if (files == 1 && r->last[0]) {
        (void)snprintf(buf, cap, "%s", r->last);
    } else {
        (void)put_count(buf, cap, files, "file");
    }
}

static void
put_rest(const struct report *r, const struct parcel_result *result, char *buf,
         size_t cap)
{
    char moved[PROGRESS_SIZE];
    int n = 0;
    buf[0] = '\0';
    if (result->kept > r->before) {
        n = snprintf(buf, cap, "; %s of it went over the network",
                     r->before + result->moved > 0
                         ? progress_size(r->before + result->moved, moved)
                         : "nothing");
    }
    if (result->skipped > 0 && r->lost == 0) {
        n += snprintf(buf + n, cap - (size_t)n, "; %" PRIu32 " not needed",
                      result->skipped);
    }
    if (result->failed > 0) {
        (void)snprintf(buf + n, cap - (size_t)n, "; %" PRIu32 " failed",
                       result->failed);
    }
}

/* "1.2 s", or "15 ms". */
static const char *
put_time(int64_t ns, char buf[32])
{
    if (ns < TN_SEC) {
        (void)snprintf(buf, 32, "%d ms", (int)(ns / TN_MS));
    } else {
        (void)snprintf(buf, 32, "%.1f s", (double)ns / (double)TN_SEC);
    }
    return buf;
}

static void
end_words(const struct report *r, const struct parcel_result *result)
{
    char files[REPORT_NAME + 1], rest[160], time[32];
    char size[PROGRESS_SIZE], pace[PROGRESS_SIZE];
    int64_t ns = r->began > 0 ? tn_now() - r->began : 0;
    int64_t moved = r->before + result->moved;
    double speed = ns > 0 ? (double)moved * (double)TN_SEC / (double)ns : 0;
    put_files(r, result, files, sizeof(files));
    put_rest(r, result, rest, sizeof(rest));
    say("%s %s%s%s, %s in %s (%s/s)%s", r->sender ? "sent" : "got", files,
        r->sender || !r->who[0] ? "" : " from ", r->sender ? "" : r->who,
        progress_size(result->moved + result->kept, size), put_time(ns, time),
        progress_size((int64_t)speed, pace), rest);
}

void
report_end(struct report *r, const struct parcel_result *result, int err,
           int code)
{
    if (r->progress) {
        if (err == 0) {
            progress_end(r->progress);
        } else {
            progress_clear(r->progress);
            r->progress->on = false;
        }
    }
    if (r->json) {
        end_json(r, result, err, code);
        return;
    }
    if (!r->quiet && !r->verbose && r->notes > REPORT_NOTES) {
        say("and %d lines like these (-v shows all)", r->notes - REPORT_NOTES);
    }
    if (!r->quiet && (err == 0 || report_is_partial(err, result))) {
        end_words(r, result);
    }
}
