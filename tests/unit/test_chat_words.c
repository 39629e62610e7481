#include <tenon/err.h>
#include <tenon/text.h>

#include "cli/cmd_chat_room.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- a line as it is meant -------------------------------------------------*/

static const char *const here[] = {"ann", "Ann Lee", "安妮", "bob", NULL};

static const char *
names(void *arg, int i)
{
    (void)arg;
    return here[i];
}

/* "say hello", "msg bob: psst", "wrong". */
static const char *
meant(const char *s, size_t n)
{
    static const char *const words[] = {
        [LINE_NOTHING] = "nothing", [LINE_SAY] = "say",   [LINE_ACT] = "act",
        [LINE_MSG] = "msg",         [LINE_NICK] = "nick", [LINE_SEND] = "send",
        [LINE_WHO] = "who",         [LINE_HELP] = "help", [LINE_QUIT] = "quit",
        [LINE_WRONG] = "wrong"};
    static char out[256];
    static struct line l;

    line_read(&l, s, n, names, NULL);
    CHECK(l.text == NULL || (l.text >= s && l.text + l.len <= s + n));
    if (l.what == LINE_WRONG) {
        CHECK(strlen(l.wrong) > 0);
        return "wrong";
    }
    snprintf(out, sizeof(out), "%s%s%s%s%.*s", words[l.what],
             l.to[0] != '\0' ? " " : "", l.to,
             l.to[0] != '\0' ? ": "
             : l.len > 0     ? " "
                             : "",
             (int)l.len, l.text);
    return out;
}

static const struct test_param lines[] = {
    {"talk", {0}, "hello\0say hello"},
    {"empty", {0}, "\0nothing"},
    {"blanks", {0}, "   \0nothing"},
    {"q", {0}, "q\0quit q"},
    {"q_and_more", {0}, "q?\0say q?"},
    {"quit", {0}, "/quit\0quit"},
    {"case", {0}, "/QUIT\0quit"},
    {"slash", {0}, "/\0wrong"},
    {"two_slashes", {0}, "//\0say /"},
    {"said_slash", {0}, "//me\0say /me"},
    {"path", {0}, "/usr/bin\0wrong"},
    {"act", {0}, "/me waves  twice\0act waves  twice"},
    {"act_without", {0}, "/me \0wrong"},
    {"longer_word", {0}, "/mee x\0wrong"},
    {"msg", {0}, "/msg bob psst\0msg bob: psst"},
    {"msg_unknown", {0}, "/msg zoe psst\0msg zoe: psst"},
    {"msg_blank_in_name", {0}, "/msg ann lee psst\0msg ann lee: psst"},
    {"msg_shorter_name", {0}, "/msg ann leeward\0msg ann: leeward"},
    {"msg_chinese", {0}, "/msg 安妮 你好\0msg 安妮: 你好"},
    {"msg_nothing", {0}, "/msg bob\0wrong"},
    {"msg_nobody", {0}, "/msg\0wrong"},
    {"nick", {0}, "/nick  Ann Lee \0nick Ann Lee"},
    {"send", {0}, "/send a file.txt \0send a file.txt"},
    {"who", {0}, "/who\0who"},
    {"help", {0}, "/help me\0help me"},
};

TEST_EACH(line, lines)
{
    const char *text = p->data;

    STREQ(meant(text, strlen(text)), text + strlen(text) + 1);
}

TEST(any_bytes_are_a_line)
{
    uint32_t x = 7;

    for (int round = 0; round < 5000; round++) {
        size_t n = (size_t)round % 30;
        uint8_t *buf = guard_alloc(n);

        for (size_t i = 0; i < n; i++) {
            x = x * 1103515245 + 12345;
            buf[i] = "/msgenickwhoq  ann:\xe5\xae\x89"[(x >> 16) % 22];
        }
        if (n > 4 && round % 3 == 0) {
            memcpy(buf, "/msg ", 5);
        }
        (void)meant((char *)buf, n);
        (void)line_mentions((char *)buf, n, "ann");
        guard_free(buf, n);
    }
}

