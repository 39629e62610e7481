#!/usr/bin/env python3
"""tenon find: hubs on networks that the test makes, and what the doctor says.
"""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import networks
import room
import tap

PORT = 8001
GROUP6 = "ff12::8001:544e"
ANNOUNCE, ASK, ANSWER, BYE = 1, 2, 3, 4


def find(host, *args, found=None):
    """What is found, as JSON; the exit code must fit."""
    code, out, err = host.tenon("find", "--json", *args)
    events = [json.loads(line) for line in out.splitlines()]
    tap.equal(code, 0 if events else 1, err)
    if found is not None:
        tap.equal(sorted(e["name"] for e in events), sorted(found), err)
    return events


def doctor(host, *args):
    """What the doctor finds: {code: event}, and the interfaces by name."""
    code, out, err = host.tenon("find", "--doctor", "--json", *args)
    events = [json.loads(line) for line in out.splitlines()]
    tap.equal(err, "")
    end = events[-1]
    tap.equal(end["event"], "end")
    tap.equal(code, 0 if end["found"] else 1, "exit code")
    return ({e["code"]: e for e in events if e["event"] == "finding"},
            {e["name"]: e for e in events if e["event"] == "interface"})


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


def asker(host):
    sock = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return sock


def two_hosts(*, a="10.1.0.1/24", b="10.1.0.2/24"):
    """A network of two, without a default route."""
    one, two = networks.Host(), networks.Host()
    networks.segment(one.plug("eth0", a), two.plug("eth0", b))
    return one, two


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
def no_broadcast():
    """A link without broadcast: by the group of IPv4"""
    a, b = networks.Host(), networks.Host()
    if not os.path.exists("/dev/net/tun"):
        raise tap.Skip("no /dev/net/tun")
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
    hubs = [a.start("hub", "-p", "0", "--no-history", "--no-web", "--quiet",
                    "--bind", "10.1.0.1", "--name", f"room {i}", ready=True)
            for i in range(count)]
    ear = b.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("0.0.0.0", PORT))
    while tap.readable(ear, 4):  # the last announcement
        ear.recv(2000)
    ear.close()
    before = traffic(b, "eth0")
    begun = tap.now()
    find(b, "-w", "2", found=[f"room {i}" for i in range(count)])
    took = tap.now() - begun
    after = traffic(b, "eth0")
    spent = {k: after[k] - before[k] for k in after}
    print(f"# {count} hubs in {took:.1f} s: {spent}", flush=True)
    tap.true(spent["out"] <= 6, f"questions: {spent}")
    tap.true(spent["in"] <= count * 1.1, f"answers: {spent}")
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


@tap.case
def plugged_in_later():
    """A network that comes later is told of the room"""
    a, b = networks.Host(), networks.Host()
    bridge = networks.segment(b.plug("eth0", "10.1.0.2/24"))
    w = watch(b)
    a.hub("--name", "late")
    # What comes from now on is no answer: the watch has asked, and does so
    # again in half a minute only.
    time.sleep(2)
    networks.join(bridge, a.plug("eth0", "10.1.0.1/24"))
    deadline = tap.now() + 20 * tap.SCALE
    while not tap.readable(w.stdout, 1):
        tap.true(tap.now() < deadline, "the room was not announced")
    event = next_event(w)
    tap.equal((event["event"], event["name"], "rtt" in event),
              ("came", "late", False))
    find(b, found=["late"])


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
    (data, sender), = hear(sock)
    got = card(data)
    tap.equal((got["type"], got["nonce"], got["number"], sender),
              (ANSWER, 77, 9, ("10.1.0.1", PORT)))
    tap.true(len(data) <= 224, f"an answer of {len(data)}")
    sock.sendto(question(nonce=78, marks=b"none" + got["id"][:4]), to)
    sock.sendto(question(nonce=79, kinds=1 << 2), to)
    tap.equal(hear(sock), [], "answers")
    sock.sendto(question(nonce=80, kinds=1 << 1, marks=b"none"), to)
    tap.equal(len(hear(sock)), 1, "answers")


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


# --- the doctor ---------------------------------------------------------------

