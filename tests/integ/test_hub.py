#!/usr/bin/env python3
"""tenon hub: the room, seen by the kinds of clients that come to it."""

import json
import os
import re
import signal
import socket
import struct
import subprocess

import room
import tap
from room import Member, hub, join, settle


# --- the course's dialect -----------------------------------------------------

def talk_in(backend):
    """Join, talk and leave as the course's server has them"""
    with_env = {"TN_BACKEND": backend}
    h = hub(env=with_env)
    ann, bob, eve = join(h, "ann", "鲍勃", "eve")
    ann.say("hello")
    for other in (bob, eve):
        other.hears("ann:hello")
    bob.say("你好: a")
    for other in (ann, eve):
        other.hears("鲍勃:你好: a")
    eve.say("q")
    for other in (ann, bob):
        other.hears("eve：离开了聊天室")
    bob.send("q")
    ann.hears("鲍勃：离开了聊天室")
    for member in (ann, bob, eve):
        member.silent()


for name in ("epoll", "poll"):
    tap.add(f"join, talk, leave in the course's words on {name}", talk_in,
            name)


@tap.case
def english():
    """--lang en tells joins and leaves in English"""
    h = hub("--lang", "en")
    ann = Member(h, "ann")
    tap.read_until(h.stdout, b"\n")
    bob = Member(h, "bob")
    ann.hears("bob: joined the chat")
    bob.send("bob:q")
    ann.hears("bob: left the chat")


@tap.case
def lines():
    """A datagram may hold several lines, CR LF as well"""
    h = hub()
    ann, = join(h, "ann")
    Member(h).send(b"bob\r\none\ntwo\n\nbob:three\r\nq\nfour\n")
    ann.hears("bob: 加入了群聊", "bob:one", "bob:two", "bob:three",
              "bob：离开了聊天室")


@tap.case
def newlines():
    """Who sends lines gets lines, who does not gets none"""
    h = hub()
    ann, = join(h, "ann")
    bob = Member(h, "bob", newline="\n")
    ann.hears("bob: 加入了群聊")
    ann.say("hi")
    bob.hears("ann:hi")
    bob.say("hi too")
    ann.hears("bob:hi too")


@tap.case
def both_families():
    """IPv4 and IPv6 meet in one room"""
    h = hub(bind="::")
    ann, = join(h, "ann")
    bob = Member(h, "bob", host="::1")
    ann.hears("bob: 加入了群聊")
    bob.say("from afar")
    ann.hears("bob:from afar")
    ann.say("welcome")
    bob.hears("ann:welcome")
    bob.close()
    ann.say("bob?")
    ann.hears("bob：离开了聊天室")


@tap.case
def several_addresses():
    """Each hears from the address that he wrote to"""
    for bind in ("::", "0.0.0.0"):
        h = hub(bind=bind)
        ann, = join(h, "ann")
        bob = Member(h, "bob", host="127.0.0.77")
        ann.hears("bob: 加入了群聊")
        ann.say("hi")  # his socket is connected: no other sender gets through
        bob.hears("ann:hi")
        taken = Member(h, "ann", host="127.8.8.8")
        tap.equal(taken.hear(), "!", "a refusal")


@tap.case
def restarted():
    """name:text from an unknown address joins and says it"""
    h = hub()
    ann, = join(h, "ann")
    bob = Member(h)
    bob.send("bob:still here")
    ann.hears("bob: 加入了群聊", "bob:still here")


@tap.case
def written_down():
    """The example of docs/wire/chat.md is true"""
    with open(os.path.join(tap.SOURCE, "docs", "wire", "chat.md"),
              encoding="utf-8") as file:
        steps = re.findall(r"^(\w+) ([<>]) ([0-9a-f ]+)$", file.read(), re.M)
    tap.true(len(steps) > 10, "there is an example")
    h = hub()
    members = {}
    for name, way, data in steps:
        if name not in members:
            members[name] = Member(h)
        member = members[name]
        if way == ">":
            member.send(bytes.fromhex(data))
        else:
            tap.equal(member.sock.recv(2000), bytes.fromhex(data),
                      f"{name} {way} {data}")
    for member in members.values():
        member.silent()


