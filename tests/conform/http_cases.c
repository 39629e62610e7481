/*
 * http_cases.c - plays the cases of a file to the parsers: whole, byte by
 * byte, in two pieces cut everywhere, against an unreadable page, with vectors
 * and without. TAP.
 *
 * usage: http_cases requests|responses|bodies|trailers FILE
 *
 * A case is a line "= NAME", lines "> BYTES" of the input, in which "\r", "\n",
 * "\t", "\\" and "\xHH" are what they are in C and "\*N{BYTES}" repeats N times
 * (a line's own end counts for nothing), and a line "< WORDS" of what has to
 * be among the words of http_show.h. Bodies end as "ok" and the data, with
 * their trailer section unread.
 */
#include "http_portable.h"
#include "http_show.h"
#include "test.h"

#include <ctype.h>

enum { INPUT_MAX = 1 << 16, NAME_LEN = 256, SPLITS = 600 };

static struct {
    char name[NAME_LEN], want[1024];
    char input[INPUT_MAX];
    size_t n;
} now;

static char shown[SHOW_MAX];

static tn_http_request request;
static tn_http_response response;
static bool portable;

/* ---- one try ---- */

typedef ssize_t play_fn(const char *buf, size_t n, size_t seen);

static ssize_t
play_request(const char *buf, size_t n, size_t seen)
{
    ssize_t rc = portable ? portable_parse_request(&request, buf, n, seen)
                          : tn_http_parse_request(&request, buf, n, seen);
    show_request(shown, &request, rc);
    return rc;
}

static ssize_t
play_response(const char *buf, size_t n, size_t seen)
{
    ssize_t rc = portable ? portable_parse_response(&response, buf, n, seen)
                          : tn_http_parse_response(&response, buf, n, seen);
    show_response(shown, &response, rc);
    return rc;
}

static ssize_t
play_trailers(const char *buf, size_t n, size_t seen)
{
    static tn_http_field fields[8];
    int count = 0;
    (void)seen;
    ssize_t rc = portable ? portable_parse_trailers(fields, 8, &count, buf, n)
                          : tn_http_parse_trailers(fields, 8, &count, buf, n);
    show_trailers(shown, fields, count, rc);
    return rc;
}

/* A body keeps its own state: what was seen was used. */
static ssize_t
play_body(const char *buf, size_t n, size_t seen)
{
    static tn_http_chunks chunks;
    static size_t used;
    static char data[INPUT_MAX];
    static size_t len;
    int rc = 0;
    if (seen == 0) {
        memset(&chunks, 0, sizeof(chunks));
        used = len = 0;
    }
    while (rc == 0 && used < n) {
        tn_str piece;
        size_t took = 0;
        rc = tn_http_dechunk(&chunks, buf + used, n - used, &took, &piece);
        memcpy(data + len, piece.at, piece.len);
        len += piece.len;
        used += took;
    }
    snprintf(shown, sizeof(shown),
             rc == 0  ? "more"
             : rc < 0 ? "refused"
                      : "ok data=%.*s used=%zu",
             (int)len, data, used);
    return rc > 0 ? (ssize_t)used : rc;
}

/* ---- all tries ---- */

