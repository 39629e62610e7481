#!/usr/bin/env python3
"""tenon serve and hub against crowds, the slow, and the endless. What is found
here is written down in docs/hostile.md; TENON_TEST_SLOW=1 waits for the long
time limits, too."""

import contextlib
import os
import socket
import statistics

import browser
import room
import tap
from hostile_kit import SLOW, Cost, Crowd, descriptors, figure, until
from serve_kit import Reader, listed, request, served, waiting

FILES = {"a.txt": b"hello\n"}
IDLE = 10000
MANY = 1000
HUGE = 100 << 20
TERA = 1 << 40
UPLOADS = 64  # at a time, TN_SHARE_PARTIALS

# What a client may cost, in KiB. A sanitizer needs more.
IDLE_COST = 6 if tap.SCALE == 1 else 512
SLOW_COST = 64 if tap.SCALE == 1 else 512


def ask(s, context=None):
    """A good client comes, and is served. Seconds."""
    begin = tap.now()
    with s.connect() as sock:
        if context:
            sock = context.wrap_socket(sock)
        sock.sendall(request("/a.txt"))
        got = Reader(sock).answer()
    tap.equal(got.status, 200, "a good client")
    tap.true(got.body in (b"hello\n", b""), got.body)
    return tap.now() - begin


def good(s, context=None):
    """Ten good clients: the middle one's milliseconds, for the figures."""
    times = [ask(s, context) for _ in range(10)]
    return f"a good client waits {statistics.median(times) * 1000:.2f} ms"


@contextlib.contextmanager
def crowded(*options, files=None, count=MANY, secure=None):
    """A server with a folder, what it costs, a crowd; and when that has left,
    it holds no descriptor of it."""
    with descriptors(max(count + 1000, 3000)), \
            served("--quiet", *options, files=files or FILES) as s:
        cost = Cost(s.tenon.process.pid)
        ask(s, secure)
        until("it is at rest", lambda: at_rest(cost))
        before = cost.descriptors() + 1  # the threads' eventfd, once made
        cost.forget_peak()
        crowd = Crowd()
        try:
            yield s, cost, crowd
        finally:
            crowd.close()
        until("the descriptors are closed",
              lambda: cost.descriptors() <= before)
        ask(s, secure)


def at_rest(cost):
    """No connection is left: what it holds is its own."""
    return not any(link.startswith("socket:") for link in links(cost.pid)[1:])


