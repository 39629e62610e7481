#!/usr/bin/env python3
"""tenon find: hubs on networks that the test makes.
"""

import json
import re
import signal
import socket
import struct

import networks
import tap
from networks import PORT, asker, doctor, find, two_hosts

ANNOUNCE, ASK, ANSWER, BYE = 1, 2, 3, 4


def question(nonce=1, number=1, kinds=0, spread=0, marks=b"", size=224):
    data = struct.pack(">2sBBIHBxHH", b"\xffB", 1, ASK, nonce, kinds, number,
                       spread, len(marks) // 4) + marks
    return data.ljust(size, b"\0")


def card(data):
    """The fields of an announcement, an answer or a good-bye."""
    magic, version, kind_of, ident, kind, number, flags, port, members, nonce, \
        held, name, text = struct.unpack(">2sBB8sBBHHHIIBB", data[:30])
    tap.equal((magic, version), (b"\xffB", 1))
    return {"type": kind_of, "id": ident, "kind": kind, "number": number,
            "flags": flags, "port": port, "members": members, "nonce": nonce,
            "held": held, "name": data[30:30 + name].decode(),
            "text": data[30 + name:30 + name + text].decode()}


# --- finding ------------------------------------------------------------------

@tap.case
def loopback():
    """On a machine without any network: by the loopback, with what it is"""
    host = networks.Host()
    hub = host.hub("--name", "教室 3")
    member = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.connect(("127.0.0.1", hub.port))
    member.send(b"ann")
    other = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.connect(("127.0.0.1", hub.port))
    other.send(b"bob")
    tap.true(member.recv(100).startswith(b"bob"), "bob is in")
    event, = find(host, found=["教室 3"])
    wanted = {"event": "found", "kind": "hub", "name": "教室 3", "members": 2,
              "port": hub.port, "host": socket.gethostname(), "code": False,
              "tls": False, "files": False, "once": False, "web": True,
              "addresses": [f"127.0.0.1:{hub.port}"], "interface": "lo"}
    tap.equal({k: event[k] for k in wanted}, wanted)
    tap.true(0 <= event["rtt"] < 0.5, event["rtt"])
    tap.true(re.fullmatch("[0-9a-f]{16}", event["id"]), event["id"])
    code, out, err = host.tenon("find")
    tap.equal((code, err), (0, ""))
    tap.true(re.fullmatch(r"hub +127\.0\.0\.1:%d +[0-9.]+ ms  教室 3 on .*, "
                          r"2 members.*, by lo\n" % hub.port, out), out)


@tap.case
def nobody():
    """Nobody there: exit code 1, and a hint"""
    host = networks.Host()
    code, out, err = host.tenon("find", "-w", "0.2")
    tap.equal((code, out), (1, ""))
    tap.true("nobody answered" in err and "--doctor" in err, err)
    host = networks.Host(loopback=False)
    code, out, err = host.tenon("find", "-w", "0.2")
    tap.equal((code, out), (1, ""))
    tap.true("no network" in err, err)


@tap.case
def not_told():
    """A hidden room and one for this machine only are not found"""
    host = networks.Host()
    host.hub("--hidden", "--name", "hidden")
    host.hub("--bind", "127.0.0.1", "--name", "local")
    host.hub("--name", "open")
    find(host, found=["open"])


@tap.case
def by_name():
    """A name finds the room or the machine, and ends as soon as it answers"""
    host = networks.Host()
    host.hub("--name", "Red")
    host.hub("--name", "Blue")
    begun = tap.now()
    find(host, "blue", "-w", "30", found=["Blue"])
    tap.true(tap.now() - begun < 15, "it ends early")
    find(host, socket.gethostname(), "-w", "30")
    find(host, "green", "-w", "0.2", found=[])
    find(host, "--kind", "recv", "-w", "0.2", found=[])
    tap.equal(len(find(host, "--kind", "hub")), 2)


@tap.case
def two_machines():
    """Two machines on one wire, no default route"""
    a, b = two_hosts()
    hub = a.hub("--name", "there")
    event, = find(b, found=["there"])
    tap.equal(event["addresses"][0], f"10.1.0.1:{hub.port}")
    tap.equal(event["interface"], "eth0")
    tap.equal(a.ip("route show default").stdout, b"")


@tap.case
def two_networks():
    """Three machines, two interfaces each, no default route"""
    a, b, c = networks.Host(), networks.Host(), networks.Host()
    networks.segment(a.plug("eth0", "10.1.0.1/24"),
                     b.plug("eth0", "10.1.0.2/24"),
                     c.plug("eth0", "10.1.0.3/24"))
    networks.segment(a.plug("eth1", "10.2.0.1/24"),
                     b.plug("eth1", "10.2.0.2/24"),
                     c.plug("eth1", "10.2.0.3/24"))
    one, two = a.hub("--name", "one"), b.hub("--name", "two")
    events = {e["name"]: e for e in find(c, found=["one", "two"])}
    for hub, name, last in ((one, "one", 1), (two, "two", 2)):
        four = [x for x in events[name]["addresses"] if x.startswith("10.")]
        tap.equal(sorted(four), [f"10.1.0.{last}:{hub.port}",
                                 f"10.2.0.{last}:{hub.port}"])


@tap.case
def one_network_each():
    """A room bound to one address is found on that network only"""
    a, b, c = networks.Host(), networks.Host(), networks.Host()
    networks.segment(a.plug("eth0", "10.1.0.1/24"),
                     b.plug("eth0", "10.1.0.2/24"))
    networks.segment(a.plug("eth1", "10.2.0.1/24"),
                     c.plug("eth0", "10.2.0.3/24"))
    hub = a.hub("--bind", "10.2.0.1", "--name", "bound")
    find(b, found=[])
    event, = find(c, found=["bound"])
    tap.equal(event["addresses"], [f"10.2.0.1:{hub.port}"])


@tap.case
def ipv6_alone():
    """A network without IPv4: by the group"""
    a, b = two_hosts(a=None, b=None)
    for host, last in ((a, 1), (b, 2)):
        host.ip("addr flush dev eth0")
        host.ip(f"addr add fe80::{last}/64 dev eth0 nodad")
    hub = a.hub("--name", "six")
    event, = find(b, found=["six"])
    tap.equal(event["addresses"], [f"[fe80::1%eth0]:{hub.port}"])


@tap.case
def ipv4_alone():
    """A room that listens on IPv4 only is not told of by IPv6"""
    a, b = two_hosts()
    for host, last in ((a, 1), (b, 2)):
        host.ip(f"addr add fd00::{last}/64 dev eth0 nodad")
    both, four = a.hub("--name", "both"), \
        a.hub("--name", "four", "--bind", "0.0.0.0")
    events = {e["name"]: e for e in find(b, found=["both", "four"])}
    tap.equal(events["four"]["addresses"], [f"10.1.0.1:{four.port}"])
    tap.true(f"[fd00::1]:{both.port}" in events["both"]["addresses"], events)


@tap.case
def no_broadcast():
    """A link without broadcast: by the group of IPv4"""
    a, b = networks.Host(), networks.Host()
    link = networks.Tunnel(a, b)
    for host, own, other in ((a, 1, 2), (b, 2, 1)):
        host.ip(f"addr add 10.9.0.{own} peer 10.9.0.{other} dev tun0")
        host.ip("link set tun0 up")
        host.ip("-6 addr flush dev tun0")
    hub = a.hub("--name", "tunnelled")
    event, = find(b, found=["tunnelled"])
    tap.equal(event["addresses"], [f"10.9.0.1:{hub.port}"])
    _, seen = doctor(b)
    tap.equal((seen["tun0"]["broadcast"], seen["tun0"]["answers"] > 0),
              (False, True))
    link.end()


@tap.case
def port_shared():
    """Hubs of one machine share the port, and each is found from elsewhere"""
    a, b = two_hosts()
    names = [f"room {i}" for i in range(5)]
    for name in names:
        a.hub("--name", name)
    find(b, found=names)


def traffic(host, name):
    """Datagrams and bytes that an interface has sent and received."""
    text = host.run("cat", "/proc/net/dev").stdout.decode()
    words = re.search(rf"{name}: *(.*)", text).group(1).split()
    return {"out": int(words[9]), "out bytes": int(words[8]),
            "in": int(words[1]), "in bytes": int(words[0])}


@tap.case
def many():
    """Three hundred hubs on one network are all found by one question"""
    count = 300 if tap.SCALE == 1 else 60  # sanitizers have bigger programs
    a, b = two_hosts()
    for host in (a, b):  # what IPv6 says of itself would be counted
        host.ip("-6 addr flush dev eth0")
    ear = b.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    ear.bind(("0.0.0.0", PORT))
    hubs = [a.start("hub", "-p", "0", "--no-history", "--no-web", "--quiet",
                    "--bind", "10.1.0.1", "--name", f"room {i}", ready=True)
            for i in range(count)]
    heard = 0
    while heard < 3 * count and tap.readable(ear, 4):  # the last announcement
        heard += ear.recv(2000)[3] == ANNOUNCE
    ear.close()
    before = traffic(b, "eth0")
    begun = tap.now()
    find(b, "--kind", "hub", "-w", "4",
         found=[f"room {i}" for i in range(count)])
    took = tap.now() - begun
    after = traffic(b, "eth0")
    spent = {k: after[k] - before[k] for k in after}
    print(f"# {count} hubs in {took:.1f} s: {spent}", flush=True)
    # Five questions; a machine under load answers some of them twice. Without
    # suppression it would be five times.
    tap.true(spent["out"] <= 7, f"questions: {spent}")
    tap.true(spent["in"] <= count * 2, f"answers: {spent}")
    for hub in hubs:
        hub.signal(signal.SIGINT)


# --- comings and goings -------------------------------------------------------

def watch(host):
    w = host.start("find", "--watch", "--json")
    return w


def next_event(w):
    return json.loads(tap.read_until(w.stdout, b"\n").decode())


@tap.case
def watched():
    """--watch tells who comes and who leaves; Ctrl-C ends it well"""
    a, b = two_hosts()
    first = a.hub("--name", "first")
    w = watch(b)
    event = next_event(w)
    tap.equal((event["event"], event["name"]), ("came", "first"))
    second = a.hub("--name", "second")
    event = next_event(w)
    tap.equal((event["event"], event["name"]), ("came", "second"))
    first.signal(signal.SIGINT)
    event = next_event(w)
    tap.equal((event["event"], event["name"]), ("left", "first"))
    tap.equal(first.wait(), 0)
    second.signal(signal.SIGTERM)
    tap.equal(next_event(w)["event"], "left")
    w.signal(signal.SIGINT)
    tap.equal(w.wait(), 0, "exit code")


class Later:
    """A watch, and a room that is there before its network."""

    def __init__(self, one, two):
        self.one = one
        self.a, self.b = networks.Host(), networks.Host()
        self.bridge = networks.segment(self.b.plug("eth0", two))
        self.ear = self.b.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.ear.bind(("0.0.0.0", PORT))
        self.watch = watch(self.b)
        self.a.hub("--name", "late")

    def plug(self):
        # What comes after the fourth question is no answer: the next one is
        # asked half a minute later.
        while self.ear.recv(2000)[10] != 4:
            pass
        self.ear.close()
        networks.join(self.bridge, self.a.plug("eth0", self.one))

    def is_told(self):
        deadline = tap.now() + 20 * tap.SCALE
        while not tap.readable(self.watch.stdout, 1):
            tap.true(tap.now() < deadline, "the room was not announced")
        event = next_event(self.watch)
        tap.equal((event["event"], event["name"], "rtt" in event),
                  ("came", "late", False))
        event, = find(self.b, found=["late"])
        tap.true(self.one.split("/")[0] in event["addresses"][0], event)


@tap.case
def plugged_in_later():
    """A network that comes later, of IPv4 or of IPv6, is told of the room"""
    both = [Later("10.1.0.1/24", "10.1.0.2/24"), Later("fd00::1/64",
                                                       "fd00::2/64")]
    for later in both:
        later.plug()
    for later in both:
        later.is_told()


@tap.case
def announced():
    """Three announcements with growing gaps, two good-byes, nothing else"""
    a, b = two_hosts()
    ear = b.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("0.0.0.0", PORT))
    hub = a.hub("--name", "loud")
    times, cards = [], []
    for _ in range(3):
        cards.append(card(ear.recv(2000)))
        times.append(tap.now())
    tap.equal({c["type"] for c in cards}, {ANNOUNCE})
    tap.equal({(c["name"], c["port"]) for c in cards}, {("loud", hub.port)})
    one, two = times[1] - times[0], times[2] - times[1]
    tap.true(0.8 <= one < 1.2 * tap.SCALE + 1, f"first gap {one}")
    tap.true(2.8 <= two < 3.6 * tap.SCALE + 1, f"second gap {two}")
    tap.true(not tap.readable(ear, 2), "it is silent then")
    hub.signal(signal.SIGINT)
    for _ in range(2):
        tap.equal(card(ear.recv(2000))["type"], BYE)
    tap.true(not tap.readable(ear, 0.2), "two good-byes")
    ear.close()


