/*
 * sim_io.c - the buffers of an op, however it gives them.
 */
#include "wait/sim_int.h"

#include <limits.h>
#include <string.h>

static int
add_up(struct sim_io *io)
{
    for (size_t i = 0; i < io->count; i++) {
        if (io->iov[i].iov_len > (size_t)SSIZE_MAX - io->total) {
            return -EINVAL;
        }
        io->total += io->iov[i].iov_len;
    }
    return 0;
}

int
sim_io_init(struct sim_io *io, const struct tn__op *op)
{
    *io = (struct sim_io){.iov = &io->one, .count = 1};
    if (op->kind == TN__RECV || op->kind == TN__SEND) {
        io->one.iov_base = op->u.io.buf;
        io->one.iov_len = op->u.io.len;
        io->flags = op->u.io.flags;
    } else {
        io->msg = op->u.m.msg;
        io->iov = io->msg->msg_iov;
        io->count = io->msg->msg_iovlen;
        io->flags = op->u.m.flags;
    }
    if (io->count > TN_SIM_IOV) {
        return -EMSGSIZE;
    }
    if (io->flags & (MSG_OOB | MSG_ERRQUEUE)) {
        return -EOPNOTSUPP;
    }
    if (op->kind == TN__SENDMSG && io->msg->msg_controllen > 0) {
        return -EOPNOTSUPP;
    }
    return add_up(io);
}

/* The next run of bytes in one vector, at most n, and step over it. */
static void *
step(struct sim_io *io, size_t n, size_t *run)
{
    uint8_t *at;

    while (io->skip == io->iov->iov_len) {
        io->iov++;
        io->skip = 0;
    }
    at = (uint8_t *)io->iov->iov_base + io->skip;
    *run = io->iov->iov_len - io->skip;
    if (*run > n) {
        *run = n;
    }
    io->skip += *run;
    return at;
}

void
sim_io_put(struct sim_io *io, const uint8_t *src, size_t n)
{
    while (n > 0) {
        size_t run;
        void *at = step(io, n, &run);

        memcpy(at, src, run);
        src += run;
        n -= run;
    }
}

void
sim_io_get(struct sim_io *io, uint8_t *dst, size_t n)
{
    while (n > 0) {
        size_t run;
        const void *at = step(io, n, &run);

        memcpy(dst, at, run);
        dst += run;
        n -= run;
    }
}