# --- names --------------------------------------------------------------------

@tap.case
def takeover():
    """A name in use is refused, and nobody can speak as another"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    thief = Member(h, "ann")
    tap.equal(thief.hear(), "!", "refusal in three bytes")
    ann.hears("* 有人想用你的名字，没有给他")
    thief.send("ann:I am ann, am I not? Believe me, please")
    tap.equal(thief.hear(), "! 名字已有人用，试试 ann2", "refusal")
    bob.send("ann:psst")
    ann.hears("bob:ann:psst")
    for name in ("ANN", " ann ", "a\u200bnn", "\u202eann"):
        thief.send(name.encode())
        tap.true(thief.hear().startswith("!"), f"{name!r} is refused")
    heard = settle(h, ann, bob)
    tap.equal(heard, [[], []], "ann and bob heard")
    thief.send("ann2")
    ann.hears("ann2: 加入了群聊")


@tap.case
def reclaimed():
    """Who comes back after a crash gets his name again"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    bob.close()
    again = Member(h, "bob")
    tap.equal(again.hear(), "!", "the old one is not known to be gone")
    ann.hears("bob：离开了聊天室")
    again.say("back")
    ann.hears("bob: 加入了群聊", "bob:back")


@tap.case
def refusals():
    """What is refused gets no more bytes than it sent"""
    h = hub()
    ann, = join(h, "ann")
    bad = ["x" * 33, "名" * 22, "a：b", " ! x", " *", ":text", "ann", "ANN:x",
           "ann:" + "long " * 100, b"\xff\xfe", b"\xc3\x28", b"caf\xe9:hi",
           b"ann\n", b"x" * 5000]
    for data in bad:
        data = data if isinstance(data, bytes) else data.encode()
        stranger = Member(h)
        stranger.send(data)
        if data.startswith(b"\xff"):
            continue  # no text at all: dropped in silence
        reply = stranger.hear().encode()
        tap.true(reply.startswith(b"!"), f"{data!r} is refused: {reply!r}")
        tap.true(len(reply) <= len(data), f"{len(reply)} <= {len(data)}")
        stranger.silent()
    heard, = settle(h, ann)
    tap.equal([t for t in heard if not t.startswith("* ")], [], "ann heard")


@tap.case
def nothing_said():
    """Empty datagrams, blank lines and q from strangers are nothing"""
    h = hub()
    ann, = join(h, "ann")
    stranger = Member(h)
    for data in (b"", b"\n", b"\r\n\n", b"   ", b"q", b"bob:q\n"):
        stranger.send(data)
        ann.send(data if data.strip() not in (b"q", b"bob:q") else b"")
    heard, = settle(h, ann)
    tap.equal(heard, [], "ann heard")
    stranger.silent()


@tap.case
def echoed():
    """A refusal that comes back, from an echo server or a room, ends there"""
    h = hub()
    ann, = join(h, "ann")
    stranger = Member(h)
    for asked in ("x" * 40, "ann", ":a long text without a name"):
        stranger.send(asked)
        stranger.send(stranger.hear())
    ann.hears("* 有人想用你的名字，没有给他")
    settle(h, ann)
    stranger.silent()


# --- text ---------------------------------------------------------------------

@tap.case
def stripped():
    """Control and bidi characters do not get through"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    bob.say("a\x1b[31mb\x07\u202ec\u2066d\x00e\tf")
    ann.hears("bob:a[31mbcde f")
    bob.send(b"bob:x\xffy\xe4\xbd")
    ann.hears("bob:x\ufffdy\ufffd")
    tap.equal(tap.read_until(h.stdout, "y\ufffd\n".encode()).decode(),
              "bob:a[31mbcde f\nbob:x\ufffdy\ufffd\n", "the hub shows")


@tap.case
def cut():
    """At most 1,000 bytes to a member, cut at a character with a mark"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    for size in (995, 996, 997, 1200, 5000, 60000):
        bob.send("bob:" + "x" * size)
        text = ann.hear()
        whole = len("bob:") + size <= 999
        tap.true(len(text.encode()) <= 1000, "1,000 bytes")
        tap.equal(text.endswith("…"), not whole, f"{size}: a mark")
    for shift in range(3):
        bob.send("bob:" + "x" * shift + "你" * 500)
        data = ann.sock.recv(65536)
        tap.true(996 <= len(data) <= 1000, f"{len(data)} bytes")
        tap.true(data.decode().endswith("你…"), "whole characters")