def links(pid):
    """Its sockets; the listener is one."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/{pid}/fd/{name}")
            if link.startswith("socket:"):
                found.append(link)
    return found


def connections(cost):
    """How many clients it holds."""
    return len(links(cost.pid)) - 1


# --- many -------------------------------------------------------------------

@tap.case
def idle():
    """10,000 clients that were answered and stay: each costs a few KiB"""
    with crowded("--max-clients", "12000", count=IDLE) as (s, cost, crowd):
        before = cost.memory()
        begin = tap.now()
        for _ in range(IDLE):
            sock = s.connect()
            sock.sendall(request("/a.txt"))
            crowd.add(sock)
        for sock in list(crowd.open.values()):
            sock.setblocking(True)
            sock.settimeout(tap.LIMIT)
            tap.equal(Reader(sock).answer().body, b"hello\n")
        took = tap.now() - begin
        tap.equal(connections(cost), IDLE)
        crowd.listen(1.5)  # what was lent to them is given back after a second
        until("idle clients become cheap",
              lambda: cost.memory() - before < IDLE * IDLE_COST)
        figure(f"idle: {IDLE} clients came in {took:.2f} s; then "
               f"{(cost.memory() - before) / IDLE:.1f} KiB each, at most "
               f"{(cost.peak() - before) / IDLE:.1f}; {good(s)}; "
               f"{cost.descriptors()} descriptors")
        for sock in list(crowd.open.values())[::500]:
            sock.sendall(request("/a.txt"))
            tap.equal(Reader(sock).answer().status, 200, "an old client")


@tap.case
def idle_tls():
    """1,000 clients with TLS that were answered and stay (slow)"""
    if not SLOW:
        raise tap.Skip("takes seconds; TENON_TEST_SLOW=1")
    with crowded("--tls", secure=trusting()) as (s, cost, crowd):
        before = cost.memory()
        for _ in range(MANY):
            sock = trusting().wrap_socket(s.connect())
            sock.sendall(request("/a.txt"))
            tap.equal(Reader(sock).answer().body, b"hello\n")
            crowd.add(sock)
        crowd.listen(1.5)
        each = (cost.memory() - before) / MANY
        figure(f"idle TLS: {MANY} clients, {each:.1f} KiB each")
        tap.true(each < 2 * SLOW_COST, f"{each} KiB each")


@tap.case
def more_than_allowed():
    """The one above --max-clients is told 503 at once, the others are served"""
    with crowded("--max-clients", "50", count=50) as (s, cost, crowd):
        for _ in range(50):
            crowd.add(s.connect())
        until("they are in", lambda: connections(cost) == 50)
        with s.connect() as sock:
            got = Reader(sock).answer()
        tap.equal((got.status, got.get("Retry-After")), (503, "1"))
        first = next(iter(crowd.open.values()))
        first.setblocking(True)
        first.sendall(request("/a.txt"))
        tap.equal(Reader(first).answer().status, 200)


# --- slow -------------------------------------------------------------------

def hold(crowd, drip, limit, s):
    """A byte now and then from each, until the server had enough of them."""
    begin = tap.now()
    while crowd.open and tap.now() < begin + limit:
        crowd.say(drip)
        ask(s)
        crowd.listen(1)
    times = [at - begin for at in crowd.at.values()]
    return (f"closed after {min(times):.1f} to {max(times):.1f} s"
            if times else "none was closed")


@tap.case
def slow_heads():
    """1,000 clients whose heads do not end: 408 after head_time, 10 s"""
    with crowded() as (s, cost, crowd):
        before = cost.memory()
        for _ in range(MANY):
            sock = s.connect()
            sock.sendall(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: ")
            crowd.add(sock)
        until("they are in", lambda: connections(cost) == MANY)
        waits = good(s)
        each = (cost.memory() - before) / MANY
        tap.true(each < SLOW_COST, f"{each} KiB each")
        closed = hold(crowd, b"x", 10 + tap.LIMIT, s)
        figure(f"slow heads: {MANY} clients, {each:.1f} KiB each, {waits}; "
               f"{crowd.statuses()}, {closed}")
        tap.equal(crowd.statuses(), {"408": MANY})


@tap.case
def slow_bodies():
    """1,000 bodies that do not come: 408 after body_time, 30 s"""
    with crowded("--echo") as (s, cost, crowd):
        before = cost.memory()
        for _ in range(MANY):
            sock = s.connect()
            sock.sendall(request("/", "POST", Content_Length="1000000") +
                         b"x" * 1000)
            crowd.add(sock)
        until("they are in", lambda: connections(cost) == MANY)
        waits = good(s)
        each = (cost.memory() - before) / MANY
        tap.true(each < SLOW_COST, f"{each} KiB each")
        closed = hold(crowd, b"x", 30 + tap.LIMIT, s) if SLOW else "we left"
        figure(f"slow bodies: {MANY} clients, {each:.1f} KiB each, {waits}; "
               f"{crowd.statuses()}, {closed}")
        if SLOW:
            tap.equal(crowd.statuses(), {"408": MANY})


@tap.case
def slow_uploads():
    """1,000 files that do not come: 64 wait, the others are told 503 at once;
    who is refused costs little"""
    with crowded("--writable") as (s, cost, crowd):
        before = cost.memory()
        for n in range(MANY):
            sock = s.connect()
            sock.sendall(request(f"/f{n}", "PUT", Content_Length="100000"))
            crowd.add(sock)
        end = tap.now() + tap.LIMIT
        while len(crowd.open) > UPLOADS and tap.now() < end:
            crowd.listen(0.1)
        tap.equal(crowd.statuses(), {"503": MANY - UPLOADS,
                                     "nothing": UPLOADS})
        tap.equal(len(waiting(s.folder)), UPLOADS)
        waits = good(s)
        begin = cost.cpu()
        for _ in range(200):
            tap.equal(s.put("/g", b"x").status, 503)
        spent = (cost.cpu() - begin) / 200
        tap.true(spent < 0.001 * tap.SCALE, f"{spent} s for a refusal")
        each = (cost.memory() - before) / UPLOADS
        left = "we left"
        if SLOW:
            left = hold(crowd, b"x", 30 + tap.LIMIT, s)
            tap.equal(crowd.statuses(), {"503": MANY - UPLOADS,
                                         "408": UPLOADS})
        figure(f"slow uploads: {MANY} clients, {each:.1f} KiB for each that "
               f"is let in, a refusal {spent * 1000:.2f} ms of CPU, {waits}; "
               f"{crowd.statuses()}, {left}")
        crowd.close()
        until("nothing is left of them", lambda: not waiting(s.folder))
        tap.equal(s.put("/g", b"x").status, 201)
        tap.equal(listed(s.folder), ["a.txt", "g"])


@tap.case
def slow_readers():
    """1,000 clients that ask for 100 MiB and read none: reset after write_time,
    30 s for what went into the kernel's buffers, 30 s for what did not"""
    with crowded() as (s, cost, crowd):
        with open(s.path("huge"), "wb") as file:
            file.truncate(HUGE)
        before = cost.memory()
        for _ in range(MANY):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", s.tenon.port))
            sock.sendall(request("/huge"))
            crowd.add(sock)
        until("they are in", lambda: connections(cost) == MANY and
              cost.descriptors() > 2 * MANY)
        waits = good(s)
        each = (cost.memory() - before) / MANY
        tap.true(each < SLOW_COST + 64, f"{each} KiB each")
        held, begin, start = cost.descriptors(), cost.cpu(), tap.now()
        if SLOW:
            until("they are given up", lambda: connections(cost) == 0,
                  60 + tap.LIMIT)
            figure(f"slow readers: all reset after {tap.now() - start:.1f} s")
        figure(f"slow readers: {MANY} clients, {each:.1f} KiB each, "
               f"{held} descriptors, {waits}, "
               f"{cost.cpu() - begin:.2f} s of CPU while they wait")


