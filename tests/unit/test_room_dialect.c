#include <tenon/err.h>
#include <tenon/text.h>

#include "hub/dialect.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

/* --- reading ---------------------------------------------------------------*/

/* What a datagram asks for, as text: "join ann, say hi, leave". Names that
   are asked for are given. */
static const char *
story(const char *name, const char *buf, size_t n)
{
    static char out[4096];
    static struct dialect_reader r;
    static const char *const verbs[] = {"join", "say", "leave"};
    char given[ROOM_NAME_MAX + 1] = "";
    size_t at = 0;

    if (name != NULL) {
        memcpy(given, name, strlen(name) + 1);
    }
    out[0] = '\0';
    dialect_open(&r, buf, n);
    while (dialect_next(&r, given[0] != '\0' ? given : NULL)) {
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s%s%s",
                               at > 0 ? ", " : "", verbs[r.what],
                               r.len > 0 ? " " : "", r.text);
        EQ(strlen(r.text), r.len);
        if (r.what == DIALECT_JOIN && r.err < 0) {
            snprintf(out + at, sizeof(out) - at, "%s", tn_err_name(r.err));
            break;
        }
        if (r.what == DIALECT_LEAVE) {
            break;
        }
        if (r.what == DIALECT_JOIN) {
            memcpy(given, r.text, r.len + 1);
        }
    }
    return out;
}

static const struct test_param datagrams[] = {
    /* name, {known}, "datagram\0story" */
    {"name", {0}, "ann\0join ann"},
    {"name_with_newline", {0}, "ann\n\0join ann"},
    {"name_with_crlf", {0}, "ann\r\n\0join ann"},
    {"chinese_name", {0}, "小明\0join 小明"},
    {"name_and_text_in_lines", {0}, "ann\nhello\n\0join ann, say hello"},
    {"name_and_text_in_one", {0}, "ann:hello\0join ann, say hello"},
    {"name_twice_in_one", {0}, "ann:ann:hi\0join ann, say ann:hi"},
    {"name_and_other_prefix", {0}, "ann:bob:hi\0join ann, say bob:hi"},
    {"unknown_quits", {0}, "q\0"},
    {"unknown_quits_by_name", {0}, "ann:q\0"},
    {"unknown_quits_then_joins", {0}, "q\nann\0join ann"},
    {"empty", {0}, "\0"},
    {"newlines_only", {0}, "\n\r\n\n\0"},
    {"blanks_only", {0}, "   \0"},
    {"colon_only", {0}, ":\0joinENOENT"},
    {"no_name_before_colon", {0}, " :hi\0joinENOENT"},
    {"full_colon_in_name", {0}, "a：b\0joinEINVAL"},
    {"not_utf8", {0}, "\xc3\x28\0joinEILSEQ"},
    {"words_of_a_room", {0}, "! ann\0"},
    {"words_of_a_room_2", {0}, "*\0"},
    {"words_of_a_room_then_name", {0}, "!\nann\0join ann"},
    {"looks_like_the_room", {0}, " ! ann\0joinEINVAL"},
    {"text", {1}, "hello\0say hello"},
    {"text_with_prefix", {1}, "me:hello\0say hello"},
    {"text_with_blank_prefix", {1}, " me :hello\0say hello"},
    {"prefix_twice", {1}, "me:me:hello\0say me:hello"},
    {"somebody_elses_prefix", {1}, "bob:hello\0say bob:hello"},
    {"case_of_prefix_counts", {1}, "Me:hello\0say Me:hello"},
    {"url", {1}, "me:see http://x/\0say see http://x/"},
    {"empty_text", {1}, "me:\0"},
    {"blank_text", {1}, "me: \0say  "},
    {"lines", {1}, "a\nb\r\n\nc\0say a, say b, say c"},
    {"lines_with_prefix", {1}, "me:a\nme:b\n\0say a, say b"},
    {"quit", {1}, "q\0leave"},
    {"quit_line", {1}, "q\n\0leave"},
    {"quit_by_name", {1}, "me:q\0leave"},
    {"quit_after_text", {1}, "bye\nq\nmore\0say bye, leave"},
    {"others_quit_is_text", {1}, "bob:q\0say bob:q"},
    {"q_in_text", {1}, "qq\0say qq"},
    {"q_with_blank", {1}, "q \0say q "},
    {"fake_leave", {1}, "me: left the chat\0say left the chat"},
    {"fake_join", {1}, " \ajoined the chat\0say joined the chat"},
    {"fake_join_in_chinese", {1}, "me: 加入了群聊\0say 加入了群聊"},
    {"control", {1}, "a\x1b[31mb\x07\0say a[31mb"},
    {"tab", {1}, "a\tb\0say a b"},
    {"override", {1}, "a\u202eb\0say ab"},
    {"invalid_text",
     {1},
     "a\xff"
     "b\0say a\ufffdb"},
};

