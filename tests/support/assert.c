/*
 * assert.c - assertions: print where and what, then end this test's process.
 */
#include <tenon/err.h>

#include "runner_int.h"
#include "test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct runner_shared *runner_shared;

/* _exit, not exit: the caller may stand on a task's stack or in a thread. */
static _Noreturn void
end(int status)
{
    fflush(NULL);
    _exit(status);
}

_Noreturn void
test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    end(RUNNER_EXIT_FAIL);
}

_Noreturn void
test_skip(const char *reason)
{
    snprintf(runner_shared->skip_reason, sizeof(runner_shared->skip_reason),
             "%s", reason);
    end(RUNNER_EXIT_SKIP);
}

void
test_compare(enum test_how how, intmax_t a, intmax_t b, const char *text,
             const char *file, int line)
{
    const bool holds[] = {
        [TEST_EQ] = a == b,
        [TEST_NE] = a != b,
        [TEST_LE] = a <= b,
        [TEST_GE] = a >= b,
    };

    if (!holds[how]) {
        test_fail(file, line, "%s is false: %" PRIdMAX " and %" PRIdMAX, text,
                  a, b);
    }
}

void
test_streq(const char *a, const char *b, const char *text, const char *file,
           int line)
{
    if (a == NULL || b == NULL ? a != b : strcmp(a, b) != 0) {
        test_fail(file, line, "%s is false:\n  \"%s\"\n  \"%s\"", text,
                  a ? a : "(null)", b ? b : "(null)");
    }
}

static void
print_hex(const char *label, const uint8_t *bytes, size_t from, size_t to)
{
    fprintf(stderr, "  %s", label);
    for (size_t i = from; i < to; i++) {
        fprintf(stderr, " %02x", bytes[i]);
    }
    fputc('\n', stderr);
}

void
test_memeq(const void *a, const void *b, size_t n, const char *text,
           const char *file, int line)
{
    const uint8_t *left = a, *right = b;
    size_t at = 0;

    while (at < n && left[at] == right[at]) {
        at++;
    }
    if (at == n) {
        return;
    }
    size_t from = at < 4 ? 0 : at - 4;
    size_t to = n - at < 12 ? n : at + 12;
    fprintf(stderr, "bytes %zu to %zu of %zu:\n", from, to, n);
    print_hex("left ", left, from, to);
    print_hex("right", right, from, to);
    test_fail(file, line, "%s is false: differs at byte %zu", text, at);
}

/* tn_strerror() takes int; a count that is no code at all has no text. */
static const char *
error_text(intmax_t value)
{
    return value < 0 && value > INT32_MIN ? tn_strerror((int)value)
                                          : "no error";
}

intmax_t
test_ok(intmax_t value, const char *text, const char *file, int line)
{
    if (value < 0) {
        test_fail(file, line, "%s failed: %s (%" PRIdMAX ")", text,
                  error_text(value), value);
    }
    return value;
}

void
test_err(intmax_t value, intmax_t err, const char *text, const char *file,
         int line)
{
    if (value != err) {
        test_fail(file, line,
                  "%s gave %" PRIdMAX " (%s), not %" PRIdMAX " (%s)", text,
                  value, error_text(value), err, error_text(err));
    }
}