@tap.case
def silent_handshakes():
    """1,000 clients that begin TLS and stop: let go after head_time, 10 s"""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with crowded("--tls", secure=trusting()) as (s, cost, crowd):
        before = cost.memory()
        for n in range(MANY):
            sock = s.connect()
            sock.sendall(hello[:n % len(hello)])
            crowd.add(sock)
        until("they are in", lambda: connections(cost) == MANY)
        waits = good(s, trusting())
        each = (cost.memory() - before) / MANY
        tap.true(each < SLOW_COST + 64, f"{each} KiB each")
        if SLOW:
            begin = tap.now()
            crowd.listen(10 + tap.LIMIT)
            figure(f"silent handshakes: {len(crowd.at)} closed, the last "
                   f"after {max(crowd.at.values()) - begin:.1f} s")
            tap.equal(len(crowd.open), 0)
        figure(f"silent handshakes: {MANY} clients, {each:.1f} KiB each, "
               f"{waits}")


def trusting():
    """Whoever the server says to be."""
    import ssl  # pylint: disable=import-outside-toplevel
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@tap.case
def slow_to_the_hub():
    """1,000 slow heads to the hub: its page comes, and the room talks on"""
    with descriptors(3000), contextlib.ExitStack() as stack:
        h = room.hub()
        ann, bob = room.join(h, "ann", "bob")
        cost = Cost(h.process.pid)
        before, held = cost.memory(), cost.descriptors()
        for _ in range(MANY):
            sock = stack.enter_context(tap.connect(f"127.0.0.1:{h.port}"))
            sock.sendall(b"GET /ws HTTP/1.1\r\nX: ")
        until("they are in", lambda: cost.descriptors() == held + MANY)
        each = (cost.memory() - before) / MANY
        tap.true(each < SLOW_COST, f"{each} KiB each")
        for n in range(20):
            ann.say(str(n))
            bob.hears(f"ann:{n}")
        tap.equal(browser.request(h, "GET", "/")[0], 200)
        figure(f"slow heads to the hub: {MANY} clients, {each:.1f} KiB each")
        stack.close()
        until("they are forgotten", lambda: cost.descriptors() == held)