/* The length of the datagram in a row: up to the NUL before the story. */
static const char *
expected(const struct test_param *p)
{
    return (const char *)p->data + strlen(p->data) + 1;
}

TEST_EACH(datagram, datagrams)
{
    const char *known = p->value[0] != 0 ? "me" : NULL;

    STREQ(story(known, p->data, strlen(p->data)), expected(p));
}

#define DATAGRAMS (sizeof(datagrams) / sizeof(datagrams[0]))

TEST(datagram_at_the_end_of_memory)
{
    for (size_t i = 0; i < DATAGRAMS; i++) {
        const struct test_param *p = &datagrams[i];
        size_t n = strlen(p->data);
        uint8_t *copy = guard_copy(p->data, n);
        const char *known = p->value[0] != 0 ? "me" : NULL;

        STREQ(story(known, (char *)copy, n), expected(p));
        guard_free(copy, n);
    }
}

TEST(every_prefix_of_a_datagram_is_read)
{
    static const char text[] = "me:h\u00e9llo \u4f60\u597d\r\n\nbob:x\nme:q\n";
    char copy[sizeof(text)];

    for (size_t n = 0; n < sizeof(text); n++) {
        uint8_t *guarded = guard_copy(text, n);

        memcpy(copy, story("me", (char *)guarded, n), sizeof(copy));
        STREQ(story("me", text, n), story("me", (char *)guarded, n));
        (void)story(NULL, (char *)guarded, n);
        guard_free(guarded, n);
    }
}

TEST(nul_bytes_are_dropped)
{
    STREQ(story("me", "a\0b", 3), "say ab");
    STREQ(story(NULL, "an\0n", 4), "join ann");
}

TEST(newline_is_remembered)
{
    struct dialect_reader *r = malloc(sizeof(*r));

    CHECK(r != NULL);
    dialect_open(r, "ann", 3);
    CHECK(!r->newline);
    dialect_open(r, "ann\r\n", 5);
    CHECK(r->newline);
    dialect_open(r, "", 0);
    CHECK(!r->newline);
    free(r);
}

TEST(a_name_that_was_not_given_ends_nothing_in_a_loop)
{
    static struct dialect_reader r;
    int joins = 0;

    dialect_open(&r, "ann:x\nbob:y\ncy", 14);
    while (dialect_next(&r, NULL)) {
        joins++;
    }
    EQ(joins, 3);
}

