#include "dialect.h"

#include <tenon/err.h>
#include <tenon/text.h>

#include <stdio.h>
#include <string.h>

/* What the room says, [DIALECT_ZH] and [DIALECT_EN]. The first two go behind a
   name; the Chinese ones are the course's, with a full-width colon for a
   leave. */
static const char *const joined[] = {": 加入了群聊", ": joined the chat"};
static const char *const left[] = {"：离开了聊天室", ": left the chat"};
static const char *const bye[] = {"* 聊天室关闭了，再见",
                                  "* the room closes, good-bye"};
static const char *const notes[][2] = {
    [ROOM_SLOWED] = {"* 你说得太快了，有几行没有送出",
                     "* not so fast, some lines were dropped"},
    [ROOM_EXPIRED] = {"* 你很久没有说话，已经离开；请再报名字",
                      "* you were silent for long and are out; "
                      "say your name to come back"},
    [ROOM_CLAIMED] = {"* 有人想用你的名字，没有给他",
                      "* somebody asked for your name and did not get it"},
};

/* Between a name and its successor, and in front of what is told to one member
   alone. Both lines begin as the room's own words do: nobody can say them. */
static const char *const renamed[] = {" 改名为 ", " is now called "};
static const char *const privately[] = {" 悄悄对你说：", " to you alone: "};

static const char cut_mark[] = "…";

/* --- reading ---------------------------------------------------------------*/

void
dialect_open(struct dialect_reader *r, const char *buf, size_t n)
{
    r->at = buf;
    r->end = buf + n;
    r->newline = n > 0 && buf[n - 1] == '\n';
    r->joining = false;
    r->len = 0;
}

/* The length of the line at r->at, without its LF and CR. */
static size_t
line_len(const struct dialect_reader *r)
{
    size_t n = (size_t)(r->end - r->at);
    const char *lf = memchr(r->at, '\n', n);

    n = lf != NULL ? (size_t)(lf - r->at) : n;
    while (n > 0 && r->at[n - 1] == '\r') {
        n--;
    }
    return n;
}

static void
skip_line(struct dialect_reader *r)
{
    const char *lf = memchr(r->at, '\n', (size_t)(r->end - r->at));

    r->at = lf != NULL ? lf + 1 : r->end;
    r->joining = false;
}

/* Whether behind "NAME:" it would read as the room telling of a join or a
   leave. The course's leave does not: its colon is another. */
static bool
is_rooms_word(const char *text)
{
    return strcmp(text, joined[DIALECT_ZH] + 1) == 0 ||
           strcmp(text, joined[DIALECT_EN] + 1) == 0 ||
           strcmp(text, left[DIALECT_EN] + 1) == 0;
}

size_t
dialect_defuse(char *text, size_t n)
{
    if (!is_rooms_word(text)) {
        return n;
    }
    memmove(text, text + 1, n); /* without its blank it is the member's */
    return n - 1;
}

/* Clean a text into r->text, cut to what an event holds. */
static void
take_text(struct dialect_reader *r, const char *s, size_t n)
{
    size_t mark = sizeof(cut_mark) - 1;
    size_t keep = tn_text_cut(s, n, ROOM_TEXT_MAX);
    size_t len = tn_text_clean(r->scratch, sizeof(r->scratch), s, keep);

    if (keep == n && len <= ROOM_TEXT_MAX) {
        mark = 0;
    } else {
        len = tn_text_cut(r->scratch, len, ROOM_TEXT_MAX - mark);
    }
    memcpy(r->text, r->scratch, len);
    memcpy(r->text + len, cut_mark, mark);
    r->len = len + mark;
    r->text[r->len] = '\0';
    r->len = dialect_defuse(r->text, r->len);
}

/* Bytes of "NAME:" at the front of a line of NAME; 0 if it is not there. */
static size_t
own_prefix(const char *line, size_t n, const char *name)
{
    char own[ROOM_NAME_MAX + 1];
    const char *colon = memchr(line, ':', n);

    /* The prefix is cleaned as the name was: some clients send a name with
       blanks around it, and ever after in front of each line. */
    if (colon == NULL || dialect_name(own, line, (size_t)(colon - line)) < 0) {
        return 0;
    }
    return strcmp(own, name) == 0 ? (size_t)(colon - line) + 1 : 0;
}

