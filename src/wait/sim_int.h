/*
 * sim_int.h - the parts of the simulated network, shared by sim*.c.
 *
 * One host, its sockets, and a clock that jumps. Everything that happens later
 * is an event; every choice comes from one seeded generator, and nothing is
 * ordered by an address, so a seed tells the whole story.
 *
 *     sim.c         clock, ops, the backend
 *     sim_event.c   what happens when, and the trace
 *     sim_name.c    addresses and who is bound to them
 *     sim_conn.c    listen, connect, accept, shutdown, close
 *     sim_stream.c  bytes in flight
 *     sim_box.c     messages in flight
 *     sim_dgram.c   where messages go
 *     sim_io.c      the buffers of an op
 *     sim_opt.c     socket options
 *     sim_net.c     the calls that never wait
 */
#ifndef TENON_WAIT_SIM_INT_H
#define TENON_WAIT_SIM_INT_H

#include "wait/waiter.h"

#include <sys/uio.h>

/* ---- limits ---- */

/* Sockets of one network; socket() then gives -EMFILE: a usual hard limit. */
#define TN_SIM_SOCKETS 65536u

/* Bytes of one direction of a stream, in flight and unread together; the
   sender then waits. SO_SNDBUF and SO_RCVBUF make it smaller. */
#define TN_SIM_PIPE       (64u << 10)
#define TN_SIM_PIPE_FIRST 512u

/* Batches of one direction with an arrival time of their own; further bytes
   travel with the last one. */
#define TN_SIM_BATCHES 32u

/* Messages and bytes of one socket, in flight and unread together. Above,
   datagrams are dropped and Unix senders wait. */
#define TN_SIM_BOX       256u
#define TN_SIM_BOX_BYTES (256u << 10)

/* The largest message: of IP its own limit, of Unix a default SO_SNDBUF. */
#define TN_SIM_DGRAM_IP4  65507u
#define TN_SIM_DGRAM_IP6  65527u
#define TN_SIM_DGRAM_UNIX (208u << 10)

/* Connections that wait for accept: the default of net.core.somaxconn. */
#define TN_SIM_BACKLOG 4096

/* Ports for who does not care, as IANA has them. */
#define TN_SIM_PORT_FIRST 49152u
#define TN_SIM_PORT_LAST  65535u

/* Vectors of one message: IOV_MAX. */
#define TN_SIM_IOV 1024u

/* Buckets of the table of bound names; a prime. */
#define TN_SIM_BUCKETS 509u

/* Delays: the default, and an hour, beyond which a sum could overflow. */
#define TN_SIM_DELAY     TN_MS
#define TN_SIM_DELAY_MAX (60 * TN_MIN)

/* The clock starts here: 0 would look like "no deadline yet". */
#define TN_SIM_EPOCH TN_SEC

/* It ends after 146 years: whoever waits longer waits for nothing, and no sum
   of times overflows. */
#define TN_SIM_END (TN_NEVER / 2)

/* A loop that does not wait sees time pass nevertheless, or a task that spins
   until a deadline would spin forever. */
#define TN_SIM_CREEP TN_US

/* ---- types ---- */

struct sim;
struct sim_sock;

/* Something that will happen. Lives in what it happens to. */
struct sim_event {
    void (*fire)(void *owner);
    void *owner;
    int64_t time;
    uint64_t seq;  /* the last word between equals */
    uint32_t tie;  /* random: who is first at one moment */
    uint32_t slot; /* in the heap, from 1; 0: not queued */
};

enum sim_name_kind {
    SIM_NONE, /* no address: unbound, or a Unix socket without name */
    SIM_IP,   /* bytes: 16, IPv4 as ::ffff:a.b.c.d */
    SIM_UNIX, /* bytes: what stands in sun_path; abstract ones begin with 0 */
};

struct sim_name {
    uint8_t kind; /* enum sim_name_kind */
    uint8_t len;  /* of bytes */
    uint16_t port;
    uint8_t bytes[108];
};

enum sim_end {
    SIM_OPEN,
    SIM_FIN,
    SIM_RESET,
};

struct sim_batch {
    int64_t due;
    uint32_t len;
};

/* What travels towards one stream socket, and what arrived. */
struct sim_pipe {
    uint8_t *ring;
    uint32_t size;    /* of ring, grown on demand; a power of two */
    uint32_t head;    /* first unread byte */
    uint32_t arrived; /* bytes that may be read */
    uint32_t flying;  /* bytes behind them */
    struct sim_batch batch[TN_SIM_BATCHES];
    uint32_t first, count; /* of batch, a ring too */
    enum sim_end end;      /* what comes after the last byte */
    enum sim_end seen;     /* the same once it arrived */
    int64_t end_due;
    int64_t last_due; /* nothing may overtake what was sent before */
    struct sim_event event;
};

