#include "nomem.h"

#include <stddef.h>
#include <string.h>

int nomem_until, nomem_refused, nomem_asked;
bool nomem_for_good;
_Thread_local bool nomem_spared;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n);

bool
nomem_refuses(void)
{
    if (nomem_spared) {
        return false;
    }
    nomem_asked++;
    if (nomem_until > 0 && --nomem_until == 0) {
        nomem_until = nomem_for_good;
        nomem_refused++;
        return true;
    }
    return false;
}

void *
__wrap_malloc(size_t n)
{
    return nomem_refuses() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t count, size_t n)
{
    return nomem_refuses() ? NULL : __real_calloc(count, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
    return nomem_refuses() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
    return nomem_refuses() ? NULL : __real_strdup(s);
}

char *
__wrap_strndup(const char *s, size_t n)
{
    return nomem_refuses() ? NULL : __real_strndup(s, n);
}
