/*
 * addr_int.h - what resolve.c knows of addr.c.
 */
#ifndef TENON_SOCK_ADDR_INT_H
#define TENON_SOCK_ADDR_INT_H

#include <tenon/addr.h>

/* tn_addr_ip() for a port that is right, without a record of what is no
   number: it may be a name. */
int tn__addr_number(tn_addr *a, const char *ip, int port);

#endif