# --- members that vanish, flood, lie ------------------------------------------

@tap.case
def killed():
    """kill -9 of a member is noticed at the next message"""
    h = hub()
    ann, = join(h, "ann")
    with room.Peer("chat", "client", "127.0.0.1", h.port, "bob") as bob:
        ann.hears("bob: 加入了群聊")
        bob.type("hi")
        ann.hears("bob:hi")
        bob.process.kill()
        bob.process.wait()
        ann.say("bob?")
        ann.hears("bob：离开了聊天室")
    ann.say("bye, bob")
    ann.silent()


@tap.case
def many_killed():
    """Thirty that vanish at once are all noticed, and nobody misses a word"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    crowd = []
    for number in range(30):
        crowd.append(Member(h, f"m{number}"))
        for member in (ann, bob):
            member.hears(f"m{number}: 加入了群聊")
    last = Member(h, "last")
    for member in (ann, bob):
        member.hears("last: 加入了群聊")
    ann.say("ready")  # when the last one has it, all others do
    bob.hears("ann:ready")
    last.hears("ann:ready")
    for member in crowd:
        member.close()
    ann.say("hello")
    bob.hears("ann:hello")
    last.hears("ann:hello")
    gone = sorted(f"m{number}：离开了聊天室" for number in range(30))
    for member in (ann, bob, last):
        tap.equal(sorted(member.hear() for _ in gone), gone, member.name)


@tap.case
def flood():
    """A flood is slowed and told once; others talk on"""
    h = hub()
    ann, bob, eve = join(h, "ann", "bob", "eve")
    for number in range(200):
        bob.say(str(number))
    heard = settle(h, ann, bob, eve)
    tap.equal(heard[1], ["* 你说得太快了，有几行没有送出"], "bob is told")
    tap.true(30 <= len(heard[0]) <= 60, f"{len(heard[0])} lines got through")
    tap.equal(heard[0], heard[2], "the same for all")
    eve.say("calm down")
    ann.hears("eve:calm down")


@tap.case
def a_book():
    """A datagram full of lines costs its sender only"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    for _ in range(5):
        bob.send(b"x\n" * 30000)
    heard = settle(h, ann, bob)
    tap.true(30 <= len(heard[0]) <= 60, f"{len(heard[0])} lines got through")
    tap.equal(len(heard[1]), 1, "bob is told once")


@tap.case
def strangers():
    """A flood of strangers leaves the members alone"""
    h = hub("-v")
    ann, bob = join(h, "ann", "bob")
    socks = []
    for number in range(400):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.0.{number % 250}.9", 0))
        # Nothing that becomes a member.
        data = (b"ann", b"\xffT\x01\x00", b"\x00\x01", b"x" * 100,
                b"\xff" * 1400)[number % 5]
        sock.sendto(data, ("127.0.0.1", h.port))
        socks.append((sock, len(data)))
    heard = settle(h, ann, bob)
    tap.equal(heard[1], [], "bob heard")
    tap.true(len(heard[0]) <= 1, "ann is told of it once")
    ann.say("still here")
    bob.hears("ann:still here")
    for sock, sent in socks:
        got = 0
        while tap.readable(sock, 0):
            got += len(sock.recv(65536))
        tap.true(got <= sent, f"{got} bytes for {sent}")
        sock.close()


@tap.case
def far_away():
    """Plain members from networks that are not attached are dropped"""
    room.private_network()
    h = hub("-v", bind="0.0.0.0")
    ann, = join(h, "ann")
    text = b"far"
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    udp = struct.pack("!HHHH", 5555, h.port, 8 + len(text), 0) + text
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                     socket.inet_aton("203.0.113.9"),
                     socket.inet_aton("127.0.0.1"))
    raw.sendto(ip + udp, ("127.0.0.1", 0))
    err = tap.read_until(h.stderr, b"network\n").decode()
    tap.true(err.endswith("tenon hub: 203.0.113.9:5555: not on an attached "
                          "network\n"), f"told with -v: {err!r}")
    heard, = settle(h, ann)
    tap.equal(heard, [], "ann heard")


