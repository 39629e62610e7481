#!/usr/bin/env python3
"""tenon serve and hub when the disk gets full, descriptors run out, or the
program is killed, in the middle of an upload. docs/hostile.md has the table."""

import contextlib
import glob
import os
import resource
import signal
import sqlite3

import room
import tap
from browser import Browser
from hostile_kit import Cost, figure, fill, small_disk, until
from serve_kit import Reader, listed, request, served, waiting

SIZE = 200000
HALF = SIZE // 2
DATA = os.urandom(SIZE)
PARTS = "an upload in parts"
FILES = {"index.html": b"<p>index</p>", "a.txt": b"a"}
KIND = "multipart/form-data; boundary=XX"


class Door:
    """Where files come in: tenon serve, or the hub's page."""

    def __init__(self, name, program, folder, prefix):
        self.name = name
        self.program = program
        self.folder = folder
        self.prefix = prefix
        self.port = program.port

    def connect(self):
        return tap.connect(f"127.0.0.1:{self.port}")

    def send(self, sock, target, method, body, size=None, **fields):
        """A request with the beginning of a body of `size` bytes."""
        if "Transfer_Encoding" not in fields:
            fields["Content_Length"] = str(len(body) if size is None else size)
        head = request(self.prefix + target, method, **fields)
        sock.sendall(head.replace(b"Host: localhost",
                                  b"Host: 127.0.0.1:%d" % self.port) + body)

    def ask(self, target, method="GET", body=b"", **fields):
        with self.connect() as sock:
            self.send(sock, target, method, body, **fields)
            return Reader(sock).answer(method)

    def content(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def arrived(self, count):
        """Wait until so many bytes of an upload are on the disk."""
        parts = os.path.join(self.folder, ".tenon-parts")

        def here():
            with contextlib.suppress(FileNotFoundError):
                return any(os.stat(os.path.join(parts, name)).st_size >= count
                           for name in waiting(self.folder))
            return False
        until("the beginning arrives", here)

    def parts(self):
        """How many uploads wait on the disk."""
        return len(waiting(self.folder))


@contextlib.contextmanager
def opened(kind, folder, home=None):
    if kind == "serve":
        with served("--quiet", "--writable", folder=folder) as s:
            yield Door(kind, s.tenon, folder, "")
        return
    hub = room.hub("--quiet", folder,
                   env={"XDG_DATA_HOME": home or tap.new_home()})
    yield Door(kind, hub, folder, "/files")
    hub.signal(signal.SIGINT)
    tap.equal(hub.wait(), 0, "exit code after Ctrl-C")


def form(*files):
    body = b""
    for name, data in files:
        body += (b'--XX\r\nContent-Disposition: form-data; name="f"; '
                 b'filename="%s"\r\n\r\n%s\r\n' % (name.encode(), data))
    return body + b"--XX--\r\n"


def ways(ident="abcd1234"):
    """How files are sent: target, method, body, fields."""
    return {
        "PUT": ("/new", "PUT", DATA, {}),
        "PUT in chunks": ("/new", "PUT", b"%x\r\n%s\r\n0\r\n\r\n" %
                          (SIZE, DATA), {"Transfer_Encoding": "chunked"}),
        "a form": ("/", "POST", form(("first", b"1"), ("new", DATA)),
                   {"Content_Type": KIND}),
        PARTS: (f"/new?upload={ident}&offset=0&size={SIZE}", "PUT", DATA, {}),
    }


WAYS = ways()


def start(door, sock, way):
    """Send the first half of it: the other half."""
    target, method, body, fields = WAYS[way]
    door.send(sock, target, method, body[:HALF], size=len(body), **fields)
    door.arrived(HALF - 1000)
    return body[HALF:]


def again(door, way):
    """When all is well: what is missing of what is in parts, all of the
    others. The status."""
    if way != PARTS:
        target, method, body, fields = WAYS[way]
        with door.connect() as sock:
            door.send(sock, target, method, body, **fields)
            return Reader(sock).answer(method).status
    got = door.ask("/new?upload=abcd1234", "HEAD")
    at = int(got.get("Upload-Offset"))
    tap.true(HALF - 1000 < at <= SIZE, f"{at} bytes were kept")
    figure(f"{door.name}: {at} of {SIZE} bytes were kept and not sent again")
    return door.ask(f"/new?upload=abcd1234&offset={at}&size={SIZE}", "PUT",
                    DATA[at:]).status


# --- the disk ---------------------------------------------------------------

def disk_full(kind, way):
    """Room for what is announced, taken by somebody else in the middle."""
    with small_disk(1024) as folder, opened(kind, folder) as door:
        tap.equal(door.ask("/old", "PUT", b"old").status, 201)
        other = os.path.join(folder, ".other")
        with door.connect() as sock:
            rest = start(door, sock, way)
            fill(other)
            begun = tap.now()
            with contextlib.suppress(ConnectionError):
                sock.sendall(rest)
            got = Reader(sock).answer()
            took = tap.now() - begun
        tap.equal(got.status, 507)
        tap.true(b"disk is full" in got.body.lower(), got.body)
        if way == PARTS:
            tap.true(got.get("Upload-Offset"), got)
        names = [n for n in listed(folder) if n not in ("old", ".other")]
        tap.equal(names, ["first"] if way == "a form" else [])
        tap.equal(door.ask("/old").body, b"old", "service goes on")
        tap.equal(door.ask("/new").status, 404)
        tap.equal(door.ask("/more", "PUT", DATA).status, 507)
        tap.equal(door.parts(), 1 if way == PARTS else 0)
        os.unlink(other)
        status = again(door, way)
        tap.equal(status, 201)
        tap.true(door.content("new") == DATA, "another content")
        figure(f"disk full, {kind}, {way}: 507 in {took * 1000:.1f} ms, then "
               f"{status}")


for _kind in ("serve", "hub"):
    for _way in WAYS:
        tap.add(f"Disk full in the middle of {_way}, {_kind}", disk_full,
                _kind, _way)


@tap.case
def history_full():
    """The disk of the hub's history is full: the room talks on"""
    with small_disk(512) as home, tap.temp_dir() as folder, \
            opened("hub", folder, home) as door:
        ann = room.Member(door.program, "ann")
        bob = room.Member(door.program, "bob")
        ann.hears("bob: 加入了群聊")
        fill(os.path.join(home, "other"))
        for n in range(20):
            ann.say(f"{n} " + "x" * 500)
            bob.hears(f"ann:{n} " + "x" * 500)
        tap.read_until(door.program.stderr, b"said now is not kept\n")
        tap.equal(door.ask("/f", "PUT", b"file").status, 201)
        os.unlink(os.path.join(home, "other"))
        ann.say("after")
        bob.hears("* 有人分享了文件 f (4 B) "
                  f"http://127.0.0.1:{door.port}/files/f", "ann:after")
        tap.read_until(door.program.stderr, b"events are missing\n")


@contextlib.contextmanager
def slow_disk():
    """A FIFO: while it is there, the disk of the hub's history hangs. The
    environment that makes it so."""
    with tap.temp_dir() as folder:
        fifo = os.path.join(folder, "hang")
        yield fifo, tap.preload("hang", TENON_HANG=fifo)


def let_go(fifo):
    """Somebody waits there: let it, and all others, write."""
    gate = os.open(fifo, os.O_WRONLY)
    os.unlink(fifo)
    os.close(gate)


def said(home):
    """What the history has."""
    files = glob.glob(home + "/**/history.db", recursive=True)
    with contextlib.closing(sqlite3.connect(files[0])) as db:
        return [row[0] for row in
                db.execute("SELECT text FROM event WHERE what = 1 ORDER BY n")]


@tap.case
def history_hangs():
    """The disk of the hub's history hangs: the room talks on, and all is
    written when it is back; nothing twice"""
    with slow_disk() as (fifo, env), tap.temp_dir() as home:
        hub = room.hub(env={"XDG_DATA_HOME": home, **env})
        ann, bob = room.join(hub, "ann", "bob")
        os.mkfifo(fifo)
        begun = tap.now()
        ann.say("0")
        bob.hears("ann:0")
        took = tap.now() - begun
        tap.true(2.5 < took < 6 * tap.SCALE, f"after {took} s")
        tap.read_until(hub.stderr, b"history: the disk does not answer; what "
                       b"is said now may be lost when the hub ends\n")
        for n in range(1, 25):  # fewer than a member may say at once
            ann.say(str(n))
            bob.hears(f"ann:{n}")
        begun = tap.now()
        _, past = Browser(hub).hello("eve")
        tap.true(tap.now() - begun < 2 * tap.SCALE, "who comes in waits")
        tap.equal([e["text"] for e in past["events"] if e["what"] == "say"],
                  [str(n) for n in range(25)])
        let_go(fifo)
        tap.read_until(hub.stderr,
                       b"history: the disk answers again; 0 events are "
                       b"missing\n")
        hub.signal(signal.SIGINT)
        tap.equal(hub.wait(), 0)
        figure(f"history hangs: told after {took:.1f} s")
        tap.equal(said(home), [str(n) for n in range(25)])


@tap.case
def history_hangs_at_the_end():
    """The disk of the hub's history hangs when the hub ends: it ends"""
    with slow_disk() as (fifo, env), tap.temp_dir() as home:
        hub = room.hub(env={"XDG_DATA_HOME": home, **env})
        ann, bob = room.join(hub, "ann", "bob")
        os.mkfifo(fifo)
        ann.say("0")
        bob.hears("ann:0")
        ann.say("1")
        bob.hears("ann:1")
        begun = tap.now()
        hub.signal(signal.SIGINT)
        tap.equal(hub.wait(), 0)
        took = tap.now() - begun
        tap.true(took < 6 * tap.SCALE, f"{took} s")
        tap.true(b"the last 2 events may be missing" in
                 tap.read_all(hub.stderr), "untold")
        figure(f"history hangs at the end: it took {took:.1f} s")
        os.unlink(fifo)
        hub = room.hub(env={"XDG_DATA_HOME": home})
        hub.signal(signal.SIGINT)
        tap.equal(hub.wait(), 0)


# --- descriptors ------------------------------------------------------------

@contextlib.contextmanager
def no_descriptors(door, room_for=0):
    """The program may open so many more, and no other."""
    pid = door.program.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE,
                     (Cost(pid).limit(room_for), hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def descriptors_gone(kind, way):
    """None left in the middle: this one ends well or is told 503; who comes
    anew waits, and costs nothing meanwhile."""
    with tap.temp_dir() as folder, opened(kind, folder) as door:
        tap.equal(door.ask("/old", "PUT", b"old").status, 201)
        cost = Cost(door.program.process.pid)
        with door.connect() as sock, contextlib.ExitStack() as stack:
            rest = start(door, sock, way)
            with no_descriptors(door):
                new = stack.enter_context(door.connect())
                door.send(new, "/old", "GET", b"")
                cpu = cost.cpu()
                wait = 1 if way == "PUT" else 0.05
                tap.true(not tap.readable(new, wait), "served without one")
                spent = cost.cpu() - cpu
                sock.sendall(rest)
                got = Reader(sock).answer()
            tap.equal(Reader(new).answer().body, b"old")
        tap.true(spent < 0.3, f"{spent} s of CPU while it waits")
        tap.true(got.status in (201, 503), got)
        figure(f"EMFILE, {kind}, {way}: {got.status}; "
               f"{spent:.2f} s of CPU in {wait} s of waiting")
        if got.status == 503:
            tap.true(got.get("Retry-After"), got)
            tap.true(not os.path.exists(os.path.join(folder, "new")), "there")
            tap.equal(again(door, way), 201)
        tap.true(door.content("new") == DATA, "another content")
        tap.equal(door.parts(), 0)


for _kind in ("serve", "hub"):
    for _way in WAYS:
        tap.add(f"No descriptors in the middle of {_way}, {_kind}",
                descriptors_gone, _kind, _way)


@tap.case
def descriptors_for_uploads():
    """0 to 5 descriptors: each request ends well or is told 503"""
    with tap.temp_dir() as folder, opened("serve", folder) as door:
        tap.equal(door.ask("/old", "PUT", b"old").status, 201)
        seen = set()
        for room_for in range(6):
            for way, (target, method, body, fields) in ways(
                    f"upload{room_for:02}").items():
                with door.connect() as sock:
                    door.send(sock, "/old", "GET", b"")
                    reader = Reader(sock)
                    tap.equal(reader.answer().status, 200)
                    with no_descriptors(door, room_for):
                        door.send(sock, target, method, body, **fields)
                        got = reader.answer(method)
                tap.true(got.status in (201, 204, 503), f"{way}: {got}")
                seen.add(got.status)
                with door.connect() as sock:
                    reader = Reader(sock)
                    for method in ("PATCH", "OPTIONS"):
                        door.send(sock, "/old", "GET", b"")
                        tap.equal(reader.answer().status, 200)
                        with no_descriptors(door, room_for):
                            door.send(sock, "/", method, b"")
                            got = reader.answer(method)
                        tap.true(got.status == 503 or
                                 "POST" in got.get("Allow"), got)
                with contextlib.suppress(FileNotFoundError):
                    tap.true(door.content("new") == DATA, "another content")
        tap.equal(seen - {204}, {201, 503})
        tap.equal(door.ask("/old").body, b"old")


def scarce_answers(s, target):
    """The answers to a GET with 0 to 5 descriptors left."""
    door = Door("serve", s.tenon, s.folder, "")
    answers = []
    for room_for in range(6):
        with s.connect() as sock:
            reader = Reader(sock)
            door.send(sock, "/a.txt", "GET", b"")
            tap.equal(reader.answer().body, b"a")
            with no_descriptors(door, room_for):
                door.send(sock, target, "GET", b"")
                answers.append(reader.answer())
    tap.equal({a.status for a in answers}, {200, 503})
    return answers


@tap.case
def descriptors_for_pages():
    """0 to 5 descriptors: a folder's page is its index, or 503; no other"""
    for options in ((), ("--no-listing",)):
        with served("--quiet", *options, files=FILES) as s:
            for got in scarce_answers(s, "/"):
                tap.true(got.status == 503 or b"index" in got.body, got)


@tap.case
def descriptors_for_listings():
    """0 to 5 descriptors: a listing has all names, or is 503"""
    with served("--quiet", files=FILES) as s:
        os.symlink("a.txt", s.path("link"))
        for got in scarce_answers(s, "/?json"):
            tap.true(got.status == 503 or b"link" in got.body, got)


# --- killed -----------------------------------------------------------------

@tap.case
def killed_in_every_way():
    """kill -9 in the middle of all four: no name stands for a half; the
    upload in parts goes on, the others leave nothing"""
    with tap.temp_dir() as folder, contextlib.ExitStack() as stack:
        door = stack.enter_context(opened("serve", folder))
        for count, way in enumerate(WAYS, 1):
            sock = stack.enter_context(door.connect())
            start(door, sock, way)
            until("each waits", lambda n=count: door.parts() == n)
        figure(f"kill -9: {door.parts()} uploads were on their way")
        door.program.process.kill()
        door.program.process.wait()
        stack.pop_all()
        tap.equal(listed(folder), ["first"])
        with opened("serve", folder) as door:
            tap.equal(door.parts(), 1)
            tap.equal(again(door, PARTS), 201)
            tap.true(door.content("new") == DATA, "another content")
            tap.equal(door.parts(), 0)


tap.run()
