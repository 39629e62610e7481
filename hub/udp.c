#include "udp.h"

#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/netif.h>
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

/* Whether a control message is an entry of the error queue. */
static bool
is_error(const struct cmsghdr *c)
{
    return ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
           c->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err));
}

/* Whether an entry of the error queue says that the port is closed. */
static bool
is_refusal(const tn_msg *msg)
{
    struct msghdr hdr = {.msg_control = msg->control,
                         .msg_controllen = msg->control_len};
    struct sock_extended_err e;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(&hdr); c != NULL;
         c = CMSG_NXTHDR(&hdr, c)) {
        if (is_error(c)) {
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
    tn_path path;

    if (n >= 0) {
        (void)tn_msg_arrived(&msg, &path);
        from->addr = msg.addr;
        from->local = path.local;
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

int
udp_send(struct udp *u, const void *buf, size_t n, const struct udp_peer *to)
{
    _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    tn_msg msg = {.iov = &iov,
                  .iov_count = 1,
                  .addr = to->addr,
                  .control = control,
                  .control_len = sizeof(control)};
    const tn_path path = {.local = to->local};
    ssize_t sent = tn_msg_leave(&msg, &path);
    bool own = sent < 0;

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