# --- the wire -----------------------------------------------------------------

def hear(sock, count=1000, limit=0.4):
    """Answers that come until it is silent."""
    heard = []
    while len(heard) < count and tap.readable(sock, limit * tap.SCALE):
        heard.append(sock.recvfrom(2000))
    return heard


@tap.case
def suppressed():
    """Who is named in the question, or is of another kind, stays silent"""
    a, b = two_hosts()
    a.hub("--name", "x" * 64)
    sock = asker(b)
    to = ("10.1.0.255", PORT)
    sock.sendto(question(nonce=77, number=9), to)
    (data, sender), = hear(sock, 1, 4)  # on a busy machine it takes a while
    got = card(data)
    tap.equal((got["type"], got["nonce"], got["number"], sender),
              (ANSWER, 77, 9, ("10.1.0.1", PORT)))
    tap.true(len(data) <= 224, f"an answer of {len(data)}")
    sock.sendto(question(nonce=78, marks=b"none" + got["id"][:4]), to)
    sock.sendto(question(nonce=79, kinds=1 << 2), to)
    tap.equal(hear(sock), [], "answers")
    sock.sendto(question(nonce=80, kinds=1 << 1, marks=b"none"), to)
    tap.equal(len(hear(sock, 1, 4)), 1, "answers")
    tap.equal(hear(sock), [], "answers")