# --- the host -----------------------------------------------------------------

@tap.case
def good_bye():
    """Ctrl-C says good-bye to all and exits 0; SIGTERM exits 143"""
    for signo, code in ((signal.SIGINT, 0), (signal.SIGTERM, 143)):
        h = hub()
        ann, bob = join(h, "ann", "bob")
        bob.say("last words")
        ann.hears("bob:last words")
        h.signal(signo)
        for member in (ann, bob):
            member.hears("* 聊天室关闭了，再见")
        tap.equal(h.wait(), code, "exit code")
        tap.equal(tap.read_all(h.stdout).decode(),
                  "bob:last words\n* 聊天室关闭了，再见\n", "stdout")


@tap.case
def shown_as_json():
    """--json is one event a line"""
    h = hub("--json")
    ann = Member(h, 'a"nn')
    ann.say('say "\\"')
    ann.say("q")
    lines_seen = []
    while len(lines_seen) < 3:
        line = tap.read_until(h.stdout, b"\n")
        lines_seen += line.decode().splitlines()
    events = [json.loads(line) for line in lines_seen]
    tap.equal(events, [
        {"event": "join", "number": 1, "name": 'a"nn'},
        {"event": "say", "number": 2, "name": 'a"nn', "text": 'say "\\"'},
        {"event": "leave", "number": 3, "name": 'a"nn'}])
    h.signal(signal.SIGINT)
    tap.equal(json.loads(tap.read_all(h.stdout)),
              {"event": "bye", "number": 4})


@tap.case
def quiet():
    """--quiet shows nothing at all"""
    h = hub("--quiet")
    ann = Member(h, "ann")
    bob = Member(h, "bob")
    ann.hears("bob: 加入了群聊")
    bob.say("hi")
    ann.hears("bob:hi")
    h.signal(signal.SIGINT)
    tap.equal(h.wait(), 0)
    tap.equal(tap.read_all(h.stdout), b"", "stdout")
    tap.equal(tap.read_all(h.stderr), b"", "stderr")


