/*
 * test_unix_name.c - names of Unix sockets are bytes, not strings.
 */
#include "core.h"

#include <sys/mman.h>

TEST(a_name_that_is_too_long_is_not_read_further)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tn_addr a;

    CHECK(two != MAP_FAILED);
    OK(mprotect(two + page, page, PROT_NONE));
    memset(two, 'x', page);
    ERR(tn_addr_unix(&a, two + page - 120, 120), -ENAMETOOLONG);
    STREQ(tn_why() + strlen(tn_why()) - 16, "x: name too long");
    OK(tn_addr_unix(&a, two + page - 107, 107));
    two[page - 108] = '@';
    OK(tn_addr_unix(&a, two + page - 108, 108));
    OK(munmap(two, 2 * page));
}
