/*
 * job.h - work for a worker thread, that nobody leaves half-way.
 */
#ifndef PARCEL_JOB_H
#define PARCEL_JOB_H

/** Run `fn(arg)` in a worker and wait until it ended, whatever is cancelled
    meanwhile: it may use what is the caller's. So `fn` does a bounded portion.
    What it returns; -ENOMEM, -EAGAIN: it was not begun. Suspends. */
int job_run(int (*fn)(void *arg), void *arg);

/** Bring what was written to a file, or a folder's entries, onto the disk. It
    takes as long as the disk likes; who is cancelled does not wait. `whole`:
    all of the file system instead. 0; what fsync(2) says; -ECANCELED, -ETIME.
    Suspends. */
int job_sync(int fd, _Bool whole);

#endif
