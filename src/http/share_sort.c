/*
 * share_sort.c - names in the order in which people look for them.
 */
#include "http/share_pure.h"

#include <string.h>

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : (unsigned char)c;
}

/* Compare two runs of digits by value, of any length; moves behind them. */
static int
compare_digits(const char **a, const char **b)
{
    size_t n = 0;
    size_t m = 0;
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    while (is_digit((*a)[n])) {
        n++;
    }
    while (is_digit((*b)[m])) {
        m++;
    }
    int order = n != m ? (n < m ? -1 : 1) : memcmp(*a, *b, n);
    *a += n;
    *b += m;
    return order;
}

int
tn__name_compare(const char *a, const char *b)
{
    const char *x = a;
    const char *y = b;
    while (*x && *y) {
        int order;
        if (is_digit(*x) && is_digit(*y)) {
            order = compare_digits(&x, &y);
        } else {
            order = lower(*x++) - lower(*y++);
        }
        if (order != 0) {
            return order;
        }
    }
    if (*x || *y) {
        return *x ? 1 : -1;
    }
    return strcmp(a, b); /* no two names are equal */
}