struct sim_msg {
    struct sim_event event; /* its arrival */
    struct sim_msg *prev, *next;
    struct sim_sock *to;
    struct sim_name from;
    uint32_t len;
    uint8_t data[];
};

struct sim_msgs {
    struct sim_msg *head, *tail;
};

/* The same for messages. */
struct sim_box {
    struct sim_msgs flying, arrived;
    uint32_t count, bytes; /* of both */
};

enum sim_state {
    SIM_FRESH,
    SIM_LISTENING,
    SIM_CONNECTED, /* a datagram socket: has a peer */
    SIM_ENDED,     /* a listener that was shut down */
};

enum {
    SIM_OPTIONS = 32, /* room for the table of sim_opt.c */
};

struct sim_sock {
    struct sim *sim;
    struct sim_sock *prev, *next; /* all of the network */
    struct tn__fd *fd;            /* NULL in a backlog */
    int family, type, proto;
    enum sim_state state;
    struct sim_name name, peer_name;
    struct sim_sock *bound_next; /* in the bucket of its name */
    bool bound;                  /* is in the table */
    bool shut_rd, shut_wr;
    bool dead;    /* was reset: sends give -EPIPE */
    int error[2]; /* what the next call on that side gives; by tn__side */
    struct sim_event event[2]; /* a look at who waits on that side */
    struct sim_sock *peer;     /* stream, pair; NULL once it is gone */
    struct sim_pipe in;
    struct sim_box box;
    /* A listener's connections that nobody accepted yet. */
    struct sim_sock *backlog_head, *backlog_tail, *backlog_next;
    struct sim_sock *listener; /* whose backlog we are in */
    int backlog_count, backlog_limit;
    /* Who waits for room here: connecting, or sending a message. */
    struct sim_sock *room_head, *room_tail, *room_prev, *room_next;
    struct sim_sock *waits_for;
    int option[SIM_OPTIONS];
};

struct sim {
    struct tn__waiter base;
    struct tn_sim_opts opts;
    struct tn__rng rng;
    int64_t now;
    uint64_t seq;
    uint64_t trace;
    struct sim_event **heap; /* from 1 */
    uint32_t heap_count, heap_cap;
    uint32_t events; /* that exist; the heap has room for all */
    struct sim_sock *socks;
    uint32_t sock_count;
    uint32_t next_port, next_abstract;
    struct sim_sock *bound[TN_SIM_BUCKETS];
};

/* The buffers of an op, whatever its kind. */
struct sim_io {
    struct iovec one;
    const struct iovec *iov;
    size_t count, total;
    size_t skip; /* of iov[0], taken already */
    int flags;
    struct msghdr *msg; /* NULL for RECV and SEND */
};

/* ---- sim_event.c ---- */

/* Make room for n more events, or -ENOMEM: queueing then cannot fail. */
int sim_event_reserve(struct sim *s, uint32_t n);
void sim_event_unreserve(struct sim *s, uint32_t n);
void sim_event_init(struct sim_event *ev, void (*fire)(void *), void *owner);

/* Let it happen at `time`; an earlier time that it has already stays. */
void sim_event_at(struct sim *s, struct sim_event *ev, int64_t time);
void sim_event_drop(struct sim *s, struct sim_event *ev);

/* Fire all that is due; how many were. */
size_t sim_event_run(struct sim *s);

/* When the next one is due, or TN_NEVER. */
int64_t sim_event_next(const struct sim *s);

/* 0 to max_delay, often 0. */
int64_t sim_delay(struct sim *s);

/* true n times in 1000. */
bool sim_chance(struct sim *s, int n);

/* 1 to n, often n. */
size_t sim_part(struct sim *s, size_t n);

/* ---- sim.c ---- */

/* Look at who waits on that side after `delay`. */
void sim_wake(struct sim_sock *k, enum tn__side side, int64_t delay);
void sim_look_init(struct sim_sock *k);

/* The error that waits on that side, taken; 0 if none. */
int sim_take_error(struct sim_sock *k, enum tn__side side);

/* A hash over kind, result and time of all that ended so far, for tests. */
uint64_t tn__sim_trace(struct tn__waiter *w);

/* ---- sim_io.c ---- */

/* 0, or why the op cannot be had. */
int sim_io_init(struct sim_io *io, const struct tn__op *op);

