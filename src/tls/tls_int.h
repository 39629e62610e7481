/*
 * tls_int.h - a configuration, a connection, and how they use OpenSSL.
 *
 * OpenSSL never waits here: its BIO (bio.c) receives and sends only what goes
 * at once, and says "try again" otherwise. The waiting is done outside of it,
 * by ops on the descriptor, so that a task that waits is parked like any other
 * and holds nothing that another needs.
 */
#ifndef TENON_TLS_TLS_INT_H
#define TENON_TLS_TLS_INT_H

#include <tenon/tls.h>

#include "sock/sock.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- a configuration: config.c, cert.c ---- */

/* Sessions of a client, to shorten the next handshake with the same peer. */
struct tls_session {
    char *key; /* "host:port"; NULL: free */
    SSL_SESSION *session;
};

struct tn_tls {
    atomic_uint refs;
    enum tn_tls_role role;
    pthread_mutex_t lock; /* of what follows, once sockets use it */
    SSL_CTX *ctx;         /* replaced as a whole by tn_tls_reload() */
    char *cert, *key;     /* files, to be read again; may be NULL */
    bool system_trust;    /* to be loaded when a connection needs it */
    bool no_verify;
    bool pinned;
    bool ktls;
    bool has_psk;
    enum tn_tls_ask ask;
    unsigned char pin[TN_TLS_FINGERPRINT];
    unsigned char psk[TN_TLS_PSK];
    unsigned char alpn[256]; /* as the protocol has it: lengths before names */
    unsigned alpn_len;
    struct tls_session sessions[TN_TLS_SESSIONS];
    unsigned next_session; /* the slot that was filled longest ago */
};

/* ---- a connection ---- */

/* Parts of it that one call at a time has, for as long as it waits. */
enum tls_part {
    TLS_HANDSHAKE = 1 << 0,
    TLS_IN = 1 << 1,  /* receiving into `in` */
    TLS_OUT = 1 << 2, /* sending from `out` */
};

struct tls_conn {
    SSL *ssl;
    tn_sock *sock;
    tn_tls *config;
    char *host; /* a client's: the peer that is wanted; NULL */

    /* Around calls of OpenSSL and all below; plain threads only, since tasks
       of one loop do not run at the same time. Never held while waiting. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tn__opq waiting; /* tasks; see tls_wait_change() */
    unsigned taken;         /* enum tls_part */
    bool reading;           /* a task is inside a receive */
    bool up;                /* the handshake is done */
    bool ended;             /* our close_notify is on its way */
    bool eof;               /* the descriptor has nothing more to read */
    bool fin;               /* end the sending side once `out` is empty */
    bool more;              /* records follow at once: MSG_MORE */
    int reads;              /* of the kernel, that this call has left */
    bool ktls_send;
    unsigned char ktls_type; /* of the next record, if it is no data */
    int failed;              /* of every receive from now on, and handshake */
    int send_error;          /* of every send */

    /* Bytes on their way to OpenSSL: what a parked receive got. The rest is
       received where OpenSSL wants it. */
    size_t in_start, in_end;
    /* Bytes on their way to the kernel, which had no room for them. */
    unsigned char *out;
    size_t out_start, out_end;

    char reason[TN_TLS_REASON]; /* of `failed`, for tn_why(); may be empty */
    unsigned char in[TN_TLS_IN];
};

static inline struct tls_conn *
tls_of(const tn_sock *s)
{
    return s->layer_state;
}

/* In tasks nobody else runs meanwhile. */
static inline void
tls_lock(struct tls_conn *c)
{
    if (!tn__self) {
        pthread_mutex_lock(&c->lock);
    }
}

static inline void
tls_unlock(struct tls_conn *c)
{
    if (!tn__self) {
        pthread_mutex_unlock(&c->lock);
    }
}

/* ---- conn.c ---- */

/* The layers of a TLS socket, of an accepted one that nobody has used yet, and
   of a listener. */
extern const struct tn__layer tls_layer;
extern const struct tn__layer tls_lazy_layer;

/* Make sure that the handshake is done. 0 or a code. */
int tls_handshake(struct tls_conn *c, struct tn__limit *lim); /* suspends */

/* ---- turn.c: waiting for each other ---- */

