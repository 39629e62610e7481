/*
 * test_raw.c - raw sockets, and ICMP without privileges: a ping to ourselves.
 */
#include "core.h"

#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* RFC 1071; `n` is even. */
static uint16_t
checksum(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i += 2) {
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return htons((uint16_t)~sum);
}

/* Where the ICMP message begins: a raw socket tells the IP header too. */
static size_t
skip_ip(const uint8_t *packet, int type)
{
    return type == SOCK_RAW ? (size_t)(packet[0] & 15) * 4 : 0;
}

static int
ping(void *arg)
{
    int type = *(int *)arg;
    struct icmphdr echo = {.type = ICMP_ECHO};
    struct icmphdr answer = {.type = ICMP_ECHO};
    uint8_t packet[256];
    tn_addr to, from;
    tn_sock *s;
    int r = tn_socket(&s, AF_INET, type, IPPROTO_ICMP);

    if (r == -EPERM || r == -EACCES) {
        CHECK(s == NULL);
        SKIP("not permitted here");
    }
    OK(r);
    EQ(tn_type(s), type);
    EQ(tn_proto(s), IPPROTO_ICMP);
    OK(tn_settimeout(s, 5 * TN_SEC));
    OK(tn_addr_ip(&to, "127.0.0.1", 0));
    echo.un.echo.id = htons((uint16_t)getpid());
    echo.un.echo.sequence = htons(7);
    echo.checksum = checksum(&echo, sizeof(echo));
    EQ(tn_sendto(s, &echo, sizeof(echo), 0, &to), sizeof(echo));
    /* A raw socket hears the question as well, and others' pings. */
    while (answer.type != ICMP_ECHOREPLY ||
           answer.un.echo.sequence != htons(7)) {
        size_t at;

        GE(tn_recvfrom(s, packet, sizeof(packet), 0, &from, NULL),
           sizeof(answer));
        CHECK(tn_addr_equal(&from, &to));
        at = skip_ip(packet, type);
        memcpy(&answer, packet + at, sizeof(answer));
    }
    return tn_close(s);
}

TEST_EACH(a_raw_socket_pings, kernel_callers)
{
    int type = SOCK_RAW;

    SKIP_UNDER_QEMU("raw sockets");
    OK(run_as(p, ping, &type));
}

/* Who may ping is a setting of each network: make one where everybody may. */
static void
allow_ping(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    FILE *f = NULL;
    tn_sock *s;

    if (unshare(CLONE_NEWNET) == 0) {
        f = fopen("/proc/sys/net/ipv4/ping_group_range", "w");
    }
    if (!f) {
        SKIP("no network of our own to be had");
    }
    fprintf(f, "0 65534");
    if (fclose(f) != 0) {
        SKIP("the setting is not ours");
    }
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, 0));
    OK(ioctl(tn_fileno(s), SIOCSIFFLAGS, &lo));
    OK(tn_close(s));
}

/* The kernel cuts the answer and gives its size nowhere. */
static int
cut_ping(void *arg)
{
    struct {
        struct icmphdr head;
        char rest[100];
    } echo = {.head = {.type = ICMP_ECHO}};

    char small[20];
    size_t full;
    tn_addr to;
    tn_sock *s;

    (void)arg;
    OK(tn_socket(&s, AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    OK(tn_settimeout(s, 5 * TN_SEC));
    OK(tn_addr_ip(&to, "127.0.0.1", 0));
    for (int i = 0; i < 3; i++) {
        EQ(tn_sendto(s, &echo, sizeof(echo), 0, &to), sizeof(echo));
    }
    ERR(tn_recv(s, small, sizeof(small), 0), -EMSGSIZE);
    ERR(tn_recvfrom(s, small, sizeof(small), 0, NULL, NULL), -EMSGSIZE);
    EQ(tn_recvfrom(s, small, sizeof(small), 0, NULL, &full), sizeof(small));
    CHECK(full > sizeof(small));
    return tn_close(s);
}

TEST_EACH(a_cut_answer_to_a_ping_is_told, kernel_callers)
{
    SKIP_UNDER_QEMU("ICMP sockets");
    allow_ping();
    OK(run_as(p, cut_ping, NULL));
}

TEST_EACH(a_datagram_socket_pings, kernel_callers)
{
    int type = SOCK_DGRAM;

    SKIP_UNDER_QEMU("ICMP sockets");
    allow_ping();
    OK(run_as(p, ping, &type));
}
