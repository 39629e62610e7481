/*
 * cli/secure.h - TLS as the command line asks for it.
 *
 * The same options in every command that speaks tls:// or https://. The
 * command's options hold a `struct secure_opts secure`; its table has
 * OPT_SECURE_CLIENT, OPT_SECURE_SERVER, or OPT_SECURE_BOTH:
 *
 *     struct get_opts { struct secure_opts secure; ... };
 *     static const struct opt opts[] = { ..., OPT_SECURE_CLIENT(T), OPT_END };
 *     code = secure_client(&tls, &o->secure);
 */
#ifndef CLI_SECURE_H
#define CLI_SECURE_H

#include <tenon/addr.h>
#include <tenon/dial.h>

#include "opt.h"

struct secure_opts {
    const char *cert, *key, *ca, *pin;
    int clients; /* enum tn_tls_ask */
    bool insecure;
};

/* The words of --client-cert. */
extern const char *const secure_asks[];

#define OPT_SECURE_OWN(s)                                                      \
    OPT_STRING(s, secure.cert, "cert", 0, "FILE", NULL,                        \
               "TLS: our certificate, PEM, with its chain behind it; and the " \
               "key, unless --key names it."),                                 \
        OPT_STRING(s, secure.key, "key", 0, "FILE", NULL,                      \
                   "TLS: the private key of --cert, PEM.")

#define OPT_SECURE_CLIENT(s)                                                   \
    OPT_SECURE_OWN(s),                                                         \
        OPT_STRING(s, secure.ca, "ca", 0, "FILE", NULL,                        \
                   "TLS: trust whom these certificates vouch for (PEM, or a "  \
                   "folder of c_rehash), and not whom the system trusts."),    \
        OPT_STRING(s, secure.pin, "pin", 0, "SHA256", NULL,                    \
                   "TLS: trust only the peer whose certificate has this "      \
                   "fingerprint, whoever signed it."),                         \
        OPT_FLAG(s, secure.insecure, "insecure", 0,                            \
                 "TLS: believe whoever answers. Anybody on the way can read "  \
                 "and change everything then.")

#define OPT_SECURE_ASK(s)                                                      \
    OPT_WORD(s, secure.clients, "client-cert", 0, "WHICH", secure_asks, "no",  \
             "TLS, listening: want certificates of clients: none, verified "   \
             "if there is one, always, or anybody's.")

#define OPT_SECURE_SERVER(s)                                                   \
    OPT_SECURE_OWN(s), OPT_SECURE_ASK(s),                                      \
        OPT_STRING(s, secure.ca, "ca", 0, "FILE", NULL,                        \
                   "TLS: clients are verified against these certificates.")

#define OPT_SECURE_BOTH(s) OPT_SECURE_CLIENT(s), OPT_SECURE_ASK(s)

/**
 * Complain about options that do not go together, or not with the address.
 *
 * @param o       the options.
 * @param secure  the command will speak TLS.
 * @param listen  it listens.
 * @return EXIT_DONE, or EXIT_USAGE, the complaint printed.
 */
int secure_check(const struct secure_opts *o, bool secure, bool listen);

/**
 * Make a client's configuration.
 *
 * @param out  given (end with secure_free()); NULL on failure.
 * @return EXIT_DONE, EXIT_USAGE or EXIT_FAILED, the complaint printed.
 */
int secure_client(tn_tls **out, const struct secure_opts *o);

/**
 * Make a server's configuration; without --cert a certificate is made for the
 * endpoint's host, or this machine's names and addresses, and its fingerprint
 * printed on stderr.
 *
 * @param out  given (end with secure_free()); NULL on failure.
 * @param ep   where it will listen.
 * @return as secure_client().
 */
int secure_server(tn_tls **out, const struct secure_opts *o,
                  const tn_endpoint *ep);

/**
 * The same for a web server: a client that names protocols and http/1.1 is not
 * among them is refused, for it means another server (RFC 7301).
 *
 * @return as secure_client().
 */
int secure_web_server(tn_tls **out, const struct secure_opts *o,
                      const tn_endpoint *ep);

/** Free what the three above made; NULL is harmless. */
void secure_free(tn_tls *tls);

/** Tell on stderr what was agreed on with the peer of a TLS socket. */
void secure_tell(const tn_sock *sock);

#endif
