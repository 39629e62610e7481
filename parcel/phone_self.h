/*
 * phone_self.h - who we are to other devices: a name and a certificate; and
 * our calls to them.
 */
#ifndef PARCEL_PHONE_SELF_H
#define PARCEL_PHONE_SELF_H

#include <tenon/httpc.h>
#include <tenon/tls.h>

#include "phone_wire.h"

/* Where everything of the protocol is. */
#define PHONE_API "/api/localsend/v2/"

enum { PHONE_URL = 2048 }; /* bytes of a URL that we call */

struct phone_self {
    struct phone_info info;
    char *pem; /* certificate and key; NULL: plain HTTP */
};

/** Be who the options say. 0; -EINVAL; -ENOMEM; as tn_tls_self_signed(); what
    the state folder says. */
int phone_self_open(struct phone_self *self, const struct phone_opts *opts);

/** Forget it; zeroed is harmless. */
void phone_self_close(struct phone_self *self);

/** Make a configuration of our side of connections, with our certificate. */
int phone_self_tls(const struct phone_self *self, enum tn_tls_role role,
                   tn_tls **out);

/* A client for one device, and what it was told to expect. */
struct phone_client {
    tn_httpc *http;
    tn_tls *tls;
    char origin[TN_ADDR_TEXT + 16]; /* "https://1.2.3.4:53317" */
};

/**
 * Prepare to call a device.
 *
 * @param c     filled; end with phone_client_close().
 * @param self  borrowed.
 * @param to    borrowed; with a fingerprint its certificate has to be that one;
 *              "": whoever answers.
 * @param patience  ns for the head of an answer.
 * @return 0; -EINVAL no fingerprint; -ENOMEM; as phone_self_tls().
 */
int phone_client_open(struct phone_client *c, const struct phone_self *self,
                      const struct phone_device *to, int64_t patience);

void phone_client_close(struct phone_client *c);

/**
 * Post JSON and read what is answered.
 *
 * @param c     borrowed.
 * @param path  borrowed; behind PHONE_API, with its query.
 * @param json  borrowed; NULL: no body.
 * @param text  given (end with free()); the answer's body; may be NULL.
 * @param seen  the fingerprint of who answered, if it was TLS; may be NULL.
 * @return the status; as tn_httpc_open(); TN_ETOOBIG. Suspends.
 */
int phone_client_post(const struct phone_client *c, const char *path,
                      const char *json, char **text,
                      char seen[PHONE_FINGERPRINT + 1]);

/** Introduce ourselves to a device and hear who it is. The fingerprint in
    `heard` is that of the certificate, if there is one. 0; -EPROTO; as
    phone_client_post(). Suspends. */
int phone_register(const struct phone_self *self, const struct phone_device *to,
                   struct phone_info *heard);

/** The device that says this of itself from there. */
void phone_device_of(struct phone_device *device, const tn_addr *from,
                     const struct phone_info *info);

/** So many random bytes; false: there are none. */
bool phone_random(unsigned char *dst, size_t n);

#endif
