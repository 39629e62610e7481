/*
 * Lines that are typed, or come from a pipe.
 */
#include <tenon/err.h>
#include <tenon/file.h>
#include <tenon/loop.h>
#include <tenon/text.h>

#include "cmd_chat_int.h"
#include "run.h"

#include <signal.h>
#include <string.h>

static int
read_terminal(struct chat_input *in)
{
    int r = 0;
    while (r == 0) {
        const char *line;
        size_t n = 0;
        bool begins = true;
        r = editor_read(in->editor, &line, &n);
        if (r <= 0) {
            return r;
        }
        do {
            size_t part = tn_text_cut(line, n, CHAT_INPUT);
            r = in->line(in->arg, line, part, begins);
            line += part;
            n -= part;
            begins = false;
        } while (r == 0 && n > 0);
    }
    return r;
}

/* Bytes at the end of a part of a line that begin a character and do not end
   it: they belong to the next part. */
static size_t
unfinished(const char *s, size_t n)
{
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        unsigned char b = (unsigned char)s[n - k];
        if (b >= 0xC0) {
            size_t need = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
            return need > k ? k : 0;
        }
        if (b < 0x80) {
            break;
        }
    }
    return 0;
}

static int
read_lines(struct chat_input *in, tn_file *file)
{
    size_t left = 0;
    bool begins = true;
    int r = 0;
    while (r == 0) {
        ssize_t n =
            tn_file_readline(file, in->typed + left, sizeof(in->typed) - left);
        if (n < 0 && n != -ECANCELED) {
            return tn_fail((int)n, "read", "stdin");
        }
        if (n <= 0) {
            r = n == 0 && left > 0 ? in->line(in->arg, in->typed, left, begins)
                                   : (int)n;
            break;
        }
        size_t all = left + (size_t)n;
        left = unfinished(in->typed, all);
        r = in->line(in->arg, in->typed, all - left, begins);
        begins = in->typed[all - 1] == '\n';
        memmove(in->typed, in->typed + all - left, left);
    }
    return r;
}

static int
read_plain(struct chat_input *in)
{
    tn_sock *sock;
    tn_file *file = NULL;
    int r = run_wrap(&sock, STDIN_FILENO);
    if (r < 0) {
        return r;
    }
    r = tn_makefile(&file, sock, TN_READ);
    if (r == 0) {
        r = read_lines(in, file);
    }
    (void)tn_file_close(file);
    (void)tn_close(sock);
    return r;
}

int
chat_input(struct chat_input *in)
{
    return in->editor ? read_terminal(in) : read_plain(in);
}

int
chat_window(void *arg)
{
    static const int wanted[] = {SIGWINCH, SIGCONT};
    editor *e = arg;
    tn_signals *signals;
    tn_task_name("window");
    int signo =
        tn_signals_open(&signals, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (signo < 0) {
        return 0; /* one can talk without it */
    }
    while ((signo = tn_signals_wait(signals)) > 0) {
        if (signo == SIGWINCH) {
            editor_resize(e);
        } else {
            editor_resume(e);
        }
    }
    tn_signals_close(signals);
    return 0;
}
