/*
 * test_sock_msg.c - messages: their size, their sender, what comes with them.
 */
#include "core.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- a message larger than the buffer, on each type ---- */

static void
check_cut(tn_sock *from, tn_sock *to)
{
    struct iovec iov[2];
    tn_msg m = {.iov = iov, .iov_count = 2};
    char buf[8], rest[4];
    size_t full;
    tn_addr who;

    for (int i = 0; i < 6; i++) {
        EQ(tn_send(from, "0123456789", 10, 0), 10);
    }
    memset(buf, 'x', sizeof(buf));
    ERR(tn_recv(to, buf, 4, 0), -EMSGSIZE);
    MEMEQ(buf, "0123xxxx", 8);
    STREQ(tn_why(), "receive a message of 10 bytes into 4: message too long");
    EQ(tn_recv(to, buf, 4, MSG_TRUNC | MSG_PEEK), 10);
    EQ(tn_recv(to, buf, 4, MSG_TRUNC), 10);
    EQ(tn_recvfrom(to, buf, 4, 0, &who, &full), 4);
    EQ(full, 10);
    ERR(tn_recvfrom(to, buf, 4, 0, NULL, NULL), -EMSGSIZE);
    EQ(tn_recvfrom(to, buf, 4, MSG_TRUNC, NULL, NULL), 10);
    iov[0] = (struct iovec){buf, 3};
    iov[1] = (struct iovec){rest, 3};
    EQ(tn_recvmsg(to, &m, 0), 6);
    EQ(m.full, 10);
    CHECK(m.flags & MSG_TRUNC);
    MEMEQ(rest, "345", 3);
    EQ(tn_send(from, "", 0, 0), 0);
    EQ(tn_send(from, "end", 3, 0), 3);
    EQ(tn_recv(to, buf, sizeof(buf), 0), 0);
    EQ(tn_recv(to, buf, 3, 0), 3);
}

static int
cut_unix_datagrams(void *arg)
{
    tn_sock *s[2];

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_DGRAM, 0));
    check_cut(s[0], s[1]);
    close_pair(s);
    OK(tn_socketpair(s, AF_UNIX, SOCK_SEQPACKET, 0));
    check_cut(s[0], s[1]);
    close_pair(s);
    return 0;
}

static int
cut_udp(void *arg)
{
    int family = *(int *)arg;
    tn_sock *from, *to;
    tn_addr a = loopback(family, 0);

    OK(tn_socket(&to, family, SOCK_DGRAM, 0));
    OK(tn_bind(to, &a));
    OK(tn_getsockname(to, &a));
    OK(tn_socket(&from, family, SOCK_DGRAM, 0));
    OK(tn_connect(from, &a));
    check_cut(from, to);
    tn_close(from);
    tn_close(to);
    return 0;
}

TEST_EACH(a_cut_message_is_told, kernel_callers)
{
    int families[] = {AF_INET, AF_INET6};

    OK(run_as(p, cut_unix_datagrams, NULL));
    OK(run_as(p, cut_udp, &families[0]));
    OK(run_as(p, cut_udp, &families[1]));
}

/* ---- where it came from ---- */

static int
senders(void *arg)
{
    static char huge[70000];
    tn_sock *a, *b, *c;
    tn_addr at = loopback(AF_INET, 0), from, mine;
    char buf[8];
    size_t full;

    (void)arg;
    OK(tn_socket(&a, AF_INET, SOCK_DGRAM, 0));
    OK(tn_bind(a, &at));
    OK(tn_getsockname(a, &at));
    OK(tn_socket(&b, AF_INET, SOCK_DGRAM, 0));
    EQ(tn_sendto(b, "hello", 5, 0, &at), 5);
    OK(tn_getsockname(b, &mine));
    EQ(tn_recvfrom(a, buf, sizeof(buf), 0, &from, &full), 5);
    EQ(full, 5);
    EQ(tn_addr_port(&from), tn_addr_port(&mine));
    EQ(tn_sendto(a, "back", 4, 0, &from), 4);
    EQ(tn_recv(b, buf, sizeof(buf), 0), 4);
    OK(tn_addr_ip(&mine, "255.255.255.255", 9));
    ERR(tn_sendto(b, "x", 1, 0, &mine), -EACCES);
    ERR(tn_send(b, "x", 1, 0), -EDESTADDRREQ);
    ERR(tn_sendto(b, huge, sizeof(huge), 0, &at), -EMSGSIZE);
    tn_close(a);
    tn_close(b);
    OK(tn_addr_unix(&at, "", 0));
    OK(tn_socket(&a, AF_UNIX, SOCK_DGRAM, 0));
    OK(tn_bind(a, &at));
    OK(tn_getsockname(a, &at));
    OK(tn_socket(&c, AF_UNIX, SOCK_DGRAM, 0));
    EQ(tn_sendto(c, "x", 1, 0, &at), 1);
    EQ(tn_recvfrom(a, buf, sizeof(buf), 0, &from, NULL), 1);
    EQ(from.len, 0); /* it has no name */
    tn_close(a);
    tn_close(c);
    return 0;
}

TEST_EACH(messages_tell_their_sender, kernel_callers)
{
    OK(run_as(p, senders, NULL));
}

/* ---- descriptors ---- */

