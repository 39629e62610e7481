/*
 * tenon/tls.h - TLS on the sockets of sock.h.
 *
 * A TLS socket is a tn_sock: after tn_tls_start() the same verbs send and
 * receive, encrypted. "tls://host:port" in tn_dial() does it in one call. Of a
 * server the chain and the host name are verified against the system's trust
 * store unless a call whose name says insecure was made; or, with tn_tls_psk(),
 * that it has the same key.
 *
 * An end of stream that TLS announced (close_notify) is 0 as ever; one that it
 * did not is TN_ECUT, so that a cut answer is never taken for a whole one.
 * tn_shutdown(SHUT_WR) and tn_close() announce ours, but not after a
 * tn_sendall() that failed half-way. What TLS does not have is -EOPNOTSUPP:
 * MSG_OOB, MSG_TRUNC, ancillary data, tn_dup(), tn_detach().
 *
 * What a send with a time-out or MSG_DONTWAIT has taken may wait in the socket
 * for room in the kernel; the next call on it, a receive too, delivers it.
 * The smallest stack, 32 KiB, is enough for a task that speaks TLS.
 *
 * Errors:  TN_ETLS and TN_ECERT, the reason in tn_why(); those of sock.h.
 * Threads: a configuration may be shared by threads once it is set up, and
 *          only tn_tls_reload() may be called while sockets use it. Sockets
 *          as in sock.h: one task may read while others send.
 * Next:    httpc.h and httpd.h, which take a configuration.
 */
#ifndef TENON_TLS_H
#define TENON_TLS_H

#include <tenon/sock.h>

/* A configuration: certificates, trust, protocols. Counted; sockets keep it. */
typedef struct tn_tls tn_tls;

enum tn_tls_role {
    TN_TLS_CLIENT,
    TN_TLS_SERVER,
};

/* What a server wants to know of its clients. */
enum tn_tls_ask {
    TN_TLS_ASK_NOTHING,
    TN_TLS_ASK,     /* a certificate if there is one; verified */
    TN_TLS_REQUIRE, /* a certificate, verified */
    TN_TLS_ASK_ANY, /* a certificate if there is one; whoever signed it: look
                       at its fingerprint */
};

enum {
    TN_TLS_FINGERPRINT = 32, /* bytes: SHA-256 of the certificate */
    TN_TLS_PSK = 32,         /* bytes of a key that both sides have */
};

/* What was agreed on; plain data. Texts end in NUL, empty if there is none. */
typedef struct tn_tls_info {
    const char *version; /* "TLSv1.3"; of static life */
    const char *cipher;  /* "TLS_AES_128_GCM_SHA256"; of static life */
    char alpn[32];       /* the protocol chosen */
    char name[256];      /* SNI: the host that was asked for */
    char subject[256];   /* of the peer's certificate */
    unsigned char fingerprint[TN_TLS_FINGERPRINT]; /* of it */
    bool has_peer;                                 /* there is one */
    bool resumed;                                  /* by a session ticket */
    bool ktls_send, ktls_recv; /* the kernel does it; see tn_tls_ktls() */
    bool by_key;               /* the peer has the key of tn_tls_psk() */
} tn_tls_info;

TN_BEGIN_DECLS

/**
 * Create a configuration.
 *
 * A client trusts what the system trusts. TLS 1.2 and 1.3.
 *
 * @param out   given (end with tn_tls_free()); NULL on failure.
 * @param role  which side of connections it is for.
 * @return 0; -ENOMEM.
 * @suspends   no.
 * @thread     any.
 * @see        SSL_CTX_new(3); Python ssl.create_default_context.
 */
TN_API TN_USE int tn_tls_new(tn_tls **out, enum tn_tls_role role);

/**
 * Give a configuration back; sockets that use it keep it alive.
 *
 * @param tls  taken; NULL is harmless.
 * @suspends   no.
 * @thread     any.
 * @see        SSL_CTX_free(3).
 */
TN_API void tn_tls_free(tn_tls *tls);

