#include "udp.h"

#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/msg.h>
#include <tenon/sockopt.h>

/* linux/errqueue.h wants time.h before. */
#include <linux/errqueue.h>
#include <string.h>
#include <time.h>

enum {
    /* Room for one error, the address of who sent it, and padding. */
    UDP_CONTROL = 256,
    /* Errors taken out of the queue at a time: more than members. */
    UDP_DRAIN = 2048,
};

/* Have ICMP errors queued, and be told where datagrams arrive. An IPv6 socket
   that takes IPv4 as well has switches for both; those of IPv4 are refused
   where they mean nothing. */
static int
want_details(tn_sock *sock)
{
    int err = tn_set(sock, TN_RECVERR, 1);

    if (err == 0) {
        err = tn_set(sock, TN_PKTINFO, 1);
    }
    if (err == 0 && tn_family(sock) == AF_INET6) {
        (void)!tn_setsockopt_int(sock, IPPROTO_IP, IP_RECVERR, 1);
        (void)!tn_setsockopt_int(sock, IPPROTO_IP, IP_PKTINFO, 1);
    }
    return err;
}

int
udp_open(struct udp *u, const tn_endpoint *at)
{
    int err = tn_listen_endpoint(&u->sock, at, NULL);

    if (err == 0) {
        err = want_details(u->sock);
    }
    if (err < 0) {
        udp_close(u);
        return err;
    }
    /* As much as the system allows; less is no failure. */
    (void)!tn_set(u->sock, TN_RCVBUF, UDP_RCVBUF);
    return 0;
}

static struct cmsghdr *
next_part(struct msghdr *hdr, struct cmsghdr *c)
{
    return c == NULL ? CMSG_FIRSTHDR(hdr) : CMSG_NXTHDR(hdr, c);
}

static bool
is_part(const struct cmsghdr *c, int level, int type, size_t size)
{
    return c->cmsg_level == level && c->cmsg_type == type &&
           c->cmsg_len >= CMSG_LEN(size);
}

/* Whether an entry of the error queue says that the port is closed. */
static bool
is_refusal(const tn_msg *msg)
{
    struct msghdr hdr = {.msg_control = msg->control,
                         .msg_controllen = msg->control_len};
    struct sock_extended_err e;

    for (struct cmsghdr *c = NULL; (c = next_part(&hdr, c)) != NULL;) {
        if (is_part(c, IPPROTO_IP, IP_RECVERR, sizeof(e)) ||
            is_part(c, IPPROTO_IPV6, IPV6_RECVERR, sizeof(e))) {
            memcpy(&e, CMSG_DATA(c), sizeof(e));
            return e.ee_errno == ECONNREFUSED;
        }
    }
    return false;
}

/* Empty the error queue; says whether there was anything in it. */
static bool
drain(struct udp *u)
{
    bool found = false;

    for (int i = 0; i < UDP_DRAIN; i++) {
        _Alignas(struct cmsghdr) char control[UDP_CONTROL];
        tn_msg msg = {.control = control, .control_len = sizeof(control)};
        ssize_t n = tn_recvmsg(u->sock, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);

        if (n < 0) {
            break;
        }
        found = true;
        if (is_refusal(&msg)) {
            u->gone(u->arg, &msg.addr);
        }
    }
    return found;
}

/* Errors that end the work; all others are about some datagram sent before. */
static bool
is_final(ssize_t err)
{
    return err == -ECANCELED || err == -ETIME || err == -EBADF ||
           err == -EBUSY || err == -ENOTSOCK;
}

/* To which of our addresses a message came. For a broadcast the kernel names
   the interface's own address; a multicast tells nothing. */
