/*
 * test_share.c - a share as a program sees it: opened, listed, refused.
 */
#include <tenon/share.h>

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
path_of(const char *name)
{
    static char text[4][512];
    static int turn;
    char *at = text[turn++ % 4];
    (void)snprintf(at, 512, "%s/%s", test_dir(), name);
    return at;
}

static void
make_file(const char *name, size_t size)
{
    int fd = (int)OK(open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    OK(ftruncate(fd, (off_t)size));
    OK(close(fd));
}

struct seen {
    char text[512];
    int stop; /* after so many */
};

static int
on_entry(const tn_share_entry *e, void *arg)
{
    struct seen *s = arg;
    size_t at = strlen(s->text);
    (void)snprintf(s->text + at, sizeof(s->text) - at, "%s%s:%d ", e->name,
                   e->is_folder ? "/" : "", (int)e->size);
    return --s->stop == 0 ? 7 : 0;
}

static const char *
list(tn_share *share, const char *path, struct seen *s)
{
    memset(s, 0, sizeof(*s));
    OK(tn_share_list(share, path, on_entry, s));
    return s->text;
}

static void
make_tree(void)
{
    OK(mkdir(path_of("d"), 0700));
    OK(mkdir(path_of("d/e"), 0700));
    make_file("f10", 3);
    make_file("f9", 2);
    make_file(".h", 1);
    make_file(".tenon-x", 1);
    make_file("d/g", 4);
    OK(symlink("../f9", path_of("d/in")));
    OK(symlink("../../etc", path_of("d/out")));
    OK(symlink("/etc", path_of("abs")));
    OK(mkfifo(path_of("pipe"), 0600));
}

TEST(a_folder_is_listed_in_order)
{
    tn_share *share;
    struct seen s;
    make_tree();
    OK(tn_share_new(&share, test_dir(), NULL));
    STREQ(list(share, "", &s), "d/:0 f9:2 f10:3 ");
    STREQ(list(share, "d", &s), "e/:0 g:4 in:2 ");
    STREQ(list(share, "d/e", &s), "");
    memset(&s, 0, sizeof(s));
    s.stop = 2;
    EQ(tn_share_list(share, "", on_entry, &s), 7);
    STREQ(s.text, "d/:0 f9:2 ");
    ERR(tn_share_list(share, "none", on_entry, &s), -ENOENT);
    ERR(tn_share_list(share, "f9", on_entry, &s), -ENOTDIR);
    ERR(tn_share_list(share, ".h", on_entry, &s), -ENOENT);
    ERR(tn_share_list(share, "../", on_entry, &s), -ENOENT);
    ERR(tn_share_list(share, "/etc", on_entry, &s), -EXDEV);
    ERR(tn_share_list(share, "d/out", on_entry, &s), -EXDEV);
    tn_share_free(share);
}

TEST(hidden_names_are_listed_on_request)
{
    tn_share *share;
    struct seen s;
    const tn_share_opts opts = {.hidden = true};
    make_tree();
    OK(tn_share_new(&share, test_dir(), &opts));
    STREQ(list(share, "", &s), "d/:0 .h:1 f9:2 f10:3 ");
    tn_share_free(share);
}

TEST(one_file_is_no_folder)
{
    tn_share *share;
    struct seen s;
    make_file("f", 3);
    OK(tn_share_new(&share, path_of("f"), NULL));
    ERR(tn_share_list(share, "", on_entry, &s), -ENOTDIR);
    tn_share_free(share);
}

TEST(what_cannot_be_shared)
{
    tn_share *share;
    ERR(tn_share_new(&share, path_of("none"), NULL), -ENOENT);
    CHECK(share == NULL);
    ERR(tn_share_new(&share, "/dev/null", NULL), -ENOTSUP);
    OK(mkfifo(path_of("pipe"), 0600));
    ERR(tn_share_new(&share, path_of("pipe"), NULL), -ENOTSUP);
    if (geteuid() != 0) {
        make_file("f", 1);
        OK(chmod(path_of("f"), 0));
        ERR(tn_share_new(&share, path_of("f"), NULL), -EACCES);
    }
    tn_share_free(NULL);
}
