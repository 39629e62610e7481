/*
 * talk_client.c - ask, wait, show the answer: the first client of every course.
 *
 * No loop and no task: in a plain thread every call blocks, as in Python. A
 * stream knows no messages, so the "answer" is whatever one receive brings.
 *
 * usage: talk_client ADDRESS
 */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/text.h>

#include <stdio.h>
#include <string.h>

enum { LINE = 256 };

/* Returns 1 after an answer, 0 when the peer ended, or an error. */
static int
ask(tn_sock *sock, const char *line, size_t n)
{
    char answer[LINE], clean[3 * LINE + 1];
    ssize_t got = tn_sendall(sock, line, n, NULL);

    if (got >= 0) {
        got = tn_recv(sock, answer, sizeof(answer), 0);
    }
    if (got > 0) {
        tn_text_clean(clean, sizeof(clean), answer, (size_t)got);
        puts(clean);
    }
    return got > 0 ? 1 : (int)got;
}

int
main(int argc, char **argv)
{
    char line[LINE];
    tn_sock *sock;
    int err = 1;

    if (argc != 2) {
        fputs("usage: talk_client ADDRESS\n", stderr);
        return 2;
    }
    if (tn_dial(&sock, argv[1], 5 * TN_SEC) < 0) {
        fprintf(stderr, "talk_client: %s\n", tn_why());
        return 1;
    }
    while (err == 1 && fgets(line, sizeof(line), stdin) != NULL) {
        size_t n = strcspn(line, "\n");
        err = n > 0 ? ask(sock, line, n) : 1;
    }
    if (err < 0) {
        fprintf(stderr, "talk_client: %s\n", tn_why());
    }
    tn_close(sock);
    return err < 0;
}