TEST(a_name_is_mentioned_as_a_word)
{
    static const struct {
        const char *text, *name;
        bool is;
    } cases[] = {{"hello ann", "ann", true},   {"Ann, hi", "ann", true},
                 {"(ANN)", "ann", true},       {"annual", "ann", false},
                 {"joann", "ann", false},      {"ann2", "ann", false},
                 {"an", "ann", false},         {"", "ann", false},
                 {"你好安妮吗", "安妮", true}, {"安", "安妮", false},
                 {"ann你好", "ann", true},     {"joann ann", "ann", true},
                 {"ann lee?", "Ann Lee", true}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (line_mentions(cases[i].text, strlen(cases[i].text),
                          cases[i].name) != cases[i].is) {
            FAIL("%s in %s", cases[i].name, cases[i].text);
        }
    }
}

/* --- TAB -------------------------------------------------------------------*/

/* "typed|common|list". */
static const char *
offered(const char *s)
{
    static char out[EDITOR_LIST + 2 * EDITOR_WORD];
    static struct editor_offer o;
    size_t n = strlen(s);

    editor_begin(&o, s + n, 0);
    line_complete(&o, s, n, names, NULL);
    snprintf(out, sizeof(out), "%.*s|%s|%s", (int)o.typed_len, o.typed,
             o.common, o.list);
    return out;
}

TEST(tab_offers_commands_and_names)
{
    STREQ(offered("/w"), "/w|/who|/who");
    STREQ(offered("/M"), "/M|/m|/me  /msg");
    STREQ(offered("/x"), "/x||");
    STREQ(offered("hello b"), "b|bob|bob");
    STREQ(offered("AN"), "AN|ann|ann  Ann Lee");
    STREQ(offered("/msg ann l"), "ann l|Ann Lee|Ann Lee");
    STREQ(offered("/msg bob ask 安"), "安|安妮|安妮");
    STREQ(offered("安"), "安|安妮|安妮");
    STREQ(offered("zo"), "zo||");
}

TEST(what_is_alike_ends_at_a_character)
{
    static struct editor_offer o;

    editor_begin(&o, "", 0);
    editor_add(&o, "安妮");
    editor_add(&o, "安妗"); /* differs in the last byte of a character */
    STREQ(o.common, "安");
    EQ(o.count, 2);
}

/* A file of the test's folder; one name at a time. */
static const char *
test_path(const char *name)
{
    static char path[300];

    snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    return path;
}

TEST(tab_offers_files)
{
    char line[400], wanted[400];

    OK(close(open(test_path("one.txt"), O_CREAT | O_WRONLY, 0600)));
    OK(close(open(test_path(".hidden"), O_CREAT | O_WRONLY, 0600)));
    OK(mkdir(test_path("sub"), 0700));
    snprintf(line, sizeof(line), "/send %s/o", test_dir());
    snprintf(wanted, sizeof(wanted), "%s/o|%s/one.txt|%s/one.txt", test_dir(),
             test_dir(), test_dir());
    STREQ(offered(line), wanted);
    snprintf(line, sizeof(line), "/send %s/s", test_dir());
    snprintf(wanted, sizeof(wanted), "%s/s|%s/sub/|%s/sub/", test_dir(),
             test_dir(), test_dir());
    STREQ(offered(line), wanted);
    snprintf(line, sizeof(line), "/send %s/.h", test_dir());
    CHECK(strstr(offered(line), ".hidden") != NULL);
    snprintf(line, sizeof(line), "/send %s/", test_dir());
    CHECK(strstr(offered(line), ".hidden") == NULL);
    setenv("HOME", test_dir(), 1);
    STREQ(offered("/send ~/o"), "~/o|~/one.txt|~/one.txt");
    CHECK(strstr(offered("/send /nowhere/at/all/"), "|nowhere") == NULL);
}

