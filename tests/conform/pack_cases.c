/*
 * pack_cases.c - tn_packv() and tn_unpackv() for test_pack.py: a request on
 * each line of the input, an answer on each line of the output.
 *
 *     size FMT              the bytes, or the name of the error
 *     pack FMT V...         the bytes in hexadecimal, or the name of the error
 *     unpack FMT HEX        the values, or the name of the error
 *
 * FMT follows a "|" and has "_" for a space. A value is i-5, u5, f0x1.8p+0 or
 * b6162.
 */
#include <tenon/err.h>
#include <tenon/pack.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 512, BYTES = 4096, LINE = 65536 };

static tn_value values[VALUES];
static uint8_t texts[LINE]; /* of the values read, one behind the other */

static size_t
unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;
    while (sscanf(hex + 2 * n, "%2x", &byte) == 1) {
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static void
print_hex(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        printf("%02x", p[i]);
    }
}

/* Read one value; its bytes go to `text`. How many. */
static size_t
read_value(const char *word, tn_value *v, uint8_t *text)
{
    size_t n = 0;
    switch (word[0]) {
    case 'i':
        *v = (tn_value){.kind = TN_INT, .u.i = strtoll(word + 1, NULL, 10)};
        break;
    case 'u':
        *v = (tn_value){.kind = TN_UINT, .u.u = strtoull(word + 1, NULL, 10)};
        break;
    case 'f':
        *v = (tn_value){.kind = TN_FLOAT, .u.f = strtod(word + 1, NULL)};
        break;
    default:
        n = unhex(word + 1, text);
        *v = (tn_value){.kind = TN_BYTES, .u.bytes = {text, n}};
        break;
    }
    return n;
}

static void
print_value(const tn_value *v)
{
    switch (v->kind) {
    case TN_INT:
        printf(" i%" PRId64, v->u.i);
        break;
    case TN_UINT:
        printf(" u%" PRIu64, v->u.u);
        break;
    case TN_FLOAT:
        printf(" f%a", v->u.f);
        break;
    case TN_BYTES:
        printf(" b");
        print_hex(v->u.bytes.data, v->u.bytes.len);
        break;
    }
}

static void
do_pack(const char *fmt, char *rest)
{
    static uint8_t buf[BYTES];
    size_t count = 0, used = 0;
    char *save;
    char *word = strtok_r(rest, " ", &save);
    for (; word != NULL && count < VALUES; word = strtok_r(NULL, " ", &save)) {
        used += read_value(word, &values[count++], texts + used);
    }
    ssize_t n = tn_packv(buf, sizeof(buf), fmt, values, count);
    if (n < 0) {
        printf("%s", tn_err_name((int)n));
        return;
    }
    printf("=");
    print_hex(buf, (size_t)n);
}

static void
do_unpack(const char *fmt, const char *hex)
{
    size_t n = unhex(hex, texts);
    ssize_t count = tn_calcvalues(fmt);
    ssize_t used = count;
    if (count >= 0 && count <= VALUES) {
        used = tn_unpackv(texts, n, fmt, values, (size_t)count);
    }
    if (used < 0) {
        printf("%s", tn_err_name((int)used));
        return;
    }
    printf("=");
    for (ssize_t i = 0; i < count; i++) {
        print_value(&values[i]);
    }
}

static void
do_size(const char *fmt)
{
    ssize_t n = tn_calcsize(fmt);
    if (n < 0) {
        printf("%s", tn_err_name((int)n));
    } else {
        printf("=%zd", n);
    }
}

static void
answer(char *line)
{
    char none[] = "";
    char *save;
    char *verb = strtok_r(line, " ", &save);
    char *fmt = strtok_r(NULL, " ", &save);
    char *rest = save != NULL ? save : none;
    fmt++; /* after a '|', so that it is never empty */
    for (char *p = fmt; *p != '\0'; p++) {
        *p = *p == '_' ? ' ' : *p;
    }
    if (strcmp(verb, "pack") == 0) {
        do_pack(fmt, rest);
    } else if (strcmp(verb, "unpack") == 0) {
        do_unpack(fmt, rest);
    } else {
        do_size(fmt);
    }
    printf("\n");
}

int
main(void)
{
    static char line[LINE];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        answer(line);
    }
    return 0;
}
