#!/usr/bin/env python3
"""tenon recv and send against peers that guess, stop in the middle, lie about
sizes and never end. What is found here is written down in docs/hostile.md."""

import contextlib
import os
import signal
import socket
import struct
import threading

import tap
from hostile_kit import SLOW, Cost, figure, until
from parcel_kit import events, listed, receiver, write

MAGIC = b"\x89TNP\r\n\x1a\n"
SENDER, RECEIVER = 1, 2
HELLO, OFFER, OFFERED, ANSWER, ASK, HAVE, BEGIN, DATA, HOLE, SAME, END, FIN, \
    ACK, DONE, FINAL, KEEP, BYE = range(1, 18)
FILE, FOLDER, STREAM = range(3)
BLOCK = 256 << 10
ATTEMPTS = 5  # wrong codes, then it ends
SESSIONS = 16


# --- a peer of bytes ---------------------------------------------------------

def greeting(role, flags=0):
    return MAGIC + bytes([1, role]) + struct.pack(">HI", flags, 0) \
        + os.urandom(16)


def frame(kind, payload=b""):
    return struct.pack(">BI", kind, len(payload)) + payload


def item(path, size=0, kind=FILE, mode=0o644):
    return struct.pack(">BHQQQH", kind, mode, size, size, 0, len(path)) + path


def offered(files, folders=0, size=0):
    return frame(OFFERED, struct.pack(">IIQ", files, folders, size))


def read_frame(sock):
    kind, count = struct.unpack(">BI", tap.read_exactly(sock, 5))
    return kind, tap.read_exactly(sock, count)


def said(sock):
    """All frames until the other side ends, by type."""
    found = []
    with contextlib.suppress(OSError, EOFError, AssertionError):
        while True:
            found.append(read_frame(sock))
    return found


@contextlib.contextmanager
def caller(r, hello=True):
    """Somebody who calls a receiver."""
    with socket.create_connection(("127.0.0.1", r.port)) as sock:
        sock.settimeout(tap.LIMIT)
        if hello:
            sock.sendall(greeting(SENDER) + frame(HELLO, b"mallory"))
            tap.read_exactly(sock, 32)
        yield sock


def rest(sock):
    """What still comes, and that it ends."""
    with contextlib.suppress(ConnectionResetError):
        while sock.recv(65536):
            pass


def good(r, folder):
    """A good sender is served."""
    path = os.path.join(folder, "good")
    write(path, b"good")
    begin = tap.now()
    code, _, err = tap.tenon("send", "--insecure", path, "--to", r.where)
    tap.equal(code, 0, err)
    with open(r.path("good"), "rb") as file:
        tap.equal(file.read(), b"good")
    os.unlink(r.path("good"))
    return tap.now() - begin


@contextlib.contextmanager
def open_receiver(*options):
    with receiver("--insecure", "--overwrite", *options, code=None) as r:
        yield r


# --- guesses -----------------------------------------------------------------

class Gate:
    """A wire that stops each sender behind its share: what it has left to say
    proves a guess."""

    def __init__(self, r):
        self.port = r.port
        self.listener = tap.listener()
        self.where = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.held, self.passed = [], 0
        self.open = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                two = socket.create_connection(("127.0.0.1", self.port))
                for way in ((one, two, True), (two, one, False)):
                    threading.Thread(target=self.pump, args=way,
                                     daemon=True).start()

    def pump(self, one, two, hold):
        passed = 0
        with contextlib.suppress(OSError):
            while True:
                data = one.recv(65536 if passed >= 64 else 64 - passed)
                passed += len(data)
                if hold and passed > 64:
                    self.held.append(one)
                    hold = False
                    self.open.wait(tap.LIMIT)
                if not data:
                    two.shutdown(socket.SHUT_WR)
                    return
                two.sendall(data)
                self.passed += one in self.held


