/*
 * share_make.c - MKCOL: a folder, so that files can be put into it.
 */
#include "http/share_int.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
make_name(struct tn__call *c, int folder, const char *name)
{
    if (strlen(name) > TN_SHARE_NAME) {
        return tn_httpd_error(c->x, 414, "The name is too long.");
    }
    if (!tn__share_name_fits(c->share, name)) {
        return tn_httpd_error(c->x, 403, "A folder may not be called so.");
    }
    if (mkdirat(folder, name, 0777) < 0) {
        return errno == EEXIST
                   ? tn_httpd_error(c->x, 405, "Something is called so.")
                   : tn__share_refuse(c, -errno);
    }
    int r = tn__share_fsync(folder);
    if (r < 0) {
        return tn__share_refuse(c, r);
    }
    r = tn__share_location(c, c->path, true, (tn_str){NULL, 0});
    return r < 0 ? r : tn_httpd_reply(c->x, 201, NULL, "", 0);
}

int
tn__share_make(struct tn__call *c)
{
    const char *name;
    if (c->req->body != TN_HTTP_NO_BODY && c->req->length != 0) {
        return tn_httpd_error(c->x, 415, "A folder is made without a body.");
    }
    if (!c->path[0]) {
        return tn_httpd_error(c->x, 405, "It is there.");
    }
    int folder = tn__share_open_parent(c->share, c->path, &name);
    if (folder == -ENOENT || folder == -ENOTDIR) {
        return tn_httpd_error(c->x, 409, "There is no such folder.");
    }
    if (folder < 0) {
        return tn__share_refuse(c, folder);
    }
    int r = make_name(c, folder, name);
    close(folder);
    return r;
}
