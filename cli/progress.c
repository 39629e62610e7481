#include "progress.h"

#include <tenon/api.h>
#include <tenon/task.h>
#include <tenon/text.h>

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    PROGRESS_COLUMNS = 80, /* where the terminal does not tell */
    PROGRESS_NARROW = 60,  /* below, there is no bar */
    PROGRESS_BAR = 20,
    PROGRESS_LINE = 512,
    PROGRESS_STALLED = 3, /* seconds of silence that are worth a word */
    SECONDS_MOST = 359999 /* 99 hours: more is as good as never */
};

static const int64_t between = 250 * TN_MS;

const char *
progress_size(int64_t bytes, char buf[PROGRESS_SIZE])
{
    static const char units[] = "kMGTPE";
    double value = (double)bytes;
    int unit = -1;
    while (value >= 1024 && unit < 5) {
        value /= 1024;
        unit++;
    }
    if (unit < 0) {
        (void)snprintf(buf, PROGRESS_SIZE, "%d B", (int)bytes);
    } else {
        (void)snprintf(buf, PROGRESS_SIZE, "%.1f%c", value, units[unit]);
    }
    return buf;
}

static int
columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return PROGRESS_COLUMNS;
}

void
progress_start(struct progress *p, const char *name, bool wanted)
{
    memset(p, 0, sizeof(*p));
    p->on = wanted && isatty(STDERR_FILENO);
    progress_name(p, name);
    p->total = -1;
    p->started = p->moved = tn_now();
}

void
progress_name(struct progress *p, const char *name)
{
    (void)tn_text_clean(p->name, sizeof(p->name), name, strlen(name));
}

void
progress_at(struct progress *p, int64_t done, int64_t total)
{
    if (done != p->done) {
        p->moved = tn_now();
    }
    p->done = done;
    p->total = total;
}

/* Bytes a second, of the last five seconds. */
static double
speed(struct progress *p)
{
    int64_t now = tn_now();
    if (p->samples == PROGRESS_SAMPLES) {
        size_t rest = PROGRESS_SAMPLES - 1;
        memmove(p->sample_done, p->sample_done + 1,
                rest * sizeof(p->sample_done[0]));
        memmove(p->sample_time, p->sample_time + 1,
                rest * sizeof(p->sample_time[0]));
        p->samples--;
    }
    p->sample_done[p->samples] = p->done;
    p->sample_time[p->samples++] = now;
    if (now == p->sample_time[0]) {
        return 0;
    }
    return (double)(p->done - p->sample_done[0]) * (double)TN_SEC /
           (double)(now - p->sample_time[0]);
}

/* The last words of the line. */
static void
put_pace(struct progress *p, char *buf, size_t cap)
{
    char size[PROGRESS_SIZE];
    double pace = speed(p);
    int64_t still = (tn_now() - p->moved) / TN_SEC;
    int n = snprintf(buf, cap, "%s/s", progress_size((int64_t)pace, size));
    if (still >= PROGRESS_STALLED && p->done != p->total) {
        (void)snprintf(buf, cap, "stalled %d s", (int)still);
    } else if (p->total > p->done && pace >= 1) {
        double left = (double)(p->total - p->done) / pace;
        int s = left > SECONDS_MOST ? SECONDS_MOST : (int)left + 1;
        char *at = buf + n;
        if (s < 60) {
            (void)snprintf(at, cap - (size_t)n, " %d s left", s);
        } else {
            (void)snprintf(at, cap - (size_t)n, " %d:%02d:%02d left", s / 3600,
                           s / 60 % 60, s % 60);
        }
    }
}

static void
put_share(const struct progress *p, char *buf, size_t cap, bool bar)
{
    char done[PROGRESS_SIZE];
    char total[PROGRESS_SIZE];
    char marks[PROGRESS_BAR + 1];
    progress_size(p->done, done);
    if (p->total <= 0) {
        (void)snprintf(buf, cap, "%s", done);
        return;
    }
    double part = (double)p->done / (double)p->total;
    int full = (int)(part * PROGRESS_BAR);
    memset(marks, ' ', PROGRESS_BAR);
    memset(marks, '#', full < PROGRESS_BAR ? (size_t)full : PROGRESS_BAR);
    marks[PROGRESS_BAR] = '\0';
    (void)snprintf(buf, cap, "%3d%% %s%s%s%s/%s", (int)(part * 100),
                   bar ? "[" : "", bar ? marks : "", bar ? "] " : "", done,
                   progress_size(p->total, total));
}

static void
show(struct progress *p)
{
    char line[PROGRESS_LINE];
    char share[128];
    char pace[128];
    int width = columns();
    put_share(p, share, sizeof(share), width >= PROGRESS_NARROW);
    put_pace(p, pace, sizeof(pace));
    int rest = width - (int)strlen(share) - (int)strlen(pace) - 5;
    size_t name =
        tn_text_cut(p->name, strlen(p->name), rest > 0 ? (size_t)rest : 0);
    int n = snprintf(line, sizeof(line), "\r%.*s  %s  %s\x1b[K", (int)name,
                     p->name, share, pace);
    if (n > 0) {
        (void)fwrite(line, 1, (size_t)n, stderr);
    }
    p->line = true;
}

int
progress_run(void *arg)
{
    struct progress *p = arg;
    tn_task_name("progress");
    int err = 0;
    while (err == 0) {
        err = tn_sleep(between);
        if (err == 0 && p->on) {
            show(p);
        }
    }
    return 0;
}

void
progress_clear(struct progress *p)
{
    if (p->line) {
        (void)fputs("\r\x1b[K", stderr);
        p->line = false;
    }
}

void
progress_end(struct progress *p)
{
    if (p->line) {
        show(p);
        (void)fputc('\n', stderr);
    }
    p->line = p->on = false;
}
