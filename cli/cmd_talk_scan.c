/*
 * tenon talk -z: which ports are open? Nothing is said to them.
 *
 * Open ones are printed on stdout, one a line. UDP cannot tell an open port
 * from a lost answer: what refuses is closed, what is silent counts as open.
 */
#include <tenon/err.h>

#include "cmd_talk_int.h"
#include "say.h"
#include "where.h"

#include <stdio.h>

/* 0 if the port is open, else why it is not. */
static int
probe(struct talk *t)
{
    int64_t limit = t->o->wait >= 0 ? t->o->wait : TALK_PROBE;
    tn_sock *sock;
    int err = talk_dial(t, &sock, limit);
    if (err == 0 && where_is_gram(&t->ep)) {
        char byte;
        ssize_t n = tn_send(sock, "", 0, 0);
        tn_settimeout(sock, t->o->wait >= 0 ? limit : TALK_QUIET);
        n = n < 0 ? n : tn_recv(sock, &byte, 1, MSG_TRUNC);
        err = n < 0 && n != -ETIME ? (int)n : 0;
    }
    tn_close(sock);
    return err;
}

int
talk_scan(struct talk *t)
{
    int code = EXIT_FAILED;
    bool one = t->ep.port == t->last_port;
    for (; t->ep.port <= t->last_port; t->ep.port++) {
        char text[sizeof(t->ep.host) + TN_ADDR_TEXT];
        int err = probe(t);
        if (err == -ECANCELED) {
            return EXIT_FAILED;
        }
        if (err == 0) {
            printf("%s open\n", tn_endpoint_format(&t->ep, text, sizeof(text)));
            (void)fflush(stdout);
            code = EXIT_DONE;
        } else if (one) {
            return say_failed(err, &t->ep);
        } else if (t->o->verbose) {
            (void)say_failed(err, &t->ep);
        }
        if (t->o->interval && tn_sleep(t->o->interval) < 0) {
            return EXIT_FAILED;
        }
    }
    if (code != EXIT_DONE) {
        say("no port is open");
    }
    return code;
}
