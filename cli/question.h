/*
 * cli/question.h - ask the person at the terminal while other tasks run.
 *
 * The terminal is the program's own, /dev/tty: stdin may hold data. What is
 * typed is shown; for passwords there is secret.h.
 */
#ifndef CLI_QUESTION_H
#define CLI_QUESTION_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    QUESTION_LINE = 2048, /* more is no answer to any question of ours */
};

/** Tell whether somebody can be asked: there is a terminal, and the program is
    in its foreground. */
bool question_may(void);

/**
 * Ask, and wait for a line. What was typed before the question is dropped.
 *
 * @param prompt  borrowed; shown as it is.
 * @param dst     `cap` bytes; ends in NUL; the line without its end and
 *                without blanks around it.
 * @param cap     bytes; a longer line is -EMSGSIZE.
 * @return its length; -ENXIO: nobody can be asked; -ENODATA: the end of input
 *   (Ctrl-D); -EMSGSIZE; -ECANCELED; -ETIME. Suspends.
 */
ssize_t question_ask(const char *prompt, char *dst, size_t cap);

#endif
