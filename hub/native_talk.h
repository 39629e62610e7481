/*
 * hub/native_talk.h - what guest and hub say to each other, as bytes: the
 * messages that a link carries (docs/wire/chat.md, part 2).
 *
 * Pure. Texts that come are bounded and hold no NUL; whether they are fit to be
 * shown is for the reader to see to.
 */
#ifndef HUB_NATIVE_TALK_H
#define HUB_NATIVE_TALK_H

#include "guest.h"
#include "link.h"
#include "native_wire.h"
#include "room.h"
#include "store.h"

_Static_assert((int)GUEST_EPOCH == (int)STORE_EPOCH, "the document's numbers");

enum talk_type {
    /* Guest to hub. */
    TALK_JOIN = 1,
    TALK_SAY,
    TALK_NICK,
    TALK_LEAVE,
    /* Hub to guest. */
    TALK_WELCOME = 16,
    TALK_REFUSED,
    TALK_PEOPLE,
    TALK_EVENT,
    TALK_FATE,
    TALK_PRESENCE,
};

enum talk_limit {
    /* Bytes of the address of the hub's files. */
    TALK_FOLDER = 320,
    /* Somebody of PEOPLE at its longest. */
    TALK_PERSON = 8 + 1 + 1 + 1 + ROOM_NAME_MAX,
};

/* Let me in. */
struct talk_join {
    unsigned char key[GUEST_KEY];
    uint64_t since; /* the event seen last */
    char epoch[GUEST_EPOCH + 1];
    char name[ROOM_NAME_MAX + 1];
};

/* Words, or with NICK a new name as `text`. */
struct talk_say {
    uint64_t mark; /* by which its fate is told; not 0 */
    enum guest_how how;
    size_t len;
    char to[ROOM_NAME_MAX + 1];
    char text[ROOM_TEXT_MAX + 1];
};

/* You are in. Events up to `latest` that follow happened before. */
struct talk_welcome {
    room_id id;
    uint64_t latest;
    bool gap; /* what happened right after `since` is not known any more */
    char epoch[GUEST_EPOCH + 1];
    char name[ROOM_NAME_MAX + 1];
    char folder[TALK_FOLDER + 1];
};

/* What became of words, or of a name. */
struct talk_fate {
    uint64_t mark;
    enum wire_why why;
    uint64_t number;
};

/** Each writes a message into LINK_MESSAGE bytes and returns its length. */
size_t talk_put_join(void *buf, const struct talk_join *m);
size_t talk_put_say(void *buf, const struct talk_say *m);
size_t talk_put_nick(void *buf, const struct talk_say *m);
size_t talk_put_leave(void *buf);
size_t talk_put_welcome(void *buf, const struct talk_welcome *m);
size_t talk_put_refused(void *buf, enum wire_why why);
size_t talk_put_fate(void *buf, const struct talk_fate *m);
size_t talk_put_event(void *buf, const struct room_event *ev);
size_t talk_put_presence(void *buf, room_id who, bool away);

/** Begin a list of people; then talk_put_person() for each while it says true,
    and talk_end_people(). The bytes are those up to o->at. */
void talk_put_people(struct wire_out *o, void *buf);

/** Say whether these were all. */
void talk_end_people(void *buf, bool last);

/** Add somebody; false if there is no room for him. */
bool talk_put_person(struct wire_out *o, const struct guest_person *p);

/** Begin to read a message: its type; 0 for none. */
enum talk_type talk_get_type(struct wire_in *i, const void *buf, size_t n);

/** Each reads what follows the type; false if that is not what it is. */
bool talk_get_join(struct wire_in *i, struct talk_join *m);
bool talk_get_say(struct wire_in *i, struct talk_say *m);
bool talk_get_nick(struct wire_in *i, struct talk_say *m);
bool talk_get_welcome(struct wire_in *i, struct talk_welcome *m);
bool talk_get_refused(struct wire_in *i, enum wire_why *why);
bool talk_get_fate(struct wire_in *i, struct talk_fate *m);
bool talk_get_presence(struct wire_in *i, room_id *who, bool *away);

/** Read an event; author, folder and ref are left empty, `mark` is what it
    bears of its author's. */
bool talk_get_event(struct wire_in *i, struct room_event *ev, uint64_t *mark);

/** Read the head of a list of people. */
bool talk_get_people(struct wire_in *i, bool *last);

/** Read somebody; call it while wire_left() is not 0. */
bool talk_get_person(struct wire_in *i, struct guest_person *p);

/** The mark as the room's `ref`: 16 digits. */
void talk_ref(char dst[ROOM_REF_MAX + 1], uint64_t mark);

/** The mark of a `ref` that talk_ref() wrote; 0: it is another's. */
uint64_t talk_mark(const char *ref);

#endif
