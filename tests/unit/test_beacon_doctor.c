/*
 * test_beacon_doctor.c - what follows from which facts, and how facts are read
 * from what the system prints.
 */
#include <tenon/err.h>

#include "hub/beacon_doctor.h"
#include "hub/beacon_host.h"
#include "test.h"

#include <net/if.h>
#include <stdio.h>

static struct doctor_finding out[DOCTOR_FINDINGS];

/* A machine on one network, where all is well and one has answered. */
static struct doctor_facts *
well(void)
{
    static struct doctor_facts f;
    struct doctor_if *lo = &f.at[0], *eth = &f.at[1];

    memset(&f, 0, sizeof(f));
    f.port = 8001;
    f.count = 2;
    f.found = 1;
    *lo = (struct doctor_if){.name = "lo",
                             .index = 1,
                             .flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK,
                             .asked = true,
                             .echo = true};
    *eth = (struct doctor_if){.name = "eth0",
                              .index = 2,
                              .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST |
                                       IFF_MULTICAST,
                              .asked = true,
                              .echo = true,
                              .answers = 1};
    OK(tn_addr_ip(&lo->addr, "127.0.0.1", 0));
    OK(tn_addr_ip(&lo->netmask, "255.0.0.0", 0));
    OK(tn_addr_ip(&eth->addr, "192.168.1.5", 0));
    OK(tn_addr_ip(&eth->netmask, "255.255.255.0", 0));
    return &f;
}

static void
unanswered(struct doctor_facts *f)
{
    f->found = 0;
    f->at[1].answers = 0;
}

/* --- one thing that is wrong -----------------------------------------------*/

static void
no_loopback(struct doctor_facts *f)
{
    f->at[0].flags = IFF_LOOPBACK;
    f->at[0].asked = false;
}

static void
down(struct doctor_facts *f)
{
    f->at[1].flags = IFF_BROADCAST;
    f->at[1].asked = false;
}

static void
no_carrier(struct doctor_facts *f)
{
    f->at[1].flags = IFF_UP | IFF_BROADCAST;
}

static void
no_address(struct doctor_facts *f)
{
    f->at[1].addr.len = 0;
    f->at[1].asked = false;
}

static void
narrow(struct doctor_facts *f)
{
    OK(tn_addr_ip(&f->at[1].netmask, "255.255.255.255", 0));
}

static void
cannot_ask(struct doctor_facts *f)
{
    f->at[1].flags = IFF_UP | IFF_RUNNING | IFF_POINTOPOINT;
    f->at[1].asked = false;
}

static void
may_not(struct doctor_facts *f)
{
    f->at[1].asked = false;
    f->at[1].error = -EPERM;
}

static void
cannot_send(struct doctor_facts *f)
{
    f->at[1].asked = false;
    f->at[1].error = -ENETUNREACH;
}

static void
no_echo(struct doctor_facts *f)
{
    f->at[1].echo = false;
}

static void
no_echo_ufw(struct doctor_facts *f)
{
    f->at[1].echo = false;
    f->wall.kind = DOCTOR_UFW;
}

static void
no_echo_firewalld(struct doctor_facts *f)
{
    f->at[1].echo = false;
    f->wall.kind = DOCTOR_FIREWALLD;
}

static void
no_echo_nft(struct doctor_facts *f)
{
    f->at[1].echo = false;
    f->wall.kind = DOCTOR_NFT;
    snprintf(f->wall.place, sizeof(f->wall.place), "ip guard in");
}

static void
heard(struct doctor_facts *f)
{
    unanswered(f);
    f->at[1].announces = 1;
}

static void
asked_by(struct doctor_facts *f)
{
    unanswered(f);
    f->at[1].asked_by = 1;
}

static void
taken(struct doctor_facts *f)
{
    f->port_error = -EADDRINUSE;
    f->at[0].echo = f->at[1].echo = false;
    snprintf(f->holder, sizeof(f->holder), "greedy (process 17)");
}

static void
port_failed(struct doctor_facts *f)
{
    f->port_error = -EACCES;
    f->at[0].echo = f->at[1].echo = false;
}

static void
stranger(struct doctor_facts *f)
{
    f->has_stranger = true;
    OK(tn_addr_ip(&f->stranger, "192.168.2.9", 8001));
    snprintf(f->stranger_by, sizeof(f->stranger_by), "eth0");
}