@tap.case
def healthy():
    """The doctor of a network where all is well: nothing to mend"""
    a, b = two_hosts()
    a.hub()
    findings, seen = doctor(b)
    tap.equal(findings, {})
    tap.equal((seen["eth0"]["echo"], seen["lo"]["echo"]), (True, True))
    tap.true(seen["eth0"]["answers"] > 0, seen["eth0"])
    findings, _ = doctor(networks.Host())
    tap.equal(list(findings), ["no-network"])


@tap.case
def ill_alone():
    """No loopback, no link, no address, no broadcast: each with its cure"""
    host = networks.Host(loopback=False)
    findings, _ = doctor(host)
    tap.equal(sorted(findings), ["no-loopback", "no-network"])
    tap.equal(findings["no-loopback"]["mend"], "sudo ip link set lo up")
    host = networks.Host()
    wire = host.plug("eth0")
    findings, _ = doctor(host)
    tap.true("no-carrier" in findings and "no-network" in findings, findings)
    networks.segment(wire)
    host.ip("-6 addr flush dev eth0")
    findings, _ = doctor(host)
    tap.true("no-address" in findings, findings)
    host.ip("addr add 10.1.0.2/32 dev eth0")
    findings, _ = doctor(host)
    tap.true("10.1.0.2/24" in findings["narrow-mask"]["mend"], findings)
    host.ip("link set eth0 down")
    findings, _ = doctor(host)
    tap.equal(findings["down"]["mend"], "sudo ip link set eth0 up")


@tap.case
def wrong_mask():
    """A mask that leaves the other machine out"""
    a, b = two_hosts(a="10.1.0.200/24", b="10.1.0.2/25")
    for host in (a, b):
        host.ip("-6 addr flush dev eth0")
        host.run("sh", "-c", "echo 0 | tee /proc/sys/net/ipv4/conf/*/rp_filter",
                 check=False)
    a.hub("--name", "outside")
    find(b, found=[])
    findings, _ = doctor(b)
    tap.true("10.1.0.200" in findings["wrong-mask"]["text"], findings)
    tap.equal(findings["wrong-mask"]["interface"], "eth0")
    tap.true("10.1.0.2/24 dev eth0" in findings["wrong-mask"]["mend"], findings)
    # The cure, as it is given.
    b.ip("addr add 10.1.0.2/24 dev eth0")
    find(b, found=["outside"])


@tap.case
def port_taken():
    """A program that has the port for itself is named"""
    a, b = two_hosts()
    taker = a.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taker.bind(("0.0.0.0", PORT))
    hub = a.hub("--name", "mute")
    tap.true("--doctor" in tap.read_until(hub.stderr, b"\n").decode(), "a word")
    find(b, found=[])
    findings, _ = doctor(a)
    tap.true(f"process {os.getpid()}" in findings["port-taken"]["text"],
             findings)
    taker.close()


def wall(host, rules):
    """A firewall of nft; skips where there is none."""
    tap.need("nft")
    done = subprocess.run(["nft", "-f", "-"], capture_output=True, check=False,
                          preexec_fn=host.inside(), input=rules.encode())
    if done.returncode != 0:
        raise tap.Skip("nft: " + done.stderr.decode().strip())


def cure(host, finding):
    """Do what the doctor advises, as it stands there."""
    host.run(*finding["mend"].removeprefix("sudo ").split())


@tap.case
def firewall():
    """A rule that drops questions is found by its effect, and read"""
    a, b = two_hosts()
    wall(a, """table inet guard {
        chain enter {
            type filter hook input priority 0; policy accept;
            udp dport { 53, 8000-8010 } counter drop
        }
    }""")
    a.hub("--name", "walled")
    find(b, found=[])
    findings, seen = doctor(a)
    tap.equal(seen["eth0"]["echo"], False)
    tap.true("8000-8010" in findings["rule-drops"]["text"], findings)
    tap.equal(findings["no-echo"]["mend"], "sudo nft insert rule inet guard "
              "enter udp dport 8001 accept")
    cure(a, findings["no-echo"])
    find(b, found=["walled"])