@tap.case
def guesses_in_one_moment():
    """Guesses of a code that stays are counted, however they come together"""
    with tap.temp_dir() as folder, receiver("--json") as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        r.give_code("wrong")
        gate = Gate(r)
        senders = [r.start_send(path, to=gate.where) for _ in range(8)]
        until("all have given their share", lambda: len(gate.held) == 8)
        # All of them are there when it looks again.
        r.tenon.signal(signal.SIGSTOP)
        gate.open.set()
        until("all guesses have gone out", lambda: gate.passed >= 8)
        r.tenon.signal(signal.SIGCONT)
        told = sum(s.wait() == 6 for s in senders)
        r.tenon.signal(signal.SIGINT)
        r.tenon.wait()
        wrong = len(events(tap.read_all(r.tenon.stdout), "wrong"))
        figure(f"8 guesses at once: {told} were told, {wrong} counted")
        tap.true(wrong >= 1, "none is counted")
        tap.true(told <= wrong, f"{told} were told, {wrong} counted")
        tap.equal(listed(r.folder), {})



@tap.case
def a_guess_that_is_pushed_out():
    """A guess whose place is taken meanwhile is not judged, or is counted"""
    with tap.temp_dir() as folder, receiver("--json") as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        r.give_code("wrong")
        told = 0
        for _ in range(3):
            gate = Gate(r)
            sender = r.start_send(path, to=gate.where)
            until("it has given its share", lambda g=gate: g.held)
            r.tenon.signal(signal.SIGSTOP)
            gate.open.set()
            until("the guess has gone out", lambda g=gate: g.passed)
            others = [socket.create_connection(("127.0.0.1", r.port))
                      for _ in range(9)]
            r.tenon.signal(signal.SIGCONT)
            told += sender.wait() == 6
            for sock in others:
                sock.close()
        r.tenon.signal(signal.SIGINT)
        r.tenon.wait()
        wrong = len(events(tap.read_all(r.tenon.stdout), "wrong"))
        figure(f"3 guesses pushed out: {told} were told, {wrong} counted")
        tap.true(told <= wrong, f"{told} were told, {wrong} counted")


# --- a sender that lies ------------------------------------------------------

BEGIN_3 = frame(BEGIN, struct.pack(">IHQQ", 0, 0o644, 3, 0))
ONE = frame(OFFER, item(b"a", 3)) + offered(1, 0, 3)
TRUE_ROOT = bytes.fromhex("06b05ab6733a618578af5f94892f3950")


def end_of(size, root):
    return frame(END, struct.pack(">BQ", 0, size) + root)


LIES = {
    "a path up": frame(OFFER, item(b"../a")),
    "a path up, within": frame(OFFER, item(b"b/../../a")),
    "a path from the root": frame(OFFER, item(b"/tmp/a")),
    "a dot": frame(OFFER, item(b"./a")),
    "an empty part": frame(OFFER, item(b"b//a")),
    "an end of nothing": frame(OFFER, item(b"b/", kind=FOLDER)),
    "no path": frame(OFFER, item(b"")),
    "a NUL": frame(OFFER, item(b"a\0b")),
    "the name of a part": frame(OFFER, item(b".a.tenon-part")),
    "a folder of that name": frame(OFFER, item(b".a.tenon-part/b")),
    "256 bytes": frame(OFFER, item(b"a" * 256)),
    "129 folders": frame(OFFER, item(b"a/" * 128 + b"a")),
    "4,096 bytes": frame(OFFER, item(b"ab/" * 1365 + b"a")),
    "twice": frame(OFFER, item(b"a") * 2) + offered(2),
    "below a file": frame(OFFER, item(b"a") + item(b"a/b")) + offered(2),
    "set-id bits": frame(OFFER, item(b"a", mode=0o4755)),
    "2^63 bytes": frame(OFFER, item(b"a", 1 << 63)),
    "a file without size": frame(OFFER, item(b"a", (1 << 64) - 1)),
    "2^63 in sum": frame(OFFER, b"".join(
        item(b"%d" % i, (1 << 62) - 1) for i in range(5))) + offered(
            5, 0, (5 << 62) - 5 & (1 << 64) - 1),
    "more than there is": frame(OFFER, item(b"a", 1 << 60))
    + offered(1, 0, 1 << 60),
    "sums that are wrong": frame(OFFER, item(b"a", 3)) + offered(9, 9, 9),
    "a kind": frame(OFFER, item(b"a", kind=9)),
    "an item cut off": frame(OFFER, item(b"a")[:-1] + b""),
    "a huge frame": struct.pack(">BI", OFFER, (1 << 32) - 1),
    "a huge block": ONE + BEGIN_3 + struct.pack(">BI", DATA, BLOCK + 1),
    "no frame": b"\0" * 5,
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "data first": frame(DATA, b"abc"),
    "more than was told": ONE + BEGIN_3 + frame(DATA, b"abcd"),
    "a hole of 2^63": ONE + BEGIN_3 + frame(HOLE, struct.pack(">Q", 1 << 63)),
    "same as nothing": ONE + BEGIN_3 + frame(SAME, struct.pack(">Q", 1)),
    "2^63 that are the same": ONE + BEGIN_3
    + frame(SAME, struct.pack(">Q", 1 << 63)),
    "another root": ONE + BEGIN_3 + frame(DATA, b"abc")
    + end_of(3, bytes(16)) + frame(FIN),
    "another size": ONE + BEGIN_3 + frame(DATA, b"abc")
    + end_of(1 << 63, TRUE_ROOT) + frame(FIN),
    "no end": ONE + BEGIN_3 + frame(DATA, b"abc") + frame(FIN),
    "questions of nothing": ONE
    + frame(ASK, struct.pack(">IQI", 7, 1 << 63, (1 << 32) - 1)),
    "what it may not say": ONE + frame(FINAL, bytes(12)),
}


