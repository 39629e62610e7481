/*
 * web/assets.h - the hub's page, as it lies in the program.
 *
 * The table is made at build time by tools/embed.py from the files that
 * web/meson.build names. Nothing is read from disk when the hub runs.
 */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

/* A file of the page. All of it is of static life. */
struct web_asset {
    const char *path;          /* of the URL: "/", "/hub.css" */
    const char *type;          /* media type, with its charset */
    const char *etag;          /* with its quotes; weak, so good for both */
    const unsigned char *data; /* as it is */
    size_t size;
    const unsigned char *gzip; /* the same compressed; NULL: not smaller */
    size_t gzip_size;
};

/* Every file; an entry without path ends the table. */
extern const struct web_asset web_assets[];

#endif