@tap.case
def firewall_of_the_asker():
    """A firewall that lets in only what it saw asked for drops answers"""
    a, b = two_hosts()
    wall(b, """table inet filter {
        chain input {
            type filter hook input priority 0; policy drop;
            iif lo accept
            ct state established,related accept
            ip6 nexthdr icmpv6 accept
        }
    }""")
    a.hub("--name", "there")
    find(b, found=[])
    findings, _ = doctor(b)
    tap.equal(findings["answers-dropped"]["mend"], "sudo nft insert rule inet "
              "filter input udp sport 8001 accept")
    cure(b, findings["answers-dropped"])
    find(b, found=["there"])
    findings, _ = doctor(b)
    tap.true("policy-drops" in findings and "no-echo" in findings, findings)
    cure(b, findings["policy-drops"])
    tap.equal(doctor(b)[0], {})


@tap.case
def firewall_that_keeps_in():
    """A firewall that forbids to ask is told from one that drops"""
    a, _ = two_hosts()
    wall(a, """table inet filter {
        chain output {
            type filter hook output priority 0; policy accept;
            oifname "eth0" udp dport 8001 drop
        }
    }""")
    findings, seen = doctor(a)
    tap.equal(findings["may-not-send"]["interface"], "eth0")
    tap.equal(seen["eth0"]["asked"], False)


@tap.case
def dropped_unseen():
    """A drop that no rule shows (tc) is found by its effect"""
    a, b = two_hosts()
    tap.need("tc")
    done = a.run("tc", "qdisc", "add", "dev", "eth0", "ingress", check=False)
    if done.returncode == 0:
        done = a.run("tc", "filter", "add", "dev", "eth0", "parent", "ffff:",
                     "protocol", "all", "u32", "match", "u32", "0", "0",
                     "action", "drop", check=False)
    if done.returncode != 0:
        raise tap.Skip("no tc filter: " + done.stderr.decode().strip())
    a.hub("--name", "walled")
    find(b, found=[])
    findings, seen = doctor(a)
    tap.equal((seen["eth0"]["echo"], findings["no-echo"]["interface"]),
              (False, "eth0"))
    tap.true("8001" in findings["no-echo"]["mend"], findings)


@tap.case
def one_way():
    """Others are heard, but do not answer"""
    a, b = two_hosts()
    mouth = asker(a)
    ready = b.start("find", "--doctor", "--json", "-w", "2")
    data = struct.pack(">2sBB8sBBHHHIIBB", b"\xffB", 1, ANNOUNCE, b"12345678",
                       1, 0, 0, 8000, 1, 0, 0, 3, 0) + b"ann"
    while not tap.readable(ready.stdout, 0.1):
        mouth.sendto(data, ("10.1.0.255", PORT))
    events = [json.loads(line)
              for line in tap.read_all(ready.stdout).decode().splitlines()]
    codes = {e["code"]: e for e in events if e["event"] == "finding"}
    tap.true("one-way" in codes, codes)
    tap.true("port 8001" in codes["one-way"]["text"], codes)


@tap.case
def tunnel_route():
    """A default route by a tunnel is told"""
    host, other = networks.Host(), networks.Host()
    if not os.path.exists("/dev/net/tun"):
        raise tap.Skip("no /dev/net/tun")
    link = networks.Tunnel(host, other)
    host.ip("addr add 10.9.0.1 peer 10.9.0.2 dev tun0")
    host.ip("link set tun0 up")
    host.ip("route add default dev tun0")
    findings, _ = doctor(host)
    tap.equal(findings["tunnel"]["interface"], "tun0")
    link.end()


@tap.case
def misuse():
    """What does not go together is said at once"""
    for args in (("--doctor", "--watch"), ("--doctor", "name"),
                 ("--kind", "none"), ("-w", "0"), ("a", "b")):
        code, out, err = tap.tenon("find", *args)
        tap.equal((code, out), (2, ""), args)
        tap.true(err.startswith("tenon find: "), err)


if __name__ == "__main__":
    try:
        networks.begin()
    except tap.Skip as why:
        print(f"1..0 # SKIP {why}")
    else:
        tap.run()