static void
drops(struct doctor_facts *f)
{
    f->wall.kind = DOCTOR_IPTABLES;
    f->wall.drops = 8001;
    snprintf(f->wall.rule, sizeof(f->wall.rule), "-A INPUT -p udp -j DROP");
}

static void
drops_rooms(struct doctor_facts *f)
{
    f->wall.kind = DOCTOR_UFW;
    f->wall.drops = 8000;
}

static void
policy(struct doctor_facts *f)
{
    f->wall.kind = DOCTOR_UFW;
    f->wall.policy = f->wall.answers = true;
}

static void
answers_dropped(struct doctor_facts *f)
{
    unanswered(f);
    f->wall.kind = DOCTOR_UFW;
    f->wall.policy = f->wall.accepts = true;
}

static void
unread(struct doctor_facts *f)
{
    unanswered(f);
    f->wall.kind = DOCTOR_UFW;
    f->wall.unread = true;
}

static void
tunnel(struct doctor_facts *f)
{
    unanswered(f);
    snprintf(f->route, sizeof(f->route), "tun0");
    f->tunnel = true;
}

static void
healthy(struct doctor_facts *f)
{
    (void)f;
}

struct row {
    void (*make)(struct doctor_facts *f);
    const char *codes; /* of all findings, in order */
    const char *text;  /* part of a sentence */
    const char *mend;  /* part of its command */
};

#define ROW(id, ...)                                                           \
    {                                                                          \
        .name = #id, .data = &(const struct row)                               \
        {                                                                      \
            id, __VA_ARGS__                                                    \
        }                                                                      \
    }

static const struct test_param rows[] = {
    ROW(healthy, "", NULL, NULL),
    ROW(unanswered, "nobody", "--bind 127.0.0.1 it is not found", NULL),
    ROW(no_loopback, "no-loopback", "loopback is down",
        "sudo ip link set lo up"),
    ROW(down, "no-network down", "eth0 is down", "sudo ip link set eth0 up"),
    ROW(no_carrier, "no-network no-carrier", "no cable", NULL),
    ROW(no_address, "no-network no-address", "no address", "dhclient eth0"),
    ROW(narrow, "narrow-mask", "192.168.1.5/32",
        "sudo ip addr add 192.168.1.5/24 dev eth0"),
    ROW(cannot_ask, "no-broadcast", "neither broadcast nor multicast", NULL),
    ROW(may_not, "may-not-send", "forbids to send UDP 8001",
        "sudo iptables -I OUTPUT -p udp --dport 8001 -j ACCEPT"),
    ROW(cannot_send, "cannot-send", "network unreachable", NULL),
    ROW(no_echo, "no-echo", "does not come back on eth0",
        "sudo iptables -I INPUT -p udp --dport 8001 -j ACCEPT"),
    ROW(no_echo_ufw, "no-echo", "eth0", "sudo ufw allow 8001/udp"),
    ROW(no_echo_firewalld, "no-echo", "eth0",
        "sudo firewall-cmd --add-port=8001/udp"),
    ROW(no_echo_nft, "no-echo", "eth0",
        "sudo nft insert rule ip guard in udp dport 8001 accept"),
    ROW(heard, "one-way", "others are heard on eth0",
        "iptables -I INPUT -p udp --sport 8001"),
    ROW(asked_by, "one-way", "others ask on eth0", "--sport 8001"),
    ROW(taken, "port-taken", "greedy (process 17) has UDP port 8001",
        "ss -lunp"),
    ROW(port_failed, "port-failed", "permission denied", NULL),
    ROW(stranger, "wrong-mask", "192.168.2.9 is heard on eth0",
        "sudo ip addr add 192.168.1.5/16 dev eth0"),
    ROW(drops, "rule-drops", "iptables drops what we need: -A INPUT -p udp",
        "--dport 8001"),
    ROW(drops_rooms, "rule-drops", NULL, "sudo ufw allow 8000/udp"),
    ROW(policy, "policy-drops", "knows nothing of UDP port 8001",
        "sudo ufw allow 8001/udp"),
    ROW(answers_dropped, "answers-dropped", "answers come from UDP port 8001",
        "sudo ufw allow proto udp from any port 8001"),
    ROW(unread, "wall-unread", "only root", "sudo tenon find --doctor"),
    ROW(tunnel, "tunnel", "by the tunnel tun0", "ip link set tun0 down"),
};