TEST(a_long_text_is_cut_with_a_mark)
{
    static struct dialect_reader r;
    char *text = malloc(30000);

    CHECK(text != NULL);
    for (size_t n = 0; n < 30000; n += 3) {
        memcpy(text + n, "你", 3);
    }
    for (size_t n = ROOM_TEXT_MAX - 4; n <= ROOM_TEXT_MAX + 4; n++) {
        size_t whole = n / 3 * 3;

        dialect_open(&r, text, whole);
        CHECK(dialect_next(&r, "me"));
        CHECK(tn_text_valid(r.text, r.len));
        EQ(r.len, whole <= ROOM_TEXT_MAX ? whole : 1995 + 3);
        CHECK((strstr(r.text, "…") != NULL) == (whole > ROOM_TEXT_MAX));
    }
    memset(text, 0xff, 30000);
    dialect_open(&r, text, 30000);
    CHECK(dialect_next(&r, "me"));
    CHECK(r.len <= ROOM_TEXT_MAX);
    CHECK(tn_text_valid(r.text, r.len));
    free(text);
}

/* --- names -----------------------------------------------------------------*/

static const struct test_param names[] = {
    /* name, {result or 0: the length}, "wanted\0given" */
    {"ascii", {0}, "ann\0ann"},
    {"blanks_around", {0}, "  ann \t\0ann"},
    {"blanks_within", {0}, "an \u3000\u00a0n\0an n"},
    {"zero_width", {0}, "a\u200bn\ufeffn\u00ad\0ann"},
    {"override", {0}, "\u202eann\0ann"},
    {"selector", {0}, "a\ufe0fb\0ab"},
    {"tags", {0}, "a\U000e0041b\0ab"},
    {"music", {0}, "a\U0001d173b\0ab"},
    {"empty_braille", {0}, "\u2800ann\u2800\0ann"},
    {"only_invisible", {-ENOENT}, "\u200b\u2060\0"},
    {"empty", {-ENOENT}, "\0"},
    {"colon", {-EINVAL}, "a:b\0"},
    {"wide_colon", {-EINVAL}, "a：b\0"},
    {"mark", {-EINVAL}, "!a\0"},
    {"star", {-EINVAL}, "*a\0"},
    {"mark_behind_invisible", {-EINVAL}, "\u200b!a\0"},
    {"accent_on_nothing", {-EINVAL}, "\u0301\0"},
    {"accent", {0}, "e\u0301\0e\u0301"},
    {"mark_within", {0}, "a!\0a!"},
    {"latin1", {-EILSEQ}, "Andr\xe9\0"},
    {"surrogate", {-EILSEQ}, "\xed\xa0\x80\0"},
    {"32_characters",
     {0},
     "12345678901234567890123456789012\0"
     "12345678901234567890123456789012"},
    {"33_characters", {-ENAMETOOLONG}, "123456789012345678901234567890123\0"},
    {"32_with_blank", {-ENAMETOOLONG}, "1234567890123456789012345678901 3\0"},
    {"32_of_two_bytes",
     {0},
     "éééééééééééééééééééééééééééééééé\0"
     "éééééééééééééééééééééééééééééééé"},
    {"21_of_three_bytes",
     {0},
     "名名名名名名名名名名名名名名名名名名名名名\0"
     "名名名名名名名名名名名名名名名名名名名名名"},
    {"22_of_three_bytes",
     {-ENAMETOOLONG},
     "名名名名名名名名名名名名名名名名名名名名名名\0"},
};

TEST_EACH(name, names)
{
    char out[ROOM_NAME_MAX + 1];
    const char *want = expected(p);
    int n = dialect_name(out, p->data, strlen(p->data));

    EQ(n, p->value[0] != 0 ? p->value[0] : (int)strlen(want));
    STREQ(out, want);
}

TEST(a_name_of_many_bytes_is_too_long)
{
    char out[ROOM_NAME_MAX + 1];
    char *wanted = malloc(5000);

    CHECK(wanted != NULL);
    memset(wanted, 'a', 5000);
    for (size_t n = 33; n < 5000; n += 7) {
        EQ(dialect_name(out, wanted, n), -ENAMETOOLONG);
        STREQ(out, "");
    }
    free(wanted);
}

/* --- writing ---------------------------------------------------------------*/