static void
read_local(tn_addr *local, const tn_msg *msg)
{
    struct msghdr hdr = {.msg_control = msg->control,
                         .msg_controllen = msg->control_len};
    struct in_pktinfo four;
    struct in6_pktinfo six;

    memset(local, 0, sizeof(*local));
    for (struct cmsghdr *c = NULL; (c = next_part(&hdr, c)) != NULL;) {
        if (is_part(c, IPPROTO_IP, IP_PKTINFO, sizeof(four))) {
            memcpy(&four, CMSG_DATA(c), sizeof(four));
            local->len = sizeof(local->u.in);
            local->u.in.sin_family = AF_INET;
            local->u.in.sin_addr = four.ipi_spec_dst;
            return;
        }
        if (is_part(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(six))) {
            memcpy(&six, CMSG_DATA(c), sizeof(six));
            if (IN6_IS_ADDR_MULTICAST(&six.ipi6_addr) ||
                IN6_IS_ADDR_V4MAPPED(&six.ipi6_addr)) {
                continue;
            }
            local->len = sizeof(local->u.in6);
            local->u.in6.sin6_family = AF_INET6;
            local->u.in6.sin6_addr = six.ipi6_addr;
        }
    }
}

/* Receive one datagram; its bytes, or a code. */
static ssize_t
receive(struct udp *u, struct udp_peer *from)
{
    _Alignas(struct cmsghdr) char control[UDP_CONTROL];
    struct iovec iov = {u->buf, sizeof(u->buf)};
    tn_msg msg = {.iov = &iov,
                  .iov_count = 1,
                  .control = control,
                  .control_len = sizeof(control)};
    ssize_t n = tn_recvmsg(u->sock, &msg, 0);

    if (n >= 0) {
        from->addr = msg.addr;
        read_local(&from->local, &msg);
    }
    return n;
}

int
udp_serve(struct udp *u)
{
    int failures = 0;

    while (failures < UDP_FAILURES) {
        struct udp_peer from;
        ssize_t n = receive(u, &from);

        if (n >= 0) {
            failures = 0;
            u->datagram(u->arg, &from, u->buf, (size_t)n);
        } else if (is_final(n)) {
            return (int)n;
        } else {
            failures = drain(u) ? 0 : failures + 1;
        }
    }
    return -EIO;
}

/* Say which of our addresses is the sender; returns the bytes of control. */
static size_t
write_local(struct cmsghdr *c, const tn_addr *local)
{
    struct in_pktinfo four = {.ipi_spec_dst = local->u.in.sin_addr};
    struct in6_pktinfo six = {.ipi6_ifindex = 0};

    if (local->len == 0) {
        return 0;
    }
    if (local->u.sa.sa_family == AF_INET) {
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(four));
        memcpy(CMSG_DATA(c), &four, sizeof(four));
        return CMSG_SPACE(sizeof(four));
    }
    six.ipi6_addr = local->u.in6.sin6_addr;
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(six));
    memcpy(CMSG_DATA(c), &six, sizeof(six));
    return CMSG_SPACE(sizeof(six));
}

int
udp_send(struct udp *u, const void *buf, size_t n, const struct udp_peer *to)
{
    _Alignas(struct cmsghdr) char control[UDP_CONTROL] = {0};
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    tn_msg msg = {.iov = &iov, .iov_count = 1, .addr = to->addr};
    ssize_t sent = -EAGAIN;
    bool own = false;

    msg.control = control;
    msg.control_len = write_local((struct cmsghdr *)control, &to->local);
    for (int i = 0; i < UDP_TRIES && !own; i++) {
        sent = tn_sendmsg(u->sock, &msg, 0);
        if (sent >= 0) {
            return 0;
        }
        if (is_final(sent)) {
            break;
        }
        if (!drain(u) && sent != -ECONNREFUSED) {
            /* It is about this datagram; a refusal never is, but the reader
               may have drained what it was about. If the address it shall go
               out from is no longer ours, any other is better than none. */
            own = msg.control_len == 0;
            msg.control_len = 0;
        }
    }
    return (int)sent;
}

void
udp_close(struct udp *u)
{
    if (u->sock != NULL) {
        (void)tn_close(u->sock);
    }
    u->sock = NULL;
}
