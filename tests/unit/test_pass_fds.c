/*
 * test_pass_fds.c - descriptors that travel with bytes.
 */
#include "core.h"

#include <fcntl.h>

static void
open_some(int *fds, int n)
{
    for (int i = 0; i < n; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        OK(fds[i]);
    }
}

static void
close_some(const int *fds, int n)
{
    for (int i = 0; i < n; i++) {
        OK(close(fds[i]));
    }
}

/* Send `n`, with room for `room`: none is lost in silence. */
static void
pass(tn_sock *s[2], int n, int room)
{
    int out[8], in[8];
    int count = room;
    char byte;
    ssize_t r;

    open_some(out, n);
    EQ(tn_send_fds(s[0], "x", 1, out, n), 1);
    close_some(out, n);
    r = tn_recv_fds(s[1], &byte, 1, in, &count);
    EQ(count, n < room ? n : room);
    EQ(r, n > room ? -EMSGSIZE : 1);
    for (int i = 0; i < count; i++) {
        EQ(fcntl(in[i], F_GETFD), FD_CLOEXEC);
    }
    close_some(in, count);
}

static int
pass_all(void *arg)
{
    tn_sock *s[2];

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    for (int n = 1; n <= 5; n++) {
        for (int room = 1; room <= 5; room++) {
            pass(s, n, room);
        }
    }
    close_pair(s);
    return 0;
}

TEST_EACH(each_descriptor_arrives_or_is_reported, kernel_callers)
{
    SKIP_UNDER_QEMU("MSG_CTRUNC");
    OK(run_as(p, pass_all, NULL));
}
