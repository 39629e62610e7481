/*
 * test_file.c - makefile: lines, reads, writes, and a FILE.
 */
#include <tenon/file.h>

#include "core.h"

#include <stdio.h>

struct talk {
    tn_sock *s[2];
    tn_file *in, *out;
};

static void
open_talk(struct talk *t)
{
    OK(tn_socketpair(t->s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(t->s[0], 20 * TN_MS);
    tn_settimeout(t->s[1], 20 * TN_MS);
    OK(tn_makefile(&t->in, t->s[0], TN_READ));
    OK(tn_makefile(&t->out, t->s[1], TN_WRITE));
}

static void
close_talk(struct talk *t)
{
    tn_file_close(t->in);
    tn_file_close(t->out);
    close_pair(t->s);
}

/* ---- lines ---- */

static int
lines(void *arg)
{
    struct talk t;
    char line[16];

    (void)arg;
    open_talk(&t);
    EQ(tn_sendall(t.s[1], "one\n\ntwo", 8, NULL), 8);
    EQ(tn_file_readline(t.in, line, sizeof(line)), 4);
    STREQ(line, "one\n");
    EQ(tn_file_readline(t.in, line, sizeof(line)), 1);
    STREQ(line, "\n");
    /* Half a line: nothing is lost when time runs out. */
    ERR(tn_file_readline(t.in, line, sizeof(line)), -ETIME);
    ERR(tn_file_readline(t.in, line, sizeof(line)), -ETIME);
    EQ(tn_sendall(t.s[1], "-more\na line too long for it\nend", 32, NULL), 32);
    EQ(tn_file_readline(t.in, line, sizeof(line)), 9);
    STREQ(line, "two-more\n");
    EQ(tn_file_readline(t.in, line, sizeof(line)), 15);
    STREQ(line, "a line too long");
    EQ(tn_file_readline(t.in, line, sizeof(line)), 8);
    STREQ(line, " for it\n");
    EQ(tn_file_readline(t.in, line, 2), 1);
    STREQ(line, "e");
    OK(tn_shutdown(t.s[1], SHUT_WR));
    EQ(tn_file_readline(t.in, line, sizeof(line)), 2);
    STREQ(line, "nd");
    EQ(tn_file_readline(t.in, line, sizeof(line)), 0);
    STREQ(line, "");
    EQ(tn_file_readline(t.in, line, sizeof(line)), 0);
    close_talk(&t);
    return 0;
}

TEST_EACH(lines_come_whole, callers)
{
    OK(run_as(p, lines, NULL));
}

/* Each length around the size of the buffer, with time running out inside. */
static int
long_lines(void *arg)
{
    static char sent[9000], got[20000];
    struct talk t;

    (void)arg;
    memset(sent, 'x', sizeof(sent));
    open_talk(&t);
    tn_settimeout(t.s[0], 1 * TN_MS);
    for (size_t n = 8180; n < 8200; n++) {
        size_t have = 0;
        ssize_t r;

        EQ(tn_sendall(t.s[1], sent, n, NULL), (ssize_t)n);
        ERR(tn_file_readline(t.in, got, n < 8192 ? sizeof(got) : 16),
            n < 8191   ? -ETIME
            : n < 8192 ? 8191
                       : 15);
        have = n < 8191 ? 0 : n < 8192 ? 8191 : 15;
        EQ(tn_sendall(t.s[1], "\n", 1, NULL), 1);
        do {
            r = OK(tn_file_readline(t.in, got + have, sizeof(got) - have));
            have += (size_t)r;
        } while (r > 0 && got[have - 1] != '\n');
        EQ(have, n + 1);
        MEMEQ(got, sent, n);
    }
    close_talk(&t);
    return 0;
}

TEST_EACH(long_lines_come_in_parts, callers)
{
    OK(run_as(p, long_lines, NULL));
}

/* ---- reading n bytes ---- */

static int
reads(void *arg)
{
    static char sent[30000], got[30000];
    struct talk t;
    size_t n;

    (void)arg;
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)(i * 31);
    }
    open_talk(&t);
    EQ(tn_file_read(t.in, got, 0, &n), 0);
    EQ(n, 0);
    EQ(tn_sendall(t.s[1], sent, sizeof(sent), NULL), 30000);
    EQ(tn_file_read(t.in, got, 3, &n), 3);
    EQ(tn_file_read(t.in, got + 3, 20000, &n), 20000);
    EQ(n, 20000);
    ERR(tn_file_read(t.in, got + 20003, 20000, &n), -ETIME);
    EQ(n, 9997);
    MEMEQ(got, sent, sizeof(sent));
    EQ(tn_sendall(t.s[1], "abc", 3, NULL), 3);
    OK(tn_shutdown(t.s[1], SHUT_WR));
    EQ(tn_file_read(t.in, got, 10, &n), 3);
    EQ(tn_file_read(t.in, got, 10, NULL), 0);
    close_talk(&t);
    return 0;
}

