/* deadline.c - a peer that drips a byte now and then does not hold us: a
   time-out spans the whole call, a scope all that is called within it. */
#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include <stdio.h>

static int
drip(void *arg)
{
    while (tn_sleep(30 * TN_MS) == 0 && tn_sendall(arg, ".", 1, NULL) == 1) {
    }
    return 0;
}

static void
read_it(tn_sock *sock)
{
    char buf[100];
    tn_scope scope;
    size_t got;
    int times = 0;
    tn_settimeout(sock, 100 * TN_MS);
    ssize_t n = tn_recvall(sock, buf, sizeof(buf), &got);
    printf("recvall: %s after %zu bytes\n", tn_err_name((int)n), got);
    tn_deadline(&scope, 200 * TN_MS);
    while ((n = tn_recv(sock, buf, 1, 0)) == 1) {
        times++;
    }
    printf("recv: 1 byte, %d times, then %s\n", times, tn_err_name((int)n));
    printf("again: %s\n", tn_err_name((int)tn_recv(sock, buf, 1, 0)));
    puts(tn_scope_end(&scope) ? "it was the scope" : "it was something else");
    printf("outside: %zd byte\n", tn_recv(sock, buf, 1, 0));
}

static int
root(void *arg)
{
    tn_sock **ends = arg;
    tn_group g;
    tn_group_init(&g, 0);
    int err = tn_go(&g, drip, ends[1]);
    if (err == 0) {
        read_it(ends[0]);
    }
    tn_group_cancel(&g);
    return err < 0 ? err : tn_group_wait(&g);
}

int
main(void)
{
    tn_sock *ends[2];
    int err = tn_socketpair(ends, AF_UNIX, SOCK_STREAM, 0);
    err = err < 0 ? err : tn_run(NULL, root, ends);
    tn_close(ends[0]);
    tn_close(ends[1]);
    return err != 0;
}
