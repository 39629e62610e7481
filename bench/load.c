/*
 * load.c - the load generator: one 64-byte message under way per connection.
 *
 * Connects COUNT times to 127.0.0.1:PORT and then obeys lines on stdin:
 *
 *     run MS     echo for MS milliseconds (after a warm-up that is not counted)
 *     echo N     echo until N messages came back
 *
 * and answers each with one line of JSON: echoes, wall time, the CPU time that
 * process PID took meanwhile (0 without PID), latency percentiles. Every byte
 * of every message is different from the last message's and compared. The
 * connections stay open between commands, so a round costs no handshakes.
 *
 * usage: load PORT COUNT [PID]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE = 64,        /* bytes */
    EVENTS = 256,        /* taken from the kernel at a time */
    SILENCE_MS = 5000,   /* no answer at all for so long is a failure */
    WARM_UP_MS = 20,     /* caches, and the start of the first messages */
    CONNECTIONS = 16384, /* most; descriptors run out at about this */
    SUB = 32,            /* histogram steps in each power of two: 3 % */
    BUCKETS = 64 * SUB,
};

struct conn {
    int fd;
    uint32_t id;
    uint64_t seq;
    int64_t start; /* ns when the message under way was sent */
    size_t got;
    uint64_t message[MESSAGE / 8];
};

enum phase { WARM_UP, MEASURE, DRAIN };

static struct {
    int epfd, count;
    struct conn *conns;
    pid_t server;
    enum phase phase;
    int under_way;
    int64_t wall, cpu; /* at the start of the measurement, then its length */
    int64_t deadline;  /* ns; end of the phase */
    uint64_t echoes, goal; /* goal 0: until the deadline */
    uint64_t histogram[BUCKETS];
} load;

static _Noreturn void
die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t
now(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0) {
        die("clock_gettime");
    }
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* CPU time of the server, all its threads, to the nanosecond. */
static int64_t
server_cpu(void)
{
    clockid_t clock;

    if (load.server == 0) {
        return 0;
    }
    errno = clock_getcpuclockid(load.server, &clock);
    if (errno != 0) {
        die("clock of the server");
    }
    return now(clock);
}

static size_t
bucket_of(uint64_t ns)
{
    if (ns < SUB) {
        return ns;
    }
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - 5;
    return (shift + 1) * SUB + ((ns >> shift) - SUB);
}

static uint64_t
bucket_value(size_t i)
{
    if (i < SUB) {
        return i;
    }
    return (SUB + i % SUB) << (i / SUB - 1);
}

/* The latency below which `share` of the measured echoes stayed, in ns. */
static uint64_t
percentile(double share)
{
    uint64_t seen = 0, wanted = (uint64_t)(share * (double)load.echoes);

    for (size_t i = 0; i < BUCKETS; i++) {
        seen += load.histogram[i];
        if (seen > wanted || (seen == load.echoes && seen > 0)) {
            return bucket_value(i);
        }
    }
    return 0;
}

static void
send_next(struct conn *c, int64_t at)
{
    uint64_t word = ((uint64_t)c->id << 40 ^ ++c->seq) * 0x9E3779B97F4A7C15u;

    for (size_t i = 0; i < MESSAGE / 8; i++) {
        c->message[i] = word + i;
    }
    c->start = at;
    c->got = 0;
    if (send(c->fd, c->message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) {
        die("send");
    }
    load.under_way++;
}

static void
begin_measure(int64_t at)
{
    memset(load.histogram, 0, sizeof(load.histogram));
    load.deadline += at - load.wall;
    load.wall = at;
    load.cpu = server_cpu();
    load.echoes = 0;
    load.phase = MEASURE;
}

static void
end_measure(int64_t at)
{
    load.cpu = server_cpu() - load.cpu;
    load.wall = at - load.wall;
    load.phase = DRAIN;
}

static void
on_echo(struct conn *c, int64_t at)
{
    load.under_way--;
    if (load.phase == MEASURE) {
        load.echoes++;
        load.histogram[bucket_of((uint64_t)(at - c->start))]++;
        if (load.goal > 0 ? load.echoes == load.goal : at >= load.deadline) {
            end_measure(at);
        }
    } else if (load.phase == WARM_UP &&
               at - load.wall >= WARM_UP_MS * INT64_C(1000000)) {
        begin_measure(at);
    }
    if (load.phase != DRAIN) {
        send_next(c, at);
    }
}

static void
on_readable(struct conn *c)
{
    unsigned char buf[MESSAGE];
    ssize_t n = recv(c->fd, buf, MESSAGE - c->got, 0);

    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        die("the server ended a connection");
    }
    if (memcmp((unsigned char *)c->message + c->got, buf, (size_t)n) != 0) {
        errno = EBADMSG;
        die("an echo differs");
    }
    c->got += (size_t)n;
    if (c->got == MESSAGE) {
        on_echo(c, now(CLOCK_MONOTONIC));
    }
}

static void
measure(int64_t ms, uint64_t goal)
{
    struct epoll_event events[EVENTS];

    load.wall = now(CLOCK_MONOTONIC);
    load.deadline = load.wall + ms * 1000000;
    load.goal = goal;
    load.echoes = 0;
    load.phase = WARM_UP;
    if (goal > 0) {
        begin_measure(load.wall);
    }
    for (int i = 0; i < load.count; i++) {
        send_next(&load.conns[i], now(CLOCK_MONOTONIC));
    }
    while (load.under_way > 0) {
        int count = epoll_wait(load.epfd, events, EVENTS, SILENCE_MS);
        if (count == 0) {
            errno = ETIMEDOUT;
        }
        if (count <= 0 && errno != EINTR) {
            die("no echo came back");
        }
        for (int i = 0; i < count; i++) {
            on_readable(events[i].data.ptr);
        }
    }
}

static void
report(void)
{
    printf("{\"echoes\": %" PRIu64 ", \"wall_ns\": %" PRId64
           ", \"cpu_ns\": %" PRId64 ", \"p50_ns\": %" PRIu64
           ", \"p99_ns\": %" PRIu64 ", \"p999_ns\": %" PRIu64 "}\n",
           load.echoes, load.wall, load.cpu, percentile(0.5), percentile(0.99),
           percentile(0.999));
    fflush(stdout);
}

static void
connect_one(struct conn *c, uint32_t id, const struct sockaddr_in *addr)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    c->id = id;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        connect(c->fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0) {
        die("connect");
    }
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        epoll_ctl(load.epfd, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void
obey(void)
{
    char line[64];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *number = strchr(line, ' ');
        long n = number != NULL ? strtol(number, NULL, 10) : 0;
        if (n <= 0 || n > 100000000) {
            errno = EINVAL;
            die("bad command");
        }
        if (strncmp(line, "run ", 4) == 0) {
            measure(n, 0);
        } else {
            measure(0, (uint64_t)n);
        }
        report();
    }
}

int
main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    long port = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

    if (port < 1 || port > 65535 || count < 1 || count > CONNECTIONS) {
        fputs("usage: load PORT COUNT [PID]\n", stderr);
        return 2;
    }
    addr.sin_port = htons((uint16_t)port);
    load.server = argc > 3 ? (pid_t)strtol(argv[3], NULL, 10) : 0;
    load.count = (int)count;
    load.conns = calloc((size_t)count, sizeof(*load.conns));
    load.epfd = epoll_create1(EPOLL_CLOEXEC);
    if (load.conns == NULL || load.epfd < 0) {
        die("start");
    }
    for (int i = 0; i < load.count; i++) {
        connect_one(&load.conns[i], (uint32_t)i, &addr);
    }
    obey();
    return 0;
}