TEST_EACH(reads_give_what_was_asked_for, callers)
{
    OK(run_as(p, reads, NULL));
}

/* ---- writing ---- */

static int
writes(void *arg)
{
    static char sent[30000], got[30000];
    struct talk t;
    char byte;

    (void)arg;
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)(i * 37);
    }
    open_talk(&t);
    EQ(tn_file_write(t.out, sent, 100), 100);
    ERR(tn_recv(t.s[0], &byte, 1, 0), -ETIME);
    EQ(tn_file_write(t.out, sent + 100, 8092), 8092);
    ERR(tn_recv(t.s[0], &byte, 1, 0), -ETIME);
    EQ(tn_file_write(t.out, sent + 8192, 10000), 10000);
    EQ(tn_file_write(t.out, sent + 18192, 11808), 11808);
    OK(tn_file_flush(t.out));
    OK(tn_file_flush(t.out));
    EQ(tn_recvall(t.s[0], got, 30000, NULL), 30000);
    MEMEQ(got, sent, sizeof(sent));
    EQ(tn_file_write(t.out, "bye", 3), 3);
    EQ(tn_file_close(t.out), 0);
    t.out = NULL;
    EQ(tn_recvall(t.s[0], got, 3, NULL), 3);
    close_talk(&t);
    return 0;
}

TEST_EACH(writes_are_kept_until_the_flush, callers)
{
    OK(run_as(p, writes, NULL));
}

/* A flush that fails half-way keeps the rest, and goes on where it was. */
static int
flush_again(void *arg)
{
    static char sent[8000], got[65536];
    struct talk t;
    size_t total = 0, taken = 0;
    ssize_t n;
    int r = 0;

    (void)arg;
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)(i * 41);
    }
    open_talk(&t);
    tn_settimeout(t.s[1], 2 * TN_MS);
    tn_settimeout(t.s[0], 2 * TN_MS);
    while (r == 0) {
        EQ(tn_file_write(t.out, sent, sizeof(sent)), 8000);
        total += sizeof(sent);
        r = tn_file_flush(t.out);
    }
    EQ(r, -ETIME);
    while (taken < total) {
        n = tn_recv(t.s[0], got, sizeof(got), 0);
        CHECK(n > 0 || n == -ETIME);
        for (ssize_t i = 0; i < n; i++) {
            EQ(got[i], sent[(taken + (size_t)i) % sizeof(sent)]);
        }
        taken += n > 0 ? (size_t)n : 0;
        r = tn_file_flush(t.out);
        CHECK(r == 0 || r == -ETIME);
    }
    close_talk(&t);
    return 0;
}

TEST_EACH(a_flush_goes_on_where_it_was, callers)
{
    OK(run_as(p, flush_again, NULL));
}