/* One at a time: it is large. */
static struct room_event *
event(enum room_what what, const char *name, const char *text)
{
    static struct room_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.what = what;
    ev.name_len = strlen(name);
    memcpy(ev.name, name, ev.name_len);
    ev.text_len = strlen(text);
    memcpy(ev.text, text, ev.text_len);
    return &ev;
}

static const char *
line(const struct room_event *ev, enum dialect_lang lang)
{
    static char out[DIALECT_DATAGRAM + 1];
    size_t n = dialect_write(out, DIALECT_DATAGRAM, ev, lang);

    out[n] = '\0';
    return out;
}

TEST(the_course_s_own_words)
{
    struct room_event *ev = event(ROOM_JOIN, "小明", "");

    STREQ(line(ev, DIALECT_ZH), "小明: 加入了群聊");
    STREQ(line(ev, DIALECT_EN), "小明: joined the chat");
    ev->what = ROOM_LEAVE;
    STREQ(line(ev, DIALECT_ZH), "小明：离开了聊天室");
    STREQ(line(ev, DIALECT_EN), "小明: left the chat");
    ev = event(ROOM_SAY, "小明", "hi: there");
    STREQ(line(ev, DIALECT_ZH), "小明:hi: there");
}

TEST(what_the_room_says_begins_with_a_star)
{
    struct room_event *ev = event(ROOM_BYE, "", "");

    for (int lang = DIALECT_ZH; lang <= DIALECT_EN; lang++) {
        ev->what = ROOM_BYE;
        CHECK(strncmp(line(ev, lang), "* ", 2) == 0);
        ev->what = ROOM_NOTE;
        for (int note = ROOM_SLOWED; note <= ROOM_CLAIMED; note++) {
            ev->note = note;
            CHECK(strncmp(line(ev, lang), "* ", 2) == 0);
            CHECK(strchr(line(ev, lang), ':') == NULL);
        }
    }
}

TEST(a_line_is_cut_at_a_character)
{
    struct room_event *ev = event(ROOM_SAY, "ann", "你好你好");
    size_t whole = strlen(line(ev, DIALECT_ZH));

    for (size_t cap = 0; cap <= whole + 2; cap++) {
        char *out = (char *)guard_alloc(cap);
        size_t n = dialect_write(out, cap, ev, DIALECT_ZH);

        LE(n, cap);
        CHECK(tn_text_valid(out, n));
        if (cap >= whole) {
            EQ(n, whole);
        } else if (cap >= 3) {
            CHECK(memcmp(out + n - 3, "…", 3) == 0);
        }
        guard_free((uint8_t *)out, cap);
    }
}

TEST(a_refusal_fits_in_what_was_sent)
{
    static const int errs[] = {-EEXIST,    -EINVAL, -EILSEQ, -ENAMETOOLONG,
                               -ESHUTDOWN, -EUSERS, -EAGAIN, -ENOENT};
    const char *name = "名名名名名名名名名名名名名名名名名名名名名";

    for (size_t e = 0; e < sizeof(errs) / sizeof(errs[0]); e++) {
        for (size_t cap = 0; cap < 150; cap++) {
            char *out = (char *)guard_alloc(cap);
            size_t n = dialect_refuse(out, cap, errs[e], name, DIALECT_ZH);

            LE(n, cap);
            EQ(n > 0, cap > 0);
            CHECK(tn_text_valid(out, n));
            CHECK(n == 0 || out[0] == '!');
            guard_free((uint8_t *)out, cap);
        }
    }
}

TEST(a_refusal_suggests_a_name)
{
    char out[100];
    size_t n = dialect_refuse(out, 99, -EEXIST, "ann", DIALECT_EN);

    out[n] = '\0';
    STREQ(out, "! the name is taken, try ann2");
    n = dialect_refuse(out, 19, -EEXIST, "ann", DIALECT_EN);
    out[n] = '\0';
    STREQ(out, "! the name is taken");
    n = dialect_refuse(out, 8, -EEXIST, "ann", DIALECT_ZH);
    out[n] = '\0';
    STREQ(out, "! 重名");
    n = dialect_refuse(out, 6, -EEXIST, "ann", DIALECT_EN);
    out[n] = '\0';
    STREQ(out, "!");
    n = dialect_refuse(out, 99, -ENOENT, "", DIALECT_EN);
    out[n] = '\0';
    STREQ(out, "! not a name");
}

