/*
 * seal.c - what it costs to seal a datagram, and to make a key of a code.
 *
 *     seal tenon|sodium|openssl    tn_seal() and tn_unseal() of 1,200 bytes;
 *                                  libsodium's and OpenSSL's own calls for
 *                                  the same: ns of CPU for both together
 *     seal pake                    both sides of an exchange: ns of CPU
 *
 * The best of many rounds is printed.
 */
#include <tenon/pake.h>
#include <tenon/seal.h>

#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 1200, NONCE = 12, ROUNDS = 40, SEALS = 2000, EXCHANGES = 50 };

static unsigned char plain[SIZE], sealed[SIZE + TN_SEAL_TAG], opened[SIZE];
static unsigned char key[TN_SEAL_KEY];

static void
need(bool ok)
{
    if (!ok) {
        (void)fprintf(stderr, "seal: it went wrong\n");
        exit(1);
    }
}

static double
cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
by_tenon(uint64_t number)
{
    need(tn_seal(sealed, key, number, NULL, 0, plain, SIZE) == sizeof(sealed));
    need(tn_unseal(opened, key, number, NULL, 0, sealed, sizeof(sealed)) ==
         SIZE);
}

static void
by_sodium(uint64_t number)
{
    unsigned char nonce[NONCE] = {0};

    memcpy(nonce, &number, sizeof(number));
    need(crypto_aead_chacha20poly1305_ietf_encrypt(
             sealed, NULL, plain, SIZE, NULL, 0, NULL, nonce, key) == 0);
    need(crypto_aead_chacha20poly1305_ietf_decrypt(opened, NULL, NULL, sealed,
                                                   sizeof(sealed), NULL, 0,
                                                   nonce, key) == 0);
}

static void
by_openssl(uint64_t number)
{
    static EVP_CIPHER_CTX *out, *in;
    unsigned char nonce[NONCE] = {0};
    int n;

    if (!out) {
        out = EVP_CIPHER_CTX_new();
        in = EVP_CIPHER_CTX_new();
        need(EVP_EncryptInit(out, EVP_chacha20_poly1305(), key, nonce) == 1);
        need(EVP_DecryptInit(in, EVP_chacha20_poly1305(), key, nonce) == 1);
    }
    memcpy(nonce, &number, sizeof(number));
    need(EVP_EncryptInit_ex(out, NULL, NULL, NULL, nonce) == 1);
    need(EVP_EncryptUpdate(out, sealed, &n, plain, SIZE) == 1);
    need(EVP_EncryptFinal_ex(out, sealed + n, &n) == 1);
    need(EVP_CIPHER_CTX_ctrl(out, EVP_CTRL_AEAD_GET_TAG, TN_SEAL_TAG,
                             sealed + SIZE) == 1);
    need(EVP_DecryptInit_ex(in, NULL, NULL, NULL, nonce) == 1);
    need(EVP_DecryptUpdate(in, opened, &n, sealed, SIZE) == 1);
    need(EVP_CIPHER_CTX_ctrl(in, EVP_CTRL_AEAD_SET_TAG, TN_SEAL_TAG,
                             sealed + SIZE) == 1);
    need(EVP_DecryptFinal_ex(in, opened + n, &n) == 1);
}

static void
exchange(uint64_t number)
{
    unsigned char a[TN_PAKE_KEY], b[TN_PAKE_KEY];
    tn_pake *first, *second;

    (void)number;
    need(tn_pake_new(&first, TN_PAKE_FIRST, "314159", 6, "bench", NULL) == 0);
    need(tn_pake_new(&second, TN_PAKE_SECOND, "314159", 6, "bench", NULL) == 0);
    need(tn_pake_finish(first, tn_pake_share(second), a) == 0);
    need(tn_pake_finish(second, tn_pake_share(first), b) == 0);
    need(tn_same(a, b, sizeof(a)));
    tn_pake_free(first);
    tn_pake_free(second);
}

static double
best_of(void (*work)(uint64_t number), int count)
{
    double best = 1e18;
    uint64_t number = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns(), took;

        for (int i = 0; i < count; i++) {
            work(number++);
        }
        took = (cpu_ns() - start) / count;
        best = took < best ? took : best;
    }
    return best;
}

int
main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    bool seals = strcmp(what, "pake") != 0;
    void (*work)(uint64_t) = strcmp(what, "tenon") == 0     ? by_tenon
                             : strcmp(what, "sodium") == 0  ? by_sodium
                             : strcmp(what, "openssl") == 0 ? by_openssl
                             : !seals                       ? exchange
                                                            : NULL;

    if (!work || sodium_init() < 0) {
        (void)fprintf(stderr, "usage: seal tenon|sodium|openssl|pake\n");
        return 2;
    }
    tn_secret(key, sizeof(key));
    tn_secret(plain, sizeof(plain));
    printf("%.1f\n", best_of(work, seals ? SEALS : EXCHANGES));
    need(!seals || memcmp(plain, opened, SIZE) == 0);
    return 0;
}
