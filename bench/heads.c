/*
 * heads.c - how long it takes to read the head of a request.
 *
 * A short, a usual and a long one, by each parser in turn, so that a busy
 * moment of the machine hits all of them; the best of many rounds counts. One
 * more parser takes part if TENON_BENCH_PARSER names a shared object with
 *
 *     long bench_parse(const char *buf, unsigned long n);
 *
 * which returns the bytes of the head.
 *
 * usage: heads                        a line "HEAD BYTES PARSER NS" for each
 *        heads PARSER HEAD COUNT      just that, COUNT times: for callgrind
 */
#include <tenon/http.h>
#include <tenon/task.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef BENCH_HTTP_PARSER
#include <http_parser.h>
#endif

enum {
    ROUNDS = 400,
    BATCH = 200, /* heads read between two looks at the clock */
};

static const struct {
    const char *name, *text;
} heads[] = {
    {"short", "GET /plain HTTP/1.1\r\n"
              "Host: 127.0.0.1:8080\r\n"
              "User-Agent: wrk\r\n\r\n"},
    {"usual",
     "GET /files/holiday/2026/11/the-lake-in-the-morning.jpg?size=1280 "
     "HTTP/1.1\r\n"
     "Host: hub.example.net:8080\r\n"
     "Connection: keep-alive\r\n"
     "Cache-Control: max-age=0\r\n"
     "Upgrade-Insecure-Requests: 1\r\n"
     "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
     "like Gecko) Chrome/128.0.0.0 Safari/537.36\r\n"
     "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,"
     "image/avif,image/webp,*/*;q=0.8\r\n"
     "Sec-Fetch-Site: same-origin\r\n"
     "Sec-Fetch-Mode: navigate\r\n"
     "Sec-Fetch-Dest: document\r\n"
     "Referer: http://hub.example.net:8080/files/holiday/\r\n"
     "Accept-Encoding: gzip, deflate, br, zstd\r\n"
     "Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\n"
     "Cookie: member=42; theme=dark; seen=1763703600\r\n\r\n"},
    {"long", NULL}, /* the usual one with a long cookie and more fields */
};

enum { HEADS = sizeof(heads) / sizeof(heads[0]) };

static char long_head[4096];

static tn_http_request request;

static const char *
text_of(int i)
{
    return heads[i].text != NULL ? heads[i].text : long_head;
}

/* What browsers send to a site with accounts and proxies before it. */
static void
make_long(void)
{
    size_t n = strlen(heads[1].text) - 4;
    memcpy(long_head, heads[1].text, n);
    n += (size_t)snprintf(long_head + n, sizeof(long_head) - n, "; session=");
    memset(long_head + n, 'a', 1500);
    n += 1500;
    for (int i = 0; i < 12; i++) {
        n += (size_t)snprintf(long_head + n, sizeof(long_head) - n,
                              "\r\nX-Forwarded-Hop-%d: 10.0.0.%d, "
                              "proxy-%d.example.net",
                              i, i, i);
    }
    snprintf(long_head + n, sizeof(long_head) - n, "\r\n\r\n");
}

/* ---- the parsers ---- */

static long
parse_tenon(const char *buf, unsigned long n)
{
    return (long)tn_http_parse_request(&request, buf, n, 0);
}

#ifdef BENCH_HTTP_PARSER
static long
parse_http_parser(const char *buf, unsigned long n)
{
    static const http_parser_settings settings;
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    return (long)http_parser_execute(&parser, &settings, buf, n);
}
#endif

static struct {
    const char *name;
    long (*parse)(const char *buf, unsigned long n);
    double best[HEADS];
} parsers[3] = {{"tenon", parse_tenon, {0}}};

static int parser_count = 1;

static int
add_guest(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library == NULL ? NULL : dlsym(library, "bench_parse");
    if (symbol == NULL) {
        fprintf(stderr, "heads: no bench_parse() in %s\n", path);
        return -1;
    }
    parsers[parser_count].name = "guest";
    /* dlsym() gives an object's pointer for a function, as POSIX has it. */
    memcpy(&parsers[parser_count].parse, &symbol, sizeof(symbol));
    parser_count++;
    return 0;
}

/* ---- measuring ---- */

/* ns for one head; < 0 if it was not read to its end. */
static double
measure(int parser, int head, int count)
{
    const char *text = text_of(head);
    size_t n = strlen(text);
    bool good = true;
    int64_t start = tn_now();
    for (int i = 0; i < count; i++) {
        good &= parsers[parser].parse(text, n) == (long)n;
    }
    double each = (double)(tn_now() - start) / count;
    return good ? each : -1;
}

static int
compare(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < parser_count * HEADS; k++) {
            int parser = k % parser_count, head = k / parser_count;
            double *best = &parsers[parser].best[head];
            double each = measure(parser, head, BATCH);
            if (each < 0) {
                fprintf(stderr, "heads: %s refuses the %s head\n",
                        parsers[parser].name, heads[head].name);
                return 1;
            }
            *best = round == 0 || each < *best ? each : *best;
        }
    }
    for (int head = 0; head < HEADS; head++) {
        for (int k = 0; k < parser_count; k++) {
            printf("%s %zu %s %.1f\n", heads[head].name, strlen(text_of(head)),
                   parsers[k].name, parsers[k].best[head]);
        }
    }
    return 0;
}

/* The parser and the head by their names. */
static int
repeat(char **argv)
{
    for (int k = 0; k < parser_count * HEADS; k++) {
        int parser = k % parser_count, head = k / parser_count;
        if (strcmp(parsers[parser].name, argv[1]) == 0 &&
            strcmp(heads[head].name, argv[2]) == 0) {
            printf("%.1f\n",
                   measure(parser, head, (int)strtol(argv[3], NULL, 10)));
            return 0;
        }
    }
    fprintf(stderr, "heads: no such parser or head\n");
    return 1;
}

int
main(int argc, char **argv)
{
    const char *guest = getenv("TENON_BENCH_PARSER");
    make_long();
#ifdef BENCH_HTTP_PARSER
    parsers[parser_count].name = "http_parser";
    parsers[parser_count++].parse = parse_http_parser;
#endif
    if (guest != NULL && add_guest(guest) < 0) {
        return 1;
    }
    if (argc != 1 && argc != 4) {
        fprintf(stderr, "usage: heads [PARSER HEAD COUNT]\n");
        return 2;
    }
    return argc == 1 ? compare() : repeat(argv);
}
