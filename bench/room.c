/*
 * room.c - what it costs to tell a thousand members of a room one thing.
 *
 *     room tenon|sealed        the native side of a hub, members without a code
 *                              and with one
 *     room sendto|sendmmsg     a bare loop that sends as many bytes to as many
 *                              sockets, and gets no answers
 *
 * The members are in a process of their own. Prints ns of CPU of the sending
 * process per message and member; for the hub that is with all that comes back.
 */
#include <tenon/err.h>
#include <tenon/loop.h>
#include <tenon/task.h>

#include "hub/native_int.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMBERS = 1000,
    ROUNDS = 100,
    WARM = 10,
    SIZE = 123, /* bytes of a datagram as the hub sends it here */
    BATCH = 64,
    PATIENCE = 60,
};

#define CODE "482 913"

static const char words[] = "about as long as what people say in a room";

static void
need(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "room: %s: %s\n", what, tn_why());
        exit(1);
    }
}

static double
cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
allow_sockets(void)
{
    struct rlimit most;

    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
}

/* --- members ---------------------------------------------------------------*/

static struct crowd {
    int port;
    const char *code;
} crowd;

static int
live(void *arg)
{
    tn_group g;
    tn_addr at;

    (void)arg;
    need(tn_addr_ip(&at, "127.0.0.1", crowd.port) == 0, "address");
    tn_group_init(&g, 0);
    for (int i = 0; i < MEMBERS; i++) {
        char name[16];
        struct guest_opts how = {.name = name, .code = crowd.code};
        guest *one;

        snprintf(name, sizeof(name), "m%d", i);
        memcpy(how.key, name, sizeof(name));
        need(guest_open(&one, &at, 1, &how) == 0, "guest");
        need(tn_go(&g, guest_run, one) == 0, "task");
        (void)!tn_sleep(TN_MS);
    }
    return tn_group_wait(&g);
}

/* --- the hub ---------------------------------------------------------------*/

static struct hub {
    room *room;
    struct refs *refs;
    door *door;
    native *native;
    struct guard guard;
    double result;
} hub;

static int
serve_native(void *arg)
{
    return native_serve(arg);
}

/* Wait until all are there and have all. */
static void
await_all(void)
{
    int64_t end = tn_now() + PATIENCE * TN_SEC;

    while (native_count(hub.native) < MEMBERS || !native_is_idle(hub.native)) {
        need(tn_sleep(TN_MS) == 0 && tn_now() < end, "members do not come");
    }
}

static void
open_hub(void)
{
    struct native_opts how = {
        .code = crowd.code, .folder = "", .guard = &hub.guard};
    tn_endpoint at = {.transport = TN_UDP, .host = "127.0.0.1", .host_len = 9};
    tn_addr addr;

    need(room_new(&hub.room) == 0, "room");
    need(refs_open(&hub.refs, hub.room, NULL) == 0, "marks");
    need(door_open(&hub.door, &at) == 0, "port");
    how.refs = hub.refs;
    need(native_open(&hub.native, hub.room, NULL, hub.door, &how) == 0, "hub");
    need(door_addr(hub.door, &addr) == 0, "port");
    crowd.port = tn_addr_port(&addr);
}

static int
tell(void *arg)
{
    const int *pipe_in = arg;
    double before = 0;
    tn_group g;

    open_hub();
    need(write(*pipe_in, &crowd.port, sizeof(crowd.port)) > 0, "pipe");
    tn_group_init(&g, 0);
    need(tn_go(&g, door_serve, hub.door) == 0, "task");
    need(tn_go(&g, serve_native, hub.native) == 0, "task");
    await_all();
    for (int i = -WARM; i < ROUNDS; i++) {
        before = i == 0 ? cpu_ns() : before;
        need(room_file(hub.room, 0, words, 1) == 0, "file");
        await_all();
    }
    hub.result = (cpu_ns() - before) / ROUNDS / MEMBERS;
    tn_group_cancel(&g);
    (void)tn_group_wait(&g);
    native_close(hub.native);
    door_close(hub.door);
    refs_close(hub.refs);
    room_free(hub.room);
    return 0;
}

