/*
 * replay.c - main() of a fuzz target without libFuzzer: it is given each file
 * of a folder, once, with its last byte against an unreadable page. TAP.
 */
#include "fuzz.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_INPUT = 16 << 20 };

static int
is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Feed one file of the folder; false if it cannot be read. */
static bool
feed(int folder, const char *name)
{
    struct stat info;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, &info) == 0 && info.st_size <= LARGEST_INPUT;
    if (ok) {
        size_t size = (size_t)info.st_size;
        uint8_t *data = guard_alloc(size);
        ok = read(fd, data, size) == (ssize_t)size;
        if (ok) {
            LLVMFuzzerTestOneInput(data, size);
        }
        guard_free(data, size);
    }
    close(fd);
    return ok;
}

int
main(int argc, char **argv)
{
    struct dirent **entries;
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    int folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count =
        folder < 0 ? -1 : scandir(argv[1], &entries, is_input, alphasort);
    if (count <= 0) {
        fprintf(stderr, "%s: no corpus in %s\n", argv[0], argv[1]);
        return 2;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        /* Said first, so that a crash names its input. */
        printf("# %s\n", entries[i]->d_name);
        fflush(stdout);
        bool ok = feed(folder, entries[i]->d_name);
        printf("%sok %d - %s\n", ok ? "" : "not ", i + 1, entries[i]->d_name);
        failed += !ok;
        free(entries[i]);
    }
    free(entries);
    close(folder);
    return failed > 0;
}