/* --- as a client -----------------------------------------------------------*/

TEST(what_is_written_can_be_read)
{
    struct dialect_line l;
    struct room_event *ev = event(ROOM_SAY, "ann", "a:b");

    for (int lang = DIALECT_ZH; lang <= DIALECT_EN; lang++) {
        for (int what = ROOM_JOIN; what <= ROOM_BYE; what++) {
            const char *text = line(ev, lang);

            ev->what = what;
            text = line(ev, lang);
            dialect_parse(&l, text, strlen(text));
            EQ(l.what, what);
            CHECK(!l.refused);
            if (what <= ROOM_LEAVE) {
                EQ(l.name_len, 3);
                MEMEQ(l.name, "ann", 3);
            }
        }
    }
    ev->what = ROOM_SAY;
    dialect_parse(&l, line(ev, DIALECT_ZH), 7);
    EQ(l.text_len, 3);
    MEMEQ(l.text, "a:b", 3);
}

TEST(a_refusal_is_recognised)
{
    struct dialect_line l;

    dialect_parse(&l, "!", 1);
    CHECK(l.refused);
    dialect_parse(&l, "! full", 6);
    CHECK(l.refused);
    dialect_parse(&l, "!a:b", 4);
    EQ(l.what, ROOM_SAY);
    dialect_parse(&l, "", 0);
    EQ(l.what, ROOM_NOTE);
    CHECK(!l.refused);
}

TEST(any_bytes_are_a_line)
{
    uint32_t x = 12345;
    struct dialect_line l;

    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)round % 40;
        uint8_t *buf = guard_alloc(n);

        for (size_t i = 0; i < n; i++) {
            x = x * 1103515245 + 12345;
            buf[i] = "ann:q!* \n\r\0\xef\xbc\x9a\xff"[(x >> 16) % 16];
        }
        dialect_parse(&l, (char *)buf, n);
        CHECK(l.name_len <= n && l.text_len <= n);
        (void)story(NULL, (char *)buf, n);
        (void)story("ann", (char *)buf, n);
        guard_free(buf, n);
    }
}

/* --- files -----------------------------------------------------------------*/

TEST(a_file_is_told_within_every_limit)
{
    struct room_event *ev = event(ROOM_FILE, "ann", "文件 1%.txt");

    ev->size = 3 << 20;
    ev->folder = "http://h:1/files/";
    for (size_t cap = 0; cap <= 120; cap++) {
        char *out = (char *)guard_alloc(cap);
        size_t n = dialect_write(out, cap, ev, DIALECT_ZH);

        LE(n, cap);
        CHECK(tn_text_valid(out, n));
        guard_free((uint8_t *)out, cap);
    }
    STREQ(line(ev, DIALECT_ZH),
          "* ann 分享了文件 文件 1%.txt (3.0 MiB)"
          " http://h:1/files/%E6%96%87%E4%BB%B6%201%25.txt");
    memset(ev->text, 'x', ROOM_TEXT_MAX);
    ev->text_len = ROOM_TEXT_MAX;
    EQ(strlen(line(ev, DIALECT_EN)), DIALECT_DATAGRAM);
    CHECK(strncmp(line(ev, DIALECT_EN), "* ann shared xxx", 16) == 0);
    ev->size = INT64_MAX;
    ev->text_len = 1;
    ev->folder = NULL;
    STREQ(line(ev, DIALECT_EN), "* ann shared x (8388608.0 TiB)");
}