static int
wrong_use(void *arg)
{
    struct talk t;
    tn_file *f = (tn_file *)&t;
    char line[8] = "before";
    FILE *stdio;
    size_t got;

    (void)arg;
    open_talk(&t);
    ERR(tn_makefile(&f, t.s[0], 0), -EINVAL);
    CHECK(f == NULL);
    ERR(tn_makefile(&f, t.s[0], 4), -EINVAL);
    ERR(tn_file_readline(t.out, line, sizeof(line)), -EINVAL);
    ERR(tn_file_read(t.out, line, 1, &got), -EINVAL);
    EQ(got, 0);
    ERR(tn_file_write(t.in, "x", 1), -EINVAL);
    ERR(tn_file_readline(t.in, line, 1), -EINVAL);
    ERR(tn_file_readline(t.in, line, 0), -EINVAL);
    EQ(tn_file_flush(t.in), 0);
    EQ(tn_file_close(NULL), 0);
    ERR(tn_makefile_stdio(&stdio, t.s[0], "nonsense"), -EINVAL);
    CHECK(stdio == NULL);
    close_talk(&t);
    return 0;
}

TEST_EACH(a_file_is_read_or_written_as_opened, callers)
{
    OK(run_as(p, wrong_use, NULL));
}

/* ---- stdio ---- */

static int
use_stdio(void *arg)
{
    char *line = NULL;
    size_t cap = 0;
    tn_sock *s[2];
    FILE *in, *out;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    OK(tn_makefile_stdio(&in, s[0], "r"));
    OK(tn_makefile_stdio(&out, s[1], "w"));
    GE(fprintf(out, "%s %d\n", "number", 42), 1);
    EQ(fflush(out), 0);
    EQ(getline(&line, &cap, in), 10);
    STREQ(line, "number 42\n");
    EQ(fclose(out), 0);
    EQ(tn_sendall(s[1], "last", 4, NULL), 4);
    OK(tn_shutdown(s[1], SHUT_WR));
    EQ(getline(&line, &cap, in), 4);
    EQ(getline(&line, &cap, in), -1);
    CHECK(feof(in));
    EQ(fclose(in), 0);
    tn_settimeout(s[0], 5 * TN_MS);
    OK(tn_makefile_stdio(&in, s[1], "r"));
    tn_settimeout(s[1], 5 * TN_MS);
    EQ(fgetc(in), EOF);
    CHECK(ferror(in));
    EQ(fclose(in), 0);
    free(line);
    close_pair(s);
    return 0;
}

TEST_EACH(stdio_on_a_socket, callers)
{
    OK(run_as(p, use_stdio, NULL));
}

/* ---- two tasks, one file ---- */

struct writers {
    tn_file *f;
    int result[2];
    int began;
};

static int
flush_file(void *arg)
{
    struct writers *w = arg;
    int *result = &w->result[w->began++];

    *result = tn_file_flush(w->f);
    return 0;
}

static int
flush_twice(void *arg)
{
    static char big[1 << 16];
    struct writers w = {.began = 0};
    tn_sock *s[2];
    size_t filled = 0, drained = 0;
    tn_group g;
    ssize_t n;

    (void)arg;
    OK(tn_socketpair(s, AF_UNIX, SOCK_STREAM, 0));
    tn_settimeout(s[0], 0);
    while ((n = tn_send(s[0], big, sizeof(big), 0)) > 0) {
        filled += (size_t)n;
    }
    tn_settimeout(s[0], TN_FOREVER);
    OK(tn_makefile(&w.f, s[0], TN_WRITE));
    EQ(tn_file_write(w.f, big, 5000), 5000);
    tn_group_init(&g, 0);
    OK(tn_go(&g, flush_file, &w));
    OK(tn_go(&g, flush_file, &w));
    OK(tn_checkpoint());
    EQ(tn_file_write(w.f, big, 3000), 3000);
    ERR(tn_file_write(w.f, big, 3000), -EBUSY);
    while (drained < filled + 5000) {
        n = tn_recv(s[1], big, sizeof(big), 0);
        OK(n);
        drained += (size_t)n;
    }
    OK(tn_group_wait(&g));
    EQ(w.result[0], 0);
    EQ(w.result[1], -EBUSY);
    OK(tn_file_close(w.f));
    EQ(tn_recvall(s[1], big, 3000, NULL), 3000);
    close_pair(s);
    return 0;
}

TEST_EACH(one_task_at_a_time_flushes, backends)
{
    OK(run_on(p, flush_twice, NULL));
}
