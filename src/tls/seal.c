/*
 * seal.c - keys, what is sealed with them, and where secrets come from.
 *
 * libsodium computes. It chooses its fastest code when it is initialized, and
 * computes the same without: that this fails is no reason to refuse a call. Its
 * own source of random bytes ends the process when there is none, which is not
 * a library's to do: it is never called.
 */
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/seal.h>

#include "base/limits.h"
#include "tls/seal_int.h"

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

_Static_assert(TN_SEAL_KEY == crypto_aead_chacha20poly1305_ietf_KEYBYTES &&
                   TN_SEAL_KEY >= crypto_generichash_KEYBYTES_MIN &&
                   TN_SEAL_KEY <= crypto_generichash_KEYBYTES_MAX,
               "a key is one of all that takes a key");
_Static_assert(TN_SEAL_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES,
               "the tag is all that is added");
_Static_assert(TN_SEAL_SALT == crypto_pwhash_SALTBYTES, "a salt");
_Static_assert(TN_SEAL_MAC >= crypto_generichash_BYTES_MIN &&
                   TN_SEAL_MAC != TN_SEAL_KEY,
               "of another length a hash is another function: a MAC tells "
               "nothing of a derived key");

/* ---- random bytes ---- */

/* What else there is, where a filter or a very old kernel has no call for it.
   Bytes that were filled. */
static size_t
read_device(unsigned char *dst, size_t n)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : read(fd, dst, n);

    if (fd >= 0) {
        close(fd);
    }
    return got > 0 ? (size_t)got : 0;
}

void
tn_secret(void *dst, size_t n)
{
    static const struct timespec pause = {.tv_nsec = TN_SECRET_PAUSE};
    unsigned char *p = dst;
    ssize_t got;

    while (n > 0) {
        got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR) {
            got = (ssize_t)read_device(p, n);
            if (got == 0) {
                (void)nanosleep(&pause, NULL);
            }
        }
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

uint32_t
tn_secret_below(uint32_t below)
{
    /* Of 2^32 numbers so many are too many to be shared out evenly. */
    uint32_t spare = below > 0 ? (UINT32_MAX - below + 1) % below : 0;
    uint32_t number = 0;

    if (below <= 1) {
        return 0;
    }
    do {
        tn_secret(&number, sizeof(number));
    } while (number < spare);
    return number % below;
}

void
tn_wipe(void *p, size_t n)
{
    if (n > 0) {
        explicit_bzero(p, n);
    }
}

bool
tn_same(const void *a, const void *b, size_t n)
{
    return n == 0 || sodium_memcmp(a, b, n) == 0;
}

/* ---- the library below ---- */

/* It wants random bytes itself, and ends the process if there are none. */
static void
prepare(void)
{
    unsigned char byte;
    bool has_random = getrandom(&byte, sizeof(byte), 0) == sizeof(byte) ||
                      read_device(&byte, sizeof(byte)) == sizeof(byte);

    if (has_random && sodium_init() < 0) {
        return; /* its slower code serves */
    }
}

void
tls_seal_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, prepare);
}

/* ---- sealing ---- */

/* RFC 8439 section 2.3: twelve bytes; the number is the last eight. */
static void
make_nonce(unsigned char *nonce, uint64_t number)
{
    memset(nonce, 0, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
    for (int i = crypto_aead_chacha20poly1305_ietf_NPUBBYTES - 1; i >= 4; i--) {
        nonce[i] = (unsigned char)number;
        number >>= 8;
    }
}

/* The interface is that of RFC 5116: seven of its parts have names of their
   own. NOLINTBEGIN(readability-function-size) */

ssize_t
tn_seal(void *dst, const unsigned char *key, uint64_t number, const void *ad,
        size_t ad_len, const void *src, size_t n)
{
    unsigned char nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    if (n > TN_SEAL_MOST) {
        return tn_fail(-EINVAL, "seal", "too long");
    }
    tls_seal_ready();
    make_nonce(nonce, number);
    (void)crypto_aead_chacha20poly1305_ietf_encrypt(dst, NULL, src, n, ad,
                                                    ad_len, NULL, nonce, key);
    return (ssize_t)n + TN_SEAL_TAG;
}

ssize_t
tn_unseal(void *dst, const unsigned char *key, uint64_t number, const void *ad,
          size_t ad_len, const void *src, size_t n)
{
    unsigned char nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    if (n > TN_SEAL_MOST + TN_SEAL_TAG) {
        return tn_fail(-EINVAL, "unseal", "too long");
    }
    if (n < TN_SEAL_TAG) {
        return tn_fail(-EBADMSG, "unseal", "too short");
    }
    tls_seal_ready();
    make_nonce(nonce, number);
    return crypto_aead_chacha20poly1305_ietf_decrypt(
               dst, NULL, NULL, src, n, ad, ad_len, nonce, key) == 0
               ? (ssize_t)n - TN_SEAL_TAG
               : tn_fail(-EBADMSG, "unseal", "another key, or changed");
}

/* NOLINTEND(readability-function-size) */

/* ---- keys of keys ---- */

void
tn_derive(unsigned char *out, const unsigned char *key, const char *label)
{
    tls_seal_ready();
    (void)crypto_generichash(out, TN_SEAL_KEY, (const unsigned char *)label,
                             strlen(label), key, TN_SEAL_KEY);
}

void
tn_mac(unsigned char *out, const unsigned char *key, const void *src, size_t n)
{
    tls_seal_ready();
    (void)crypto_generichash(out, TN_SEAL_MAC, src, n, key, TN_SEAL_KEY);
}

/* ---- a key of a password ---- */

/* For a worker, which may have it for longer than the caller is there; the pool
   wipes its copy. */
struct stretch {
    size_t n;
    unsigned char key[TN_SEAL_KEY];
    unsigned char salt[TN_SEAL_SALT];
    char text[TN_STRETCH_TEXT];
};

/* RFC 9106 asks for what a server can afford; these are libsodium's numbers for
   somebody who waits, 64 MiB and two passes, and must stay what they are, or
   nothing on a disk opens again. */
static int
stretch_work(void *data)
{
    struct stretch *job = data;

    return crypto_pwhash(job->key, sizeof(job->key), job->text, job->n,
                         job->salt, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                         crypto_pwhash_MEMLIMIT_INTERACTIVE,
                         crypto_pwhash_ALG_ARGON2ID13) == 0
               ? 0
               : -ENOMEM;
}

int
tn_stretch(unsigned char *out, const char *text, size_t n,
           const unsigned char *salt)
{
    struct stretch job = {.n = n};
    int r;

    if (n < 1 || n > sizeof(job.text)) {
        return tn_fail(-EINVAL, "stretch a password", "its length");
    }
    tls_seal_ready();
    memcpy(job.text, text, n);
    memcpy(job.salt, salt, sizeof(job.salt));
    r = tn_offload(stretch_work, &job, sizeof(job));
    if (r == 0) {
        memcpy(out, job.key, sizeof(job.key));
    }
    tn_wipe(&job, sizeof(job));
    return r < 0 ? tn_fail(r, "stretch a password", NULL) : 0;
}
