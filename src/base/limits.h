/*
 * limits.h - every number that bounds something, with its reason.
 *
 * What happens at a limit stands in the public header of the function.
 */
#ifndef TENON_BASE_LIMITS_H
#define TENON_BASE_LIMITS_H

/* A stack costs only the pages it touched, so be generous: getaddrinfo and a
   TLS handshake take 12 to 20 KiB, printf of a double 4. */
#define TN_STACK_DEFAULT (256u << 10)
#define TN_STACK_MIN     (32u << 10)
#define TN_STACK_MAX     (64u << 20)

/* Stacks that keep their pages when their task ends: the next tasks start on
   warm memory. Others are given back to the system below the top page. */
#define TN_STACK_WARM 64

/* Stacks mapped at once: few mappings, and a small program stays small. */
#define TN_SLAB_FIRST 16u
#define TN_SLAB_MOST  1024u

/* Tasks alive in one loop: a million at 4 KiB is what a machine holds. */
#define TN_TASKS_MAX 4000000u

/* Operations that a task may finish without parking before it goes to the
   tail: an always-readable socket must not starve the others. */
#define TN_OP_BUDGET 64

/* Tasks that run before the loop looks at its descriptors again. */
#define TN_TURN_TASKS 256

/* A shield is for cleanup, not for staying. */
#define TN_SHIELD_MAX (60 * TN_SEC)

/* Functions that other threads may have waiting for a loop. */
#define TN_POST_MAX 65536

/* Worker threads and what may wait for them. */
#define TN_POOL_THREADS     4
#define TN_POOL_THREADS_MAX 64
#define TN_POOL_QUEUE       65536
#define TN_OFFLOAD_MAX      (64u << 10)

/* Loops of tn_run_threads(). */
#define TN_THREADS_MAX 256

/* Events taken from the kernel in one call, and how many of them are acted on
   before their tasks run: what a receive touched is then still in the cache. */
#define TN_EVENTS         256
#define TN_EVENTS_AT_ONCE 4

/* A write to a descriptor whose flags are not ours: what a pipe that has room
   takes without blocking (PIPE_BUF). */
#define TN_SHARED_WRITE 4096u

/* tn_close() waits this long for a peer to take our last bytes, and drops this
   much of what it still sends. */
#define TN_CLOSE_FLUSH (2 * TN_SEC)
#define TN_CLOSE_DRAIN (1u << 20)

/* No event tells that the peer has taken our bytes: look that often. */
#define TN_CLOSE_LOOK (10 * TN_MS)

/* Vectors of tn_sendvall(): header, payload, trailer and some. */
#define TN_IOV_MAX 16

/* sendfile() takes this much at a time, so that a time-out is noticed. */
#define TN_SENDFILE_CHUNK (8u << 20)

/* Descriptors in one message: the kernel's SCM_MAX_FD. */
#define TN_FDS_MAX 253

/* Addresses that one name may have. */
#define TN_RESOLVE_MAX 64

/* Happy Eyeballs, RFC 8305 section 5: recommended 250 ms. */
#define TN_EYEBALL_DELAY (250 * TN_MS)

/* A full Unix backlog refuses with EAGAIN and no event tells when it has room
   again: look again after this. */
#define TN_UNIX_RETRY (5 * TN_MS)

/* Buffer of a tn_file, each direction. */
#define TN_FILE_BUF 8192

/* A message: header, payload and trailer together still count in a ssize_t. */
#define TN_MESSAGE_MAX ((size_t)PTRDIFF_MAX - 4096)

/* What --frame allows if it names no max=. */
#define TN_MESSAGE_DEFAULT (1u << 20)

/* Buffer of a tn_framer: the part within it, which is all that an idle
   connection has; the least on the heap; what a stream of small messages may
   make of it; the most for one receive; how long it is kept while empty. */
#define TN_FRAMER_SMALL  512
#define TN_FRAMER_FIRST  (16u << 10)
#define TN_FRAMER_BUSY   (64u << 10)
#define TN_FRAMER_READ   (256u << 10)
#define TN_FRAMER_LINGER (1 * TN_SEC)

/* TLS: plain bytes in one record (RFC 8446 section 5.1); what a parked receive
   takes, the rest going where OpenSSL wants it: an idle connection holds no
   more; what the kernel had no room for: a record with its head and tag, and
   some that are no data; a file in pieces of this. */