@tap.case
def idle_time():
    """Who says nothing more is let go after idle_time, 60 s (slow)"""
    if not SLOW:
        raise tap.Skip("takes 60 s; TENON_TEST_SLOW=1")
    with crowded(count=10) as (s, _, crowd):
        for n in range(10):
            sock = s.connect()
            if n % 2:
                sock.sendall(request("/a.txt"))
                tap.equal(Reader(sock).answer().status, 200)
            crowd.add(sock)
        begin = tap.now()
        crowd.listen(60 + tap.LIMIT)
        tap.equal((len(crowd.open), crowd.statuses()), (0, {"nothing": 10}))
        first = min(crowd.at.values()) - begin
        figure(f"idle time: closed after {first:.1f} s")
        tap.true(first > 50, "too early")


# --- endless ----------------------------------------------------------------

def flood(port, begin, piece, limit=1 << 30):
    """Send without end, until the server ends it: what was sent, answer."""
    piece = piece * (65536 // len(piece))
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(tap.LIMIT)
        sent = 0
        with contextlib.suppress(ConnectionError):
            sock.sendall(begin)
            while sent < limit:
                sent += sock.send(piece)
        tap.true(sent < limit, "all of it was taken")
        with contextlib.suppress(ConnectionError, EOFError):
            return sent, Reader(sock).answer().status
    return sent, 0


LINE = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
PUT = b"PUT /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = [
    ("one header", LINE + b"X: ", b"x", 431),
    ("many headers", LINE, b"X-Name: value\r\n", 431),
    ("a header's name", LINE, b"x", 431),
    ("a target", b"GET /", b"x", 414),
    ("a method", b"", b"G", 501),
    ("empty lines", b"", b"\r\n", 400),
    ("a chunk's size", PUT, b"0", 400),
    ("a chunk's extension", PUT + b"5;x=", b"x", 400),
    ("trailers", PUT + b"5\r\nhello\r\n0\r\n", b"X: y\r\n", 400),
]


def endless(name, begin, piece, status):
    """Refused at the limit, long before 1 GiB, and without memory for it.

    Who sends on while it is refused may find the connection reset before it
    reads the answer: then the answer is read from one who stops in time."""
    with crowded("--writable", count=20) as (s, cost, _):
        before = cost.memory()
        start = tap.now()
        sent, got = flood(s.tenon.port, begin, piece)
        took = tap.now() - start
        grown = cost.peak() - before
        with s.connect() as sock:
            sock.sendall(begin + (piece * 40000)[:40000])
            tap.equal(Reader(sock).answer().status, status)
        tap.true(got in (0, status), f"status {got}")
        tap.true(sent < 64 << 20, f"{sent} bytes were taken")
        tap.true(grown < 4096 * tap.SCALE, f"{grown} KiB more")
        figure(f"endless {name}: {status} (or reset: {got == 0}) after "
               f"{sent >> 10} KiB were sent, {took:.2f} s, peak +{grown} KiB")
        tap.equal(listed(s.folder), ["a.txt"])
        until("nothing waits", lambda: not waiting(s.folder))


for _name, _begin, _piece, _status in ENDLESS:
    tap.add(f"Endless: {_name} gets {_status}", endless, _name, _begin,
            _piece, _status)