@tap.case
def no_amplifier():
    """Short, strange and far questions get nothing; many get few"""
    a, b = two_hosts()
    a.hub("--name", "quiet")
    sock = asker(b)
    to = ("10.1.0.1", PORT)
    for bad in (question(size=223)[:223], question()[:16], b"\xffB", b"",
                question().replace(b"\xffB\x01", b"\xffB\x02", 1),
                question(number=0), b"\xffT" + question()[2:],
                question().ljust(1201, b"\0")):
        sock.sendto(bad, to)
    tap.equal(hear(sock), [], "answers to what is no question")
    # From a network that a router would have to be behind.
    b.ip("addr add 172.16.0.9/32 dev lo")
    a.ip("route add 172.16.0.9/32 via 10.1.0.2")
    far = asker(b)
    far.bind(("172.16.0.9", 0))
    far.sendto(question(), to)
    tap.equal(hear(far), [], "answers to another network")
    for nonce in range(300):
        sock.sendto(question(nonce=nonce), to)
    count = len(hear(sock))
    tap.true(10 <= count <= 40, f"{count} answers to 300 questions")


@tap.case
def spread():
    """Answers are spread over the time that the question gives them"""
    a, b = two_hosts()
    for i in range(4):
        a.hub("--name", str(i))
    sock = asker(b)
    delays = []
    for nonce in range(5):
        begun = tap.now()
        sock.sendto(question(nonce=nonce, spread=400), ("10.1.0.255", PORT))
        for _ in range(4):
            data, _ = sock.recvfrom(2000)
            delays.append(tap.now() - begun)
            tap.true(card(data)["held"] <= (tap.now() - begun) * 1e6, "held")
    tap.true(max(delays) - min(delays) > 0.15, f"delays {sorted(delays)}")
    tap.true(max(delays) < 0.4 + tap.SCALE, f"delays {sorted(delays)}")


@tap.case
def misuse():
    """What does not go together is said at once"""
    for args in (("--doctor", "--watch"), ("--doctor", "name"),
                 ("--kind", "none"), ("-w", "0"), ("a", "b")):
        code, out, err = tap.tenon("find", *args)
        tap.equal((code, out), (2, ""), args)
        tap.true(err.startswith("tenon find: "), err)


if __name__ == "__main__":
    networks.run()
