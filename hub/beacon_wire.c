#include "beacon_wire.h"

#include <tenon/text.h>

#include <string.h>

/* Where the fields are; docs/wire/beacon.md section 2. */
enum {
    AT_VERSION = 2,
    AT_TYPE = 3,
    /* of a card */
    AT_ID = 4,
    AT_KIND = 12,
    AT_NUMBER = 13,
    AT_FLAGS = 14,
    AT_PORT = 16,
    AT_MEMBERS = 18,
    AT_NONCE = 20,
    AT_HELD = 24,
    AT_NAME_LEN = 28,
    AT_TEXT_LEN = 29,
    /* of a question */
    ASK_NONCE = 4,
    ASK_KINDS = 8,
    ASK_NUMBER = 10,
    ASK_SPREAD = 12,
    ASK_COUNT = 14,
};

static const unsigned char magic[] = {0xff, 'B'};

static unsigned
get16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
get32(const unsigned char *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put16(unsigned char *p, unsigned v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

static void
put32(unsigned char *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static bool
is_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* --- reading ---------------------------------------------------------------*/

static bool
read_card(struct beacon_msg *m, const unsigned char *p, size_t n)
{
    if (n < BEACON_CARD_HEAD) {
        return false;
    }
    size_t name = p[AT_NAME_LEN], text = p[AT_TEXT_LEN];
    struct beacon_card *c = &m->card;
    if (name > BEACON_NAME || text > BEACON_TEXT ||
        BEACON_CARD_HEAD + name + text > n || p[AT_KIND] == 0 ||
        p[AT_KIND] > 15 || is_zero(p + AT_ID, BEACON_ID)) {
        return false;
    }
    memcpy(c->id, p + AT_ID, BEACON_ID);
    c->kind = (enum beacon_kind)p[AT_KIND];
    c->flags = get16(p + AT_FLAGS);
    c->port = (int)get16(p + AT_PORT);
    c->members = (int)get16(p + AT_MEMBERS);
    m->number = p[AT_NUMBER];
    m->nonce = get32(p + AT_NONCE);
    m->held = get32(p + AT_HELD);
    p += BEACON_CARD_HEAD;
    (void)tn_text_clean(c->name, sizeof(c->name), (const char *)p, name);
    (void)tn_text_clean(c->text, sizeof(c->text), (const char *)p + name, text);
    return c->port > 0;
}

static bool
read_question(struct beacon_msg *m, const unsigned char *p, size_t n)
{
    if (n < BEACON_QUESTION) {
        return false;
    }
    m->nonce = get32(p + ASK_NONCE);
    m->kinds = get16(p + ASK_KINDS);
    m->number = p[ASK_NUMBER];
    m->spread = (int)get16(p + ASK_SPREAD);
    m->count = (int)get16(p + ASK_COUNT);
    if (m->number == 0 || m->count > BEACON_MARKS ||
        BEACON_QUESTION_HEAD + (size_t)m->count * BEACON_MARK > n) {
        return false;
    }
    if (m->spread > BEACON_SPREAD) {
        m->spread = BEACON_SPREAD;
    }
    memcpy(m->mark, p + BEACON_QUESTION_HEAD, (size_t)m->count * BEACON_MARK);
    return true;
}

bool
beacon_read(struct beacon_msg *m, const void *data, size_t n)
{
    const unsigned char *p = data;

    if (n <= AT_TYPE || n > BEACON_DATAGRAM ||
        memcmp(p, magic, sizeof(magic)) != 0 ||
        p[AT_VERSION] != BEACON_VERSION) {
        return false;
    }
    memset(m, 0, sizeof(*m));
    m->type = (enum beacon_type)p[AT_TYPE];
    switch (m->type) {
    case BEACON_ASK:
        return read_question(m, p, n);
    case BEACON_ANNOUNCE:
    case BEACON_BYE:
        return read_card(m, p, n);
    case BEACON_ANSWER:
        return read_card(m, p, n) && m->number != 0;
    }
    return false;
}

/* --- writing ---------------------------------------------------------------*/

static size_t
put_text(unsigned char *p, const char *text, size_t max)
{
    size_t n = tn_text_cut(text, strlen(text), max);

    memcpy(p, text, n);
    return n;
}

static size_t
write_card(unsigned char *p, const struct beacon_msg *m)
{
    const struct beacon_card *c = &m->card;
    int members = c->members < 0 ? 0 : c->members;

    memcpy(p + AT_ID, c->id, BEACON_ID);
    p[AT_KIND] = (unsigned char)c->kind;
    p[AT_NUMBER] = (unsigned char)m->number;
    put16(p + AT_FLAGS, c->flags & 0xffff);
    put16(p + AT_PORT, (unsigned)c->port);
    put16(p + AT_MEMBERS, (unsigned)(members < 0xffff ? members : 0xffff));
    put32(p + AT_NONCE, m->nonce);
    put32(p + AT_HELD, m->held);
    size_t name = put_text(p + BEACON_CARD_HEAD, c->name, BEACON_NAME);
    size_t text = put_text(p + BEACON_CARD_HEAD + name, c->text, BEACON_TEXT);
    p[AT_NAME_LEN] = (unsigned char)name;
    p[AT_TEXT_LEN] = (unsigned char)text;
    return BEACON_CARD_HEAD + name + text;
}

static size_t
write_question(unsigned char *p, const struct beacon_msg *m)
{
    size_t marks = (size_t)m->count * BEACON_MARK;
    size_t n = BEACON_QUESTION_HEAD + marks;

    memset(p + ASK_NONCE, 0, BEACON_QUESTION - ASK_NONCE);
    put32(p + ASK_NONCE, m->nonce);
    put16(p + ASK_KINDS, m->kinds & 0xffff);
    p[ASK_NUMBER] = (unsigned char)m->number;
    put16(p + ASK_SPREAD, (unsigned)m->spread);
    put16(p + ASK_COUNT, (unsigned)m->count);
    memcpy(p + BEACON_QUESTION_HEAD, m->mark, marks);
    return n > BEACON_QUESTION ? n : BEACON_QUESTION;
}

size_t
beacon_write(void *buf, const struct beacon_msg *m)
{
    unsigned char *p = buf;

    memcpy(p, magic, sizeof(magic));
    p[AT_VERSION] = BEACON_VERSION;
    p[AT_TYPE] = (unsigned char)m->type;
    return m->type == BEACON_ASK ? write_question(p, m) : write_card(p, m);
}

bool
beacon_knows(const struct beacon_msg *m, const unsigned char id[BEACON_ID])
{
    for (int i = 0; i < m->count; i++) {
        if (memcmp(m->mark[i], id, BEACON_MARK) == 0) {
            return true;
        }
    }
    return false;
}