@tap.case
def liars():
    """Whatever a sender claims gets no name, and nothing leaves the folder"""
    with tap.temp_dir() as folder, open_receiver() as r:
        outside = sorted(os.listdir(os.path.dirname(r.folder)))
        for what, lie in LIES.items():
            with caller(r) as sock:
                with contextlib.suppress(OSError):
                    sock.sendall(lie)
                    sock.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    rest(sock)
            found = [n for n in listed(r.folder)
                     if not n.endswith(b".tenon-part")]
            tap.equal(found, [], what)
        tap.true(r.tenon.process.poll() is None, "it is still there")
        good(r, folder)
        with caller(r) as sock:  # the same, and true
            sock.sendall(ONE + BEGIN_3 + frame(DATA, b"abc")
                         + end_of(3, TRUE_ROOT) + frame(FIN))
            rest(sock)
        tap.equal(listed(r.folder).pop(b"a", None), b"abc", "the truth")
        tap.equal(sorted(os.listdir(os.path.dirname(r.folder))), outside)


@tap.case
def items_without_end():
    """A million items are the most, and cost what is known"""
    with tap.temp_dir() as folder, open_receiver() as r:
        cost = Cost(r.tenon.process.pid)
        good(r, folder)
        before = cost.memory()
        with caller(r) as sock:
            number = 0
            with contextlib.suppress(OSError):
                while number < 1200000:
                    some = b"".join(item(b"%07d" % i) for i in
                                    range(number, number + 1000))
                    sock.sendall(frame(OFFER, some))
                    number += 1000
            with contextlib.suppress(OSError):
                rest(sock)
        peak = cost.peak() - before
        figure(f"items without end: ended after {number:,}, +{peak:,} KiB")
        tap.true(number < 1200000, "it went on")
        if tap.SCALE == 1:  # a sanitizer keeps what was freed
            tap.true(peak < 300 << 10, f"{peak} KiB")
            until("it is given back",
                  lambda: cost.memory() - before < peak / 2)
        tap.equal(good(r, folder) < tap.LIMIT, True)
        tap.equal(listed(r.folder), {})


@tap.case
def crowd():
    """Idle, slow and broken connections of one address are not in the way"""
    with tap.temp_dir() as folder, open_receiver() as r:
        cost = Cost(r.tenon.process.pid)
        good(r, folder)
        before, open_files = cost.memory(), cost.descriptors()
        socks = []
        begin = tap.now()
        for i in range(1000):
            sock = socket.create_connection(
                ("127.0.0.1", r.port), source_address=("127.0.0.2", 0))
            socks.append(sock)
            if i % 2:
                with contextlib.suppress(OSError):
                    sock.sendall(greeting(SENDER)[:i % 32])
        came = tap.now() - begin
        waited = good(r, folder)
        until("those beyond its places are gone",
              lambda: cost.descriptors() - open_files <= SESSIONS)
        held = cost.descriptors() - open_files
        figure(f"1,000 idle ones in {came:.2f} s: {held} are kept, a good one "
               f"took {waited * 1000:.0f} ms, "
               f"+{cost.memory() - before} KiB")
        for sock in socks:
            sock.close()
        until("all are gone", lambda: cost.descriptors() <= open_files)
        tap.equal(listed(r.folder), {})


