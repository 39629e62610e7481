/*
 * fuzz_parcel.c - any bytes as the frames of a transfer: what is read of them
 * is within them and within the limits, and says the same when it is written
 * again. The first byte chooses what it is.
 */
#include "fuzz.h"
#include "parcel/list.h"
#include "parcel/path.h"
#include "parcel/wire.h"

#include <stdlib.h>
#include <string.h>

#define MUST(cond) ((cond) ? (void)0 : abort())

static void
check_path(const char *path, size_t n)
{
    static char text[PARCEL_PATH + 1];
    char name[PARCEL_NAME + 1];
    const char *last;

    if (!path_is_good(path, n)) {
        return;
    }
    MUST(n <= PARCEL_PATH);
    memcpy(text, path, n);
    text[n] = '\0';
    MUST(strlen(text) == n && text[0] != '/' && text[n - 1] != '/');
    MUST(!strstr(text, "//") && strcmp(text, "..") != 0);
    MUST(strncmp(text, "../", 3) != 0 && !strstr(text, "/../"));
    last = strrchr(text, '/');
    last = last ? last + 1 : text;
    path_part(name, last);
    MUST(strlen(name) <= PARCEL_NAME && path_is_part(name, strlen(name)));
    path_copy(name, last, 17);
    MUST(strlen(name) <= PARCEL_NAME && strstr(name, " (17)"));
}

static void
offer(const uint8_t *data, size_t size)
{
    struct cut c = {.p = data, .left = size};
    struct wire_item item;
    struct list list = {0};
    struct parcel_sum sum;
    uint32_t bad = 0;

    while (c.left > 0 && wire_get_item(&c, &item)) {
        static uint8_t again[WIRE_ITEM + PARCEL_PATH];
        struct pen p = {again};

        MUST((const uint8_t *)item.path >= data &&
             (const uint8_t *)item.path + item.path_len <= data + size);
        wire_put_item(&p, &item);
        MUST(memcmp(again, (const uint8_t *)item.path - WIRE_ITEM,
                    WIRE_ITEM + item.path_len) == 0);
        check_path(item.path, item.path_len);
        if (path_is_good(item.path, item.path_len)) {
            MUST(list_add(&list, &item) == 0);
        }
    }
    list_sum(&list, false, &sum);
    MUST(sum.bytes >= 0 && sum.files + sum.folders == list.count);
    if (list_check(&list, &bad) == 0) {
        for (uint32_t i = 1; i < list.count; i++) {
            MUST(strcmp(list.items[0].path, list.items[i].path) != 0);
        }
    } else {
        MUST(bad < list.count);
    }
    list_fini(&list);
}

static void
done(const uint8_t *data, size_t size)
{
    struct cut c = {.p = data, .left = size};
    struct wire_done d;

    while (c.left > 0 && wire_get_done(&c, &d)) {
        static uint8_t again[8 + PARCEL_PATH];
        struct pen p = {again};

        MUST(d.text_len <= PARCEL_PATH &&
             (d.err < 0) == (d.what == PARCEL_FAILED));
        wire_put_done(&p, &d);
        MUST((size_t)(p.p - again) == 8 + d.text_len);
    }
}

static void
have(const uint8_t *data, size_t size)
{
    struct wire_have h;

    if (wire_get_have(data, size, &h)) {
        MUST(h.count <= WIRE_SECTION);
        MUST(h.zero || h.hashes + (size_t)h.count * TREE_HASH == data + size);
    }
}

static void
small(const uint8_t *data, size_t size)
{
    struct wire_greeting g;
    struct wire_begin b;
    struct wire_ask a;
    struct wire_end e;
    struct wire_bye y;

    if (wire_get_ask(data, size, &a)) {
        MUST(a.count >= 1 && a.count <= WIRE_SECTION);
        MUST(a.first <= (uint64_t)INT64_MAX / PARCEL_BLOCK);
    }
    if (wire_get_begin(data, size, &b)) {
        MUST(size == 22 && b.size >= -1 && b.mode <= 0777);
    }
    if (wire_get_end(data, size, &e)) {
        MUST(e.err <= 0 && e.size >= 0 && e.why_len <= PARCEL_REASON);
    }
    if (wire_get_bye(data, size, &y)) {
        MUST(y.err <= 0 && y.why_len <= PARCEL_REASON);
    }
    if (size >= WIRE_GREETING && wire_get_greeting(&g, data)) {
        uint8_t again[WIRE_GREETING];

        wire_put_greeting(again, &g);
        MUST(memcmp(again, data, 10) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    switch (data[0] & 3) {
    case 0:
        offer(data + 1, size - 1);
        break;
    case 1:
        done(data + 1, size - 1);
        break;
    case 2:
        have(data + 1, size - 1);
        break;
    default:
        small(data + 1, size - 1);
    }
    return 0;
}
