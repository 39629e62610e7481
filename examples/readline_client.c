/*
 * readline_client.c - read answers line by line with makefile().
 *
 * Lines come whole, however the network cut or glued them; what was read ahead
 * waits in the file's buffer for the next call.
 *
 * usage: readline_client ADDRESS     requests on stdin, one per line
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/file.h>
#include <tenon/text.h>

#include <stdio.h>
#include <string.h>

/* Send all requests at once, then read answers until the server ends. */
static int
converse(tn_file *f, tn_sock *sock)
{
    char line[256], clean[3 * sizeof(line) + 1];
    ssize_t n = 0;

    while (n >= 0 && fgets(line, sizeof(line), stdin) != NULL) {
        n = tn_file_write(f, line, strlen(line));
    }
    if (n >= 0 && (n = tn_file_flush(f)) == 0) {
        tn_shutdown(sock, SHUT_WR);
        for (int i = 1; (n = tn_file_readline(f, line, sizeof(line))) > 0;
             i++) {
            tn_text_clean(clean, sizeof(clean), line, (size_t)n);
            printf("%d: %s\n", i, clean);
        }
    }
    return (int)n;
}

int
main(int argc, char **argv)
{
    tn_sock *sock;
    tn_file *f = NULL;
    int err = argc == 2 ? tn_dial(&sock, argv[1], 5 * TN_SEC) : -EINVAL;

    if (err == 0) {
        err = tn_makefile(&f, sock, TN_READ | TN_WRITE);
        err = err < 0 ? err : converse(f, sock);
        tn_file_close(f);
        tn_close(sock);
    }
    if (err < 0) {
        fprintf(stderr, "readline_client: %s\n", tn_strerror(err));
    }
    return err < 0;
}
