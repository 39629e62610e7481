/*
 * A line as it is meant: talk, or a command.
 */
#include <tenon/text.h>

#include "cmd_chat_room.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum line_what what;
    const char *missing; /* what is said if nothing follows; NULL: it may */
} commands_here[] = {
    {"/help", LINE_HELP, NULL},
    {"/me", LINE_ACT, "/me TEXT tells what you do: /me waves"},
    {"/msg", LINE_MSG, "/msg NAME TEXT says something to NAME alone"},
    {"/nick", LINE_NICK, "/nick NAME gives you another name"},
    {"/quit", LINE_QUIT, NULL},
    {"/send", LINE_SEND, "/send FILE puts a file into the room's folder"},
    {"/who", LINE_WHO, NULL},
};

enum {
    COMMANDS = sizeof(commands_here) / sizeof(commands_here[0]),
};

/* --- bytes -----------------------------------------------------------------*/

/* ASCII only, whatever the locale is. */
static int
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool
begins(const char *s, size_t n, const char *with, size_t with_len)
{
    for (size_t i = 0; i < with_len; i++) {
        if (i >= n || lower(s[i]) != lower(with[i])) {
            return false;
        }
    }
    return true;
}

/* A letter, a digit, or a part of a character that is not ASCII. */
static bool
is_letter(char c)
{
    int low = lower(c);
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

/* In a script without blanks between words, any place is a word's. */
static bool
is_edge(char outside, char inside)
{
    return !is_letter(outside) || (unsigned char)outside >= 0x80 ||
           !is_letter(inside) || (unsigned char)inside >= 0x80;
}

bool
line_mentions(const char *text, size_t n, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; len > 0 && i + len <= n; i++) {
        if (begins(text + i, n - i, name, len) &&
            (i == 0 || is_edge(text[i - 1], name[0])) &&
            (i + len == n || is_edge(text[i + len], name[len - 1]))) {
            return true;
        }
    }
    return false;
}

/* --- reading ---------------------------------------------------------------*/

static void
set_text(struct line *l, const char *s, size_t n)
{
    while (n > 0 && *s == ' ') {
        s++;
        n--;
    }
    l->text = s;
    l->len = n;
}

static void
trim_end(struct line *l)
{
    while (l->len > 0 && l->text[l->len - 1] == ' ') {
        l->len--;
    }
}

static void
go_wrong(struct line *l, const char *why)
{
    l->what = LINE_WRONG;
    (void)snprintf(l->wrong, sizeof(l->wrong), "%s", why);
}

/* Take the name off the front of l->text: the longest of those in the room
   that fits, else the first word. */
static void
take_name(struct line *l, line_names *names, void *arg)
{
    const char *name;
    size_t n = 0;
    for (int i = 0; (name = names(arg, i)) != NULL; i++) {
        size_t len = strlen(name);
        if (len > n && begins(l->text, l->len, name, len) &&
            (l->len == len || l->text[len] == ' ')) {
            n = len;
        }
    }
    if (n == 0) {
        const char *blank = memchr(l->text, ' ', l->len);
        n = blank ? (size_t)(blank - l->text) : l->len;
    }
    size_t keep = tn_text_cut(l->text, n, ROOM_NAME_MAX);
    memcpy(l->to, l->text, keep);
    l->to[keep] = '\0';
    set_text(l, l->text + n, l->len - n);
}

static void
read_command(struct line *l, const char *s, size_t n, line_names *names,
             void *arg)
{
    const char *blank = memchr(s, ' ', n);
    size_t word = blank ? (size_t)(blank - s) : n;
    int i = 0;
    while (i < COMMANDS && (strlen(commands_here[i].word) != word ||
                            !begins(s, n, commands_here[i].word, word))) {
        i++;
    }
    if (i == COMMANDS) {
        word = tn_text_cut(s, word, 32);
        l->what = LINE_WRONG;
        (void)snprintf(l->wrong, sizeof(l->wrong),
                       "there is no %.*s; /help lists what there is, and "
                       "/%.*s says it",
                       (int)word, s, (int)word, s);
        return;
    }
    l->what = commands_here[i].what;
    set_text(l, s + word, n - word);
    if (l->what == LINE_MSG) {
        take_name(l, names, arg);
    }
    if (l->what == LINE_NICK || l->what == LINE_SEND) {
        trim_end(l);
    }
    if (l->len == 0 && commands_here[i].missing) {
        go_wrong(l, commands_here[i].missing);
    }
}

