/*
 * nomem.h - memory that is refused: the Nth request from now, once or for good.
 *
 *     nomem_until = 3;
 *     r = tn_framer_new(...);
 *     nomem_until = 0;
 *
 * For a test with `dependencies: nomem_dep`: the linker sends malloc(),
 * calloc(), realloc(), strdup() and strndup() of the test and of the library
 * here, not those of other libraries.
 */
#ifndef TENON_TESTS_NOMEM_H
#define TENON_TESTS_NOMEM_H

#include <stdbool.h>

extern int nomem_until;     /* counted down; the one at 1 fails; 0: none */
extern bool nomem_for_good; /* and all behind it */
extern int nomem_refused;   /* so many were; set it to 0 */
extern int nomem_asked;     /* so many came; set it to 0 */

/* This thread's are granted and not counted. */
extern _Thread_local bool nomem_spared;

/** Count a request; true if it is to be refused. For other allocators. */
bool nomem_refuses(void);

#endif
