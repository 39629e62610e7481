#include "beacon_host.h"

#include <tenon/err.h>

#include "beacon_tool.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- routes and ports ------------------------------------------------------*/

bool
doctor_read_route(const char *text, char interface[TN_IF_NAME])
{
    bool found = false;

    for (const char *p = text; p != NULL && *p != '\0';) {
        char name[TN_IF_NAME];
        unsigned long to, mask;
        /* Bytes of addresses are in the order of the network: 0.0.0.0/0, or
           0.0.0.0/1, which goes before it. */
        if (sscanf(p, "%15s %lx %*x %*x %*d %*d %*d %lx", name, &to, &mask) ==
                3 &&
            to == 0 && (mask == 0x80 || (mask == 0 && !found))) {
            memcpy(interface, name, sizeof(name));
            found = true;
            if (mask == 0x80) {
                return true;
            }
        }
        p = strchr(p, '\n');
        p = p != NULL ? p + 1 : NULL;
    }
    return found;
}

unsigned long
doctor_read_udp(const char *text, int port)
{
    for (const char *p = text; p != NULL && *p != '\0';) {
        unsigned at = 0;
        unsigned long inode = 0;
        if (sscanf(p,
                   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %*x %*x:%*x "
                   "%*x:%*x %*x %*d %*d %lu",
                   &at, &inode) == 2 &&
            at == (unsigned)port) {
            return inode;
        }
        p = strchr(p, '\n');
        p = p != NULL ? p + 1 : NULL;
    }
    return 0;
}

/* --- rules -----------------------------------------------------------------*/

/* One line of rules, cut into words. */
struct rule {
    char line[512];
    char *word[64];
    int count;
};

static void
cut(struct rule *r, const char *text, size_t n)
{
    n = n < sizeof(r->line) - 1 ? n : sizeof(r->line) - 1;
    memcpy(r->line, text, n);
    r->line[n] = '\0';
    r->count = 0;
    for (char *p = r->line; r->count < 64;) {
        p += strspn(p, " \t{},;\"");
        if (*p == '\0') {
            break;
        }
        r->word[r->count++] = p;
        p += strcspn(p, " \t{},;\"");
        if (*p != '\0') {
            *p++ = '\0';
        }
    }
}

