/*
 * cli/secret.h - a password or code from the terminal or a file: from anywhere
 * but the command line, where every user of the machine could read it.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include <sys/types.h>

/**
 * Ask on the terminal, without showing what is typed.
 *
 * @param prompt  "Room code: ".
 * @param dst     `cap` bytes; ends in NUL.
 * @param cap     bytes.
 * @return its length; -EINTR: Ctrl-C; -ENXIO: there is no terminal; what
 *   open(2) and read(2) say.
 */
ssize_t secret_ask(const char *prompt, char *dst, size_t cap);

/**
 * Read the first line of a file.
 *
 * @param path  "-" is stdin.
 * @param dst   `cap` bytes; ends in NUL.
 * @param cap   bytes.
 * @return its length; what open(2) and read(2) say.
 */
ssize_t secret_of_file(const char *path, char *dst, size_t cap);

#endif
