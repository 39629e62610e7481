/*
 * pack.c - a number is bytes on the wire, and both sides must agree which:
 * the same four bytes read in the other order are another number.
 */
#include <tenon/err.h>
#include <tenon/pack.h>

#include <stdio.h>

static void
dump(const uint8_t *buf, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++) {
        printf("%02x%s", buf[i], i + 1 < n ? " " : "\n");
    }
}

int
main(void)
{
    uint8_t buf[16];
    int same;
    unsigned other, size;
    unsigned short kind;
    tn_view tag;
    ssize_t n = tn_pack(buf, sizeof(buf), "<i", 199);

    dump(buf, n);
    if (n > 0 && (n = tn_unpack(buf, 4, "<i", &same)) > 0 &&
        (n = tn_unpack(buf, 4, "!I", &other)) > 0) {
        printf("as <i: %d, as !I: %u\n", same, other);
        n = tn_pack(buf, sizeof(buf), "!HI4s", 7, 1u << 20, "abcd");
        dump(buf, n);
    }
    if (n > 0 &&
        (n = tn_unpack(buf, (size_t)n, "!HI4s", &kind, &size, &tag)) > 0) {
        printf("%u %u %.*s\n", kind, size, (int)tag.len, (char *)tag.data);
        n = tn_pack(buf, sizeof(buf), "!H", 70000); /* two bytes hold 65535 */
        printf("70000 as !H: %s\n", tn_strerror((int)n));
    }
    return n != TN_ERANGE;
}
