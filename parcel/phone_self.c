/*
 * phone_self.c - our certificate is made once and kept: it is what others know
 * us by.
 */
#include "phone_self.h"

#include <tenon/err.h>
#include <tenon/task.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PEM = 16 << 10, /* bytes of the file */
    DAYS = 3650,
    ANSWER = PHONE_JSON, /* bytes of what is answered */
};

static const char file_name[] = "localsend.pem";

bool
phone_random(unsigned char *dst, size_t n)
{
    /* 256 bytes and less are never cut short once the kernel has its seed. */
    return n <= 256 && getrandom(dst, n, 0) == (ssize_t)n;
}

/* --- the certificate -------------------------------------------------------*/

static int
read_small(int fd, char **out)
{
    char *text = malloc(PEM + 1);
    ssize_t n = text ? read(fd, text, PEM) : 0;

    if (!text || n < 0) {
        int err = text ? -errno : -ENOMEM;
        free(text);
        return err;
    }
    text[n] = '\0';
    *out = text;
    return 0;
}

/* 0; -ENOENT; -EACCES: others could have read it. */
static int
load(const char *folder, char **pem)
{
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = at < 0 ? -1
                    : openat(at, file_name,
                             O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int err = fd < 0 ? -errno : 0;

    if (at >= 0) {
        close(at);
    }
    if (err < 0) {
        return err;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077) != 0) {
        err = -EACCES;
    } else {
        err = read_small(fd, pem);
    }
    close(fd);
    return err;
}

static int
write_all(int fd, const char *text)
{
    size_t n = strlen(text);
    ssize_t done = write(fd, text, n);
    int err = done == (ssize_t)n ? 0 : done < 0 ? -errno : -ENOSPC;

    if (close(fd) < 0 && err == 0) {
        err = -errno;
    }
    return err;
}

static int
save_at(int at, const char *pem)
{
    static const char fresh[] = "localsend.new";
    int fd, err;

    (void)unlinkat(at, fresh, 0);
    fd = openat(at, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                0600);
    if (fd < 0) {
        return -errno;
    }
    err = write_all(fd, pem);
    if (err == 0 && renameat(at, fresh, at, file_name) < 0) {
        err = -errno;
    }
    if (err < 0) {
        (void)unlinkat(at, fresh, 0);
    }
    return err;
}

static int
save(const char *folder, const char *pem)
{
    int at, err;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        return -errno;
    }
    at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) {
        return -errno;
    }
    err = save_at(at, pem);
    close(at);
    return err;
}

/* The fingerprint of a PEM text. */
static int
fingerprint_of(const char *pem, char dst[PHONE_FINGERPRINT + 1])
{
    unsigned char sha[TN_TLS_FINGERPRINT];
    tn_tls *tls;
    int err = tn_tls_new(&tls, TN_TLS_SERVER);

    if (err < 0) {
        return err;
    }
    err = tn_tls_certificate_pem(tls, pem, strlen(pem));
    if (err == 0) {
        err = tn_tls_fingerprint(tls, sha);
    }
    if (err == 0) {
        phone_hex(dst, sha, sizeof(sha));
    }
    tn_tls_free(tls);
    return err;
}

static int
make(struct phone_self *self, const char *state)
{
    static const char *const names[] = {"tenon"};
    int err = tn_tls_self_signed(&self->pem, names, 1, DAYS);

    if (err == 0) {
        err = fingerprint_of(self->pem, self->info.fingerprint);
    }
    if (err == 0 && state) {
        err = save(state, self->pem);
        if (err < 0) {
            err = tn_fail(err, "keep a certificate in", state);
        }
    }
    return err;
}

static int
take_certificate(struct phone_self *self, const char *state)
{
    int err = state ? load(state, &self->pem) : -ENOENT;

    if (err == 0) {
        err = fingerprint_of(self->pem, self->info.fingerprint);
        if (err == 0 || err == -ENOMEM) {
            return err;
        }
        /* What is in it is of no use: another one takes its place. */
        free(self->pem);
        self->pem = NULL;
    }
    return make(self, state);
}