@tap.case
def nobody_looks():
    """A stdout that nobody reads, or is closed, does not hold the room up"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    h.stdout.close()
    for number in range(5):
        bob.say(f"one {number}")
        ann.hears(f"bob:one {number}")
    tap.read_until(h.stderr, b": the talk is not shown any more\n")
    h.signal(signal.SIGINT)
    tap.equal(h.wait(), 0)


@tap.case
def closed_stdout():
    """A stdout that was closed from the start does not, either"""
    h = hub(preexec_fn=lambda: os.close(1))
    ann = Member(h, "ann")
    bob = Member(h, "bob")
    ann.hears("bob: 加入了群聊")
    bob.say("hi")
    ann.hears("bob:hi")
    tap.read_until(h.stderr, b"tenon hub: stdout: ")


@tap.case
def slow_reader():
    """A full pipe at stdout does not hold the room up"""
    h = hub()
    ann, = join(h, "ann")
    crowd = [Member(h, f"m{n}") for n in range(8)]
    settle(h, ann)
    for member in crowd:  # 8 x 25 x 990 bytes: three pipes full
        for _ in range(25):
            member.say("x" * 980)
        for _ in range(25):
            tap.true(ann.hear().startswith(member.name), "all are heard")


@tap.case
def stuck_stderr():
    """Nor does a full pipe at stderr that complaints go to"""
    read_end, write_end = os.pipe()
    h = hub("-v", "--quiet", stderr=write_end)
    ann = Member(h, "ann")
    bob = Member(h, "bob")
    ann.hears("bob: 加入了群聊")
    tap.write_until_full(write_end)
    os.close(write_end)
    Member(h).send(b"\xffT\x01\x00")  # worth a complaint
    bob.say("hi")
    ann.hears("bob:hi")
    os.close(read_end)


def instructions(h):
    return tap.read_until(h.stderr, b"q leaves.\n").decode()


@tap.case
def told_commands_work():
    """The commands that the hub prints join the room"""
    h = hub()
    text = instructions(h)
    ann, = join(h, "ann")
    chat = re.search(r"tenon chat (\S+)", text)
    tap.equal(chat[1], f"127.0.0.1:{h.port}", "chat's address")
    for program, name in (("nc", "nora"), ("socat", "sam")):
        tap.need(program)
        command = re.search(rf"^  ({program} .*)$", text, re.M)[1].split()
        peer = subprocess.Popen(command, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, bufsize=0)
        try:
            peer.stdin.write(f"{name}\n".encode())
            ann.hears(f"{name}: 加入了群聊")
            peer.stdin.write("hello\n你好\n".encode())
            ann.hears(f"{name}:hello", f"{name}:你好")
            ann.say("hi")
            tap.equal(tap.read_until(peer.stdout, b"\n"), b"ann:hi\n")
            peer.stdin.write(b"q\n")
            ann.hears(f"{name}：离开了聊天室")
        finally:
            peer.kill()
            peer.communicate()
    python = re.search(r"(s = socket.*)\n\s+(s\.sendto.*)", text)
    scope = {"socket": socket}
    exec(f"{python[1]}\n{python[2]}", scope)  # pylint: disable=exec-used
    ann.hears("NAME: 加入了群聊")
    scope["s"].close()


@tap.case
def port_in_use():
    """A port in use is told, with a hint"""
    h = hub()
    code, out, err = tap.tenon("hub", "-p", str(h.port), "--bind",
                               "127.0.0.1")
    tap.equal(code, 1, "exit code")
    tap.equal(out, "", "stdout")
    tap.equal(err, f"tenon hub: bind tcp 127.0.0.1:{h.port}: address already "
                   "in use (another program has this port)\n", "stderr")


@tap.case
def wrong_use():
    """Wrong uses are told, and exit 2"""
    for args, text in (
            (["-p", "99999"], "-p 99999: must be 0 to 65535"),
            (["-p", "x"], "-p x: must be a whole number"),
            (["--lang", "de"], "--lang de: must be zh or en"),
            (["--nonsense"], "unknown option --nonsense"),
            (["--bind", "tcp://1.2.3.4"],
             "--bind tcp://1.2.3.4: not an address of this machine"),
            (["one", "two"], "two"),
            (["--no-web", "folder"], "--no-web"),
            (["--no-files", "folder"], "--no-files"),
            (["--no-web", "--tls"], "--tls"),
            (["--no-web", "--host", "a"], "--host"),
            (["--no-web", "--read-only"], "--read-only"),
            (["--no-files", "--read-only"], "--read-only"),
            (["--plain"], "--plain goes with a room code"),
            (["--cert", "x"], "--cert"),
            (["--code", "--code-file", "x"], "--code-file"),
            (["--host", "a/b"], "--host a/b")):
        code, out, err = tap.tenon("hub", *args)
        tap.equal(code, 2, f"{args}: exit code")
        tap.equal(out, "", f"{args}: stdout")
        tap.true(err.startswith("tenon hub: ") and text in err,
                 f"{args}: {err!r}")
    code, _, err = tap.tenon("hub", "-p", "0", "--bind", "203.0.113.1")
    tap.equal(code, 1, "exit code")
    tap.true("not an address of this machine" in err, err)
    code, _, err = tap.tenon("hub", "-p", "0", "/no/such/folder")
    tap.equal((code, err), (1, "tenon hub: /no/such/folder: no such file or "
                            "directory\n"))
    done = subprocess.run([tap.PROGRAM, "hub", "-p", "0", "--code"], timeout=20,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          start_new_session=True, check=False)
    tap.equal((done.returncode, done.stderr.decode()),
              (2, "tenon hub: --code: no terminal to ask for the code "
               "(--code-file FILE reads it)\n"))
    code, _, err = tap.tenon("hub", "-p", "0", "--code-file", "/no/such/file")
    tap.equal((code, err), (1, "tenon hub: /no/such/file: no such file or "
                            "directory\n"))


tap.run()