/* A line of somebody the room knows. */
static bool
read_talk(struct dialect_reader *r, size_t n, const char *name)
{
    size_t prefix = own_prefix(r->at, n, name);
    const char *text = r->at + prefix;

    n -= prefix;
    skip_line(r);
    if (n == 1 && text[0] == 'q') {
        r->what = DIALECT_LEAVE;
        r->len = 0;
        r->text[0] = '\0';
        return true;
    }
    take_text(r, text, n);
    r->what = DIALECT_SAY;
    return r->len > 0;
}

/* Whether a line of somebody unknown is nothing at all: the end of a talk that
   was not, or the word of another room, or our own that an echo server sent
   back. To answer that one would be answered, and so on for ever. */
static bool
means_nothing(const char *line, size_t n, const char *last)
{
    bool q = line + n - last == 1 && last[0] == 'q';

    return q || line[0] == '!' || line[0] == '*';
}

/* A line of somebody unknown: its name, perhaps with something said. */
static bool
read_name(struct dialect_reader *r, size_t n)
{
    const char *colon = memchr(r->at, ':', n);
    size_t name_len = colon != NULL ? (size_t)(colon - r->at) : n;
    const char *last = colon != NULL ? colon + 1 : r->at;
    const char *line = r->at;

    if (r->joining || means_nothing(line, n, last)) {
        skip_line(r);
        return false;
    }
    r->joining = colon != NULL;
    if (!r->joining) {
        skip_line(r);
    }
    r->err = dialect_name(r->text, line, name_len);
    r->len = r->err > 0 ? (size_t)r->err : 0;
    r->what = DIALECT_JOIN;
    return r->err != -ENOENT || colon != NULL;
}

bool
dialect_next(struct dialect_reader *r, const char *name)
{
    while (r->at < r->end) {
        size_t n = line_len(r);
        bool found;

        if (n == 0) {
            skip_line(r);
            continue;
        }
        found = name != NULL ? read_talk(r, n, name) : read_name(r, n);
        if (found) {
            return true;
        }
    }
    return false;
}

/* --- names -----------------------------------------------------------------*/

/* Decode one character of well-formed UTF-8; returns its length. */
static size_t
decode(const char *s, uint32_t *c)
{
    unsigned char b = (unsigned char)s[0];
    size_t len = b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;

    *c = len == 1 ? b : b & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        *c = *c << 6 | ((unsigned char)s[i] & 0x3Fu);
    }
    return len;
}

