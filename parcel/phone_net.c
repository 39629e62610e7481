#include "phone_net.h"

#include <tenon/err.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>

#include "hub/lan.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static int
prepare(struct phone_net *net)
{
    int err = tn_set(net->sock, TN_REUSEADDR, 1);

    if (err == 0) {
        err = tn_set(net->sock, TN_MULTICAST_TTL, 1);
    }
    if (err == 0) {
        /* Others of this machine hear us. */
        err = tn_set(net->sock, TN_MULTICAST_LOOP, 1);
    }
    /* Bound to the group: what is sent to us alone is no announcement. */
    return err == 0 ? tn_bind(net->sock, &net->group) : err;
}

int
phone_net_open(struct phone_net *net, int port, const tn_addr *bind)
{
    int err;

    memset(net, 0, sizeof(*net));
    err = tn_addr_ip(&net->group, PHONE_GROUP, port);
    if (err == 0) {
        err = tn_socket(&net->sock, AF_INET, SOCK_DGRAM, 0);
    }
    if (err < 0) {
        return err;
    }
    net->bind = *bind;
    err = prepare(net);
    if (err < 0) {
        phone_net_close(net);
        return err;
    }
    (void)phone_net_scan(net);
    return 0;
}

void
phone_net_close(struct phone_net *net)
{
    if (net->sock) {
        (void)tn_close(net->sock);
    }
    net->sock = NULL;
}

/* --- networks --------------------------------------------------------------*/

static bool
is_ours(const struct phone_net *net, const tn_interface *i)
{
    struct in6_addr a, b;

    if (net->bind.len == 0 || !lan_ip(&a, &net->bind.u.sa) ||
        IN6_IS_ADDR_UNSPECIFIED(&a)) {
        return true;
    }
    if (net->bind.u.sa.sa_family == AF_INET &&
        net->bind.u.in.sin_addr.s_addr == htonl(INADDR_ANY)) {
        return true;
    }
    return lan_ip(&b, &i->addr.u.sa) && memcmp(&a, &b, sizeof(a)) == 0;
}

static bool
can_speak(const struct phone_net *net, const tn_interface *i)
{
    return (i->flags & IFF_UP) != 0 && (i->flags & IFF_MULTICAST) != 0 &&
           i->addr.len > 0 && i->addr.u.sa.sa_family == AF_INET &&
           is_ours(net, i);
}

static bool
is_known(const struct phone_net *net, const tn_interface *i)
{
    for (int k = 0; k < net->count; k++) {
        if (net->link[k].path.index == i->index &&
            tn_addr_equal(&net->link[k].path.local, &i->addr)) {
            return true;
        }
    }
    return false;
}

static void
take(struct phone_net *net, const tn_interface *ifs, int n)
{
    net->count = 0;
    for (int i = 0; i < n && net->count < PHONE_LINKS; i++) {
        struct phone_link *link = &net->link[net->count];

        if (can_speak(net, &ifs[i])) {
            memcpy(link->name, ifs[i].name, sizeof(link->name));
            link->path = (tn_path){ifs[i].index, ifs[i].addr};
            net->count++;
            /* In it already, gone meanwhile, too many: nothing to be done. */
            (void)!tn_multicast(net->sock, &net->group, link->name, true);
        }
    }
}

int
phone_net_scan(struct phone_net *net)
{
    tn_interface *ifs = calloc(PHONE_IFS, sizeof(*ifs));
    int n = ifs && net->sock ? tn_interfaces(ifs, PHONE_IFS) : 0;
    int grown = 0;

    for (int i = 0; i < n; i++) {
        grown += can_speak(net, &ifs[i]) && !is_known(net, &ifs[i]) ? 1 : 0;
    }
    if (n > 0) {
        take(net, ifs, n);
    }
    free(ifs);
    return grown;
}

/* --- datagrams -------------------------------------------------------------*/

static int
send_one(const struct phone_net *net, const struct phone_link *link,
         const char *text)
{
    _Alignas(struct cmsghdr) char control[TN_PATH_CONTROL];
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    tn_msg msg = {.iov = &iov,
                  .iov_count = 1,
                  .addr = net->group,
                  .control = control,
                  .control_len = sizeof(control)};
    int err = tn_msg_leave(&msg, &link->path);

    if (err == 0) {
        ssize_t n = tn_sendmsg(net->sock, &msg, MSG_DONTWAIT);
        err = n < 0 ? (int)n : 0;
    }
    return err;
}

int
phone_net_spread(const struct phone_net *net, const char *text)
{
    int count = 0;

    for (int i = 0; net->sock && i < net->count; i++) {
        count += send_one(net, &net->link[i], text) == 0 ? 1 : 0;
    }
    return count;
}

/* Errors that end the work; all others are about some datagram sent before. */
static bool
is_final(ssize_t err)
{
    return err == -ECANCELED || err == -ETIME || err == -EBADF ||
           err == -EBUSY || err == -ENOTSOCK;
}

ssize_t
phone_net_recv(const struct phone_net *net, char *buf, size_t cap,
               tn_addr *from)
{
    int failures = 0;

    while (failures < PHONE_FAILURES) {
        struct iovec iov = {buf, cap};
        tn_msg msg = {.iov = &iov, .iov_count = 1};
        ssize_t n = tn_recvmsg(net->sock, &msg, 0);

        if (is_final(n)) {
            return n;
        }
        failures = n < 0 ? failures + 1 : 0;
        if (n > 0 && (msg.flags & MSG_TRUNC) == 0 && msg.addr.len > 0) {
            *from = msg.addr;
            return n;
        }
    }
    return -EIO;
}
