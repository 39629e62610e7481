/*
 * What `tenon echo` answers, and how it is cut into sends.
 */
#include <tenon/task.h>

#include "cmd_echo_int.h"

#include <time.h>

enum {
    FIRST_CHAR = ' ', /* of the 95 that RFC 864 turns around */
    CHAR_COUNT = 95,
    LINE_CHARS = ECHO_CHARGEN_LINE - 2,
};

/* ASCII only, as bytes.upper() of Python: UTF-8 passes whole. */
void
echo_upper(uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] >= 'a' && data[i] <= 'z') {
            data[i] = (uint8_t)(data[i] - ('a' - 'A'));
        }
    }
}

void
echo_chargen(uint8_t *data, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++, at++) {
        uint64_t line = at / ECHO_CHARGEN_LINE % CHAR_COUNT;
        uint64_t column = at % ECHO_CHARGEN_LINE;
        if (column >= LINE_CHARS) {
            data[i] = column == LINE_CHARS ? '\r' : '\n';
        } else {
            data[i] = (uint8_t)(FIRST_CHAR + (line + column) % CHAR_COUNT);
        }
    }
}

size_t
echo_daytime(char *buf, size_t cap)
{
    struct tm tm;
    time_t now = time(NULL);
    if (!localtime_r(&now, &tm)) {
        return 0;
    }
    return strftime(buf, cap, "%A, %B %d, %Y %H:%M:%S-%Z\r\n", &tm);
}

int
echo_send(struct echo *e, tn_sock *sock, const uint8_t *data, size_t n,
          const tn_addr *to)
{
    size_t piece = e->o->chunk ? (size_t)e->o->chunk : n;
    do { /* a datagram may be empty */
        size_t len = n < piece ? n : piece;
        int err = e->o->delay ? tn_sleep(e->o->delay) : 0;
        if (err < 0) {
            return err;
        }
        ssize_t sent = to ? tn_sendto(sock, data, len, 0, to)
                          : tn_sendall(sock, data, len, NULL);
        if (sent < 0) {
            return (int)sent;
        }
        data += len;
        n -= len;
    } while (n > 0);
    return 0;
}