int
phone_self_open(struct phone_self *self, const struct phone_opts *opts)
{
    unsigned char dice[16];
    const char *alias = opts->alias;
    int err = 0;

    memset(self, 0, sizeof(*self));
    if (!alias || alias[0] == '\0') {
        return -EINVAL;
    }
    (void)tn_text_clean(self->info.alias, sizeof(self->info.alias), alias,
                        tn_text_cut(alias, strlen(alias), PHONE_ALIAS));
    (void)snprintf(self->info.kind, sizeof(self->info.kind), "headless");
    self->info.port = PHONE_PORT;
    self->info.tls = !opts->clear;
    if (self->info.tls) {
        err = take_certificate(self, opts->state);
    } else if (phone_random(dice, sizeof(dice))) {
        phone_hex(self->info.fingerprint, dice, sizeof(dice));
    } else {
        err = -EIO;
    }
    if (err < 0) {
        phone_self_close(self);
    }
    return err;
}

void
phone_self_close(struct phone_self *self)
{
    if (self->pem) {
        explicit_bzero(self->pem, strlen(self->pem));
    }
    free(self->pem);
    self->pem = NULL;
}

int
phone_self_tls(const struct phone_self *self, enum tn_tls_role role,
               tn_tls **out)
{
    int err = tn_tls_new(out, role);

    if (err == 0 && self->pem) {
        err = tn_tls_certificate_pem(*out, self->pem, strlen(self->pem));
    }
    if (err == 0 && role == TN_TLS_SERVER) {
        err = tn_tls_ask(*out, TN_TLS_ASK_ANY);
    }
    if (err < 0) {
        tn_tls_free(*out);
        *out = NULL;
    }
    return err;
}

/* An IPv4 address that came by an IPv6 socket. */
static void
unmap(tn_addr *a)
{
    char text[INET_ADDRSTRLEN];

    if (a->u.sa.sa_family == AF_INET6 &&
        IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr) &&
        inet_ntop(AF_INET, &a->u.in6.sin6_addr.s6_addr[12], text,
                  sizeof(text))) {
        (void)!tn_addr_ip(a, text, tn_addr_port(a));
    }
}

void
phone_device_of(struct phone_device *device, const tn_addr *from,
                const struct phone_info *info)
{
    memset(device, 0, sizeof(*device));
    device->addr = *from;
    unmap(&device->addr);
    (void)!tn_addr_set_port(&device->addr, info->port);
    /* Who says nothing has the app's own setting. */
    device->tls = info->tls || !info->says_tls;
    device->tenon = info->tenon;
    memcpy(device->alias, info->alias, sizeof(device->alias));
    memcpy(device->kind, info->kind, sizeof(device->kind));
    memcpy(device->fingerprint, info->fingerprint, sizeof(device->fingerprint));
}

/* --- calls -----------------------------------------------------------------*/

static int
trust(struct phone_client *c, const struct phone_device *to)
{
    unsigned char sha[TN_TLS_FINGERPRINT];

    if (to->fingerprint[0] == '\0') {
        /* Only to learn who is there: what it says of itself, and which
           certificate it has. */
        tn_tls_insecure_no_verify(c->tls);
        return 0;
    }
    if (!phone_unhex(sha, sizeof(sha), to->fingerprint)) {
        return -EINVAL;
    }
    tn_tls_pin(c->tls, sha);
    return 0;
}

int
phone_client_open(struct phone_client *c, const struct phone_self *self,
                  const struct phone_device *to, int64_t patience)
{
    tn_httpc_opts opts = {.head_time = patience,
                          .connect_time = PHONE_CALL,
                          .tls_time = PHONE_CALL,
                          .max_redirects = -1,
                          .pool_size = PHONE_SENDS,
                          .proxy = NULL};
    char text[TN_ADDR_TEXT];
    int err = 0;

    memset(c, 0, sizeof(*c));
    (void)snprintf(c->origin, sizeof(c->origin), "%s://%s",
                   to->tls ? "https" : "http",
                   tn_addr_format(&to->addr, text, sizeof(text)));
    if (to->tls) {
        err = phone_self_tls(self, TN_TLS_CLIENT, &c->tls);
        if (err == 0) {
            err = trust(c, to);
        }
    }
    opts.tls = c->tls;
    if (err == 0) {
        err = tn_httpc_new(&c->http, &opts);
    }
    if (err < 0) {
        phone_client_close(c);
    }
    return err;
}

