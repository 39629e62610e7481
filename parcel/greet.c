/*
 * greet.c - two sides of a stream find out whether they belong together.
 *
 * The greeting goes in the clear, and is bound into the keys: whoever changes
 * a bit of it on the way makes the code a wrong one.
 */
#include <tenon/pake.h>
#include <tenon/seal.h>
#include <tenon/sockopt.h>
#include <tenon/tls.h>

#include "lane.h"

#include <stdio.h>
#include <string.h>

enum { PLAIN_PART = WIRE_GREETING - WIRE_NONCE };

/* Both greetings as they went over the wire, the sender's first. */
struct pair {
    uint8_t wire[2][WIRE_GREETING];
    struct wire_greeting theirs;
};

static int
receive(tn_sock *sock, void *dst, size_t n)
{
    ssize_t r = tn_recvall(sock, dst, n, NULL);

    if (r == 0 || r == TN_ETRUNCATED) {
        return tn_fail(-ECONNRESET, "greet", "the peer left");
    }
    return r < 0 ? (int)r : 0;
}

static int
exchange(tn_sock *sock, struct pair *p, enum wire_role role, bool wants_code)
{
    int me = role == WIRE_SENDER ? 0 : 1;
    struct wire_greeting mine = {.version = WIRE_VERSION,
                                 .role = (uint8_t)role,
                                 .wants_code = wants_code};
    ssize_t n;
    int r;

    tn_secret(mine.nonce, WIRE_NONCE);
    wire_put_greeting(p->wire[me], &mine);
    n = tn_sendall(sock, p->wire[me], WIRE_GREETING, NULL);
    r = n < 0 ? (int)n : receive(sock, p->wire[1 - me], WIRE_GREETING);
    if (r < 0) {
        return r;
    }
    if (!wire_get_greeting(&p->theirs, p->wire[1 - me])) {
        return tn_fail(-EPROTO, "greet", "no tenon send or recv is there");
    }
    /* One that speaks a higher version, too, speaks this one with us. */
    if (p->theirs.version < WIRE_VERSION) {
        return tn_fail(-EPROTONOSUPPORT, "greet",
                       "the peer speaks another version");
    }
    if (p->theirs.role == role) {
        return tn_fail(-EPROTO, "greet",
                       role == WIRE_SENDER ? "the peer sends, too"
                                           : "the peer receives, too");
    }
    if (p->theirs.wants_code != wants_code) {
        return tn_fail(-EPROTONOSUPPORT, "greet",
                       wants_code ? "the peer has no code"
                                  : "the peer wants a code");
    }
    return 0;
}

/* A key, if the other side has the same code, and saw the same greetings. */
static int
agree(tn_sock *sock, const struct pair *p, enum wire_role role,
      const char *code, unsigned char key[TN_PAKE_KEY])
{
    char purpose[40 + 4 * PLAIN_PART];
    unsigned char session[TN_PAKE_SHARE], theirs[TN_PAKE_SHARE];
    tn_pake *pake;
    ssize_t n;
    int at = snprintf(purpose, sizeof(purpose), "tenon parcel");
    int r;

    for (int i = 0; i < 2 * PLAIN_PART; i++) {
        at += snprintf(purpose + at, sizeof(purpose) - (size_t)at, "%02x",
                       p->wire[i / PLAIN_PART][i % PLAIN_PART]);
    }
    memcpy(session, p->wire[0] + PLAIN_PART, WIRE_NONCE);
    memcpy(session + WIRE_NONCE, p->wire[1] + PLAIN_PART, WIRE_NONCE);
    r = tn_pake_new(&pake, role == WIRE_SENDER ? TN_PAKE_FIRST : TN_PAKE_SECOND,
                    code, strlen(code), purpose, session);
    if (r < 0) {
        return r;
    }
    n = tn_sendall(sock, tn_pake_share(pake), TN_PAKE_SHARE, NULL);
    r = n < 0 ? (int)n : receive(sock, theirs, sizeof(theirs));
    if (r == 0) {
        r = tn_pake_finish(pake, theirs, key);
    }
    tn_pake_free(pake);
    return r == -EBADMSG ? tn_fail(-EPROTO, "greet", "the peer plays foul") : r;
}

static int
encrypt(tn_sock *sock, enum wire_role role, const unsigned char *key)
{
    tn_tls *tls;
    int r =
        tn_tls_new(&tls, role == WIRE_SENDER ? TN_TLS_CLIENT : TN_TLS_SERVER);

    if (r < 0) {
        return r;
    }
    r = tn_tls_psk(tls, key);
    if (r == 0) {
        r = tn_tls_start(sock, tls, NULL);
    }
    if (r == 0) {
        r = tn_tls_handshake(sock);
    }
    tn_tls_free(tls);
    return r;
}

static int
pair_up(tn_sock *sock, enum wire_role role, const char *code)
{
    struct pair p;
    unsigned char key[TN_PAKE_KEY];
    int r = exchange(sock, &p, role, code != NULL);

    if (r < 0 || !code) {
        return r;
    }
    r = agree(sock, &p, role, code, key);
    if (r == 0) {
        r = encrypt(sock, role, key);
    }
    tn_wipe(key, sizeof(key));
    return r;
}

int
greet(tn_sock *sock, enum wire_role role, const char *code)
{
    tn_scope limit;
    int r;

    if (code && (code[0] == '\0' || strlen(code) > PARCEL_CODE)) {
        return tn_fail(-EINVAL, "greet", "a code has 1 to 64 bytes");
    }
    /* Frames are gathered here: no need for the kernel to wait for more. A
       Unix socket has no such thing. */
    (void)!tn_set(sock, TN_NODELAY, 1);
    tn_deadline(&limit, PARCEL_GREETING);
    r = pair_up(sock, role, code);
    (void)tn_scope_end(&limit);
    return r;
}