/**
 * Set the own certificate and key from PEM files.
 *
 * @param tls   borrowed.
 * @param cert  borrowed; path of the certificate, its chain behind it.
 * @param key   borrowed; path of the private key; NULL: it is in `cert` too.
 * @return 0; -ENOENT, -EACCES, ...: the file; -EFBIG: above 1 MiB; TN_ECERT:
 *   what is in it, or they do not belong together; -ENOMEM.
 * @suspends   no; it reads the files in the caller's thread.
 * @thread     any.
 * @see        Python ssl.SSLContext.load_cert_chain.
 */
TN_API TN_USE int tn_tls_certificate(tn_tls *tls, const char *cert,
                                     const char *key);

/**
 * Set the own certificate and key from PEM text.
 *
 * @param tls  borrowed.
 * @param pem  borrowed until return; certificate, chain and key; `n` bytes.
 * @param n    bytes.
 * @return 0; TN_ECERT; -ENOMEM.
 * @suspends   no.
 * @thread     any.
 * @see        tn_tls_self_signed().
 */
TN_API TN_USE int tn_tls_certificate_pem(tn_tls *tls, const char *pem,
                                         size_t n);

/**
 * Make a key and a certificate that vouches for itself, as PEM text.
 *
 * ECDSA on P-256, valid from yesterday on.
 *
 * @param pem    given (end with free()); ends in NUL; NULL on failure.
 * @param names  borrowed; host names and numeric addresses, `count` of them.
 * @param count  1 to 64.
 * @param days   how long it is valid; 1 to 3,650.
 * @return 0; -EINVAL; -ENOMEM; TN_ETLS.
 * @suspends   no; takes a millisecond.
 * @thread     any.
 * @see        RFC 5280; openssl-req(1).
 */
TN_API TN_USE int tn_tls_self_signed(char **pem, const char *const *names,
                                     int count, int days);

/**
 * Read the files of tn_tls_certificate() again.
 *
 * Connections under way keep the old ones. After a failure the old ones serve
 * on.
 *
 * @param tls  borrowed.
 * @return as tn_tls_certificate(); -EINVAL if there were no files.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 8446 section 4.4.2.
 */
TN_API TN_USE int tn_tls_reload(tn_tls *tls);

/**
 * Trust these authorities and no others.
 *
 * @param tls   borrowed.
 * @param path  borrowed; a PEM file, or a folder hashed by c_rehash(1).
 * @return 0; as tn_tls_certificate(), but -EFBIG above 16 MiB.
 * @suspends   no; it reads the file in the caller's thread.
 * @thread     any.
 * @see        Python ssl.SSLContext.load_verify_locations.
 */
TN_API TN_USE int tn_tls_trust(tn_tls *tls, const char *path);

/**
 * Trust the one peer whose certificate has this fingerprint, whoever signed it.
 *
 * @param tls     borrowed.
 * @param sha256  borrowed; TN_TLS_FINGERPRINT bytes.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 7469, for the idea.
 */
TN_API void tn_tls_pin(tn_tls *tls, const unsigned char *sha256);

/**
 * Do not verify the peer at all: whoever answers is believed.
 *
 * @param tls  borrowed.
 * @suspends   no.
 * @thread     any.
 * @see        libtls tls_config_insecure_noverifycert.
 */
TN_API void tn_tls_insecure_no_verify(tn_tls *tls);

/**
 * Know each other by a key that both sides have, and by nothing else.
 *
 * No certificate is sent or asked for; TLS 1.3 with a fresh Diffie-Hellman
 * exchange, so that the key alone opens nothing that was recorded. A peer with
 * another key, or with none, is TN_ECERT on both sides; one that also speaks by
 * certificates is never taken at that. No tickets: each handshake is by the
 * key. A client's `host` in tn_tls_start() may be NULL.
 *
 * Guessing must not help: a key of 32 random bytes, never a password.
 *
 * @param tls  borrowed; no certificate, nothing of whom to trust was set, nor
 *             can be from now on.
 * @param key  borrowed until return; TN_TLS_PSK bytes; of tn_pake_finish().
 * @return 0; -EINVAL: there is a certificate, or whom to trust was said;
 *   -ENOMEM.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 8446 section 2.2 (psk_dhe_ke); RFC 9257.
 */