def ended(sock):
    """Whether the other side has gone; what it said is read."""
    while tap.readable(sock, 0):
        try:
            if not sock.recv(65536):
                return True
        except ConnectionResetError:
            return True
    return False


def slow_greetings():
    """A greeting that comes byte by byte, and none, have ten seconds; so has
    one that a sender waits for"""
    with tap.temp_dir() as folder, receiver() as r, \
            tap.listener() as listener:
        path = os.path.join(folder, "a")
        write(path, b"1")
        socks = [socket.create_connection(("127.0.0.1", r.port))
                 for _ in range(8)]
        begin = tap.now()
        sender = r.start_send(path, to="127.0.0.1:%d"
                              % listener.getsockname()[1])
        text = greeting(SENDER, 1)
        while socks and tap.now() - begin < 15:
            at = int(tap.now() - begin)
            for i, sock in enumerate(list(socks)):
                with contextlib.suppress(OSError):
                    if i % 2:
                        sock.send(text[at:at + 1])
                if ended(sock):
                    tap.true(9 < tap.now() - begin < 12, "when it is closed")
                    sock.close()
                    socks.remove(sock)
            threading.Event().wait(1)
        tap.equal(socks, [], "all are closed")
        tap.true(sender.wait() > 0, "the sender")
        tap.true(tap.now() - begin < 15, "the sender ends, too")
        code, _, err = r.send(path)
        tap.equal(code, 0, err)


if SLOW:
    tap.case(slow_greetings)


@tap.case
def never_read():
    """A sender that reads nothing, and one that says KEEP without end, cost
    their own place only"""
    with tap.temp_dir() as folder, open_receiver() as r:
        cost = Cost(r.tenon.process.pid)
        good(r, folder)
        before = cost.memory()
        stop = threading.Event()

        def flood(sock, data):
            sock.settimeout(0.1)
            while not stop.is_set():
                try:
                    sock.send(data)
                except TimeoutError:
                    pass
                except OSError:
                    return
        with caller(r) as deaf, caller(r) as keeps:
            many = b"".join(item(b"%d" % i, kind=FOLDER) for i in range(2000))
            asks = frame(ASK, struct.pack(">IQI", 0, 0, 1))
            deaf.sendall(frame(OFFER, many) + offered(0, 2000))
            threads = [threading.Thread(target=flood, args=pair) for pair in
                       ((deaf, asks * 100), (keeps, frame(KEEP) * 10000))]
            for thread in threads:
                thread.start()
            waited = min(good(r, folder) for _ in range(5))
            stop.set()
            for thread in threads:
                thread.join()
        grown = cost.peak() - before
        figure(f"one deaf, one that says KEEP: a good one took "
               f"{waited * 1000:.0f} ms, +{grown} KiB")
        if tap.SCALE == 1:
            tap.true(grown < 8 << 10, f"{grown} KiB")


# --- what lies in the folder -------------------------------------------------

@tap.case
def planted():
    """What was put in the way of a file is not followed, waited for or
    written to"""
    with tap.temp_dir() as folder, tap.temp_dir() as other, \
            open_receiver() as r:
        path = os.path.join(folder, "a")
        write(path, b"new" * 1000)
        target = os.path.join(other, "target")
        part = r.path(".a.tenon-part")

        def symlink():
            os.symlink(target, part)

        def fifo():
            os.mkfifo(part)

        def hard_link():
            os.link(target, part)

        def folder_of_that_name():
            os.mkdir(part)

        def somebody_elses():
            if os.geteuid() != 0:
                os.mkdir(part)  # another one of these
                return
            write(part, b"old")
            os.chown(part, 4711, -1)
        for trap in (symlink, fifo, hard_link, folder_of_that_name,
                     somebody_elses):
            write(target, b"mine")
            trap()
            code, _, err = tap.tenon("send", "--insecure", path, "--to",
                                     r.where)
            tap.equal(code, 1, f"{trap.__name__}: {err}")
            with open(target, "rb") as file:
                tap.equal(file.read(), b"mine", trap.__name__)
            tap.true(not os.path.exists(r.path("a")), trap.__name__)
            (os.rmdir if os.path.isdir(part) else os.unlink)(part)
        os.mkdir(r.path("b"))
        os.symlink(other, r.path("b", "c"))
        with caller(r) as sock:
            sock.sendall(frame(OFFER, item(b"b/c/d", 3)) + offered(1, 0, 3)
                         + BEGIN_3 + frame(DATA, b"abc")
                         + end_of(3, TRUE_ROOT) + frame(FIN))
            rest(sock)
        tap.equal(os.listdir(other), ["target"])


