#!/usr/bin/env python3
"""tenon hub and the native dialect: beside plain members, and with a guest that
was written from docs/wire/chat.md alone."""

import os
import signal
import socket
import threading

import room
import tap
from chat_kit import talk
from room import Member, Peer, hub


def guest(h, name, *args):
    g = Peer("native", "client", "127.0.0.1", h.port, name, *args)
    until(g, f"in as {name}")
    return g


def until(g, wanted):
    """Lines up to this one; those before it."""
    before = []
    while True:
        line = g.line()
        if line == wanted:
            return before
        before.append(line)


@tap.case
def two_dialects():
    """Native and plain members meet at one port"""
    h = hub("--lang", "en", "--no-history")
    with guest(h, "ann") as ann:
        bob = Member(h, "bob")
        until(ann, "bob joined")
        bob.say("hi")
        until(ann, "bob says hi")
        ann.type("hello yourself")
        bob.hears("ann:hello yourself")
        until(ann, "[delivered]")
        ann.type("/me waves")
        tap.true("waves" in bob.hear(), "an act")
        ann.stdin.close()
        bob.hears("ann: left the chat")
        ann.process.wait()


@tap.case
def words_for_one():
    """What is for one alone is heard by him alone"""
    h = hub("--no-history")
    with guest(h, "ann") as ann, guest(h, "bob") as bob, \
            guest(h, "eve") as eve:
        ann.type("/msg bob psst")
        until(bob, "ann whispers psst")
        ann.type("/msg nobody psst")
        until(ann, "[not: 10]")
        ann.type("to all")
        tap.true("ann whispers psst" not in until(eve, "ann says to all"),
                 "eve does not hear it")


@tap.case
def a_fifth_is_lost():
    """With a fifth of all datagrams lost all arrives, once and in order"""
    h = hub("--no-history")
    with guest(h, "ann", "lose") as ann, guest(h, "bob", "lose") as bob:
        texts = [f"{i} " + "x" * (1990 if i % 7 == 3 else 10)
                 for i in range(24)]
        for text in texts:
            ann.type(text)
        until(bob, "bob joined")
        for text in texts:
            tap.equal(bob.line(), "ann says " + text, "bob hears")
        got = until(ann, "ann says " + texts[-1])
        tap.equal([line for line in got if line.startswith("ann says")],
                  ["ann says " + text for text in texts[:-1]], "ann hears")
        ann.type("end")
        tap.equal(bob.line(), "ann says end", "nothing came twice")


@tap.case
def a_hub_that_is_started_again():
    """A killed hub is found again; what was said meanwhile is said once"""
    env = {"XDG_DATA_HOME": tap.new_home()}
    h = hub("--lang", "en", env=env)
    port = h.port
    with guest(h, "ann") as ann, guest(h, "bob") as bob:
        until(ann, "bob joined")
        ann.type("before")
        until(bob, "ann says before")
        until(ann, "[delivered]")
        h.signal(signal.SIGKILL)
        h.wait()
        ann.type("meanwhile")
        again = hub("--lang", "en", port=port, env=env)
        until(ann, "[delivered]")
        until(bob, "ann says meanwhile")
        bob.type("after")
        heard = until(ann, "bob says after")
        tap.true("ann says before" not in heard, "nothing is told twice")
        again.signal(signal.SIGINT)
        until(ann, " bye")


@tap.case
def the_hub_closes():
    """Ctrl-C says good-bye to native members too"""
    h = hub("--no-history")
    with guest(h, "ann") as ann:
        h.signal(signal.SIGINT)
        until(ann, " bye")
        tap.equal(ann.process.wait(timeout=tap.LIMIT), 0, "it ends")


@tap.case
def strangers():
    """Frames of strangers get at most what they sent, and never text"""
    h = hub("--no-history")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(tap.LIMIT)
    sock.connect(("127.0.0.1", h.port))
    nonce = os.urandom(16)
    for data, kind in ((b"\xffT\x01\x01" + nonce + bytes(44), 2),
                       (b"\xffT\x02\x01" + nonce + bytes(44), 5),
                       (b"\xffT\x01\x07" + bytes(16), 6)):
        sock.send(data)
        answer = sock.recv(2000)
        tap.equal(answer[:4], b"\xffT\x01" + bytes([kind]), "a frame")
        tap.true(len(answer) <= len(data), "no longer than the question")
    for data in (b"\xff", b"\xffX", b"\xffT", b"\xffT\x01\x01" + bytes(50),
                 b"\xffT\x01\x09" + bytes(60), b"\xffT\x01\x03" + bytes(68)):
        sock.send(data)
    room.settle(h)
    tap.true(not tap.readable(sock, 0), "nothing for what is none")


