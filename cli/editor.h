/*
 * cli/editor.h - a line that is typed while other lines arrive.
 *
 * libedit keeps the line; waiting for a key parks the task. What arrives is
 * printed above: the prompt and what was typed so far move down, unchanged.
 */
#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

#include <stddef.h>

typedef struct editor editor;

/**
 * Take the terminal.
 *
 * @param out     given (end with editor_close()); NULL on failure.
 * @param prompt  copied; at most 127 bytes.
 * @return 0; -ENOTTY if stdin or stdout is no terminal, or one that cannot
 *   move its cursor; -ENOMEM.
 */
int editor_open(editor **out, const char *prompt);

/**
 * Wait for a line.
 *
 * @param e     borrowed.
 * @param line  set to the line without its newline, borrowed until the next
 *              call.
 * @param n     its bytes.
 * @return 1; 0 at the end of input (Ctrl-D); -ECANCELED, also after
 *   editor_hide().
 * Suspends.
 */
int editor_read(editor *e, const char **line, size_t *n);

/**
 * Print lines above the one that is being typed.
 *
 * @param e     borrowed.
 * @param text  borrowed; `n` bytes, the last one a newline.
 * @param n     bytes.
 */
void editor_print(editor *e, const char *text, size_t n);

/** Take the line that is being typed off the screen for good: what follows are
    last words on stderr. NULL is harmless. */
void editor_hide(editor *e);

/** The window has another size. */
void editor_resize(editor *e);

/** The program was stopped and goes on: the terminal is ours again. */
void editor_resume(editor *e);

/** Give the terminal back; NULL is harmless. */
void editor_close(editor *e);

#endif
