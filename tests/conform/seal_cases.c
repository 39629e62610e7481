/*
 * seal_cases.c - seal.h and pake.h for test_seal.py: a request on each line of
 * the input, an answer on each line of the output.
 *
 *     seal KEY NUMBER AD TEXT                   what is sealed
 *     unseal KEY NUMBER AD TEXT                 what was, or an error's name
 *     derive KEY LABEL                          the new key
 *     mac KEY TEXT                              its MAC
 *     pake SIDE CODE PURPOSE SESSION THEIRS     our share; the key, or an
 *                                               error's name
 *
 * All but NUMBER and SIDE (0 or 1) is hexadecimal behind a "="; a session of no
 * bytes is none.
 */
#include <tenon/err.h>
#include <tenon/pake.h>
#include <tenon/seal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 6, BYTES = 8192, LINE = 65536 };

static char line[LINE];
static unsigned char parts[WORDS][BYTES];
static size_t sizes[WORDS];
static const char *words[WORDS];

/* Words of the line; those that are bytes are read. How many. */
static int
split(void)
{
    int count = 0;
    char *rest;

    for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS;
         word = strtok_r(NULL, " \n", &rest)) {
        unsigned byte;
        size_t n = 0;

        words[count] = word;
        while (word[0] == '=' && n < BYTES - 1 &&
               sscanf(word + 1 + 2 * n, "%2x", &byte) == 1) {
            parts[count][n++] = (unsigned char)byte;
        }
        sizes[count++] = n;
    }
    return count;
}

static void
print_bytes(const unsigned char *p, ssize_t n)
{
    if (n < 0) {
        printf("%s", tn_err_name((int)n));
        return;
    }
    putchar('=');
    for (ssize_t i = 0; i < n; i++) {
        printf("%02x", p[i]);
    }
}

static void
seal(bool open)
{
    static unsigned char out[BYTES + TN_SEAL_TAG];
    uint64_t number = strtoull(words[2], NULL, 10);
    ssize_t n = open ? tn_unseal(out, parts[1], number, parts[3], sizes[3],
                                 parts[4], sizes[4])
                     : tn_seal(out, parts[1], number, parts[3], sizes[3],
                               parts[4], sizes[4]);

    print_bytes(out, n);
}

static void
exchange(void)
{
    enum tn_pake_side side =
        words[1][0] == '0' ? TN_PAKE_FIRST : TN_PAKE_SECOND;
    unsigned char key[TN_PAKE_KEY];
    tn_pake *p;
    int r;

    parts[3][sizes[3]] = '\0';
    r = tn_pake_new(&p, side, (char *)parts[2], sizes[2], (char *)parts[3],
                    sizes[4] > 0 ? parts[4] : NULL);
    if (r < 0) {
        print_bytes(NULL, r);
        return;
    }
    print_bytes(tn_pake_share(p), TN_PAKE_SHARE);
    putchar(' ');
    r = tn_pake_finish(p, parts[5], key);
    print_bytes(key, r < 0 ? r : TN_PAKE_KEY);
    tn_pake_free(p);
}

/* False: nobody knows what that is. */
static bool
answer(int count)
{
    unsigned char out[TN_SEAL_KEY];
    const char *verb = count > 0 ? words[0] : "";

    if (count == 5 && strcmp(verb, "seal") == 0) {
        seal(false);
    } else if (count == 5 && strcmp(verb, "unseal") == 0) {
        seal(true);
    } else if (count == 3 && strcmp(verb, "derive") == 0) {
        parts[2][sizes[2]] = '\0';
        tn_derive(out, parts[1], (char *)parts[2]);
        print_bytes(out, TN_SEAL_KEY);
    } else if (count == 3 && strcmp(verb, "mac") == 0) {
        tn_mac(out, parts[1], parts[2], sizes[2]);
        print_bytes(out, TN_SEAL_MAC);
    } else if (count == 6 && strcmp(verb, "pake") == 0) {
        exchange();
    } else {
        return false;
    }
    putchar('\n');
    return true;
}

int
main(void)
{
    while (fgets(line, sizeof(line), stdin)) {
        if (!answer(split())) {
            return 1;
        }
    }
    return 0;
}
