#include <tenon/err.h>

#include "web_int.h"

#include <stdlib.h>
#include <string.h>

/* --- reading ---------------------------------------------------------------*/

/* Whether objects and lists are nested no deeper than ours. The parser goes
   down by recursion, and a task's stack is not made for 8,000 levels. */
bool
web_is_shallow(tn_str data)
{
    int depth = 0;
    bool text = false;

    for (size_t i = 0; i < data.len; i++) {
        char c = data.at[i];

        if (text) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                text = false;
            }
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > WEB_DEPTH) {
                return false;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

static const char *
text_of(const json_t *root, const char *key, size_t *len)
{
    const json_t *value = json_object_get(root, key);

    *len = json_string_length(value);
    return json_is_string(value) ? json_string_value(value) : "";
}

static uint64_t
number_of(const json_t *root, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(root, key));

    return n > 0 ? (uint64_t)n : 0;
}

int
web_parse(struct web_message *m, tn_str data)
{
    size_t len;

    memset(m, 0, sizeof(*m));
    if (data.len == 0 || !web_is_shallow(data)) {
        return -EINVAL;
    }
    m->root = json_loadb(data.at, data.len, 0, NULL);
    m->verb = text_of(m->root, "do", &len);
    if (!json_is_object(m->root) || len == 0) {
        json_decref(m->root);
        m->root = NULL;
        return -EINVAL;
    }
    m->name = text_of(m->root, "name", &m->name_len);
    m->text = text_of(m->root, "text", &m->text_len);
    m->key = text_of(m->root, "key", &len);
    m->epoch = text_of(m->root, "epoch", &len);
    m->ref = text_of(m->root, "ref", &len);
    m->how = text_of(m->root, "how", &len);
    m->to = text_of(m->root, "to", &m->to_len);
    m->since = number_of(m->root, "since");
    m->before = number_of(m->root, "before");
    return 0;
}

/* --- writing ---------------------------------------------------------------*/

static const char *
word_of(enum room_what what)
{
    switch (what) {
    case ROOM_JOIN:
        return "join";
    case ROOM_LEAVE:
        return "leave";
    case ROOM_FILE:
        return "file";
    case ROOM_GONE:
        return "gone";
    case ROOM_ACT:
        return "act";
    case ROOM_NICK:
        return "nick";
    case ROOM_MSG:
        return "msg";
    case ROOM_SAY:
    case ROOM_NOTE:
    case ROOM_BYE:
        break;
    }
    return "say";
}

const char *
web_kind(enum room_kind kind)
{
    static const char *const words[] = {
        [ROOM_PLAIN] = "plain", [ROOM_WEB] = "web", [ROOM_NATIVE] = "native"};

    return words[kind];
}

/* Add a member; "" and NULL values are left out. */
static int
set(json_t *object, const char *key, json_t *value)
{
    return value != NULL ? json_object_set_new(object, key, value) : -1;
}

static json_t *
event_object(const struct room_event *ev, uint64_t author, bool is)
{
    json_t *o = json_object();
    int bad = 0;

    if (is) {
        bad |= set(o, "is", json_string("event"));
    }
    bad |= set(o, "n", json_integer((json_int_t)ev->number));
    bad |= set(o, "time", json_integer(ev->time));
    bad |= set(o, "what", json_string(word_of(ev->what)));
    bad |= set(o, "name", json_stringn(ev->name, ev->name_len));
    if (ev->text_len > 0) {
        bad |= set(o, "text", json_stringn(ev->text, ev->text_len));
    }
    if (ev->what == ROOM_JOIN) {
        bad |= set(o, "kind", json_string(web_kind(ev->kind)));
    }
    if (ev->what == ROOM_MSG) {
        bad |= set(o, "to", json_string(ev->whom));
    }
    if (ev->what == ROOM_FILE) {
        bad |= set(o, "size", json_integer(ev->size));
    }
    if (ev->author != 0 && ev->author == author) {
        bad |= set(o, "you", json_true());
        if (ev->ref[0] != '\0') {
            bad |= set(o, "ref", json_string(ev->ref));
        }
    }
    if (bad != 0) { /* no memory, or a history that is not UTF-8 */
        json_decref(o);
        return NULL;
    }
    return o;
}

size_t
web_write_event(char *dst, size_t cap, const struct room_event *ev,
                uint64_t author, bool is)
{
    json_t *o = event_object(ev, author, is);
    size_t n = o != NULL ? json_dumpb(o, dst, cap, JSON_COMPACT) : 0;

    json_decref(o);
    return n <= cap ? n : 0;
}

int
web_send(struct web_conn *c, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    int err = -ENOMEM;

    json_decref(object);
    if (text != NULL) {
        err = tn_ws_send(c->ws, TN_WS_TEXT, text, strlen(text));
        free(text);
    }
    return err;
}

int
web_refuse(struct web_conn *c, const char *why, const char *text,
           const char *ref)
{
    json_t *o =
        json_pack("{s:s,s:s,s:s}", "is", "refused", "why", why, "text", text);

    if (o != NULL && ref != NULL && ref[0] != '\0') {
        (void)json_object_set_new(o, "ref", json_string(ref));
    }
    return web_send(c, o);
}