#define TN_TLS_RECORD 16384u
#define TN_TLS_IN     2048u
#define TN_TLS_OUT    (20u << 10)
#define TN_TLS_FILE   (64u << 10)

/* Receives in one call of OpenSSL, each of a record or less; and such calls
   without data after which a look at the clock is due. */
#define TN_TLS_READS  4
#define TN_TLS_ROUNDS 16

/* Files of certificates and keys: some hundred in one, a whole trust store. */
#define TN_TLS_CERT_FILE  (1u << 20)
#define TN_TLS_TRUST_FILE (16u << 20)

/* No event tells of what waits for two things: look that often. */
#define TN_TLS_LOOK (10 * TN_MS)

/* Sessions that a client's configuration keeps, one for each peer: who talks
   to more of them is a crawler, which seldom comes back. */
#define TN_TLS_SESSIONS 64

/* The reason of a failure in words, and the sentence with the peer's name. */
#define TN_TLS_REASON 160
#define TN_WHY_TEXT   192

/* Random bytes that the system does not have: ask again after this. */
#define TN_SECRET_PAUSE (10 * TN_MS)

/* tn_serve(): connections at once, pause when descriptors run out, and what a
   silent peer may cost. */
#define TN_SERVE_CONNECTIONS 4096
#define TN_SERVE_PAUSE       (50 * TN_MS)
#define TN_SERVE_IDLE        (60 * TN_SEC)
#define TN_SERVE_FLUSH       (2 * TN_SEC)
#define TN_SERVE_SPARE_FDS   16

/* A WebSocket: a message; what is read at once, which is what wslay takes at
   once; the buffer of a message at first, and the largest that an idle one
   keeps; a frame of a long message, behind which an answer to a ping may go. */
#define TN_WS_MESSAGE (1u << 20)
#define TN_WS_CHUNK   4096u
#define TN_WS_FIRST   512u
#define TN_WS_KEEP    4096u
#define TN_WS_FRAME   (64u << 10)

/* Head and payload up to here go out of one small buffer in one send. */
#define TN_WS_SMALL 512u

/* Silence before a ping; for the peer to take a message; for all of a
   handshake; for the peer to answer our close frame. */
#define TN_WS_PING_TIME    (30 * TN_SEC)
#define TN_WS_SEND_TIME    (30 * TN_SEC)
#define TN_WS_MESSAGE_TIME (60 * TN_SEC)
#define TN_WS_REST         (1 * TN_SEC)
#define TN_WS_CONNECT_TIME (30 * TN_SEC)
#define TN_WS_CLOSE_TIME   (2 * TN_SEC)
/* A share. A path below its folder, and one name: the kernel's PATH_MAX and
   NAME_MAX. Entries of a listing, folders above each other and entries of an
   archive. */
#define TN_SHARE_PATH    4096
#define TN_SHARE_NAME    255
#define TN_SHARE_LIST    100000
#define TN_SHARE_DEPTH   64
#define TN_SHARE_ARCHIVE 1000000

/* Suffixes taken from the system's table of media types, which has 1,600. */
#define TN_SHARE_TYPES 16384

/* Ranges of one request: a reader of a PDF asks for a dozen. */
#define TN_SHARE_RANGES 32

/* Files are read, compressed and written in pieces of this size, between which
   other tasks run; smaller ones are not worth compressing. */
#define TN_SHARE_PIECE    (64u << 10)
#define TN_SHARE_COMPRESS 1024

/* A form: the boundary (RFC 2046: 70), a part's head, the name of a control,
   parts. */
#define TN_SHARE_BOUNDARY  70
#define TN_SHARE_PART_HEAD 8192
#define TN_SHARE_FIELD     1023
#define TN_SHARE_PARTS     1000

/* "sha-256=:...:" and the largest file that is hashed because a client would
   like to know; how many such results are remembered. */
#define TN_SHARE_DIGEST     64
#define TN_SHARE_DIGEST_MAX ((int64_t)4 << 30)
#define TN_SHARE_DIGESTS    64

/* Unfinished uploads that are kept, for how long; finished ones that are
   remembered in case the client did not get our answer, and for how long after
   an orderly end, which has answered nearly all; "name (9999).txt". */
#define TN_SHARE_PARTIALS 64
#define TN_SHARE_KEEP     (24 * 3600 * TN_SEC)
#define TN_SHARE_FINISHED 256
#define TN_SHARE_REPEAT   (10 * 60 * TN_SEC)
#define TN_SHARE_RENAMES  9999
/* tn_httpd_serve(), where its options say nothing: a head has some hundred
   bytes, with many cookies a few thousand; a form is below 1 MiB. */