@tap.case
def endless_to_the_hub():
    """A header of 1 GiB to the hub's page: 431, and the room goes on"""
    h = room.hub()
    ann, bob = room.join(h, "ann", "bob")
    cost = Cost(h.process.pid)
    before = cost.memory()
    cost.forget_peak()
    sent, got = flood(h.port, LINE + b"X: ", b"x")
    tap.true(got in (0, 431), f"status {got}")
    tap.true(sent < 64 << 20, f"{sent} bytes were taken")
    grown = cost.peak() - before
    tap.true(grown < 4096 * tap.SCALE, f"{grown} KiB more")
    ann.say("still here")
    bob.hears("ann:still here")


# --- huge -------------------------------------------------------------------

def more_than_the_disk(folder):
    """A terabyte; more, on a disk that would hold it."""
    disk = os.statvfs(folder)
    return max(TERA, 2 * disk.f_bavail * disk.f_frsize)


FORM = "multipart/form-data; boundary=XX"


@tap.case
def huge_length():
    """Content-Length of 1 TiB: 507 before the body, nothing is kept for it"""
    with crowded("--writable", count=20) as (s, cost, _):
        size = str(more_than_the_disk(s.folder))
        before = cost.memory()
        start = tap.now()
        asked = 0
        for target, method, fields, status in [
                ("/f", "PUT", {}, 507),
                ("/f", "PUT", {"Expect": "100-continue"}, 507),
                (f"/f?upload=abcd1234&offset=0&size={size}", "PUT", {}, 507),
                ("/", "POST", {"Content_Type": FORM}, 507),
                ("/a.txt", "GET", {}, 200),
                ("/a.txt", "DELETE", {"If_Match": '"x"'}, 412)]:
            got = s.ask(target, method, Content_Length=size, **fields)
            tap.equal((got.status, got.interim), (status, []), target)
            tap.true(got.get("Connection") == "close" or status == 200, got)
            asked += 1
        with s.connect() as sock:
            sock.sendall(request("/a.txt", Content_Length=size))
            reader = Reader(sock)
            tap.equal(reader.answer().body, b"hello\n")
            tap.equal(tap.read_all(sock), b"", "the end")
        for length in ("18446744073709551616", "9" * 400, "-1", "1e12"):
            got = s.ask("/f", "PUT", Content_Length=length)
            tap.equal(got.status, 400, length)
        figure(f"1 TiB: {asked} answers in {tap.now() - start:.3f} s, peak "
               f"+{cost.peak() - before} KiB")
        tap.equal(listed(s.folder), ["a.txt"])
    with served("--quiet", files=FILES) as s:
        tap.equal(s.ask("/f", "PUT", Content_Length=size).status, 405)
    with served("--quiet", "--writable", "--max-upload", "1M") as s:
        tap.equal(s.ask("/f", "PUT", Content_Length=size).status, 413)


@tap.case
def huge_length_to_the_hub():
    """Content-Length of 1 TiB to the hub: 507 for files, 413 elsewhere"""
    with tap.temp_dir() as folder:
        code = os.path.join(tap.new_home(), "code")
        with open(code, "w", encoding="ascii") as file:
            file.write("secret code\n")
        size = str(more_than_the_disk(folder))
        h = room.hub(folder)
        locked = room.hub("--code-file", code)
        for where, target, method, status in [
                (h, "/files/f", "PUT", 507),
                (h, "/files/", "POST", 507),
                (locked, "/files/f", "PUT", 401),
                (locked, "/enter", "POST", 413)]:
            with tap.connect(f"127.0.0.1:{where.port}") as sock:
                sock.sendall(request(target, method, Content_Length=size,
                                     Content_Type=FORM).replace(
                    b"Host: localhost", b"Host: 127.0.0.1:%d" % where.port))
                tap.equal(Reader(sock).answer().status, status, target)
        tap.equal(listed(folder), [])


tap.run()