static double
run_hub(const char *code)
{
    int ends[2];
    pid_t child;

    crowd.code = code;
    need(pipe(ends) == 0, "pipe");
    child = fork();
    if (child == 0) {
        close(ends[1]);
        if (read(ends[0], &crowd.port, sizeof(crowd.port)) > 0) {
            (void)!tn_run(NULL, live, NULL);
        }
        _exit(0);
    }
    need(child > 0, "process");
    need(tn_run(NULL, tell, &ends[1]) == 0, "run");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return hub.result;
}

/* --- bare loops ------------------------------------------------------------*/

static int sock[MEMBERS];
static struct sockaddr_in to[MEMBERS];

static void
open_socks(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        socklen_t len = sizeof(to[i]);

        sock[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        to[i].sin_family = AF_INET;
        to[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        need(bind(sock[i], (struct sockaddr *)&to[i], len) == 0, "bind");
        need(getsockname(sock[i], (struct sockaddr *)&to[i], &len) == 0,
             "getsockname");
    }
}

static void
drain_socks(void)
{
    int poll = epoll_create1(0);
    char buf[2048];

    for (int i = 0; i < MEMBERS; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.fd = sock[i]};

        epoll_ctl(poll, EPOLL_CTL_ADD, sock[i], &ev);
    }
    for (;;) {
        struct epoll_event ev[BATCH];
        int n = epoll_wait(poll, ev, BATCH, -1);

        for (int i = 0; i < n; i++) {
            (void)!recv(ev[i].data.fd, buf, sizeof(buf), 0);
        }
    }
}

static void
send_each(int from, void *bytes)
{
    for (int i = 0; i < MEMBERS; i++) {
        (void)!sendto(from, bytes, SIZE, 0, (struct sockaddr *)&to[i],
                      sizeof(to[i]));
    }
}

static void
send_batches(int from, void *bytes)
{
    struct iovec part = {.iov_base = bytes, .iov_len = SIZE};
    struct mmsghdr all[BATCH];

    memset(all, 0, sizeof(all));
    for (int i = 0; i < MEMBERS; i += BATCH) {
        int count = MEMBERS - i < BATCH ? MEMBERS - i : BATCH;

        for (int k = 0; k < count; k++) {
            all[k].msg_hdr.msg_name = &to[i + k];
            all[k].msg_hdr.msg_namelen = sizeof(to[i + k]);
            all[k].msg_hdr.msg_iov = &part;
            all[k].msg_hdr.msg_iovlen = 1;
        }
        (void)!sendmmsg(from, all, (unsigned)count, 0);
    }
}

static double
run_bare(void (*send)(int from, void *bytes))
{
    const struct timespec pause = {.tv_nsec = 10000000};
    static char bytes[SIZE];
    double before = 0;
    pid_t child;
    int from;

    open_socks();
    child = fork();
    if (child == 0) {
        drain_socks();
    }
    need(child > 0, "process");
    from = socket(AF_INET, SOCK_DGRAM, 0);
    for (int i = -WARM; i < ROUNDS; i++) {
        before = i == 0 ? cpu_ns() : before;
        send(from, bytes);
        nanosleep(&pause, NULL); /* until they have it */
    }
    before = (cpu_ns() - before) / ROUNDS / MEMBERS;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return before;
}

int
main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    double ns;

    allow_sockets();
    if (strcmp(what, "tenon") == 0) {
        ns = run_hub(NULL);
    } else if (strcmp(what, "sealed") == 0) {
        ns = run_hub(CODE);
    } else if (strcmp(what, "sendto") == 0) {
        ns = run_bare(send_each);
    } else if (strcmp(what, "sendmmsg") == 0) {
        ns = run_bare(send_batches);
    } else {
        (void)fprintf(stderr, "usage: room tenon|sealed|sendto|sendmmsg\n");
        return 2;
    }
    printf("%.0f\n", ns);
    return 0;
}
