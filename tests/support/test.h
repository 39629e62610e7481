/*
 * test.h - unit tests that list themselves and cannot hurt each other.
 *
 *     TEST(recv_gives_zero_at_the_end)
 *     {
 *         EQ(tn_recv(sock, buf, sizeof(buf)), 0);
 *     }
 *
 * That is all: the linker collects the tests, main() is in runner.c. Each test
 * runs in a child of its own, with a time limit, in its own process group, and
 * must leave as many descriptors open as it found. A failed assertion ends
 * that test only, from any thread and from any task's stack. Output is TAP;
 * what a test printed is shown when it fails, and lines that begin with "# "
 * when it passes.
 *
 * PROGRAM [-l] [-n] [NAME...]: -l lists, -n runs in this process for gdb,
 * NAME is "name", "name/param" or, for every parameter, "name".
 */
#ifndef TENON_TEST_H
#define TENON_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One row of the table that TEST_EACH() is stamped over. */
struct test_param {
    const char *name; /* after the slash: "recv/epoll" */
    int value[4];     /* whatever the test wants: family, type, ... */
    const void *data;
};

struct test_case {
    const char *name, *file;
    int line, seconds;
    void (*plain)(void);
    void (*each)(const struct test_param *p);
    const struct test_param *params;
    size_t param_count;
};

/* A default that is long for a test and short for a person, in seconds. */
#define TEST_SECONDS 10

#define TEST(id) TEST_TIMEOUT(id, TEST_SECONDS)

#define TEST_TIMEOUT(id, limit)                                                \
    static void test_##id(void);                                               \
    TEST_LIST(id) = {.name = #id,                                              \
                     .file = __FILE__,                                         \
                     .line = __LINE__,                                         \
                     .seconds = (limit),                                       \
                     .plain = test_##id};                                      \
    TEST_COLLECT(id);                                                          \
    static void test_##id(void)

/* The body gets `const struct test_param *p`; `table` is an array of them. */
#define TEST_EACH(id, table) TEST_EACH_TIMEOUT(id, table, TEST_SECONDS)

#define TEST_EACH_TIMEOUT(id, table, limit)                                    \
    static void test_##id(const struct test_param *p);                         \
    TEST_LIST(id) = {.name = #id,                                              \
                     .file = __FILE__,                                         \
                     .line = __LINE__,                                         \
                     .seconds = (limit),                                       \
                     .each = test_##id,                                        \
                     .params = (table),                                        \
                     .param_count = sizeof(table) / sizeof((table)[0])};       \
    TEST_COLLECT(id);                                                          \
    static void test_##id(const struct test_param *p)

/* Pointers in a section of our own: no padding, whatever the struct is. */
#define TEST_LIST(id) static const struct test_case test_case_##id
#define TEST_COLLECT(id)                                                       \
    static const struct test_case *const test_entry_##id                       \
        __attribute__((section("tenon_tests"), used)) = &test_case_##id

/* --- assertions: each evaluates its arguments once ----------------------- */

#define CHECK(cond)                                                            \
    ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "%s is false", #cond))

/* Print a sentence and fail. */
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* End this test as skipped: SKIP("no IPv6 here"). */
#define SKIP(reason) test_skip(reason)

/* What the emulator of `make arm64` does not do as a kernel does. */
#define SKIP_UNDER_QEMU(what)                                                  \
    do {                                                                       \
        if (getenv("TENON_QEMU")) {                                            \
            SKIP("qemu-user does not emulate " what);                          \
        }                                                                      \
    } while (0)

/* Integers, compared as intmax_t; both are printed. */
#define EQ(a, b) TEST_COMPARE(a, b, TEST_EQ, "==")
#define NE(a, b) TEST_COMPARE(a, b, TEST_NE, "!=")
#define LE(a, b) TEST_COMPARE(a, b, TEST_LE, "<=")
#define GE(a, b) TEST_COMPARE(a, b, TEST_GE, ">=")
#define TEST_COMPARE(a, b, how, sign)                                          \
    test_compare(how, (intmax_t)(a), (intmax_t)(b), #a " " sign " " #b,        \
                 __FILE__, __LINE__)

#define STREQ(a, b) test_streq((a), (b), #a " == " #b, __FILE__, __LINE__)
#define MEMEQ(a, b, n)                                                         \
    test_memeq((a), (b), (n), #a " == " #b, __FILE__, __LINE__)

/* A call that must succeed; its value is the value of the call. */
#define OK(expr) test_ok((intmax_t)(expr), #expr, __FILE__, __LINE__)

/* A call that must fail with just this code: ERR(tn_recv(...), -ETIME). */
#define ERR(expr, err)                                                         \
    test_err((intmax_t)(expr), (intmax_t)(err), #expr, __FILE__, __LINE__)

/* --- helpers ------------------------------------------------------------- */

/* A folder of this test's own, made at the first call, removed afterwards.
   Short enough for a socket address. */
const char *test_dir(void);

/* True where TENON_TEST_SLOW asks for the long version of a test. */
bool test_slow(void);

/* How much slower than usual this run is: 10 under sanitizers. */
int test_scale(void);

/* Run `fn` after the body, before descriptors are counted; the last registered
   runs first. At most 8. Not after a failure: then the process just ends. */
void test_cleanup(void (*fn)(void *arg), void *arg);

/* A copy of `n` bytes whose last byte is followed by an unreadable page. */
uint8_t *guard_copy(const void *data, size_t n);

/* `n` bytes of zero before an unreadable page, to write into. */
uint8_t *guard_alloc(size_t n);

/* Give back what either of the two returned for the same `n`. */
void guard_free(uint8_t *copy, size_t n);

/* Run a function in a thread. Each start wants one join. */
struct test_thread *test_thread_start(void (*fn)(void *arg), void *arg);
void test_thread_join(struct test_thread *thread);

/* --- what the macros call ------------------------------------------------ */

enum test_how { TEST_EQ, TEST_NE, TEST_LE, TEST_GE };

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *reason);
void test_compare(enum test_how how, intmax_t a, intmax_t b, const char *text,
                  const char *file, int line);
void test_streq(const char *a, const char *b, const char *text,
                const char *file, int line);
void test_memeq(const void *a, const void *b, size_t n, const char *text,
                const char *file, int line);
intmax_t test_ok(intmax_t value, const char *text, const char *file, int line);
void test_err(intmax_t value, intmax_t err, const char *text, const char *file,
              int line);

#endif