void
phone_client_close(struct phone_client *c)
{
    tn_httpc_free(c->http);
    tn_tls_free(c->tls);
    c->http = NULL;
    c->tls = NULL;
}

static int
read_answer(tn_fetch *f, char **text)
{
    size_t cap = 4096, n = 0;
    char *buf = malloc(cap);
    ssize_t got = buf ? 1 : -ENOMEM;

    while (got > 0) {
        got = tn_httpc_read(f, buf + n, cap - n - 1);
        n += got > 0 ? (size_t)got : 0;
        if (got > 0 && n + 1 == cap) {
            char *more = cap < ANSWER ? realloc(buf, 2 * cap) : NULL;

            got = more ? got : cap < ANSWER ? -ENOMEM : TN_ETOOBIG;
            buf = more ? more : buf;
            cap *= 2;
        }
    }
    if (got < 0) {
        free(buf);
        return (int)got;
    }
    buf[n] = '\0';
    *text = buf;
    return 0;
}

/* The certificate of who answers; nothing if the connection is gone. */
static void
look(tn_fetch *f, char seen[PHONE_FINGERPRINT + 1])
{
    tn_sock *sock = tn_httpc_sock(f);
    tn_tls_info info;

    seen[0] = '\0';
    if (sock && tn_tls_is_on(sock) && tn_tls_info_of(sock, &info) == 0 &&
        info.has_peer) {
        phone_hex(seen, info.fingerprint, sizeof(info.fingerprint));
    }
}

int
phone_client_post(const struct phone_client *c, const char *path,
                  const char *json, char **text,
                  char seen[PHONE_FINGERPRINT + 1])
{
    static const tn_http_field fields[] = {
        {{"Content-Type", 12}, {"application/json", 16}},
    };
    char url[PHONE_URL];
    tn_httpc_request req = {.method = "POST",
                            .url = url,
                            .fields = fields,
                            .field_count = json ? 1 : 0,
                            .body = json ? json : "",
                            .length = json ? (int64_t)strlen(json) : 0};
    tn_fetch *f;
    int n = snprintf(url, sizeof(url), "%s" PHONE_API "%s", c->origin, path);
    int err = n < 0 || n >= (int)sizeof(url) ? -ENAMETOOLONG
                                             : tn_httpc_open(&f, c->http, &req);
    int status;

    if (text) {
        *text = NULL;
    }
    if (err < 0) {
        return err;
    }
    if (seen) {
        look(f, seen);
    }
    status = tn_httpc_response(f)->status;
    err = text ? read_answer(f, text) : 0;
    tn_httpc_close(f);
    return err < 0 ? err : status;
}

int
phone_register(const struct phone_self *self, const struct phone_device *to,
               struct phone_info *heard)
{
    char seen[PHONE_FINGERPRINT + 1] = "";
    struct phone_client c;
    char *text = NULL, *json = phone_info_write(&self->info, PHONE_SAY_WHERE);
    int err = json ? phone_client_open(&c, self, to, PHONE_CALL) : -ENOMEM;

    if (err < 0) {
        free(json);
        return err;
    }
    err = phone_client_post(&c, "register", json, &text, seen);
    if (err == 200) {
        err = phone_info_read(heard, (tn_str){text, strlen(text)}) < 0 ? -EPROTO
                                                                       : 0;
    } else if (err >= 0) {
        err = -EPROTO;
    }
    if (err == 0 && to->tls) {
        memcpy(heard->fingerprint, seen, sizeof(seen));
    }
    free(text);
    free(json);
    phone_client_close(&c);
    return err;
}