static int
pass_descriptors(void *arg)
{
    int fds[3], got[3], count = 3;
    tn_sock *s[2];
    char buf[8];

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    OK(pipe2(fds, O_CLOEXEC));
    fds[2] = fds[0];
    EQ(tn_send_fds(s[0], "abc", 3, fds, 3), 3);
    EQ(tn_recv_fds(s[1], buf, sizeof(buf), got, &count), 3);
    EQ(count, 3);
    for (int i = 0; i < 3; i++) {
        CHECK(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
        close(got[i]);
    }
    EQ(tn_send(s[0], "none", 4, 0), 4);
    EQ(tn_recv_fds(s[1], buf, sizeof(buf), got, &count), 4);
    EQ(count, 0);
    for (int room = 1; room < 3; room++) {
        count = room;
        EQ(tn_send_fds(s[0], "abc", 3, fds, room + 1), 3);
        ERR(tn_recv_fds(s[1], buf, sizeof(buf), got, &count), -EMSGSIZE);
        EQ(count, room);
        for (int i = 0; i < count; i++) {
            close(got[i]);
        }
    }
    ERR(tn_send_fds(s[0], "x", 1, fds, 0), -EINVAL);
    ERR(tn_send_fds(s[0], "x", 1, fds, 254), -EINVAL);
    count = 0;
    ERR(tn_recv_fds(s[1], buf, 1, got, &count), -EINVAL);
    got[0] = 9999;
    ERR(tn_send_fds(s[0], "x", 1, got, 1), -EBADF);
    tn_close(s[0]);
    count = 1;
    EQ(tn_recv_fds(s[1], buf, 1, got, &count), 0);
    EQ(count, 0);
    tn_close(s[1]);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TEST_EACH(descriptors_travel, kernel_callers)
{
    SKIP_UNDER_QEMU("MSG_CTRUNC");
    OK(run_as(p, pass_descriptors, NULL));
}

/* ---- files ---- */

enum { FILE_SIZE = 3000000 };

static int
open_file(void)
{
    static char block[FILE_SIZE];
    char path[100];
    int fd;

    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (char)(i * 13);
    }
    snprintf(path, sizeof(path), "%s/file", test_dir());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    OK(fd);
    EQ(write(fd, block, sizeof(block)), FILE_SIZE);
    return fd;
}

struct sending {
    tn_sock *s[2];
    int fd;
};

static int
read_file(void *arg)
{
    struct sending *f = arg;
    static char got[FILE_SIZE];

    EQ(tn_recvall(f->s[1], got, FILE_SIZE, NULL), FILE_SIZE);
    for (size_t i = 0; i < FILE_SIZE; i++) {
        EQ(got[i], (char)(i * 13));
    }
    return 0;
}

static void
read_file_thread(void *arg)
{
    read_file(arg);
}

static void
check_ranges(const struct sending *f)
{
    char buf[64];
    size_t sent;

    EQ(tn_sendfile(f->s[0], f->fd, 10, 5, &sent), 5);
    EQ(tn_recvall(f->s[1], buf, 5, NULL), 5);
    EQ(buf[0], (char)(10 * 13));
    EQ(tn_sendfile(f->s[0], f->fd, FILE_SIZE - 3, 10, &sent), 3);
    EQ(sent, 3);
    EQ(tn_recvall(f->s[1], buf, 3, NULL), 3);
    EQ(tn_sendfile(f->s[0], f->fd, FILE_SIZE - 4, 0, NULL), 4);
    EQ(tn_recvall(f->s[1], buf, 4, NULL), 4);
    EQ(tn_sendfile(f->s[0], f->fd, FILE_SIZE, 0, &sent), 0);
    EQ(tn_sendfile(f->s[0], f->fd, FILE_SIZE + 5, 9, &sent), 0);
    ERR(tn_sendfile(f->s[0], f->fd, -1, 9, &sent), -EINVAL);
    ERR(tn_sendfile(f->s[0], 9999, 0, 9, &sent), -EBADF);
    EQ(sent, 0);
    EQ(lseek(f->fd, 0, SEEK_CUR), FILE_SIZE);
}

static int
send_file(void *arg)
{
    struct sending f = {.fd = *(int *)arg};
    tn_sock *d[2];
    size_t sent;
    int fds[2];

    tcp_pair(f.s, AF_INET);
    check_ranges(&f);
    if (strcmp(tn_backend_name(), "thread") == 0) {
        struct test_thread *t = test_thread_start(read_file_thread, &f);

        EQ(tn_sendfile(f.s[0], f.fd, 0, 0, &sent), FILE_SIZE);
        test_thread_join(t);
    } else {
        tn_group g;

        tn_group_init(&g, 0);
        OK(tn_go(&g, read_file, &f));
        EQ(tn_sendfile(f.s[0], f.fd, 0, 0, &sent), FILE_SIZE);
        OK(tn_group_wait(&g));
    }
    EQ(sent, FILE_SIZE);
    OK(pipe2(fds, O_CLOEXEC));
    ERR(tn_sendfile(f.s[0], fds[0], 0, 9, &sent), -EINVAL);
    OK(tn_socketpair(d, AF_UNIX, SOCK_DGRAM, 0));
    ERR(tn_sendfile(d[0], f.fd, 0, 9, &sent), -EINVAL);
    close_pair(d);
    close(fds[0]);
    close(fds[1]);
    tn_settimeout(f.s[0], 20 * TN_MS);
    while (tn_sendfile(f.s[0], f.fd, 0, 0, &sent) > 0) {
    }
    GE(sent, 1);
    ERR(tn_send(f.s[0], "x", 1, 0), TN_EBROKEN);
    close_pair(f.s);
    OK(tn_socketpair(f.s, AF_UNIX, SOCK_STREAM, 0));
    check_ranges(&f);
    tn_close(f.s[1]);
    ERR(tn_sendfile(f.s[0], f.fd, 0, 0, &sent), -EPIPE); /* and no signal */
    tn_close(f.s[0]);
    return 0;
}

TEST_EACH(files_are_sent, kernel_callers)
{
    int fd = open_file();

    OK(run_as(p, send_file, &fd));
    close(fd);
}
