/* chat_room.c - a room over UDP: the first datagram of an address is its name,
   each later one, "name:text", goes to all others; "q" leaves. [ADDRESS] */
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/text.h>

#include <stdio.h>
#include <string.h>

static tn_addr members[64];
static char names[64][32];
static int count;

static void
tell_others(tn_sock *room, int from, const char *between, const char *text)
{
    char out[1200];
    int n = snprintf(out, sizeof(out), "%s%s%s", names[from], between, text);
    for (int i = 0; i < count; i++) {
        if (i != from && tn_sendto(room, out, (size_t)n, 0, members + i) < 0) {
            puts(tn_why());
        }
    }
}

int
main(int argc, char **argv)
{
    char said[1025];
    tn_sock *room;
    tn_addr from;
    size_t full;
    ssize_t n = tn_listen_on(&room, argc > 1 ? argv[1] : "udp://:8000", NULL);
    if (n == 0 && (n = tn_getsockname(room, &from)) == 0) {
        fprintf(stderr, "%s\n", tn_addr_format(&from, said, sizeof(said)));
    }
    while (n >= 0 &&
           (n = tn_recvfrom(room, said, 1024, 0, &from, &full)) >= 0) {
        int i = 0;
        while (i < count && !tn_addr_equal(&members[i], &from)) {
            i++;
        }
        said[n] = '\0';
        const char *text = strchr(said, ':') ? strchr(said, ':') + 1 : said;
        if (i < count && strcmp(text, "q") == 0) {
            tell_others(room, i, "：", "离开了聊天室");
            members[i] = members[--count];
            memmove(names[i], names[count], sizeof(names[i]));
        } else if (i < count) {
            tell_others(room, i, ":", text);
        } else if (count < 64) {
            tn_text_clean(names[i], sizeof(names[i]), said, (size_t)n);
            members[count++] = from;
            tell_others(room, i, ": ", "加入了群聊");
        }
    }
    fprintf(stderr, "chat_room: %s\n", tn_why());
    return 1;
}
