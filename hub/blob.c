#include "blob.h"

#include <stdlib.h>
#include <string.h>

struct blob *
blob_new(const void *bytes, size_t n)
{
    struct blob *b = n <= UINT16_MAX ? malloc(sizeof(*b) + n) : NULL;

    if (b != NULL) {
        b->refs = 1;
        b->len = (uint16_t)n;
        memcpy(b->bytes, bytes, n);
    }
    return b;
}

struct blob *
blob_hold(struct blob *b)
{
    b->refs++;
    return b;
}

void
blob_drop(struct blob *b)
{
    if (b != NULL && --b->refs == 0) {
        free(b);
    }
}