/* Wait until any part is given back; called and returns locked. 0 or a code. */
int tls_wait_change(struct tls_conn *c, struct tn__limit *lim); /* suspends */

/* Tell those who wait; locked. */
void tls_changed(struct tls_conn *c);

/* End all waiting of tasks with -EBADF. */
void tls_drive_out(struct tls_conn *c);

/* ---- bio.c: what OpenSSL reads from and writes to ---- */

/* Give c->ssl its BIO. 0 or -ENOMEM. */
int tls_bio_attach(struct tls_conn *c);

/* Send what `out` holds as far as it goes at once; locked. */
void tls_push(struct tls_conn *c);

/* Send all of it. 0 or a code. */
int tls_flush(struct tls_conn *c, struct tn__limit *lim); /* suspends */

/* Does the code end a wait only, and not the stream? */
bool tls_is_passing(ssize_t r);

/* Wait for bytes to read, or the end. 0 or a code. */
int tls_pull(struct tls_conn *c, struct tn__limit *lim); /* suspends */

/* ---- drive.c: a call of OpenSSL, again until it is done ---- */

struct tls_call {
    int (*fn)(struct tls_conn *c, struct tls_call *call);
    void *buf;
    size_t len;
    size_t done;
};

/* 1: done; 0: the peer ended the stream; or a code. */
int tls_drive(struct tls_conn *c, struct tls_call *call,
              struct tn__limit *lim); /* suspends */

/* The same once, without waiting; locked. -EAGAIN: not now. */
int tls_once(struct tls_conn *c, struct tls_call *call);

/* ---- io.c: the verbs ---- */

ssize_t tls_run(tn_sock *s, struct tn__op *op,
                struct tn__limit *lim); /* suspends */
int tls_shutdown(tn_sock *s, int how);
int tls_unread(tn_sock *s, size_t *n);
bool tls_end(tn_sock *s);

/* ---- why.c: reasons in words ---- */

/* The peer is none that has our key, kept in c. */
void tls_why_no_key(struct tls_conn *c);

/* What failed in the call before, by OpenSSL's queue of errors: a code, the
   reason kept in c. */
int tls_why_failed(struct tls_conn *c);

/* The verdict on a certificate that was refused, kept in c. */
void tls_why_refused(struct tls_conn *c, X509_STORE_CTX *store);

/* As the layer's fail(). */
bool tls_fail(const tn_sock *s, int err);

/* Record a failure of reading or making certificates, with OpenSSL's words. */
int tls_fail_file(int err, const char *what, const char *with);

/* ---- verify.c ---- */

/* Have ctx verify peers as its configuration says. */
void tls_verify_setup(SSL_CTX *ctx, tn_tls *tls);

/* The connection that ssl belongs to. */
struct tls_conn *tls_conn_of(const SSL *ssl);

/* SHA-256 of a certificate: 0 or TN_ETLS. */
int tls_digest(const X509 *cert, unsigned char *sha256);

/* ---- psk.c ---- */

/* With a key: whether the peer has it, once the handshake is over. */
bool tls_psk_is_good(struct tls_conn *c);

/* Is there a key, besides which there is to be no certificate? -EINVAL,
   recorded; 0. */
int tls_psk_refuses(const tn_tls *tls, const char *what);

/* ---- session.c ---- */

/* Have a client's ctx keep sessions. */
void tls_session_setup(SSL_CTX *ctx, tn_tls *tls);

/* Offer the session of an earlier connection to the same peer. */
void tls_session_offer(struct tls_conn *c);

void tls_session_free_all(tn_tls *tls);

/* ---- config.c ---- */

tn_tls *tls_ref(tn_tls *tls);

/* The context that new connections use (end with SSL_CTX_free()); NULL: no
   memory. */
SSL_CTX *tls_ctx(tn_tls *tls);

/* A verifying client, made once and kept; NULL: no memory. Not given. */
tn_tls *tls_default_client(void);

/* ---- cert.c ---- */

/* Read a file of at most so many bytes into memory (end with BIO_free()). 0 or
   a code, recorded: -EFBIG, those of read(2). */
int tls_read_file(BIO **out, const char *path, size_t most);

/* Read certificate, chain and key into ctx. 0 or a code. */
int tls_cert_files(SSL_CTX *ctx, const char *cert, const char *key);

#endif
