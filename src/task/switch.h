/*
 * switch.h - leave one stack and go on on another.
 *
 * One of switch_x86_64.S, switch_aarch64.S, switch_ucontext.c is built in.
 */
#ifndef TENON_TASK_SWITCH_H
#define TENON_TASK_SWITCH_H

/* Save where we are in *save and go on at `to`. Returns when somebody switches
   back to what was saved. */
void tn__switch(void **save, void *to);

/* Make a `to` for a fresh stack that ends (grows down from) at `top`, a
   multiple of 16: its first switch calls tn__task_main(arg). */
void *tn__switch_init(void *top, void *arg);

/* Where a fresh stack begins; never returns. In task.c. */
_Noreturn void tn__task_main(void *arg);

#endif