TEST(a_list_that_is_too_long_says_so)
{
    static struct editor_offer o;
    char word[EDITOR_WORD + 10];

    editor_begin(&o, "w", 1);
    for (int i = 0; i < 1000; i++) {
        snprintf(word, sizeof(word), "word%d", i);
        editor_add(&o, word);
    }
    EQ(o.count, 1000);
    STREQ(o.common, "word");
    LE(strlen(o.list), EDITOR_LIST - 1);
    CHECK(strcmp(o.list + strlen(o.list) - 3, "...") == 0);
    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    editor_add(&o, word); /* longer than any */
    EQ(o.count, 1000);
}

/* --- an event as it is shown -----------------------------------------------*/

static struct event_view view;

static const char *
shown(const struct room_event *ev, bool past)
{
    static char line[VISIT_LINE + 1];
    size_t n = event_write(line, ev, past, &view);

    line[n] = '\0';
    CHECK(n == 0 || line[n - 1] == '\n');
    return line;
}

static struct room_event *
event(enum room_what what, const char *name, const char *text)
{
    static struct room_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.number = 57;
    ev.time = 1700000000000; /* 2023-11-14 22:13:20 UTC */
    ev.what = what;
    ev.who = 5;
    ev.name_len = (size_t)snprintf(ev.name, sizeof(ev.name), "%s", name);
    ev.text_len = (size_t)snprintf(ev.text, sizeof(ev.text), "%s", text);
    view.name = "bob";
    return &ev;
}

TEST(events_are_the_lines_of_the_room)
{
    view = (struct event_view){.lang = DIALECT_EN, .me = 7};
    STREQ(shown(event(ROOM_SAY, "ann", "hi"), false), "ann:hi\n");
    STREQ(shown(event(ROOM_ACT, "ann", "waves"), false), "ann:* waves\n");
    STREQ(shown(event(ROOM_MSG, "ann", "psst"), false),
          "* ann to you alone: psst\n");
    STREQ(shown(event(ROOM_NICK, "ann", "anna"), false),
          "* ann is now called anna\n");
    STREQ(shown(event(ROOM_LEAVE, "ann", ""), false), "ann: left the chat\n");
    view.lang = DIALECT_ZH;
    STREQ(shown(event(ROOM_JOIN, "ann", ""), false), "ann: 加入了群聊\n");
}

TEST(what_we_did_is_on_the_screen_already)
{
    view = (struct event_view){.lang = DIALECT_EN, .me = 5};
    STREQ(shown(event(ROOM_SAY, "bob", "hi"), false), "");
    STREQ(shown(event(ROOM_ACT, "bob", "hi"), false), "");
    STREQ(shown(event(ROOM_MSG, "bob", "hi"), false), "");
    STREQ(shown(event(ROOM_JOIN, "bob", ""), false), "");
    STREQ(shown(event(ROOM_NICK, "bob", "bobby"), false),
          "* bob is now called bobby\n");
    setenv("TZ", "UTC", 1);
    tzset();
    view.now = 1700000000000 + 60000;
    STREQ(shown(event(ROOM_SAY, "bob", "hi"), true), "22:13 bob:hi\n");
    view.now += 86400000;
    STREQ(shown(event(ROOM_SAY, "bob", "hi"), true),
          "2023-11-14 22:13 bob:hi\n");
}

TEST(colours_and_bells)
{
    view = (struct event_view){
        .lang = DIALECT_EN, .me = 7, .colour = true, .bell = true};
    STREQ(shown(event(ROOM_LEAVE, "ann", ""), false),
          "\033[2mann: left the chat\033[0m\n");
    CHECK(strstr(shown(event(ROOM_SAY, "ann", "hi"), false),
                 "mann\033[0m:hi\n") != NULL);
    CHECK(strncmp(shown(event(ROOM_SAY, "ann", "hi Bob"), false), "\a\033[",
                  3) == 0);
    CHECK(strstr(shown(event(ROOM_SAY, "ann", "hi Bob"), false),
                 "\033[1m:hi Bob\033[0m\n") != NULL);
    CHECK(strchr(shown(event(ROOM_SAY, "ann", "hi Bob"), true), '\a') == NULL);
}

