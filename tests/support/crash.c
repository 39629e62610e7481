/*
 * crash.c - a program that is killed at the worst moment, for one that does not
 * know of it.
 *
 * Preloaded, it ends the program at the rename of an upload that may be
 * continued, before it or behind it, if TENON_CRASH says "before" or "behind".
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) long syscall(long number, ...);

static void
crash_if(const char *moment)
{
    const char *wanted = getenv("TENON_CRASH");

    if (wanted != NULL && strcmp(wanted, moment) == 0) {
        (void)kill(getpid(), SIGKILL);
        (void)pause();
    }
}

long
syscall(long number, ...)
{
    static long (*real)(long number, ...);
    long arg[6], result;
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        arg[i] = va_arg(args, long);
    }
    va_end(args);
    if (real == NULL) {
        /* POSIX's own way round what C says of functions and pointers. */
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    }
    if (number == SYS_renameat2) {
        crash_if("before");
    }
    result = real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    if (number == SYS_renameat2 && result == 0) {
        crash_if("behind");
    }
    return result;
}