/* Characters without a picture of their own would let two names look alike. */
static bool
is_invisible(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x061C, 0x061C},
        {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},
        {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x206F},
        {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
        {0xFFA0, 0xFFA0},   {0xFFF9, 0xFFFB},   {0x13430, 0x1343F},
        {0x1BCA0, 0x1BCA3}, {0x1D159, 0x1D159}, {0x1D173, 0x1D17A},
        {0xE0000, 0xE0FFF},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

static bool
is_blank(uint32_t c)
{
    return c == ' ' || c == 0x00A0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F ||
           c == 0x2800 || c == 0x3000;
}

/* Drawn over the character before it, of which a name has none at first. */
static bool
is_accent(uint32_t c)
{
    return (c >= 0x0300 && c <= 0x036F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
           (c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0x20D0 && c <= 0x20FF) ||
           (c >= 0xFE20 && c <= 0xFE2F);
}

/* A name while it grows: blanks wait until something follows them. */
struct name {
    char *dst;
    size_t len, chars;
    bool blank;
};

static int
add(struct name *n, const char *s, size_t len)
{
    size_t need = len + (n->blank ? 1 : 0);

    if (n->chars + (n->blank ? 2 : 1) > ROOM_NAME_CHARS ||
        n->len + need > ROOM_NAME_MAX) {
        return -ENAMETOOLONG;
    }
    if (n->blank) {
        n->dst[n->len++] = ' ';
        n->chars++;
        n->blank = false;
    }
    memcpy(n->dst + n->len, s, len);
    n->len += len;
    n->chars++;
    return 0;
}

static int
add_character(struct name *n, const char *s, size_t len, uint32_t c)
{
    bool reserved = c == '!' || c == '*' || is_accent(c);

    if (c == ':' || c == 0xFF1A || (n->len == 0 && reserved)) {
        return -EINVAL;
    }
    if (is_blank(c)) {
        n->blank = n->len > 0;
        return 0;
    }
    return is_invisible(c) ? 0 : add(n, s, len);
}

int
dialect_name(char *dst, const char *src, size_t n)
{
    char clean[DIALECT_WANTED + 1];
    struct name name = {.dst = dst};
    size_t len = n < DIALECT_WANTED ? n : DIALECT_WANTED;

    dst[0] = '\0';
    if (!tn_text_valid(src, n)) {
        return -EILSEQ;
    }
    if (len < n) {
        return -ENAMETOOLONG;
    }
    len = tn_text_clean(clean, sizeof(clean), src, len);
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t step = decode(clean + i, &c);
        int err = add_character(&name, clean + i, step, c);

        if (err < 0) {
            dst[0] = '\0';
            return err;
        }
        i += step;
    }
    dst[name.len] = '\0';
    return name.len > 0 ? (int)name.len : -ENOENT;
}

/* --- writing ---------------------------------------------------------------*/

/* A line while it grows; what does not fit is cut at a character. */
struct line {
    char *dst;
    size_t len, cap;
    bool cut;
};

static void
put(struct line *l, const char *s, size_t n)
{
    size_t keep = l->cut ? 0 : tn_text_cut(s, n, l->cap - l->len);

    memcpy(l->dst + l->len, s, keep);
    l->len += keep;
    l->cut = l->cut || keep < n;
}

static void
put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* The mark takes the place of the last characters. */
static void
put_mark(struct line *l)
{
    size_t mark = sizeof(cut_mark) - 1;

    if (l->cut && l->cap >= mark) {
        l->len = tn_text_cut(l->dst, l->len, l->cap - mark);
        memcpy(l->dst + l->len, cut_mark, mark);
        l->len += mark;
    }
}

/* What a member does: its name, words behind it, a text. */
static void
put_deed(struct line *l, const struct room_event *ev, const char *words,
         bool text)
{
    put(l, ev->name, ev->name_len);
    put_text(l, words);
    put(l, ev->text, text ? ev->text_len : 0);
}

static void
put_event(struct line *l, const struct room_event *ev, enum dialect_lang lang)
{
    switch (ev->what) {
    case ROOM_JOIN:
        put_deed(l, ev, joined[lang], false);
        break;
    case ROOM_SAY:
        put_deed(l, ev, ":", true);
        break;
    case ROOM_ACT:
        put_deed(l, ev, ":* ", true);
        break;
    case ROOM_LEAVE:
        put_deed(l, ev, left[lang], false);
        break;
    case ROOM_NICK:
        put_deed(l, ev, left[lang], false);
        put_text(l, "\n");
        put(l, ev->text, ev->text_len);
        put_text(l, joined[lang]);
        break;
    case ROOM_MSG:
        put_text(l, "* ");
        put_deed(l, ev, privately[lang], true);
        break;
    case ROOM_NOTE:
        put_text(l, notes[ev->note][lang]);
        break;
    case ROOM_BYE:
    case ROOM_FILE: /* dialect_file() writes these two */
    case ROOM_GONE:
        put_text(l, bye[lang]);
        break;
    }
}

size_t
dialect_write(char *dst, size_t cap, const struct room_event *ev,
              enum dialect_lang lang)
{
    struct line l = {.dst = dst, .cap = cap};

    if (ev->what == ROOM_FILE || ev->what == ROOM_GONE) {
        return dialect_file(dst, cap, ev, lang);
    }
    put_event(&l, ev, lang);
    put_mark(&l);
    return l.len;
}

size_t
dialect_nick(char *dst, size_t cap, const struct room_event *ev,
             enum dialect_lang lang)
{
    struct line l = {.dst = dst, .cap = cap};

    put_text(&l, "* ");
    put_deed(&l, ev, renamed[lang], true);
    put_mark(&l);
    return l.len;
}

/* Why, in words: [DIALECT_ZH] and [DIALECT_EN], then each a shorter one. */
struct reason {
    int err;
    const char *words[4];
};

static const struct reason reasons[] = {
    {-EEXIST, {"名字已有人用", "the name is taken", "重名", "taken"}},
    {-ENAMETOOLONG, {"名字太长", "the name is too long", "太长", "too long"}},
    {-EILSEQ, {"名字不是 UTF-8", "the name is no UTF-8", "UTF-8", "UTF-8"}},
    {-EUSERS, {"聊天室满了", "the room is full", "满了", "full"}},
    {-ESHUTDOWN, {"聊天室关闭了", "the room is closed", "关了", "closed"}},
    {-EAGAIN, {"太快了，请稍等", "too many joins, wait", "稍等", "wait"}},
    {0, {"名字不行", "not a name", "不行", "no"}}, /* any other */
};

static const struct reason *
reason_of(int err)
{
    const struct reason *r = reasons;

    while (r->err != 0 && r->err != err) {
        r++;
    }
    return r;
}

size_t
dialect_refuse(char *dst, size_t cap, int err, const char *name,
               enum dialect_lang lang)
{
    static const char *const hint[] = {"，试试 ", ", try "};
    const struct reason *why = reason_of(err);
    char full[256];
    size_t n = 0;

    /* From the longest to the shortest; "!" always fits. */
    for (int i = err == -EEXIST ? 0 : 1; i < 3; i++) {
        snprintf(full, sizeof(full), "! %s%s%s%s",
                 why->words[lang + (i < 2 ? 0 : 2)], i == 0 ? hint[lang] : "",
                 i == 0 ? name : "", i == 0 ? "2" : "");
        n = strlen(full);
        if (n <= cap) {
            memcpy(dst, full, n);
            return n;
        }
    }
    n = cap > 0 ? 1 : 0;
    memcpy(dst, "!", n);
    return n;
}

/* --- as a client reads it --------------------------------------------------*/

static bool
ends_in(const char *line, size_t n, const char *end)
{
    size_t len = strlen(end);

    return n > len && memcmp(line + n - len, end, len) == 0;
}

/* Whether a line is a name and then these words, in either language. */
static bool
is_about(struct dialect_line *out, const char *line, size_t n,
         const char *const words[2])
{
    for (int lang = DIALECT_ZH; lang <= DIALECT_EN; lang++) {
        if (ends_in(line, n, words[lang])) {
            out->name = line;
            out->name_len = n - strlen(words[lang]);
            return memchr(line, ':', out->name_len) == NULL;
        }
    }
    return false;
}

static bool
is_bye(const char *line, size_t n)
{
    for (int lang = DIALECT_ZH; lang <= DIALECT_EN; lang++) {
        if (n == strlen(bye[lang]) && memcmp(line, bye[lang], n) == 0) {
            return true;
        }
    }
    return false;
}

void
dialect_parse(struct dialect_line *out, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);

    *out = (struct dialect_line){
        .what = ROOM_NOTE, .name = line, .text = line, .text_len = n};
    if (is_bye(line, n)) {
        out->what = ROOM_BYE;
    } else if (n >= 2 && line[0] == '*' && line[1] == ' ') {
        out->name_len = 0; /* the room's own, whatever a file is called */
    } else if (is_about(out, line, n, joined)) {
        out->what = ROOM_JOIN;
    } else if (is_about(out, line, n, left)) {
        out->what = ROOM_LEAVE;
    } else if (colon != NULL && colon > line) {
        out->what = ROOM_SAY;
        out->name = line;
        out->name_len = (size_t)(colon - line);
        out->text = colon + 1;
        out->text_len = n - out->name_len - 1;
    } else {
        out->name_len = 0;
        out->refused = n > 0 && line[0] == '!' && (n == 1 || line[1] == ' ');
    }
}