TEST(a_client_takes_a_file_for_the_rooms_word)
{
    static const char *const files[] = {"a.txt", "x: joined the chat",
                                        "x: 加入了群聊", "x：离开了聊天室",
                                        "bob:hi"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        for (int lang = DIALECT_ZH; lang <= DIALECT_EN; lang++) {
            struct room_event *ev = event(ROOM_GONE, "", files[i]);
            struct dialect_line l;

            dialect_parse(&l, line(ev, lang), strlen(line(ev, lang)));
            EQ(l.what, ROOM_NOTE);
            EQ(l.name_len, 0);
            CHECK(!l.refused);
            STREQ(l.text, line(ev, lang));
            ev->what = ROOM_FILE;
            ev->folder = "http://h:1/";
            dialect_parse(&l, line(ev, lang), strlen(line(ev, lang)));
            EQ(l.what, ROOM_NOTE);
        }
    }
}

/* --- acts, names, what is for one alone ------------------------------------*/

TEST(an_act_is_talk_to_a_client)
{
    struct dialect_line l;
    struct room_event *ev = event(ROOM_ACT, "ann", "waves");

    for (int lang = DIALECT_ZH; lang <= DIALECT_EN; lang++) {
        STREQ(line(ev, lang), "ann:* waves");
        dialect_parse(&l, line(ev, lang), strlen(line(ev, lang)));
        EQ(l.what, ROOM_SAY);
        EQ(l.name_len, 3);
        EQ(l.text_len, strlen("* waves"));
    }
}

/* Nothing that a member does can make a line that is no word of his. */
TEST(no_act_reads_as_a_join_or_a_leave)
{
    static const char *const texts[] = {" joined the chat", " 加入了群聊",
                                        " left the chat", "：离开了聊天室"};
    struct dialect_line l;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct room_event *ev = event(ROOM_ACT, "ann", texts[i]);

        dialect_parse(&l, line(ev, DIALECT_ZH), strlen(line(ev, DIALECT_ZH)));
        EQ(l.what, ROOM_SAY);
        EQ(l.name_len, 3);
        ev->what = ROOM_MSG;
        dialect_parse(&l, line(ev, DIALECT_ZH), strlen(line(ev, DIALECT_ZH)));
        EQ(l.what, ROOM_NOTE);
        EQ(l.name_len, 0);
        CHECK(!l.refused);
    }
}

TEST(a_new_name_is_a_leave_and_a_join)
{
    struct room_event *ev = event(ROOM_NICK, "安", "anna");
    char out[100];

    STREQ(line(ev, DIALECT_ZH), "安：离开了聊天室\nanna: 加入了群聊");
    STREQ(line(ev, DIALECT_EN), "安: left the chat\nanna: joined the chat");
    out[dialect_nick(out, 99, ev, DIALECT_EN)] = '\0';
    STREQ(out, "* 安 is now called anna");
    out[dialect_nick(out, 99, ev, DIALECT_ZH)] = '\0';
    STREQ(out, "* 安 改名为 anna");
    out[dialect_nick(out, 12, ev, DIALECT_EN)] = '\0';
    STREQ(out, "* 安 is …");
}

TEST(the_longest_names_fit_into_two_lines)
{
    char name[ROOM_NAME_MAX + 1];
    const char *text;

    memset(name, 'x', ROOM_NAME_MAX);
    name[ROOM_NAME_MAX] = '\0';
    text = line(event(ROOM_NICK, name, name), DIALECT_EN);
    CHECK(strstr(text, ": joined the chat") != NULL);
    LE(strlen(text), 200);
}

TEST(a_message_for_one_alone_says_so)
{
    struct room_event *ev = event(ROOM_MSG, "ann", "psst: a secret");

    STREQ(line(ev, DIALECT_EN), "* ann to you alone: psst: a secret");
    STREQ(line(ev, DIALECT_ZH), "* ann 悄悄对你说：psst: a secret");
}