/* Every word that is wanted is among those that came. */
static bool
has_words(void)
{
    static char want[sizeof(now.want)];
    memcpy(want, now.want, sizeof(want));
    char *save = NULL;
    for (char *word = strtok_r(want, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        size_t len = strlen(word);
        const char *at = shown;
        bool found = false;
        while (!found && (at = strstr(at, word)) != NULL) {
            bool left = at == shown || at[-1] == ' ';
            found = left && (at[len] == ' ' || at[len] == '\0');
            at++;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool
agrees(const char *how, size_t at)
{
    if (has_words()) {
        return true;
    }
    printf("# %s, %s at %zu%s: wanted %s\n#   got %s\n", now.name, how, at,
           portable ? ", without vectors" : "", now.want, shown);
    return false;
}

/* Two pieces: the first may be enough. */
static bool
try_split(play_fn *play, const char *buf, size_t at)
{
    ssize_t rc = play(buf, at, 0);
    if (rc == 0) {
        play(buf, now.n, at);
    }
    return agrees("split", at);
}

static bool
try_bytes(play_fn *play, const char *buf)
{
    ssize_t rc = 0;
    for (size_t i = 1; i <= now.n && rc == 0; i++) {
        rc = play(buf, i, i - 1);
    }
    return agrees("byte by byte", 0);
}

/* Each way to hand it over; the text ends at an unreadable page. */
static bool
try_all(play_fn *play)
{
    uint8_t *copy = guard_copy(now.input, now.n);
    const char *buf = (const char *)copy;
    play(buf, now.n, 0);
    bool good = agrees("whole", 0) && try_bytes(play, buf);
    size_t step = now.n / SPLITS + 1;
    for (size_t at = 1; good && at < now.n; at += step) {
        good = try_split(play, buf, at);
    }
    guard_free(copy, now.n);
    return good;
}

/* ---- the file ---- */

static const char *read_bytes(const char *text, char stop);

/* "\r" and the like, at the backslash; returns what is behind. */
static const char *
read_escape(const char *text)
{
    char *end = NULL;
    switch (text[1]) {
    case 'r':
        now.input[now.n++] = '\r';
        return text + 2;
    case 'n':
        now.input[now.n++] = '\n';
        return text + 2;
    case 't':
        now.input[now.n++] = '\t';
        return text + 2;
    case 'x': {
        char hex[3] = {text[2], text[3], '\0'};
        now.input[now.n++] = (char)strtoul(hex, NULL, 16);
        return text + 4;
    }
    case '*':
        for (long k = strtol(text + 2, &end, 10); k > 0; k--) {
            text = read_bytes(end + 1, '}');
        }
        return text + 1;
    default:
        now.input[now.n++] = text[1];
        return text + 2;
    }
}

static const char *
read_bytes(const char *text, char stop)
{
    while (*text != '\0' && *text != stop && now.n < INPUT_MAX - 1) {
        if (*text == '\\') {
            text = read_escape(text);
        } else {
            now.input[now.n++] = *text++;
        }
    }
    return text;
}

/* Take one line of the file in; true if it completes a case. */
static bool
take_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    const char *text = line[0] != '\0' && line[1] == ' ' ? line + 2 : line;
    if (line[0] == '=') {
        snprintf(now.name, sizeof(now.name), "%.200s", text);
        now.n = 0;
    } else if (line[0] == '>') {
        read_bytes(text, '\0');
    } else if (line[0] == '<') {
        snprintf(now.want, sizeof(now.want), "%.500s", text);
        return true;
    } else if (line[0] != '\0' && line[0] != '#') {
        printf("Bail out! no line of a case: %s\n", line);
        exit(1);
    }
    return false;
}

static play_fn *
player(const char *kind)
{
    static const struct {
        const char *name;
        play_fn *play;
    } kinds[] = {
        {"requests", play_request},
        {"responses", play_response},
        {"bodies", play_body},
        {"trailers", play_trailers},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i].name) == 0) {
            return kinds[i].play;
        }
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    static char line[1024];
    int count = 0, failed = 0;
    play_fn *play = argc == 3 ? player(argv[1]) : NULL;
    FILE *file = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (play == NULL || file == NULL) {
        fprintf(stderr, "usage: http_cases KIND FILE\n");
        return 2;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (!take_line(line)) {
            continue;
        }
        portable = false;
        bool good = try_all(play);
        portable = true;
        good = good && try_all(play);
        failed += !good;
        printf("%sok %d - %s\n", good ? "" : "not ", ++count, now.name);
        now.n = 0;
    }
    fclose(file);
    printf("1..%d\n", count);
    return failed > 0 || count == 0;
}