static int
find_word(const struct rule *r, const char *word)
{
    for (int i = 0; i < r->count; i++) {
        if (strcasecmp(r->word[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static bool
has_word(const struct rule *r, const char *word)
{
    return find_word(r, word) >= 0;
}

/* "8001", "8000-8010", "8000:8010". */
static bool
is_within(const char *word, int port)
{
    char *end;
    long first = strtol(word, &end, 10), last = first;

    if (end != word && (*end == '-' || *end == ':')) {
        last = strtol(end + 1, &end, 10);
    }
    return *end == '\0' && first <= port && port <= last;
}

/* Where the ports that a rule is about are written; -1: of all ports. */
static int
find_ports(const struct rule *r, const char *const names[])
{
    for (int i = 0; names[i] != NULL; i++) {
        int at = find_word(r, names[i]);
        if (at >= 0) {
            return at + 1;
        }
    }
    return -1;
}

static const char *const to_port[] = {"dport", "--dport", "--dports", NULL};
static const char *const from_port[] = {"sport", "--sport", "--sports", NULL};

static bool
names_port(const struct rule *r, int at, int port)
{
    for (int i = at; i < r->count; i++) {
        if (!isdigit((unsigned char)r->word[i][0])) {
            return false;
        }
        if (is_within(r->word[i], port)) {
            return true;
        }
    }
    return false;
}

static bool
is_drop(const struct rule *r)
{
    return has_word(r, "drop") || has_word(r, "reject");
}

/* Where in nft's tables a line stands. */
struct place {
    char table[64], chain[31];
};

static void
follow(struct place *p, const struct rule *r)
{
    if (r->count >= 3 && strcmp(r->word[0], "table") == 0) {
        snprintf(p->table, sizeof(p->table), "%.15s %.40s", r->word[1],
                 r->word[2]);
    } else if (r->count >= 2 && strcmp(r->word[0], "chain") == 0) {
        snprintf(p->chain, sizeof(p->chain), "%.30s", r->word[1]);
    }
}

static void
keep_place(struct doctor_wall *w, const struct place *p)
{
    if (p->table[0] != '\0' && p->chain[0] != '\0') {
        snprintf(w->place, sizeof(w->place), "%s %s", p->table, p->chain);
    }
}

/* The first; one about the port that is asked at goes before. */
static void
keep_rule(struct doctor_wall *w, const char *text, size_t n, int port)
{
    size_t blanks = strspn(text, " \t");

    blanks = blanks < n ? blanks : n;
    n -= blanks;
    n = n < sizeof(w->rule) - 1 ? n : sizeof(w->rule) - 1;
    memcpy(w->rule, text + blanks, n);
    w->rule[n] = '\0';
    w->drops = port;
}

/* "type filter hook input priority 0; policy drop;" and "-P INPUT DROP"; or a
   last rule that drops all, which comes to the same. */
static bool
is_policy(const struct rule *r)
{
    if (has_word(r, "policy")) {
        return has_word(r, "input") && has_word(r, "drop");
    }
    if (r->count >= 3 && strcmp(r->word[0], "-P") == 0) {
        return strcmp(r->word[1], "INPUT") == 0 && is_drop(r);
    }
    if (r->count >= 4 && strcmp(r->word[0], "-A") == 0 &&
        strcmp(r->word[1], "INPUT") == 0) {
        return strcmp(r->word[2], "-j") == 0 && is_drop(r);
    }
    return r->count > 0 && (strcmp(r->word[0], "drop") == 0 ||
                            strcmp(r->word[0], "reject") == 0);
}

/* Without ports a rule is about all of them. */
static void
read_accept(const struct rule *r, int port, struct doctor_wall *w)
{
    int to = find_ports(r, to_port), from = find_ports(r, from_port);
    bool all = to < 0 && from < 0;

    w->accepts = w->accepts || all || (to >= 0 && names_port(r, to, port));
    w->answers = w->answers || all || (from >= 0 && names_port(r, from, port));
}

/* Which of ours a rule drops; 0: none. */
static int
drops_ours(const struct rule *r, int port)
{
    int to = find_ports(r, to_port);

    if (to < 0) {
        return find_ports(r, from_port) < 0 ? port : 0;
    }
    return names_port(r, to, port)              ? port
           : names_port(r, to, DOCTOR_HUB_PORT) ? DOCTOR_HUB_PORT
                                                : 0;
}

static void
read_rule(const struct rule *r, const char *text, size_t n, int port,
          struct doctor_wall *w)
{
    if (is_policy(r)) {
        w->policy = true;
    } else if (!has_word(r, "udp")) {
        return;
    } else if (has_word(r, "accept")) {
        read_accept(r, port, w);
    } else if (is_drop(r)) {
        int dropped = drops_ours(r, port);
        if (dropped != 0 && w->drops != port && w->drops != dropped) {
            keep_rule(w, text, n, dropped);
        }
    }
}

void
doctor_read_rules(const char *text, int port, struct doctor_wall *w)
{
    struct place p = {"", ""};

    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        struct rule r;
        int dropped = w->drops;
        bool policy = w->policy;
        cut(&r, text, n);
        follow(&p, &r);
        read_rule(&r, text, n, port, w);
        if (w->drops != dropped || (w->policy != policy && w->drops == 0)) {
            keep_place(w, &p);
        }
        text += n + (text[n] == '\n' ? 1 : 0);
    }
}

/* --- collecting ------------------------------------------------------------*/

/* A whole file of /proc or /etc, with a NUL behind; NULL if there is none. */
static char *
read_file(const char *path)
{
    char *text = malloc(DOCTOR_OUTPUT + 1);
    int fd = text != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    size_t n = 0;

    while (fd >= 0 && n < DOCTOR_OUTPUT) {
        ssize_t r = read(fd, text + n, DOCTOR_OUTPUT - n);
        if (r <= 0) {
            break;
        }
        n += (size_t)r;
    }
    if (fd < 0) {
        free(text);
        return NULL;
    }
    (void)close(fd);
    text[n] = '\0';
    return text;
}

static void
collect_route(struct doctor_facts *f)
{
    char path[64];
    char *text = read_file("/proc/net/route");

    if (text != NULL && doctor_read_route(text, f->route)) {
        for (int i = 0; i < f->count; i++) {
            if (strcmp(f->at[i].name, f->route) == 0) {
                f->tunnel = (f->at[i].flags & IFF_POINTOPOINT) != 0;
            }
        }
        snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", f->route);
        f->tunnel = f->tunnel || access(path, F_OK) == 0;
    }
    free(text);
}

/* Whether a program has the socket among its descriptors. */
static bool
has_socket(const char *pid, const char *wanted)
{
    char path[300], link[64];
    DIR *d;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    d = opendir(path);
    for (int i = 0; d != NULL && i < DOCTOR_FDS && !found; i++) {
        const struct dirent *e = readdir(d);
        if (e == NULL) {
            break;
        }
        ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return found;
}

static void
name_holder(struct doctor_facts *f, const char *pid)
{
    char path[300];

    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    char *name = read_file(path);
    if (name != NULL) {
        name[strcspn(name, "\n")] = '\0';
        snprintf(f->holder, sizeof(f->holder), "%.32s (process %.16s)", name,
                 pid);
    }
    free(name);
}

static unsigned long
find_inode(int port)
{
    unsigned long inode = 0;
    char *four = read_file("/proc/net/udp");
    char *six = read_file("/proc/net/udp6");

    if (four != NULL) {
        inode = doctor_read_udp(four, port);
    }
    if (inode == 0 && six != NULL) {
        inode = doctor_read_udp(six, port);
    }
    free(four);
    free(six);
    return inode;
}

static void
collect_holder(struct doctor_facts *f)
{
    unsigned long inode = find_inode(f->port);
    DIR *d = inode != 0 ? opendir("/proc") : NULL;
    char wanted[64];

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    for (int i = 0; d != NULL && i < DOCTOR_PIDS; i++) {
        const struct dirent *e = readdir(d);
        if (e == NULL) {
            break;
        }
        if (isdigit((unsigned char)e->d_name[0]) &&
            has_socket(e->d_name, wanted)) {
            name_holder(f, e->d_name);
            break;
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

/* --- the firewall's tools --------------------------------------------------*/

static bool
file_has(const char *path, const char *text)
{
    char *all = read_file(path);
    bool has = all != NULL && strstr(all, text) != NULL;

    free(all);
    return has;
}

/* Those who manage rules say that they do where everybody may read it. */
static enum doctor_wall_kind
find_manager(void)
{
    if (file_has("/etc/ufw/ufw.conf", "ENABLED=yes")) {
        return DOCTOR_UFW;
    }
    return access("/run/firewalld", F_OK) == 0 ? DOCTOR_FIREWALLD
                                               : DOCTOR_NO_WALL;
}

/* What shows that there are rules, where they cannot be read: tables that the
   kernel names, or, to those who may not know, its modules. */
static enum doctor_wall_kind
guess_wall(void)
{
    if (file_has("/proc/net/ip_tables_names", "filter") ||
        (geteuid() != 0 && file_has("/proc/modules", "iptable_filter "))) {
        return DOCTOR_IPTABLES;
    }
    return geteuid() != 0 && file_has("/proc/modules", "nf_tables ")
               ? DOCTOR_NFT
               : DOCTOR_NO_WALL;
}

/* A rule or a policy makes a firewall; the tool alone does not. */
static bool
has_rules(const char *text)
{
    return strstr(text, "hook input") != NULL || strstr(text, "-A INPUT") ||
           strstr(text, "-P INPUT DROP") != NULL;
}

static void
collect_wall(struct doctor_facts *f)
{
    static const struct {
        enum doctor_wall_kind kind;
        const char *argv[4];
    } tools[] = {
        {DOCTOR_NFT, {"/usr/sbin/nft", "list", "ruleset", NULL}},
        {DOCTOR_IPTABLES, {"/usr/sbin/iptables-legacy", "-S", NULL, NULL}},
        {DOCTOR_IPTABLES, {"/usr/sbin/iptables", "-S", NULL, NULL}},
    };
    struct doctor_wall *w = &f->wall;
    bool read = false;

    w->kind = find_manager();
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
        char *text = tool_ask(tools[i].argv);
        if (text != NULL && has_rules(text)) {
            w->kind = w->kind == DOCTOR_NO_WALL ? tools[i].kind : w->kind;
            read = true;
            doctor_read_rules(text, f->port, w);
        }
        free(text);
    }
    if (!read) {
        w->kind = w->kind == DOCTOR_NO_WALL ? guess_wall() : w->kind;
        w->unread = w->kind != DOCTOR_NO_WALL;
    }
}

void
doctor_host(struct doctor_facts *f)
{
    collect_route(f);
    if (f->port_error == -EADDRINUSE) {
        collect_holder(f);
    }
    collect_wall(f);
}
