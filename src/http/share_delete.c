/*
 * share_delete.c - DELETE: a file, a link, an empty folder.
 */
#include "http/share_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The conditions, against what is there. 0 or a status. */
static int
check_version(const struct tn__call *c, const struct stat *st)
{
    char etag[TN__ETAG];
    tn__share_etag(etag, st, "");
    struct tn__version v = {etag[0] == 'W' ? etag + 2 : etag,
                            st->st_mtim.tv_sec, time(NULL)};
    return tn__cond_check(c->req->fields, c->req->field_count, false, &v);
}

static int
remove_name(struct tn__call *c, int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return tn__share_refuse(c, -errno);
    }
    bool is_folder = S_ISDIR(st.st_mode);
    if (!is_folder && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        return tn__share_refuse(c, -EACCES);
    }
    if (c->slash && !is_folder) {
        return tn__share_refuse(c, -ENOTDIR);
    }
    int status = check_version(c, &st);
    if (status != 0) {
        return tn_httpd_error(c->x, status, NULL);
    }
    if (unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0) < 0) {
        return errno == ENOTEMPTY || errno == EEXIST
                   ? tn_httpd_error(c->x, 409, "The folder is not empty.")
                   : tn__share_refuse(c, -errno);
    }
    (void)tn__share_fsync(folder);
    tn__share_tell(c, "", c->path, -1);
    return tn_httpd_reply(c->x, 204, NULL, "", 0);
}

int
tn__share_delete(struct tn__call *c)
{
    const char *name;
    if (!c->path[0]) {
        return tn_httpd_error(c->x, 403, "The shared folder itself stays.");
    }
    int folder = tn__share_open_parent(c->share, c->path, &name);
    if (folder < 0) {
        return tn__share_refuse(c, folder);
    }
    int r = remove_name(c, folder, name);
    close(folder);
    return r;
}
