/*
 * An event as it is shown.
 */
#include "cmd_chat_room.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A line while it grows; VISIT_LINE has room for every event. */
struct out {
    char *at, *end;
};

static void put(struct out *o, const char *format, ...) TN_PRINTF(2, 3);

static void
put(struct out *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(o->at, (size_t)(o->end - o->at), format, args);
    va_end(args);
    size_t left = (size_t)(o->end - o->at) - 1;
    o->at += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
}

/* --- JSON ------------------------------------------------------------------*/

static void
put_text(struct out *o, const char *key, const char *text, size_t n)
{
    put(o, ",\"%s\":", key);
    /* Room is kept for what follows. */
    size_t cap = (size_t)(o->end - o->at) - 128;
    json_quote(o->at, cap, text, n);
    o->at += strlen(o->at);
}

static const char *
word_of(enum room_what what)
{
    static const char *const words[] = {
        [ROOM_JOIN] = "join", [ROOM_SAY] = "say", [ROOM_LEAVE] = "leave",
        [ROOM_NOTE] = "note", [ROOM_BYE] = "bye", [ROOM_FILE] = "file",
        [ROOM_GONE] = "gone", [ROOM_ACT] = "act", [ROOM_NICK] = "nick",
        [ROOM_MSG] = "msg",
    };
    return words[what];
}

static const char *
kind_of(enum room_kind kind)
{
    return kind == ROOM_PLAIN ? "plain" : kind == ROOM_WEB ? "web" : "native";
}

static void
put_json(struct out *o, const struct room_event *ev, bool past,
         const struct event_view *view)
{
    put(o, "{\"event\":\"%s\",\"number\":%llu,\"time\":%lld", word_of(ev->what),
        (unsigned long long)ev->number, (long long)ev->time);
    if (ev->name_len > 0 && ev->what != ROOM_NOTE) {
        put_text(o, "name", ev->name, ev->name_len);
    }
    if (ev->what == ROOM_MSG) {
        put_text(o, "to", ev->whom, strlen(ev->whom));
    }
    if (ev->what == ROOM_JOIN) {
        put(o, ",\"kind\":\"%s\"", kind_of(ev->kind));
    }
    if (ev->what == ROOM_FILE) {
        put(o, ",\"size\":%lld", (long long)ev->size);
    }
    if (ev->what == ROOM_NOTE || ev->what == ROOM_BYE) {
        char words[DIALECT_DATAGRAM];
        size_t n = dialect_write(words, sizeof(words), ev, view->lang);
        put_text(o, "text", words, n);
    } else if (ev->text_len > 0) {
        put_text(o, "text", ev->text, ev->text_len);
    }
    put(o, "%s%s}", ev->who != 0 && ev->who == view->me ? ",\"you\":true" : "",
        past ? ",\"past\":true" : "");
}

/* FNV-1a over its bytes. */
int
chat_colour_of(const char *name, size_t n)
{
    /* Red, green, yellow, blue, magenta, cyan: plain and bright. */
    static const int colours[] = {31, 32, 33, 34, 35, 36,
                                  91, 92, 93, 94, 95, 96};
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    }
    return colours[h % (sizeof(colours) / sizeof(colours[0]))];
}

/* --- for people ------------------------------------------------------------*/

/* What we did is on the screen already. */
static bool
is_known(const struct room_event *ev, const struct event_view *view)
{
    if (ev->who == 0 || ev->who != view->me) {
        return false;
    }
    return ev->what == ROOM_SAY || ev->what == ROOM_ACT ||
           ev->what == ROOM_MSG || ev->what == ROOM_JOIN ||
           ev->what == ROOM_LEAVE;
}

/* When it was, if not just now. */
static void
put_time(struct out *o, const struct room_event *ev, int64_t now)
{
    time_t then = (time_t)(ev->time / 1000), today = (time_t)(now / 1000);
    struct tm a, b;
    char text[32];
    if (!localtime_r(&then, &a) || !localtime_r(&today, &b)) {
        return;
    }
    bool same = a.tm_yday == b.tm_yday && a.tm_year == b.tm_year;
    if (strftime(text, sizeof(text), same ? "%H:%M" : "%Y-%m-%d %H:%M", &a) >
        0) {
        put(o, "%s ", text);
    }
}

/* What it says to us alone, or with our name in it. */
static bool
is_for_us(const struct room_event *ev, const struct event_view *view)
{
    if (ev->what == ROOM_MSG) {
        return true;
    }
    return (ev->what == ROOM_SAY || ev->what == ROOM_ACT) &&
           line_mentions(ev->text, ev->text_len, view->name);
}

static size_t
write_plain(char *dst, size_t cap, const struct room_event *ev,
            enum dialect_lang lang)
{
    return ev->what == ROOM_NICK ? dialect_nick(dst, cap, ev, lang)
                                 : dialect_write(dst, cap, ev, lang);
}

static void
put_line(struct out *o, const struct room_event *ev, bool past,
         const struct event_view *view)
{
    char line[ROOM_TEXT_MAX + DIALECT_DATAGRAM];
    size_t n = write_plain(line, sizeof(line), ev, view->lang);
    bool said = ev->what == ROOM_SAY || ev->what == ROOM_ACT;
    bool ours = is_for_us(ev, view);
    size_t name = said ? ev->name_len : 0;
    if (past) {
        put(o, "%s", view->colour ? "\033[2m" : "");
        put_time(o, ev, view->now);
        put(o, "%.*s%s", (int)n, line, view->colour ? "\033[0m" : "");
        return;
    }
    if (view->bell && ours) {
        put(o, "\a");
    }
    if (!view->colour) {
        put(o, "%.*s", (int)n, line);
        return;
    }
    if (name > 0) {
        put(o, "\033[%dm%.*s\033[0m", chat_colour_of(line, name), (int)name,
            line);
    }
    put(o, "%s%.*s%s",
        ours       ? "\033[1m"
        : name > 0 ? ""
                   : "\033[2m",
        (int)(n - name), line + name, ours || name == 0 ? "\033[0m" : "");
}

size_t
event_write(char *dst, const struct room_event *ev, bool past,
            const struct event_view *view)
{
    struct out o = {dst, dst + VISIT_LINE - 1};
    if (view->json) {
        put_json(&o, ev, past, view);
    } else if (!past && is_known(ev, view)) {
        return 0;
    } else {
        put_line(&o, ev, past, view);
    }
    *o.at++ = '\n';
    return (size_t)(o.at - dst);
}