TEST(json_has_number_time_and_whose_it_is)
{
    view = (struct event_view){.json = true, .lang = DIALECT_EN, .me = 5};
    STREQ(shown(event(ROOM_SAY, "ann", "\"hi\""), true),
          "{\"event\":\"say\",\"number\":57,\"time\":1700000000000,"
          "\"name\":\"ann\",\"text\":\"\\\"hi\\\"\",\"you\":true,"
          "\"past\":true}\n");
    view.me = 6;
    STREQ(shown(event(ROOM_BYE, "", ""), false),
          "{\"event\":\"bye\",\"number\":57,\"time\":1700000000000,"
          "\"text\":\"* the room closes, good-bye\"}\n");
}

TEST(the_longest_event_fits)
{
    struct room_event *ev = event(ROOM_MSG, "", "");

    memset(ev->name, '"', ROOM_NAME_MAX);
    memset(ev->whom, '\x7f', ROOM_NAME_MAX);
    memset(ev->text, '\x7f', ROOM_TEXT_MAX);
    ev->name_len = ROOM_NAME_MAX;
    ev->text_len = ROOM_TEXT_MAX;
    for (int json = 0; json < 2; json++) {
        size_t n;

        view = (struct event_view){
            .json = json != 0, .colour = true, .bell = true, .me = 5};
        view.name = "bob";
        n = strlen(shown(ev, true));
        LE(n, VISIT_LINE);
        GE(n, ROOM_TEXT_MAX);
        if (json != 0) {
            CHECK(strstr(shown(ev, true), "\",\"you\":true,\"past\":true}\n") !=
                  NULL);
        }
    }
}

/* --- what is kept ----------------------------------------------------------*/

TEST(what_is_kept_is_read_again)
{
    static struct keep a, b;

    setenv("XDG_STATE_HOME", test_dir(), 1);
    OK(keep_open(&a, "10.0.0.1:8000", "ann"));
    a.seen = 41;
    memcpy(a.epoch, "0123456789abcdef", GUEST_EPOCH);
    OK(keep_save(&a));
    OK(keep_open(&b, "10.0.0.1:8000", "ann")); /* another program has it */
    STREQ(b.path, "");
    NE(memcmp(a.key, b.key, GUEST_KEY), 0);
    keep_close(&b);
    keep_close(&a);
    OK(keep_open(&b, "10.0.0.1:8000", "ann"));
    MEMEQ(b.key, a.key, GUEST_KEY);
    EQ(b.seen, 41);
    STREQ(b.epoch, "0123456789abcdef");
    keep_close(&b);
    OK(keep_open(&b, "10.0.0.1:8000", "bob"));
    NE(memcmp(a.key, b.key, GUEST_KEY), 0);
    EQ(b.seen, 0);
    keep_close(&b);
    keep_close(&b);
}

TEST(what_is_damaged_is_made_anew)
{
    static const char good[] = "tenon chat 1\n"
                               "key 00112233445566778899aabbccddeeff\n"
                               "epoch 0123456789abcdef\nseen 41\n";
    static struct keep k;
    char path[KEEP_PATH];

    setenv("XDG_STATE_HOME", test_dir(), 1);
    OK(keep_open(&k, "h:1", "ann"));
    memcpy(path, k.path, sizeof(path));
    keep_close(&k);
    for (size_t n = 0; n <= sizeof(good) - 1; n++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        bool whole;

        OK(fd);
        EQ(write(fd, good, n), (ssize_t)n);
        OK(close(fd));
        OK(keep_open(&k, "h:1", "ann"));
        whole = n >= sizeof(good) - 1 - strlen("41\n");
        EQ(memcmp(k.epoch, "0123456789abcdef", 17) == 0, whole);
        keep_close(&k);
    }
    OK(keep_open(&k, "h:1", "ann"));
    EQ(k.seen, 41);
    keep_close(&k);
}

TEST(without_a_place_nothing_is_kept)
{
    static struct keep k;

    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    OK(keep_open(&k, "h:1", "ann"));
    STREQ(k.path, "");
    OK(keep_save(&k));
    keep_close(&k);
}
