/*
 * cli/cmd_send_int.h - what the files of `tenon send` share.
 *
 *   cmd_send.c         options, what goes together, the order of it all
 *   cmd_send_to.c      who TO is: a word, or whom the beacon finds
 *   cmd_send_parcel.c  to tenon recv: the code, the connection, once more
 *   cmd_send_web.c     to a hub, or to tenon serve: through HTTP
 *   cmd_send_phone.c   to a phone: LocalSend
 *
 * Another kind of place is an enum send_kind, a line in cmd_send_to.c that
 * finds it, and a line in cmd_send.c's deliver().
 */
#ifndef CLI_CMD_SEND_INT_H
#define CLI_CMD_SEND_INT_H

#include <tenon/addr.h>
#include <tenon/url.h>

#include "hub/beacon.h"
#include "pairing.h"
#include "parcel/phone.h"
#include "report.h"
#include "secure.h"

enum {
    SEND_WORDS = 4096, /* files of one command line, and TO */
    SEND_SHOWN = 512,  /* of a place, for people */
    SEND_TRIES = 5,    /* codes that are asked for */
};

/* Until the beacon's answers are taken for complete. */
#define SEND_LOOK (1500 * TN_MS)
/* To connect to one of several addresses; to an address that was named. */
#define SEND_DIAL (5 * TN_SEC)
/* Between two tries of a connection that was lost. */
#define SEND_AGAIN_MIN (200 * TN_MS)
#define SEND_AGAIN_MAX (5 * TN_SEC)

struct send_opts {
    const char *to, *name, *code_file, *as;
    bool json, quiet, verbose, only4, only6;
    int64_t retry_for;
    struct secure_opts secure; /* its `insecure` is ours, too */
};

enum send_kind {
    SEND_RECV,  /* tenon recv */
    SEND_WEB,   /* a URL: a hub, or a folder that may be written */
    SEND_PHONE, /* LocalSend */
};

/* Where it goes. */
struct send_place {
    enum send_kind kind;
    tn_endpoint ep;             /* if count is 0 */
    int count;                  /* of addresses that the beacon told */
    tn_addr addr[BEACON_ADDRS]; /* any of them will do */
    bool known;                 /* it said whether it wants a code: */
    bool has_code;
    char url[TN_URL_MAX];       /* SEND_WEB */
    struct phone_device device; /* SEND_PHONE */
    char shown[SEND_SHOWN];     /* for people */
};

struct send {
    const struct send_opts *o;
    char **files;
    int count;
    const char *to; /* the word; NULL: ask the beacon */
    bool maybe;     /* it is the last word, and may be a file's name */
    struct send_place place;
    parcel *parcel;
    char who[PAIRING_WHO];
    char code[PARCEL_CODE + 1];
    bool has_code;                 /* one was read or typed */
    char room_code[PAIRING_TYPED]; /* of a hub: as it was written */
    int asked;                     /* codes */
    char at[TN_ADDR_TEXT];         /* where the connection leads */
    struct progress progress;
    struct report report;
    struct parcel_result result;
    int64_t lost, reached; /* when, and how far it was then */
    int64_t wait;          /* before the next try */
};

/** Take TO off the words; EXIT_DONE or EXIT_USAGE, the complaint printed. */
int outbox_split(struct send *s);

/** Find out where it goes; an exit code, the complaint printed. Suspends. */
int outbox_find(struct send *s);

/** Send to tenon recv; an exit code. Suspends. */
int outbox_to_recv(struct send *s);

/** Send to a hub, or a folder on the web; an exit code. Suspends. */
int outbox_to_web(struct send *s);

/** Tell whether a word names a phone: "localsend:...". */
bool outbox_is_phone(const char *word);

/** Find the phone that s->to names, by address or by name; an exit code, the
    complaint printed. Suspends. */
int outbox_find_phone(struct send *s);

/** Send to a phone; an exit code. Suspends. */
int outbox_to_phone(struct send *s);

/** A connection that worked was lost: wait for the next try. False: too long
    has gone by. Suspends. */
bool outbox_wait(struct send *s);

/** Read --code-file; an exit code, the complaint printed. */
int outbox_read_code(struct send *s);

/** Ask for a code on the terminal. Its length; an exit code, negative, the
    complaint printed. Suspends. */
int outbox_ask_code(struct send *s, const char *prompt);

#endif
