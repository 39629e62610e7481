/*
 * tenon/chan.h - bounded queues that pass values between tasks of one loop.
 *
 *     tn_chan *c;
 *     tn_chan_new(&c, sizeof(int), 16);
 *     tn_chan_send(c, &value);       waits while it is full
 *     tn_chan_recv(c, &value);       waits while it is empty
 *
 * Capacity 0 hands a value over from task to task.
 *
 * Errors:  negative codes of err.h. -EPIPE: the channel is closed (and, for a
 *          receiver, empty).
 * Threads: tasks of one loop. From other threads: tn_post() of loop.h.
 * Next:    task.h.
 */
#ifndef TENON_CHAN_H
#define TENON_CHAN_H

#include <tenon/api.h>

typedef struct tn_chan tn_chan;

TN_BEGIN_DECLS

/**
 * Create a channel.
 *
 * @param out   given (end with tn_chan_free()); NULL on failure.
 * @param size  bytes of a value, 1 to 4096.
 * @param cap   values it holds, 0 to 1,048,576.
 * @return 0; -EINVAL; -ENOMEM.
 * @suspends   no.
 * @thread     any.
 * @see        Python asyncio.Queue; Go's make(chan).
 */
TN_API TN_USE int tn_chan_new(tn_chan **out, size_t size, size_t cap);

/**
 * Put a value in; wait while there is no room.
 *
 * @param c      borrowed.
 * @param value  borrowed until return; copied.
 * @return 0; -EPIPE (closed); -ECANCELED or -ETIME: it was not put in.
 * @suspends   yes, if there is no room.
 * @thread     a task.
 * @see        Python Queue.put.
 */
TN_API TN_USE int tn_chan_send(tn_chan *c, const void *value);

/**
 * Put a value in if there is room or a receiver waits.
 *
 * @param c      borrowed.
 * @param value  borrowed until return; copied.
 * @return 0; -EAGAIN (full); -EPIPE (closed).
 * @suspends   no.
 * @thread     the loop's: a task or a function given to tn_post().
 * @see        Python Queue.put_nowait.
 */
TN_API TN_USE int tn_chan_try_send(tn_chan *c, const void *value);

/**
 * Take the oldest value; wait while there is none.
 *
 * @param c      borrowed.
 * @param value  room for one.
 * @return 0; -EPIPE (closed and empty); -ECANCELED or -ETIME: none was taken.
 * @suspends   yes, if it is empty.
 * @thread     a task.
 * @see        Python Queue.get.
 */
TN_API TN_USE int tn_chan_recv(tn_chan *c, void *value);

/**
 * Take the oldest value if there is one.
 *
 * @param c      borrowed.
 * @param value  room for one.
 * @return 0; -EAGAIN (empty); -EPIPE (closed and empty).
 * @suspends   no.
 * @thread     the loop's.
 * @see        Python Queue.get_nowait.
 */
TN_API TN_USE int tn_chan_try_recv(tn_chan *c, void *value);

/**
 * Return how many values wait.
 *
 * @param c  borrowed.
 * @return 0 to its capacity.
 * @suspends   no.
 * @thread     the loop's.
 * @see        Python Queue.qsize.
 */
TN_API size_t tn_chan_len(const tn_chan *c);

/**
 * Refuse further values; wake all who wait to send or find it empty.
 *
 * @param c  borrowed.
 * @suspends   no.
 * @thread     the loop's.
 * @see        Go's close.
 */
TN_API void tn_chan_close(tn_chan *c);

/**
 * Release a channel and the values in it.
 *
 * @param c  taken; nobody may be waiting on it; NULL is harmless.
 * @suspends   no.
 * @thread     the loop's.
 * @see        tn_chan_new().
 */
TN_API void tn_chan_free(tn_chan *c);

TN_END_DECLS

#endif
