/*
 * hub/dialect.h - plain text to events and events to plain text.
 *
 * The dialect that every chat client of a socket course speaks, and that a
 * person can type into "nc -u": the first line from an address is a name,
 * every later one is something said, "q" leaves.
 *
 *   - A datagram may hold several lines; CR LF is as good as LF.
 *   - "NAME:text" by NAME is "text": clients put the name in front. Any other
 *     prefix is part of the text, so nobody can speak as somebody else.
 *   - "NAME:text" from an address nobody knows is a join and then the text: a
 *     hub that was started again is talked to as before.
 *   - "q" or "NAME:q" leaves; from an unknown address it is nothing at all.
 *   - Nor is a line that begins as the room's own words do: two rooms, or a
 *     room and an echo server, would answer each other for ever.
 *
 * Lines from the room itself begin with "! " (you are not in) or "* ". Names
 * cannot, and everything a member says has "NAME:" in front.
 *
 * Pure: bytes in, bytes out. Nothing here waits, allocates or knows a socket.
 */
#ifndef HUB_DIALECT_H
#define HUB_DIALECT_H

#include "room.h"

enum dialect_limit {
    /* Bytes of a datagram to a plain member: what the course's clients read
       (1,024) and what passes every network whole. */
    DIALECT_DATAGRAM = 1000,
    /* Bytes of what somebody wants to be called, before blanks and invisible
       characters are taken away; more is too long whatever it is. */
    DIALECT_WANTED = 256,
};

/* What one line of a datagram asks for. */
enum dialect_what {
    DIALECT_JOIN,  /* be called `text` */
    DIALECT_SAY,   /* say `text` */
    DIALECT_LEAVE, /* go */
};

/* In whose words the room speaks; the course's are Chinese. */
enum dialect_lang {
    DIALECT_ZH,
    DIALECT_EN,
};

/* Reads the lines of one datagram. */
struct dialect_reader {
    const char *at, *end; /* what was not read yet; borrowed */
    bool newline;         /* the datagram ended in one: so shall the answers */
    bool joining;         /* the line at `at` has been read for its name */
    enum dialect_what what;
    int err;    /* DIALECT_JOIN: as dialect_name() */
    size_t len; /* bytes of text */
    char text[ROOM_TEXT_MAX + 1];
    char scratch[3 * ROOM_TEXT_MAX + 1]; /* cleaning may treble a text */
};

/**
 * Begin to read a datagram.
 *
 * @param r    filled.
 * @param buf  borrowed until the last dialect_next(); `n` bytes.
 * @param n    bytes.
 */
void dialect_open(struct dialect_reader *r, const char *buf, size_t n);

/**
 * Read the next thing that a datagram asks for: r->what, r->text, r->len.
 *
 * @param r     changed. After DIALECT_JOIN go on only if the name was given,
 *              with that name; r->err tells whether it is one.
 * @param name  what the sender is called; NULL if nobody knows it.
 * @return true; false at the end of the datagram.
 */
bool dialect_next(struct dialect_reader *r, const char *name);

/**
 * Make a name of what somebody wants to be called.
 *
 * Blanks around it, control and invisible characters are dropped.
 *
 * @param dst  ROOM_NAME_MAX + 1 bytes; always ends in NUL.
 * @param src  borrowed; `n` bytes.
 * @param n    bytes.
 * @return its length, 1 to ROOM_NAME_MAX; -ENOENT nothing is left;
 *   -ENAMETOOLONG; -EINVAL a colon in it, or a beginning that is the room's
 *   own ("!", "*") or an accent on nothing; -EILSEQ no UTF-8.
 */
int dialect_name(char *dst, const char *src, size_t n);

/**
 * Change a text that would read, behind its author's name, as the room telling
 * of a join or a leave.
 *
 * @param text  `n` bytes, cleaned; ends in NUL.
 * @param n     bytes.
 * @return its length now.
 */
size_t dialect_defuse(char *text, size_t n);

/**
 * Write an event as the line that plain members read.
 *
 * A new name (ROOM_NICK) is two lines, a leave and a join: that is what their
 * programs know.
 *
 * @param dst   `cap` bytes; no NUL at the end.
 * @param cap   bytes; a longer line is cut at a character, with a mark.
 * @param ev    borrowed.
 * @param lang  in whose words.
 * @return bytes, at most `cap`.
 */
size_t dialect_write(char *dst, size_t cap, const struct room_event *ev,
                     enum dialect_lang lang);

/**
 * Write ROOM_NICK as one line, for people: "* ann is now called anna".
 *
 * @param dst   `cap` bytes; no NUL at the end.
 * @param cap   bytes; a longer line is cut at a character, with a mark.
 * @param ev    borrowed.
 * @param lang  in whose words.
 * @return bytes, at most `cap`.
 */
size_t dialect_nick(char *dst, size_t cap, const struct room_event *ev,
                    enum dialect_lang lang);

/**
 * Write ROOM_FILE or ROOM_GONE as a line; dialect_write() calls it.
 *
 * The address comes last and whole; if there is no room for it, it is left
 * out, and then the file's name is cut.
 *
 * @param dst   `cap` bytes; no NUL at the end.
 * @param cap   bytes.
 * @param ev    borrowed.
 * @param lang  in whose words.
 * @return bytes, at most `cap`.
 */
size_t dialect_file(char *dst, size_t cap, const struct room_event *ev,
                    enum dialect_lang lang);

/**
 * Write why somebody is not let in, in no more than so many bytes.
 *
 * What an unproven address is sent must not exceed what it sent, so the room
 * says as much as fits; "!" always does.
 *
 * @param dst   `cap` bytes; no NUL at the end.
 * @param cap   bytes.
 * @param err   what room_join() or dialect_name() returned.
 * @param name  borrowed; what it wanted to be called, cleaned; for -EEXIST.
 * @param lang  in whose words.
 * @return bytes, at most `cap`; 0 only if `cap` is.
 */
size_t dialect_refuse(char *dst, size_t cap, int err, const char *name,
                      enum dialect_lang lang);

/* A line of the room as a client understands it. */
struct dialect_line {
    enum room_what what; /* SAY, JOIN, LEAVE, NOTE, BYE */
    bool refused;        /* ROOM_NOTE: the room did not let us in */
    const char *name;    /* SAY, JOIN, LEAVE; not ended by NUL */
    size_t name_len;
    const char *text; /* SAY, NOTE, BYE: all or the part after the colon */
    size_t text_len;
};

/**
 * Understand a line as the room writes it, in either language.
 *
 * @param out   filled; points into `line`.
 * @param line  borrowed; `n` bytes without newline.
 * @param n     bytes.
 */
void dialect_parse(struct dialect_line *out, const char *line, size_t n);

#endif