TN_API TN_USE int tn_tls_psk(tn_tls *tls, const unsigned char *key);

/**
 * Have the kernel encrypt what is sent, where it can (Linux: kTLS).
 *
 * tn_sendfile() then copies nothing. It is not done unasked: with OpenSSL 3.0 a
 * connection ends at the first new key that its peer asks for.
 *
 * @param tls  borrowed.
 * @suspends   no.
 * @thread     any.
 * @see        SSL_OP_ENABLE_KTLS in SSL_CTX_set_options(3); tn_tls_info.
 */
TN_API void tn_tls_ktls(tn_tls *tls);

/**
 * Ask clients for a certificate.
 *
 * @param tls  borrowed; of a server.
 * @param ask  whether, and which.
 * @return 0; -EINVAL.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 8446 section 4.3.2; Python ssl.SSLContext.verify_mode.
 */
TN_API TN_USE int tn_tls_ask(tn_tls *tls, enum tn_tls_ask ask);

/**
 * Set the protocols to agree on, best first.
 *
 * @param tls        borrowed.
 * @param protocols  borrowed; "h2,http/1.1"; at most 255 bytes.
 * @return 0; -EINVAL.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 7301; Python ssl.SSLContext.set_alpn_protocols.
 */
TN_API TN_USE int tn_tls_alpn(tn_tls *tls, const char *protocols);

/**
 * Make a connected stream a TLS socket; the handshake comes with its first use.
 *
 * TCP's TN_NODELAY is set: TLS sends small records of its own, behind which
 * data would have to wait.
 *
 * @param sock  borrowed; connected, nothing of TLS read yet; not TLS already.
 * @param tls   borrowed until return; its count is raised.
 * @param host  borrowed; a client's: the name or number that the certificate
 *              must be for, also sent as SNI if it is a name. NULL at a server.
 * @return 0; -EINVAL; -EISCONN (TLS already); -ENOMEM. After a failure the
 *   socket is what it was.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python ssl.SSLContext.wrap_socket; RFC 6066 section 3.
 */
TN_API TN_USE int tn_tls_start(tn_sock *sock, tn_tls *tls, const char *host);

/**
 * Finish the handshake now, instead of with the first bytes.
 *
 * @param sock  borrowed; a TLS socket.
 * @return 0, also if it was done; TN_ECERT: not the peer we want; TN_ETLS;
 *   TN_ECUT; -EINVAL no TLS socket; as tn_recv(). The socket's time-out spans
 *   the whole handshake. After a failure it is only good for tn_close().
 * @suspends   yes.
 * @thread     the socket's.
 * @see        RFC 8446 section 2; Python ssl.SSLSocket.do_handshake.
 */
TN_API TN_USE int tn_tls_handshake(tn_sock *sock);

/**
 * Tell whether a socket is a TLS socket.
 *
 * @param sock  borrowed.
 * @return true if so.
 * @suspends   no.
 * @thread     the socket's.
 * @see        tn_tls_start().
 */
TN_API bool tn_tls_is_on(const tn_sock *sock);

/**
 * Read what was agreed on.
 *
 * @param sock  borrowed; a TLS socket after its handshake.
 * @param info  filled.
 * @return 0; -EINVAL no TLS socket; -ENOTCONN before the handshake.
 * @suspends   no.
 * @thread     the socket's.
 * @see        Python ssl.SSLSocket.version, cipher, getpeercert.
 */
TN_API TN_USE int tn_tls_info_of(const tn_sock *sock, tn_tls_info *info);

/**
 * Read the fingerprint of a configuration's own certificate.
 *
 * @param tls     borrowed.
 * @param sha256  filled; TN_TLS_FINGERPRINT bytes.
 * @return 0; -ENOENT if it has none.
 * @suspends   no.
 * @thread     any.
 * @see        X509_digest(3).
 */
TN_API TN_USE int tn_tls_fingerprint(const tn_tls *tls, unsigned char *sha256);

TN_END_DECLS

#endif
