/*
 * cli/progress.h - how far long work is, on a terminal.
 *
 *     film.mkv  42% [########            ] 4.2M/10.0M 1.2M/s 5 s left
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROGRESS_NAME = 256,
    PROGRESS_SAMPLES = 20, /* what the speed is the mean of: five seconds */
    PROGRESS_SIZE = 16,    /* room for "1023.9M" */
};

struct progress {
    bool on;   /* somebody can see it */
    bool line; /* one is on the screen, unfinished */
    char name[PROGRESS_NAME];
    int64_t done, total; /* bytes; total -1: not known */
    int64_t moved;       /* when the last bytes came, ns */
    int64_t started;
    int samples;
    int64_t sample_done[PROGRESS_SAMPLES], sample_time[PROGRESS_SAMPLES];
};

/** Begin; nothing is ever shown unless stderr is a terminal and `wanted`. */
void progress_start(struct progress *p, const char *name, bool wanted);

/** Give it another name: the next one of many files. */
void progress_name(struct progress *p, const char *name);

/** Tell how far it is. */
void progress_at(struct progress *p, int64_t done, int64_t total);

/** Show it now and then, until cancelled: a task, arg is the progress. */
int progress_run(void *arg);

/** Take the line away, for words; it comes again. */
void progress_clear(struct progress *p);

/** Show the last state and end the line. */
void progress_end(struct progress *p);

/** Write a number of bytes for people, "17 B" or "4.2M". */
const char *progress_size(int64_t bytes, char buf[PROGRESS_SIZE]);

#endif