class Wire:
    """What is between a guest and the hub; it keeps a copy."""

    def __init__(self, h):
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inner.bind(("127.0.0.1", 0))
        self.port = self.inner.getsockname()[1]
        self.outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outer.connect(("127.0.0.1", h.port))
        self.seen, self.guest = b"", None
        for way in (self.there, self.back):
            threading.Thread(target=way, daemon=True).start()

    def there(self):
        while True:
            data, self.guest = self.inner.recvfrom(2000)
            self.seen += data
            self.outer.send(data)

    def back(self):
        while True:
            data = self.outer.recv(2000)
            self.seen += data
            self.inner.sendto(data, self.guest)


def with_code(code, *args):
    """A room with a code, and the file that it is in."""
    path = os.path.join(tap.new_home(), "code")
    with open(path, "w", encoding="utf-8") as file:
        file.write(code + "\n")
    return hub("--no-history", "--lang", "en", "--code-file", path, *args), path


@tap.case
def a_room_with_a_code():
    """With a code no word, no name and no code is seen on the way"""
    for args in ((), ("--no-web",)):
        h, path = with_code("482 913", *args)
        wire = Wire(h)
        code, _, err = talk(wire, "annabel", "a secret word\n", "--code-file",
                            path)
        tap.equal((code, err), (0, ""), "said")
        tap.equal(tap.read_until(h.stdout, b"left the chat\n").decode(),
                  "annabel: joined the chat\nannabel:a secret word\n"
                  "annabel: left the chat\n", "the hub shows")
        tap.true(len(wire.seen) > 300, "it went over the wire")
        for word in (b"annabel", b"secret", b"482", b"913"):
            tap.true(word not in wire.seen, f"{word} is not seen")


@tap.case
def a_wrong_code():
    """A wrong code, and none, are refused and nobody is told of a join"""
    h, _ = with_code("482 913", "-v")
    _, wrong = with_code("482 914")
    for args in (("--code-file", wrong), ()):
        code, _, err = talk(h, "eve", "let me in\n", *args)
        tap.true(code != 0, "an exit code")
        tap.true("code" in err, err)
    Member(h).send("eve")  # by plain text there is no way either
    tap.read_until(h.stderr, b": plain text, which has no code\n")
    h.signal(signal.SIGINT)
    tap.true("eve" not in tap.read_all(h.stdout).decode(), "no join")


@tap.case
def without_a_code_it_is_open():
    """Without a code all can be read on the way, as the document says"""
    h = hub("--no-history")
    wire = Wire(h)
    tap.equal(talk(wire, "annabel", "no secret\n")[0], 0, "said")
    tap.true(b"no secret" in wire.seen, "seen")


def memory(h):
    """KiB that the hub has."""
    with open(f"/proc/{h.process.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def frames():
    """What strangers may send: questions, and what only members do."""
    nonce = os.urandom(16)
    return (b"\xffT\x01\x01" + nonce + bytes(44),
            b"\xffT\x01\x03" + nonce + os.urandom(52),
            b"\xffT\x01\x07" + os.urandom(200),
            b"\xffT\x02\x01" + nonce + bytes(44),
            b"\xff" + os.urandom(300))


@tap.case
def a_flood_of_strangers():
    """A flood of strangers costs no memory, and a guest is served meanwhile"""
    h = hub("--no-history", "--quiet")
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
             for _ in range(200)]
    sent = [0] * len(socks)
    got = [0] * len(socks)
    with guest(h, "ann") as ann:
        before = memory(h)
        for turn in range(150):
            for i, sock in enumerate(socks):
                frame = frames()[(turn + i) % 5]
                sock.sendto(frame, ("127.0.0.1", h.port))
                sent[i] += len(frame)
            for i, sock in enumerate(socks):
                while tap.readable(sock, 0):
                    got[i] += len(sock.recv(2000))
            if turn == 75:
                ann.type("still here?")
        until(ann, "[delivered]")
        grown = memory(h) - before
    tap.true(all(g <= s for g, s in zip(got, sent)), "no more than was sent")
    tap.true(sum(got) > 0, "some were answered")
    if tap.SCALE == 1:  # a sanitizer keeps what was freed
        tap.true(grown < 512, f"{grown} KiB more")
    print(f"# strangers: {150 * len(socks)} frames, {sum(sent)} bytes in, "
          f"{sum(got)} out, {grown} KiB more")


@tap.case
def a_name_in_use():
    """A name is one member's, whatever he speaks"""
    h = hub("--no-history", "--lang", "en")
    with guest(h, "ann") as ann:
        bob = Member(h, "bob")
        until(ann, "bob joined")
        with Peer("native", "client", "127.0.0.1", h.port, "BOB",
                  stderr=-1) as thief:
            said = thief.process.stderr.read().decode()
            thief.process.stderr.close()
            tap.equal(said, "refused: 3\n", "why")
        bob.hears("* somebody asked for your name and did not get it")


tap.run()