@tap.case
def renamed_meanwhile():
    """A folder that turns into a link and back leads nobody out"""
    with tap.temp_dir() as folder, tap.temp_dir() as other, \
            open_receiver() as r:
        for i in range(300):
            write(os.path.join(folder, "top", "sub", str(i)), b"x")
        os.makedirs(r.path("top", "sub"))
        os.symlink(other, r.path("top", "link"))
        stop = threading.Event()

        def swap():
            here, link, spare = (r.path("top", n) for n in
                                 ("sub", "link", "spare"))
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    os.rename(here, spare)
                    os.rename(link, here)
                    os.rename(here, link)
                    os.rename(spare, here)
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            tap.tenon("send", "--insecure", os.path.join(folder, "top"),
                      "--to", r.where)
        finally:
            stop.set()
            thread.join()
        tap.equal(os.listdir(other), [], "nothing got out")


# --- a receiver that lies ----------------------------------------------------

def greeted(sock):
    tap.read_exactly(sock, 32)
    sock.sendall(greeting(RECEIVER) + frame(HELLO, b"\x1b[2Jmallory"))


ACK_ALL = frame(ACK, struct.pack(">Q", 1 << 63))


def record(number, what, text=b"", error=0):
    return struct.pack(">IBBH", number, what, error, len(text)) + text


FALSE = {
    "another greeting": None,
    "no answer": b"",
    "half an answer": frame(ANSWER),
    "too long an answer": frame(ANSWER, bytes(1000)),
    "an answer that is none": frame(ANSWER, b"\xff"),
    "acknowledged before it was sent": frame(ANSWER, b"\x01") + ACK_ALL,
    "blocks that nobody asked for": frame(ANSWER, b"\x01") + frame(
        HAVE, struct.pack(">IQIB", 0, 0, (1 << 32) - 1, 0)),
    "another item is done": frame(ANSWER, b"\x01") + frame(
        DONE, record(77, 0, b"x")),
    "done before it came": frame(ANSWER, b"\x01") + frame(
        DONE, record(0, 0, b"x")) + frame(FINAL, struct.pack(">III", 1, 0, 0)),
    "final, and nothing was": frame(ANSWER, b"\x01") + frame(
        FINAL, struct.pack(">III", 1, 0, 0)),
    "failed, with escapes": frame(ANSWER, b"\x01") + frame(
        DONE, record(0, 2, b"\x1b]0;evil\x07\r\nb", 2)),
    "an offer": frame(OFFER, item(b"x")),
    "a huge frame": struct.pack(">BI", ANSWER, (1 << 32) - 1),
    "good-bye with escapes": frame(BYE, b"\x02\x1b[31mno\x07"),
}


@tap.case
def false_receivers():
    """Whatever a receiver claims, the sender ends, not well, and prints no
    escapes"""
    with tap.temp_dir() as folder, tap.listener() as listener:
        path = os.path.join(folder, "a")
        write(path, b"abc" * 100000)
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        for what, lie in FALSE.items():
            sender = tap.Tenon("send", "--insecure", "--retry-for", "0", path,
                               "--to", where)
            with tap.accept(listener) as sock:
                with contextlib.suppress(OSError):
                    if lie is None:
                        sock.sendall(b"HTTP/1.1 200 OK\r\n" * 4)
                    else:
                        greeted(sock)
                        sock.sendall(lie)
                    sock.shutdown(socket.SHUT_WR)
                    rest(sock)
            said_it = tap.read_all(sender.stderr)
            code = sender.wait()
            tap.true(0 < code < 100, f"{what}: {code} {said_it}")
            tap.true(b"\x1b" not in said_it and b"\x07" not in said_it,
                     f"{what}: {said_it}")


if __name__ == "__main__":
    tap.run()
