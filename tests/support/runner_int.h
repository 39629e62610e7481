/*
 * runner_int.h - what the files of the test runner share.
 */
#ifndef TENON_RUNNER_INT_H
#define TENON_RUNNER_INT_H

#include <stddef.h>

/* What the exit status of a child cannot say. Shared memory. */
struct runner_shared {
    int finished; /* the body returned: it did not call exit() itself */
    char skip_reason[200];
};

extern struct runner_shared *runner_shared;

enum { RUNNER_EXIT_FAIL = 1, RUNNER_EXIT_SKIP = 77 };

/* Say where test_dir() is for test `number`: a folder below `base`. */
void runner_dir_set(const char *base, int number);

/* Remove what test_dir() made for the current test. */
void runner_dir_remove(void);

/* Run what test_cleanup() collected. */
void runner_cleanup(void);

/* Write the open descriptors as " 0 1 2 5", in order; return how many. */
int runner_fds(char *text, size_t cap);

#endif
