/*
 * cli/editor.h - a line that is typed while other lines arrive.
 *
 * libedit keeps the line; waiting for a key parks the task. What arrives is
 * printed above: the prompt and what was typed so far move down, unchanged.
 */
#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

enum editor_limit {
    EDITOR_PROMPT = 256, /* bytes of a prompt */
    EDITOR_WORD = 512,   /* bytes of a word that is offered */
    EDITOR_LIST = 2048,  /* bytes of all that are; "..." stands for the rest */
};

typedef struct editor editor;

/* What the word before the cursor may become. */
struct editor_offer {
    const char *typed; /* so far */
    size_t typed_len;
    int count;
    bool open;                /* more of the word may follow: a folder */
    char common[EDITOR_WORD]; /* how all of them begin */
    char list[EDITOR_LIST];
};

/* Offers words for the end of a line of `n` bytes, in editor_begin() and
   editor_add(); may not suspend. */
typedef void editor_complete(void *arg, const char *line, size_t n,
                             struct editor_offer *offer);

/**
 * Take the terminal.
 *
 * @param out     given (end with editor_close()); NULL on failure.
 * @param prompt  copied; cut at EDITOR_PROMPT.
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

/** Change the prompt. */
void editor_prompt(editor *e, const char *prompt);

/** Have TAB complete words. */
void editor_on_tab(editor *e, editor_complete *fn, void *arg);

/** Begin an offer: `typed` is what the word has so far, borrowed. */
void editor_begin(struct editor_offer *o, const char *typed, size_t n);

/** Offer a word, if it begins as what was typed; ASCII letters of either case
    are the same. */
void editor_add(struct editor_offer *o, const char *word);

/** The window has another size. */
void editor_resize(editor *e);

/** The program was stopped and goes on: the terminal is ours again. */
void editor_resume(editor *e);

/** Give the terminal back; NULL is harmless. */
void editor_close(editor *e);

#endif
