/*
 * seal_int.h - libsodium, ready for use.
 */
#ifndef TENON_TLS_SEAL_INT_H
#define TENON_TLS_SEAL_INT_H

/* Have libsodium choose its fastest code, once. Any thread. */
void tls_seal_ready(void);

#endif
