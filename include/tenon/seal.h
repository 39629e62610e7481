/*
 * tenon/seal.h - bytes that only those who share a key can read or make.
 *
 * For datagrams and small records: tn_seal() encrypts and authenticates,
 * tn_unseal() opens or refuses. For streams take tls.h, which does all of that
 * and more. A key comes from tn_pake_finish() (pake.h), tn_stretch() or
 * tn_secret(); tn_derive() makes several of one.
 *
 * Errors:  negative codes of err.h; errno is neither set nor read.
 * Threads: any; nothing here has state.
 * Next:    pake.h, where a short code becomes a key.
 */
#ifndef TENON_SEAL_H
#define TENON_SEAL_H

#include <tenon/api.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    TN_SEAL_KEY = 32,       /* bytes of a key */
    TN_SEAL_TAG = 16,       /* bytes that sealing adds */
    TN_SEAL_MOST = 65536,   /* bytes of a message */
    TN_SEAL_MAC = 16,       /* bytes of tn_mac() */
    TN_SEAL_SALT = 16,      /* bytes of the salt of tn_stretch() */
    TN_STRETCH_TEXT = 1024, /* bytes of its password */
};

TN_BEGIN_DECLS

/**
 * Seal a message: ChaCha20-Poly1305.
 *
 * @param dst     borrowed; `n` + TN_SEAL_TAG bytes; may be `src`.
 * @param key     borrowed; TN_SEAL_KEY bytes.
 * @param number  never the same twice with one key.
 * @param ad      borrowed; bytes that are not sealed but must be the same when
 *                it is opened; `ad_len` of them; may be NULL if 0.
 * @param ad_len  bytes.
 * @param src     borrowed; `n` bytes.
 * @param n       bytes; at most TN_SEAL_MOST.
 * @return bytes of `dst`: n + TN_SEAL_TAG; -EINVAL: too long.
 * @suspends   no.
 * @thread     any.
 * @see        RFC 8439; libsodium crypto_aead_chacha20poly1305_ietf.
 */
TN_API TN_USE ssize_t tn_seal(void *dst, const unsigned char *key,
                              uint64_t number, const void *ad, size_t ad_len,
                              const void *src, size_t n);

/**
 * Open a message.
 *
 * @param dst     borrowed; `n` - TN_SEAL_TAG bytes; may be `src`. Undefined
 *                after a failure.
 * @param key     as it was sealed with; so are `number`, `ad`, `ad_len`.
 * @param number  see there.
 * @param ad      see there.
 * @param ad_len  bytes.
 * @param src     borrowed; `n` bytes.
 * @param n       bytes; at most TN_SEAL_MOST + TN_SEAL_TAG.
 * @return bytes of `dst`; -EBADMSG: too short, another key, or changed on the
 *   way; -EINVAL: too long.
 * @suspends   no.
 * @thread     any.
 * @see        tn_seal().
 */
TN_API TN_USE ssize_t tn_unseal(void *dst, const unsigned char *key,
                                uint64_t number, const void *ad, size_t ad_len,
                                const void *src, size_t n);

/**
 * Make a key of a key, one for each label.
 *
 * @param out    filled; TN_SEAL_KEY bytes.
 * @param key    borrowed; TN_SEAL_KEY bytes.
 * @param label  borrowed; what the new key is for, and nothing else.
 * @suspends   no.
 * @thread     any.
 * @see        BLAKE2b with a key, RFC 7693; libsodium crypto_generichash.
 */
TN_API void tn_derive(unsigned char *out, const unsigned char *key,
                      const char *label);

/**
 * Prove that bytes come from who has the key, and are as they were.
 *
 * @param out  filled; TN_SEAL_MAC bytes. Compare with tn_same().
 * @param key  borrowed; TN_SEAL_KEY bytes.
 * @param src  borrowed; `n` bytes.
 * @param n    bytes.
 * @suspends   no.
 * @thread     any.
 * @see        BLAKE2b with a key, RFC 7693.
 */
TN_API void tn_mac(unsigned char *out, const unsigned char *key,
                   const void *src, size_t n);

/**
 * Compare secrets in a time that does not tell where they differ.
 *
 * @param a  borrowed; `n` bytes.
 * @param b  borrowed; `n` bytes.
 * @param n  bytes.
 * @return true if they are the same.
 * @suspends   no.
 * @thread     any.
 * @see        Python hmac.compare_digest; sodium_memcmp.
 */
TN_API TN_USE bool tn_same(const void *a, const void *b, size_t n);

/**
 * Make a key of a password, at a price: memory-hard, a tenth of a second.
 *
 * A password that people can remember needs pake.h where somebody may listen;
 * this is for what lies on a disk.
 *
 * @param out   filled; TN_SEAL_KEY bytes.
 * @param text  borrowed until return; `n` bytes.
 * @param n     bytes; 1 to TN_STRETCH_TEXT.
 * @param salt  borrowed until return; TN_SEAL_SALT bytes.
 * @return 0; -EINVAL; -ENOMEM: it takes 64 MiB; -ECANCELED, -ETIME, -EAGAIN as
 *   tn_offload().
 * @suspends   yes: it works in a worker.
 * @thread     any.
 * @see        Argon2id, RFC 9106; libsodium crypto_pwhash.
 */
TN_API TN_USE int tn_stretch(unsigned char *out, const char *text, size_t n,
                             const unsigned char *salt);

/**
 * Fill with random bytes that nobody can guess.
 *
 * It does not return before it could: where the system has neither getrandom(2)
 * nor /dev/urandom it waits for them.
 *
 * @param dst  filled; `n` bytes.
 * @param n    bytes.
 * @suspends   no.
 * @thread     any.
 * @see        getrandom(2); Python secrets.token_bytes.
 */
TN_API void tn_secret(void *dst, size_t n);

/**
 * Draw a random number that nobody can guess, each as likely as the other.
 *
 * @param below  1 to UINT32_MAX; 0 is taken for 1.
 * @return 0 to below - 1.
 * @suspends   no.
 * @thread     any.
 * @see        Python secrets.randbelow.
 */
TN_API TN_USE uint32_t tn_secret_below(uint32_t below);

/**
 * Overwrite a secret that is needed no more; no compiler leaves this out.
 *
 * @param p  borrowed; `n` bytes.
 * @param n  bytes.
 * @suspends   no.
 * @thread     any.
 * @see        explicit_bzero(3).
 */
TN_API void tn_wipe(void *p, size_t n);

TN_END_DECLS

#endif
