#include <tenon/err.h>
#include <tenon/pake.h>
#include <tenon/seal.h>

#include "native_wire.h"

#include <string.h>

_Static_assert((int)WIRE_TAG == (int)TN_SEAL_TAG, "the document's numbers");
_Static_assert((int)WIRE_KEY == (int)TN_SEAL_KEY, "the document's numbers");
_Static_assert((int)WIRE_KEY == (int)TN_PAKE_KEY, "the document's numbers");
_Static_assert((int)WIRE_SHARE == (int)TN_PAKE_SHARE, "the document's numbers");

void
wire_keys_init(struct wire_keys *k, const unsigned char *key, bool hub)
{
    k->sealed = true;
    tn_derive(hub ? k->in : k->out, key, "tenon chat 1 to hub");
    tn_derive(hub ? k->out : k->in, key, "tenon chat 1 to guest");
}

size_t
wire_seal(const struct wire_keys *k, unsigned char *buf, size_t n,
          uint64_t session, uint64_t number)
{
    const struct wire_frame head = {
        .type = WIRE_PACKET_FRAME, .session = session, .number = number};
    unsigned char *body = buf + WIRE_HEAD;
    ssize_t sealed = (ssize_t)n;

    (void)wire_write(buf, &head);
    if (k->sealed) {
        sealed = tn_seal(body, k->out, number, buf, WIRE_HEAD, body, n);
    }
    return WIRE_HEAD + (sealed > 0 ? (size_t)sealed : 0);
}

ssize_t
wire_unseal(const struct wire_keys *k, unsigned char *dst,
            const struct wire_frame *f)
{
    if (!k->sealed) {
        memcpy(dst, f->body, f->body_len);
        return (ssize_t)f->body_len;
    }
    return tn_unseal(dst, k->in, f->number, f->body - WIRE_HEAD, WIRE_HEAD,
                     f->body, f->body_len);
}