TEST_EACH(diagnosis, rows)
{
    const struct row *row = p->data;
    struct doctor_facts *f = well();
    char codes[256] = "";
    bool said = row->text == NULL, mended = row->mend == NULL;

    row->make(f);
    int count = doctor_judge(f, out);
    for (int i = 0; i < count; i++) {
        size_t n = strlen(codes);
        snprintf(codes + n, sizeof(codes) - n, "%s%s", i > 0 ? " " : "",
                 out[i].code);
        said = said || strstr(out[i].text, row->text) != NULL;
        mended = mended || strstr(out[i].mend, row->mend) != NULL;
        CHECK(out[i].text[0] != '\0');
    }
    STREQ(codes, row->codes);
    CHECK(said);
    CHECK(mended);
}

/* More than anybody would read is no more than there is room for. */
TEST(findings_are_bounded)
{
    struct doctor_facts *f = well();

    unanswered(f);
    f->count = DOCTOR_IFS;
    for (int i = 1; i < DOCTOR_IFS; i++) {
        f->at[i] = f->at[1];
        f->at[i].asked_by = 1;
        f->at[i].echo = false;
    }
    EQ(doctor_judge(f, out), DOCTOR_FINDINGS);
}

/* --- rules -----------------------------------------------------------------*/

enum { DROPS = 1, POLICY = 2, ACCEPTS = 4, ANSWERS = 8 };

static const struct test_param rules[] = {
    {"nothing", {0}, ""},
    {"ipt_policy", {POLICY}, "-P INPUT DROP\n-P FORWARD ACCEPT\n"},
    {"ipt_forward", {0}, "-P INPUT ACCEPT\n-P FORWARD DROP\n"},
    {"ipt_last", {POLICY}, "-A INPUT -j DROP"},
    {"ipt_reject",
     {POLICY},
     "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"},
    {"ipt_port", {DROPS}, "-A INPUT -p udp -m udp --dport 8001 -j DROP\n"},
    {"ipt_hub", {DROPS}, "-A INPUT -p udp -m udp --dport 8000 -j REJECT\n"},
    {"ipt_range", {DROPS}, "-A INPUT -p udp --dport 7000:9000 -j DROP\n"},
    {"ipt_many", {DROPS}, "-A INPUT -p udp --dports 53,8001 -j DROP\n"},
    {"ipt_other", {0}, "-A INPUT -p udp -m udp --dport 53 -j DROP\n"},
    {"ipt_tcp", {0}, "-A INPUT -p tcp -m tcp --dport 8001 -j DROP\n"},
    {"ipt_all_udp", {DROPS}, "-A INPUT -p udp -j DROP\n"},
    {"ipt_from", {0}, "-A INPUT -p udp --sport 53 -j DROP\n"},
    {"ipt_accept", {ACCEPTS}, "-A INPUT -p udp --dport 8001 -j ACCEPT\n"},
    {"ipt_answers", {ANSWERS}, "-A INPUT -p udp --sport 8001 -j ACCEPT\n"},
    {"ipt_all", {ACCEPTS | ANSWERS}, "-A INPUT -p udp -j ACCEPT\n"},
    {"nft_policy",
     {POLICY},
     "table inet f {\n chain in {\n  type filter hook input priority filter; "
     "policy drop;\n }\n}\n"},
    {"nft_forward", {0}, "type filter hook forward priority 0; policy drop;"},
    {"nft_last", {POLICY}, "\t\treject with icmpx admin-prohibited\n"},
    {"nft_port", {DROPS}, "\t\tudp dport 8001 counter packets 3 drop\n"},
    {"nft_set", {DROPS}, "\t\tudp dport { 53, 8001 } drop\n"},
    {"nft_range", {DROPS}, "\t\tudp dport 8000-8010 reject\n"},
    {"nft_both", {DROPS}, "\tmeta l4proto { tcp, udp } th dport 8001 drop\n"},
    {"nft_not", {0}, "\t\tudp dport != 53 accept\n"},
    {"nft_other", {0}, "\t\tudp dport { 53, 5353 } drop\n"},
    {"nft_accept", {ACCEPTS}, "\t\tudp dport 8001 accept\n"},
    {"nft_answers", {ANSWERS}, "\t\tudp sport 8001 accept\n"},
};

TEST_EACH(rules_are_read, rules)
{
    struct doctor_wall w = {0};

    doctor_read_rules(p->data, 8001, &w);
    EQ((w.drops != 0 ? DROPS : 0) | (w.policy ? POLICY : 0) |
           (w.accepts ? ACCEPTS : 0) | (w.answers ? ANSWERS : 0),
       p->value[0]);
    EQ(w.rule[0] != '\0', w.drops != 0);
}