/* Move n bytes between the buffers and a plain one. */
void sim_io_put(struct sim_io *io, const uint8_t *src, size_t n);
void sim_io_get(struct sim_io *io, uint8_t *dst, size_t n);

/* ---- sim_name.c ---- */

int sim_name_read(struct sim_name *n, int family, const struct sockaddr *sa,
                  socklen_t len);
void sim_name_write(const struct sim_name *n, int family, tn_addr *addr);
bool sim_name_equal(const struct sim_name *a, const struct sim_name *b);
bool sim_name_is_any(const struct sim_name *n);
bool sim_name_is_broadcast(const struct sim_name *n);

/* An address that this host has, or stands for all it has. */
bool sim_name_is_local(const struct sim_name *n);

/* What the peer sees: the name, but a real address for "any". */
void sim_name_seen(struct sim_name *out, const struct sim_name *name,
                   const struct sim_name *to);

/* Bind and enter into the table; port 0 or no name: choose one. */
int sim_bind(struct sim_sock *k, const struct sim_name *name);

/* Choose a port, unless there is a name. */
int sim_autobind(struct sim_sock *k);
void sim_unbind(struct sim_sock *k);

/* 0, or -EADDRINUSE: somebody listens there already. */
int sim_may_listen(const struct sim_sock *k);

/* Who of that type takes what is sent to `to`; `after` is who was found last,
   NULL at first. */
struct sim_sock *sim_find(struct sim *s, const struct sim_sock *from,
                          const struct sim_name *to, struct sim_sock *after);

/* ---- sim_conn.c ---- */

int sim_sock_new(struct sim *s, struct sim_sock **out, int family, int type,
                 int proto);
void sim_sock_free(struct sim_sock *k);
void sim_pair(struct sim_sock *a, struct sim_sock *b);
int sim_listen(struct sim_sock *k, int backlog);
ssize_t sim_connect(struct sim_sock *k, struct tn__op *op);
ssize_t sim_accept(struct sim_sock *k, struct tn__op *op);
int sim_shutdown(struct sim_sock *k, int how);
void sim_close(struct sim_sock *k, bool reset);

/* Wait until `at` has room, or know that it has. */
void sim_room_wait(struct sim_sock *k, struct sim_sock *at);
void sim_room_leave(struct sim_sock *k);
void sim_room_wake(struct sim_sock *at);

/* ---- sim_stream.c ---- */

ssize_t sim_stream_recv(struct sim_sock *k, struct sim_io *io);
ssize_t sim_stream_send(struct sim_sock *k, struct sim_io *io);
ssize_t sim_stream_sendfile(struct sim_sock *k, struct tn__op *op);
bool sim_stream_readable(const struct sim_sock *k);
bool sim_stream_writable(const struct sim_sock *k);

/* Tell k that its peer's bytes end: behind them, or by a reset at once. */
void sim_stream_end(struct sim_sock *k, enum sim_end end);
void sim_stream_arrive(void *sock);

/* ---- sim_box.c ---- */

bool sim_box_is_full(const struct sim_box *b, size_t len);
void sim_box_drop(struct sim_msgs *list);

/* A message of `len` bytes on its way to `to`, NULL without memory. Its data
   are to be filled; then it is given its time. */
struct sim_msg *sim_msg_launch(struct sim_sock *to, const struct sim_name *from,
                               size_t len);
void sim_msg_arrive_at(struct sim_msg *m, int64_t due);
ssize_t sim_dgram_recv(struct sim_sock *k, struct sim_io *io);
bool sim_dgram_readable(const struct sim_sock *k);

/* ---- sim_dgram.c ---- */

ssize_t sim_dgram_send(struct sim_sock *k, struct sim_io *io);
bool sim_dgram_writable(const struct sim_sock *k);
int sim_dgram_connect(struct sim_sock *k, const struct sockaddr *sa,
                      socklen_t len);

/* ---- sim_opt.c ---- */

enum sim_option {
    SIM_REUSEADDR,
    SIM_REUSEPORT,
    SIM_BROADCAST,
    SIM_SNDBUF,
    SIM_RCVBUF,
    SIM_V6ONLY,
    SIM_LINGER_ON,
    SIM_LINGER,
    SIM_REMEMBERED, /* the first of those that change nothing here */
};

void sim_option_init(struct sim_sock *k);
int sim_setopt(struct tn__fd *fd, int level, int name, const void *value,
               size_t len);
int sim_getopt(struct tn__fd *fd, int level, int name, void *value,
               size_t *len);

/* ---- sim_net.c ---- */

extern const struct tn__net sim_net;

#endif
