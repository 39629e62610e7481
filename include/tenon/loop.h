/*
 * tenon/loop.h - a loop seen from outside: threads, workers, signals.
 *
 * One loop per thread; tasks never change thread. Other threads hand work in
 * with tn_post(). What would block the thread goes to a worker: tn_offload().
 * A signal is something that a task waits for.
 *
 * Errors:  negative codes of err.h.
 * Threads: each function says who may call it.
 * Next:    task.h for what runs inside.
 */
#ifndef TENON_LOOP_H
#define TENON_LOOP_H

#include <tenon/task.h>

typedef struct tn_loop tn_loop;

TN_BEGIN_DECLS

/**
 * Run one loop in each of `n` threads, the caller's being the first.
 *
 * The first loop whose root task fails cancels the root tasks of the others.
 *
 * @param opts  borrowed; NULL for the defaults; for every loop.
 * @param n     1 to 256.
 * @param fn    the root task of each; `index` is 0 to n - 1.
 * @param arg   borrowed until return.
 * @return the first negative result, else the result of loop 0; -EINVAL; as
 *   tn_run(); -EAGAIN if a thread could not be made.
 * @suspends   no; blocks until all loops ended.
 * @thread     any thread that runs no loop.
 * @see        pthread_create(3); SO_REUSEPORT in socket(7).
 */
TN_API TN_USE int tn_run_threads(const tn_opts *opts, int n,
                                 int (*fn)(int index, void *arg), void *arg);

/**
 * Return the loop of the calling task, so that other threads can reach it.
 *
 * @return borrowed until its tn_run() returns; NULL in a plain thread.
 * @suspends   no.
 * @thread     any.
 * @see        Python asyncio.get_running_loop.
 */
TN_API tn_loop *tn_loop_self(void);

/**
 * Have a function run on a loop's thread, between tasks.
 *
 * @param loop  borrowed; its tn_run() must not have returned.
 * @param fn    must not suspend; it may cancel, start tasks, fill a channel.
 * @param arg   borrowed until `fn` ran.
 * @return 0; -ESHUTDOWN if the loop is ending; -EAGAIN if 65,536 wait already;
 *   -ENOMEM.
 * @suspends   no.
 * @thread     any.
 * @see        Python loop.call_soon_threadsafe.
 */
TN_API TN_USE int tn_post(tn_loop *loop, void (*fn)(void *), void *arg);

/**
 * Cancel the root task of a loop.
 *
 * @param loop  borrowed; its tn_run() must not have returned.
 * @return as tn_post().
 * @suspends   no.
 * @thread     any.
 * @see        Python loop.stop.
 */
TN_API int tn_loop_stop(tn_loop *loop);

/**
 * Run a function on a worker thread and wait for it.
 *
 * A function under way cannot be stopped: if the caller is cancelled, it
 * leaves and the function finishes on its own copy of the data, which is wiped
 * in the end.
 *
 * @param fn    must not call what suspends.
 * @param data  copied in before and out after; no pointers into the caller's
 *              frame; may be NULL.
 * @param size  bytes of data; 0 to 64 KiB.
 * @return what `fn` returned; -ECANCELED or -ETIME, data untouched; -ENOMEM;
 *   -EINVAL; -EAGAIN if no worker could be started.
 * @suspends   yes; a plain thread calls `fn` itself.
 * @thread     any.
 * @see        Python asyncio.to_thread.
 */
TN_API TN_USE int tn_offload(int (*fn)(void *data), void *data, size_t size);

typedef struct tn_signals tn_signals;

/**
 * Take signals out of the program's way, to wait for them.
 *
 * They are blocked in the calling thread; other threads should block them
 * too, before they are made. No handler is installed.
 *
 * @param out    given (end with tn_signals_close()); NULL on failure.
 * @param signo  borrowed; `n` signal numbers.
 * @param n      1 to 16.
 * @return 0; -EINVAL; -EMFILE; -ENOMEM.
 * @suspends   no.
 * @thread     any; the result is the caller's.
 * @see        signalfd(2); Python loop.add_signal_handler.
 */
TN_API TN_USE int tn_signals_open(tn_signals **out, const int *signo, int n);

/**
 * Wait for the next signal.
 *
 * @param sigs  borrowed.
 * @return its number; -ECANCELED; -ETIME; -EBUSY: another task waits;
 *   -EOPNOTSUPP in the simulator.
 * @suspends   yes.
 * @thread     the one that opened it.
 * @see        sigwaitinfo(2); Python signal.sigwait.
 */
TN_API TN_USE int tn_signals_wait(tn_signals *sigs);

/**
 * Give the signals back: those that were not blocked before are not again.
 *
 * @param sigs  taken; nobody may be waiting; NULL is harmless.
 * @suspends   no.
 * @thread     the one that opened it.
 * @see        sigprocmask(2).
 */
TN_API void tn_signals_close(tn_signals *sigs);

/**
 * Ask a hook whenever a signal interrupts a call in a plain thread.
 *
 * By default such a call goes on with the time that is left.
 *
 * @param hook  returns true to make the call return -EINTR; NULL for none. It
 *              runs on the interrupted thread, outside the signal handler.
 * @param arg   handed to it; borrowed until the hook is replaced.
 * @suspends   no.
 * @thread     any; the hook is the calling thread's own.
 * @see        PEP 475; Python's PyErr_CheckSignals.
 */
TN_API void tn_on_interrupt(bool (*hook)(void *arg), void *arg);

/**
 * Have a stack overflow of a task reported by name before the program dies.
 *
 * Installs a SIGSEGV handler, which passes every other fault on to the one
 * before. The library does so only here, on request.
 *
 * @return 0; -ENOMEM; the code of sigaction(2).
 * @suspends   no.
 * @thread     any; loops that other threads run already are not covered.
 * @see        sigaltstack(2).
 */
TN_API int tn_report_overflow(void);

TN_END_DECLS

#endif
