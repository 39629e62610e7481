/*
 * err.c - codes into words, and the story of the last failure.
 */
#include "base/base.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

struct err_text {
    int code;
    const char *name;
    const char *text;
};

/* The system errors that people meet, in the words of this project; the rest
   come from the C library. */
static const struct err_text system_errors[] = {
    {-EACCES, "EACCES", "permission denied"},
    {-EADDRINUSE, "EADDRINUSE", "address already in use"},
    {-EADDRNOTAVAIL, "EADDRNOTAVAIL", "not an address of this machine"},
    {-EAFNOSUPPORT, "EAFNOSUPPORT", "address family not supported"},
    {-EAGAIN, "EAGAIN", "would have to wait"},
    {-EALREADY, "EALREADY", "already under way"},
    {-EBADF, "EBADF", "the socket is closed"},
    {-EBADMSG, "EBADMSG", "the message is malformed"},
    {-EBUSY, "EBUSY", "another task is at it"},
    {-ECANCELED, "ECANCELED", "cancelled"},
    {-ECONNABORTED, "ECONNABORTED", "connection aborted"},
    {-ECONNREFUSED, "ECONNREFUSED", "connection refused"},
    {-ECONNRESET, "ECONNRESET", "connection reset by peer"},
    {-EDEADLK, "EDEADLK", "already inside a loop"},
    {-EDESTADDRREQ, "EDESTADDRREQ", "no address to send to"},
    {-EDOM, "EDOM", "out of the option's range"},
    {-EEXIST, "EEXIST", "exists already"},
    {-EFAULT, "EFAULT", "bad address in memory"},
    {-EHOSTDOWN, "EHOSTDOWN", "host is down"},
    {-EHOSTUNREACH, "EHOSTUNREACH", "host unreachable"},
    {-EINPROGRESS, "EINPROGRESS", "under way"},
    {-EINTR, "EINTR", "interrupted by a signal"},
    {-EINVAL, "EINVAL", "invalid argument"},
    {-EIO, "EIO", "input/output error"},
    {-EISCONN, "EISCONN", "already connected"},
    {-EISDIR, "EISDIR", "is a directory"},
    {-EMFILE, "EMFILE", "out of file descriptors"},
    {-EMSGSIZE, "EMSGSIZE", "message too long"},
    {-ENAMETOOLONG, "ENAMETOOLONG", "name too long"},
    {-ENETDOWN, "ENETDOWN", "network is down"},
    {-ENETUNREACH, "ENETUNREACH", "network unreachable"},
    {-ENFILE, "ENFILE", "the system is out of file descriptors"},
    {-ENOBUFS, "ENOBUFS", "no buffer space"},
    {-ENODEV, "ENODEV", "no such device"},
    {-ENOENT, "ENOENT", "no such file or directory"},
    {-ENOMEM, "ENOMEM", "out of memory"},
    {-ENOPROTOOPT, "ENOPROTOOPT", "no such option"},
    {-ENOSPC, "ENOSPC", "no space left on device"},
    {-ENOSYS, "ENOSYS", "not in this kernel"},
    {-ENOTCONN, "ENOTCONN", "not connected"},
    {-ENOTDIR, "ENOTDIR", "not a directory"},
    {-ENOTSOCK, "ENOTSOCK", "not a socket"},
    {-EOPNOTSUPP, "EOPNOTSUPP", "not supported here"},
    {-EPERM, "EPERM", "not permitted"},
    {-EPIPE, "EPIPE", "the other side has closed"},
    {-EPROTO, "EPROTO", "protocol error"},
    {-EPROTONOSUPPORT, "EPROTONOSUPPORT", "protocol not supported"},
    {-ERANGE, "ERANGE", "out of range"},
    {-EROFS, "EROFS", "read-only file system"},
    {-ESHUTDOWN, "ESHUTDOWN", "shut down"},
    {-ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT", "socket type not supported"},
    {-ETIME, "ETIME", "timed out"},
    {-ETIMEDOUT, "ETIMEDOUT", "the connection timed out"},
    {-ETOOMANYREFS, "ETOOMANYREFS", "too many descriptors in flight"},
    {-EXDEV, "EXDEV", "across file systems"},
#define TN_ERR_ROW(name, value, text) {value, #name, text},
    TN_ERR_TABLE(TN_ERR_ROW)
#undef TN_ERR_ROW
};

_Thread_local struct tn__why *tn__why_here;

static _Thread_local struct tn__why thread_why;

static const struct err_text *
find(int err)
{
    size_t n = sizeof(system_errors) / sizeof(system_errors[0]);

    for (size_t i = 0; i < n; i++) {
        if (system_errors[i].code == err) {
            return &system_errors[i];
        }
    }
    return NULL;
}

const char *
tn_strerror(int err)
{
    const struct err_text *e = find(err);
    const char *text;

    if (err >= 0) {
        return "success";
    }
    if (e) {
        return e->text;
    }
    text = err > -4096 ? strerrordesc_np(-err) : NULL;
    return text ? text : "unknown error";
}

const char *
tn_err_name(int err)
{
    const struct err_text *e = find(err);
    const char *name;

    if (err >= 0) {
        return "OK";
    }
    if (e) {
        return e->name;
    }
    name = err > -4096 ? strerrorname_np(-err) : NULL;
    return name ? name : "?";
}

static struct tn__why *
here(void)
{
    return tn__why_here ? tn__why_here : &thread_why;
}

void
tn__why_inherit(struct tn__why *heir, const struct tn__why *from, int err)
{
    heir = heir ? heir : &thread_why;
    if (from->err == err) {
        *heir = *from;
    } else if (err < 0) {
        /* Returned without a word: the code at least is known. */
        *heir = (struct tn__why){.err = err, .op = "task"};
    }
}

int
tn__fail(int err, const char *op, int type, const tn_addr *addr)
{
    struct tn__why *why = here();

    if (err == -EAGAIN) {
        return err;
    }
    why->err = err;
    why->op = op;
    why->type = type;
    if (addr) {
        memcpy(&why->u.addr, addr, offsetof(tn_addr, u) + addr->len);
    } else {
        why->u.addr.len = 0;
    }
    return err;
}

int
tn_fail(int err, const char *what, const char *with)
{
    struct tn__why *why = here();

    why->err = err;
    why->type = TN__WHY_TEXT;
    why->op = NULL;
    snprintf(why->u.text.what, sizeof(why->u.text.what), "%s", what);
    snprintf(why->u.text.with, sizeof(why->u.text.with), "%s",
             with ? with : "");
    return err;
}

int
tn__fail_text(int err, const char *sentence)
{
    struct tn__why *why = here();

    why->err = err;
    why->type = TN__WHY_WHOLE;
    why->op = NULL;
    snprintf(why->u.whole, sizeof(why->u.whole), "%s", sentence);
    return err;
}

/* "tcp ", "udp ", ... as Go's net package names them; the address of a Unix
   socket says of itself what it is. */
static const char *
kind(const struct tn__why *why)
{
    int family = why->u.addr.len ? why->u.addr.u.sa.sa_family : AF_UNSPEC;

    if (family == AF_UNIX) {
        return "";
    }
    switch (why->type) {
    case SOCK_STREAM:
        return "tcp ";
    case SOCK_DGRAM:
        return "udp ";
    case SOCK_RAW:
        return "raw ";
    default:
        return "socket ";
    }
}

const char *
tn_why(void)
{
    static _Thread_local char text[384];
    const struct tn__why *why = here();
    char addr[TN_ADDR_TEXT];

    if (why->err == 0) {
        return "no failure";
    }
    if (why->type == TN__WHY_WHOLE) {
        snprintf(text, sizeof(text), "%s", why->u.whole);
    } else if (why->type == TN__WHY_TEXT) {
        snprintf(text, sizeof(text), "%s%s%s: %s", why->u.text.what,
                 why->u.text.with[0] ? " " : "", why->u.text.with,
                 tn_strerror(why->err));
    } else if (why->u.addr.len == 0) {
        snprintf(text, sizeof(text), "%s: %s", why->op, tn_strerror(why->err));
    } else {
        tn_addr_format(&why->u.addr, addr, sizeof(addr));
        snprintf(text, sizeof(text), "%s %s%s: %s", why->op, kind(why), addr,
                 tn_strerror(why->err));
    }
    return text;
}
