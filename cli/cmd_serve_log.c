/*
 * The access log: a line for each answer, in the format that every log reader
 * knows, with -v in its combined form; or JSON.
 *
 * What came from the network is escaped: no line can pretend to be two, no
 * byte reaches a terminal that does not show as itself. A reader of stdout that
 * is slow misses lines, and is told how many; the server does not wait.
 */
#include <tenon/err.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include "cmd_serve_int.h"
#include "json.h"
#include "run.h"
#include "say.h"
#include "where.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SHOWN = 1024, /* bytes of one part of a request, at most */
};

static void put(struct serve_line *l, const char *format, ...) TN_PRINTF(2, 3);

static void
put(struct serve_line *l, const char *format, ...)
{
    va_list args;
    size_t room = sizeof(l->text) - l->len;
    va_start(args, format);
    int n = vsnprintf(l->text + l->len, room, format, args);
    va_end(args);
    if (n > 0) {
        l->len += (size_t)n < room ? (size_t)n : room - 1;
    }
}

/* As Apache does: quotes and backslashes with a backslash, all that is not
   plain ASCII as \xHH. */
static void
put_escaped(struct serve_line *l, tn_str s)
{
    size_t n = s.len < SHOWN / 4 ? s.len : SHOWN / 4;
    if (!s.at) {
        put(l, "-");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c < ' ' || c >= 0x7f) {
            put(l, "\\x%02x", c);
        } else {
            put(l, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        }
    }
    if (n < s.len) {
        put(l, "...");
    }
}

/* A user may be called "a b": no space may get into a field of its own. */
static void
put_user(struct serve_line *l, tn_str user)
{
    char word[64];
    size_t n = user.len < sizeof(word) ? user.len : sizeof(word);
    for (size_t i = 0; i < n; i++) {
        word[i] = (char)(user.at[i] == ' ' ? '_' : user.at[i]);
    }
    put_escaped(l, (tn_str){n > 0 ? word : NULL, n});
}

/* The time as the log has it, made once a second. */
static const char *
time_text(struct serve_log *l)
{
    struct tm tm;
    time_t now = time(NULL);
    if (now != l->said_at || !l->when[0]) {
        l->said_at = now;
        if (!localtime_r(&now, &tm) ||
            strftime(l->when, sizeof(l->when), "%d/%b/%Y:%H:%M:%S %z", &tm) ==
                0) {
            l->when[0] = '\0';
        }
    }
    return l->when;
}

static void
write_common(struct serve_line *l, const tn_httpd_entry *e, const char *when,
             bool combined)
{
    char host[TN_ADDR_TEXT];
    tn_addr_host(e->peer, host, sizeof(host));
    bool mapped = strncmp(host, "::ffff:", 7) == 0 && strchr(host, '.');
    put(l, "%s - ", mapped ? host + 7 : host);
    put_user(l, e->user);
    put(l, " [%s] \"", when);
    if (e->method.at) {
        put_escaped(l, e->method);
        put(l, " ");
        put_escaped(l, e->target);
        put(l, " HTTP/1.%d", e->minor);
    } else {
        put(l, "-");
    }
    if (e->status > 0) {
        put(l, "\" %d %" PRId64, e->status, e->sent);
    } else {
        put(l, "\" - -");
    }
    if (combined) {
        put(l, " \"");
        put_escaped(l, e->referer);
        put(l, "\" \"");
        put_escaped(l, e->agent);
        put(l, "\"");
    }
    put(l, "\n");
}

static void
put_member(struct serve_line *l, const char *name, tn_str s)
{
    char clean[SHOWN + 1];
    char coded[2 * SHOWN + 3];
    if (!s.at) {
        return;
    }
    size_t n = tn_text_clean(clean, sizeof(clean) / 2, s.at,
                             s.len < SHOWN / 2 ? s.len : SHOWN / 2);
    put(l, ",\"%s\":%s", name, json_quote(coded, sizeof(coded), clean, n));
}

static void
write_json(struct serve_line *l, const tn_httpd_entry *e)
{
    char peer[TN_ADDR_TEXT];
    put(l, "{\"event\":\"answer\",\"time\":%" PRId64 ",\"peer\":\"%s\"",
        (int64_t)time(NULL), where_peer(e->peer, peer, sizeof(peer)));
    put_member(l, "user", e->user);
    put_member(l, "method", e->method);
    put_member(l, "target", e->target);
    put(l, ",\"status\":%d,\"bytes\":%" PRId64 ",\"seconds\":%.6f", e->status,
        e->sent, (double)e->taken / (double)TN_SEC);
    put_member(l, "referer", e->referer);
    put_member(l, "agent", e->agent);
    if (e->result < 0) {
        put(l, ",\"error\":\"%s\"", tn_err_name(e->result));
    }
    put(l, "}\n");
}

void
serve_log_take(struct serve_log *l, const tn_httpd_entry *entry)
{
    struct serve_line *line = &l->line;
    char byte = 0;
    if (!l->out) {
        return;
    }
    line->len = 0;
    if (l->json) {
        write_json(line, entry);
    } else {
        write_common(line, entry, time_text(l), l->combined);
    }
    line->text[line->len - 1] = '\n'; /* also if it was cut */
    if (l->len + line->len > SERVE_LOG) {
        l->lost++;
        return;
    }
    memcpy(l->text + l->len, line->text, line->len);
    l->len += line->len;
    (void)!tn_chan_try_send(l->wake, &byte);
}

int
serve_log_open(struct serve_log *l)
{
    l->text = malloc(SERVE_LOG);
    l->going = malloc(SERVE_LOG);
    if (!l->text || !l->going) {
        return -ENOMEM;
    }
    int err = tn_chan_new(&l->wake, 1, 1);
    return err < 0 ? err : run_wrap(&l->out, STDOUT_FILENO);
}

void
serve_log_flush(struct serve_log *l)
{
    while (l->len > 0 && l->out) {
        char *going = l->text;
        size_t n = l->len;
        l->text = l->going;
        l->going = going;
        l->len = 0;
        ssize_t r = tn_sendall(l->out, going, n, NULL);
        if (r < 0 && r != -ECANCELED && r != -ETIME) {
            say("stdout: %s: there is no log any more", tn_strerror((int)r));
            tn_close(l->out);
            l->out = NULL;
        }
    }
    if (l->lost > 0 && !say_waits()) {
        say("stdout is slow: %lu lines of the log are lost", l->lost);
        l->lost = 0;
    }
}

int
serve_log_run(void *arg)
{
    struct serve_log *l = arg;
    char byte;
    tn_task_name("log");
    for (;;) {
        int err = tn_chan_recv(l->wake, &byte);
        if (err < 0) {
            return err;
        }
        serve_log_flush(l);
    }
}

void
serve_log_close(struct serve_log *l)
{
    tn_close(l->out);
    tn_chan_free(l->wake);
    free(l->text);
    free(l->going);
    memset(l, 0, sizeof(*l));
}