void
line_read(struct line *l, const char *s, size_t n, line_names *names, void *arg)
{
    size_t blanks = 0;
    while (blanks < n && s[blanks] == ' ') {
        blanks++;
    }
    *l = (struct line){.what = LINE_SAY, .text = s, .len = n};
    if (blanks == n) {
        l->what = LINE_NOTHING;
        l->len = 0;
    } else if (n == 1 && s[0] == 'q') {
        l->what = LINE_QUIT;
    } else if (n > 1 && s[0] == '/' && s[1] == '/') {
        l->text = s + 1;
        l->len = n - 1;
    } else if (s[0] == '/') {
        read_command(l, s, n, names, arg);
    }
}

bool
line_path(char *dst, size_t cap, const char *s, size_t n)
{
    const char *home = getenv("HOME");
    bool tilde = n >= 2 && s[0] == '~' && s[1] == '/' && home;
    int len = tilde ? snprintf(dst, cap, "%s%.*s", home, (int)n - 1, s + 1)
                    : snprintf(dst, cap, "%.*s", (int)n, s);
    return len >= 0 && (size_t)len < cap;
}

/* --- TAB -------------------------------------------------------------------*/

static void
offer_commands(struct editor_offer *o, const char *s, size_t n)
{
    editor_begin(o, s, n);
    for (int i = 0; i < COMMANDS; i++) {
        editor_add(o, commands_here[i].word);
    }
}

static void
offer_names(struct editor_offer *o, const char *s, size_t n, line_names *names,
            void *arg)
{
    const char *name;
    editor_begin(o, s, n);
    for (int i = 0; (name = names(arg, i)) != NULL; i++) {
        editor_add(o, name);
    }
}

/* Offer what is in a folder; `folder` stands in front of it as it was typed. */
static void
offer_entries(struct editor_offer *o, DIR *d, const char *folder, bool hidden)
{
    char found[EDITOR_WORD];
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        bool is_folder = e->d_type == DT_DIR;
        int len = snprintf(found, sizeof(found), "%s%s%s", folder, e->d_name,
                           is_folder ? "/" : "");
        if ((e->d_name[0] != '.' || hidden) && len < (int)sizeof(found) &&
            tn_text_valid(found, (size_t)len)) {
            int before = o->count;
            editor_add(o, found);
            o->open = o->count > before ? is_folder : o->open;
        }
    }
}

/* Files of the folder that is typed so far. */
static void
offer_files(struct editor_offer *o, const char *s, size_t n)
{
    char folder[EDITOR_WORD];
    char real[2 * EDITOR_WORD];
    size_t dir = n;
    while (dir > 0 && s[dir - 1] != '/') {
        dir--;
    }
    editor_begin(o, s, n);
    if (dir >= sizeof(folder) || !line_path(real, sizeof(real), s, dir)) {
        return;
    }
    memcpy(folder, s, dir);
    folder[dir] = '\0';
    DIR *d = opendir(dir > 0 ? real : ".");
    if (d) {
        offer_entries(o, d, folder, dir < n && s[dir] == '.');
        (void)closedir(d);
    }
}

void
line_complete(struct editor_offer *o, const char *s, size_t n,
              line_names *names, void *arg)
{
    static const char send[] = "/send ";
    static const char msg[] = "/msg ";
    size_t word = n;
    while (word > 0 && s[word - 1] != ' ') {
        word--;
    }
    if (begins(s, n, send, sizeof(send) - 1)) {
        offer_files(o, s + sizeof(send) - 1, n - (sizeof(send) - 1));
        return;
    }
    if (n > 0 && s[0] == '/' && word == 0) {
        offer_commands(o, s, n);
        return;
    }
    if (begins(s, n, msg, sizeof(msg) - 1)) {
        offer_names(o, s + sizeof(msg) - 1, n - (sizeof(msg) - 1), names, arg);
        if (o->count > 0) {
            return;
        }
    }
    offer_names(o, s + word, n - word, names, arg);
}