#define TN_HTTPD_HEAD        (16u << 10)
#define TN_HTTPD_BODY        (1 << 20)
#define TN_HTTPD_IDLE        (60 * TN_SEC)
#define TN_HTTPD_HEAD_TIME   (10 * TN_SEC)
#define TN_HTTPD_BODY_TIME   (30 * TN_SEC)
#define TN_HTTPD_WRITE_TIME  (30 * TN_SEC)
#define TN_HTTPD_DRAIN_TIME  (5 * TN_SEC)
#define TN_HTTPD_CONNECTIONS 4096

/* Connections above the limit that are told so at the same time. */
#define TN_HTTPD_TURNED_AWAY 64

/* What has to move within body_time, write_time. */
#define TN_HTTPD_PACE (64u << 10)

/* A connection's input: the part within it, which is all that an idle one has;
   on the heap, for whoever sends more; how long that is kept while idle. */
#define TN_HTTPD_SMALL  512
#define TN_HTTPD_IN     (16u << 10)
#define TN_HTTPD_LINGER (1 * TN_SEC)

/* Its output, while it answers: 16 answers of 1 KiB with their heads. */
#define TN_HTTPD_OUT (32u << 10)

/* Fields of an answer, in bytes: cookies and a content security policy. */
#define TN_HTTPD_FIELDS (8u << 10)

/* A body of unsaid length that is held back this far gets a Content-Length. */
#define TN_HTTPD_HELD (8u << 10)

/* What is written from here on goes out without being copied. */
#define TN_HTTPD_DIRECT (16u << 10)

/* Of a body that no handler read, this much is dropped. */
#define TN_HTTPD_DROP (64u << 10)

/* The name of a user in the log. */
#define TN_HTTPD_USER 64

/* Buffers of each kind that are kept for the next exchange: about as many as
   wait for a peer in the middle of one. */
#define TN_HTTPD_SPARE 64

/* After a 503 a client shall come back in this many seconds. */
#define TN_HTTPD_RETRY "1"

/* A tunnel: time to connect, and the buffer of each direction. */
#define TN_HTTPD_DIAL_TIME (10 * TN_SEC)
#define TN_HTTPD_TUNNEL    (16u << 10)
/* tn_httpc: what its options stand for when they are 0; see httpc.h. */
#define TN_HTTPC_CONNECT   (30 * TN_SEC)
#define TN_HTTPC_TLS       (15 * TN_SEC)
#define TN_HTTPC_HEAD      (60 * TN_SEC)
#define TN_HTTPC_IDLE      (60 * TN_SEC)
#define TN_HTTPC_HEAD_MAX  (64u << 10)
#define TN_HTTPC_REDIRECTS 10
#define TN_HTTPC_POOL      8
#define TN_HTTPC_POOL_TIME (30 * TN_SEC)

/* What pools may grow to, and heads: a mistake, not a wish, is above. */
#define TN_HTTPC_POOL_MAX 1024

/* Answers of the kind "100 Continue" before the answer: servers send one or
   two; a thousand would be a way to hold a client for ever. */
#define TN_HTTPC_INTERIM 16

/* RFC 9110 section 10.1.1 has no time for it; curl waits as long. */
#define TN_HTTPC_EXPECT (1 * TN_SEC)

/* Buffer of a connection at first, and of a body on its way out. */
#define TN_HTTPC_BUF   (16u << 10)
#define TN_HTTPC_PIECE (32u << 10)

/* While a body cannot be sent the answer is looked for this often: a server
   that has already refused need not read the rest. */
#define TN_HTTPC_LOOK (100 * TN_MS)

/* The body of a redirect is read for the sake of its connection, if it is not
   longer than what a new one costs, in bytes and in time. */
#define TN_HTTPC_SKIP      (32u << 10)
#define TN_HTTPC_SKIP_TIME (1 * TN_SEC)

/* Trailer section of a chunked body; its fields. */
#define TN_HTTPC_TRAILER_MAX    (8u << 10)
#define TN_HTTPC_TRAILER_FIELDS 32

/* Own fields of a request, all together: above, no server takes them. */
#define TN_HTTPC_REQUEST_MAX (256u << 10)

/* A name and a password: RFC 1929 has a byte for the length of each. */
#define TN_HTTPC_SECRET_MAX 255

#endif