TEST(a_rule_is_shown_and_its_place_known)
{
    static const char text[] = "table inet guard {\n"
                               "\tchain enter {\n"
                               "\t\ttype filter hook input priority 0; policy "
                               "drop;\n"
                               "\t\tudp dport 8001 drop\n"
                               "\t}\n"
                               "\tchain leave {\n"
                               "\t\tudp dport 8000 drop\n"
                               "\t}\n"
                               "}\n";
    struct doctor_wall w = {0};

    doctor_read_rules(text, 8001, &w);
    EQ(w.drops, 8001);
    STREQ(w.rule, "udp dport 8001 drop");
    STREQ(w.place, "inet guard enter");
}

/* The port that is asked at goes before that of rooms. */
TEST(the_rule_that_matters_more_is_kept)
{
    static const char text[] = "-A INPUT -p udp --dport 8000 -j DROP\n"
                               "-A INPUT -p udp --dport 7999:8001 -j DROP\n"
                               "-A INPUT -p udp --dport 8000 -j REJECT\n";
    struct doctor_wall w = {0};

    doctor_read_rules(text, 8001, &w);
    EQ(w.drops, 8001);
    STREQ(w.rule, "-A INPUT -p udp --dport 7999:8001 -j DROP");
}

/* Whatever stands there: lines without end, words without end. */
TEST(rules_of_any_length)
{
    static char text[20000];
    struct doctor_wall w = {0};

    memset(text, 'x', sizeof(text) - 1);
    doctor_read_rules(text, 8001, &w);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] = "udp dport 8001 drop "[i % 20];
    }
    doctor_read_rules(text, 8001, &w);
    EQ(w.drops, 8001);
    EQ(strlen(w.rule), DOCTOR_RULE - 1);
}

/* --- /proc -----------------------------------------------------------------*/

TEST(the_default_route)
{
    static const char head[] = "Iface\tDestination\tGateway \tFlags\tRefCnt\t"
                               "Use\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    static const char eth[] = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t"
                              "00000000\t0\t0\t0\n";
    static const char half[] = "tun0\t00000000\t0100080A\t0003\t0\t0\t0\t"
                               "00000080\t0\t0\t0\n";
    static const char net[] = "eth1\t0001A8C0\t00000000\t0001\t0\t0\t100\t"
                              "00FFFFFF\t0\t0\t0\n";
    char text[1024], name[TN_IF_NAME] = "";

    CHECK(!doctor_read_route("", name));
    CHECK(!doctor_read_route(head, name));
    snprintf(text, sizeof(text), "%s%s", head, net);
    CHECK(!doctor_read_route(text, name));
    snprintf(text, sizeof(text), "%s%s%s", head, net, eth);
    CHECK(doctor_read_route(text, name));
    STREQ(name, "eth0");
    snprintf(text, sizeof(text), "%s%s%s", head, eth, half);
    CHECK(doctor_read_route(text, name));
    STREQ(name, "tun0");
    snprintf(text, sizeof(text), "%s%s%s", head, half, eth);
    CHECK(doctor_read_route(text, name));
    STREQ(name, "tun0");
}

TEST(who_is_bound_to_the_port)
{
    static const char text[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
        "retrnsmt   uid  timeout inode ref pointer drops\n"
        " 1234: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 "
        "00000000   101        0 11111 2 0000000000000000 0\n"
        " 2345: 00000000:1F41 00000000:0000 07 00000000:00000000 00:00000000 "
        "00000000     0        0 22222 2 0000000000000000 0\n";
    static const char six[] =
        "  sl  local_address                         remote_address ...\n"
        "  345: 00000000000000000000000000000000:1F41 "
        "00000000000000000000000000000000:0000 07 00000000:00000000 "
        "00:00000000 00000000  1000        0 33333 2 0000000000000000 0\n";

    EQ(doctor_read_udp(text, 8001), 22222);
    EQ(doctor_read_udp(text, 53), 11111);
    EQ(doctor_read_udp(text, 8000), 0);
    EQ(doctor_read_udp(six, 8001), 33333);
    EQ(doctor_read_udp("", 8001), 0);
    EQ(doctor_read_udp("\n\n: :\n", 8001), 0);
}
