#!/usr/bin/env python3
"""tenon send into a hub's folder, and into that of tenon serve."""

import contextlib
import os
import signal

import room
import tap
import web
from parcel_kit import (digest, events, listed, names, read, sitting, tree,
                        wire, write)
from serve_kit import served

DATA = os.urandom(700000)


@contextlib.contextmanager
def hub(*options, **how):
    """A hub with a folder of its own."""
    with tap.temp_dir() as folder:
        made = room.hub(*options, "--quiet", folder, **how)
        made.folder = folder
        made.url = "http://" + made.where + "/"
        yield made


def shared(folder):
    """What is in the folder, but the hub's own things."""
    return {name: data for name, data in listed(folder).items()
            if not name.startswith(b".tenon")}


@tap.case
def a_tree():
    """Files and folders arrive as they are; the same again moves nothing"""
    with tap.temp_dir() as folder, hub() as h:
        tree(folder, {"t/a b.txt": b"a\n", "t/b/c.bin": DATA, "t/b/empty": b"",
                      "t/e/": b"", "t/\u4f60\u597d.txt": b"x", "one": b"1"})
        words = [os.path.join(folder, "t"), os.path.join(folder, "one")]
        code, out, err = tap.tenon("send", *words, h.url)
        tap.equal((code, out), (0, ""), err)
        tap.true("in the clear, to tenon at " in err, err)
        tap.true("sent 5 files, " in err, err)
        wanted = {os.fsencode(n): d for n, d in {
            "t": None, "t/a b.txt": b"a\n", "t/b": None, "t/b/c.bin": DATA,
            "t/b/empty": b"", "t/e": None, "t/\u4f60\u597d.txt": b"x",
            "one": b"1"}.items()}
        tap.equal(shared(h.folder), wanted)
        code, out, err = tap.tenon("send", "--json", *words, h.url)
        tap.equal(code, 0, err)
        end = events(out, "end")[0]
        tap.equal((end["moved"], end["kept"]), (0, len(DATA) + 4), end)
        tap.equal({k: v for k, v in shared(h.folder).items()
                   if b"empty" not in k},
                  {k: v for k, v in wanted.items() if b"empty" not in k})


@tap.case
def taken_names():
    """Nothing is replaced: another content of that name gets a number, which
    is told"""
    with tap.temp_dir() as folder, hub() as h:
        path = os.path.join(folder, "a.txt")
        for text in (b"first", b"second one"):
            write(path, text)
            code, _, err = tap.tenon("send", path, h.url)
            tap.equal(code, 0, err)
        tap.true("a.txt is called a (2).txt there" in err, err)
        tap.equal(shared(h.folder), {b"a.txt": b"first",
                                     b"a (2).txt": b"second one"})


@tap.case
def gone_there():
    """What was deleted over there is sent again"""
    with tap.temp_dir() as folder, hub() as h:
        for size in (5, 600000):
            path = os.path.join(folder, f"f{size}")
            write(path, DATA[:size])
            for _ in range(2):
                tap.equal(tap.tenon("send", path, h.url)[0], 0)
                os.unlink(os.path.join(h.folder, f"f{size}"))
            tap.equal(tap.tenon("send", path, h.url)[0], 0)
            tap.equal(read(h.folder, f"f{size}"), DATA[:size])


@tap.case
def by_stdin():
    """What a pipe gives arrives under --name"""
    with hub() as h:
        code, _, err = tap.tenon("send", "-", "--name", "n.bin", "--to",
                                 h.url, stdin=DATA)
        tap.equal(code, 0, err)
        tap.equal(shared(h.folder), {b"n.bin": DATA})


@tap.case
def told_to_the_room():
    """The room hears of a file"""
    with tap.temp_dir() as folder, tap.temp_dir() as share:
        path = os.path.join(folder, "a.txt")
        write(path, b"abc")
        h = room.hub("--json", share)
        code, _, err = tap.tenon("send", path, f"http://{h.where}/")
        tap.equal(code, 0, err)
        line = tap.read_until(h.stdout, b"\n").decode()
        tap.equal(events(line)[0]["text"], "a.txt")


@tap.case
def room_code():
    """A room with a code: asked for, from a file, and refused"""
    with tap.temp_dir() as folder:
        path, right, wrong = (os.path.join(folder, n) for n in "arw")
        write(path, b"abc")
        write(right, b"a code - with blanks\n")
        write(wrong, b"another\n")
        with hub("--code-file", right) as h:
            code, _, err = tap.tenon("send", "--code-file", right, path, h.url)
            tap.equal(code, 0, err)
            tap.equal(shared(h.folder), {b"a": b"abc"})
            code, _, err = tap.tenon("send", "--code-file", wrong, path, h.url)
            tap.equal(code, 6, err)
            tap.true("not the room's code" in err, err)
            alone = tap.Tenon("send", path, h.url, start_new_session=True)
            tap.equal(alone.wait(), 2)


@tap.case
def typed_room_code():
    """At a terminal the room's code is asked for, again if it was wrong; and
    there is progress"""
    with tap.temp_dir() as folder:
        path, code = os.path.join(folder, "a.bin"), os.path.join(folder, "c")
        write(path, DATA * 10)
        write(code, b"a code - with blanks\n")
        with hub("--code-file", code) as h, wire(h.port) as line:
            line.stop_after(3000000)
            with sitting("send", path, f"http://{line.where}/") as seat:
                seat.sees("Room code: ")
                seat.type("wrong\n")
                seat.sees("that is not the room's code\n", "Room code: ")
                seat.type("a code - with blanks\n")
                seat.sees("in the clear, to tenon at ", "a.bin", "%", "/6.7M",
                          "stalled ")
                line.cut()
                seat.sees("trying again", "sent a.bin, 6.7M in ")
                tap.equal(seat.program.wait(), 0)
            tap.true(read(h.folder, "a.bin") == DATA * 10, "other bytes")


@tap.case
def refused():
    """A hub that takes no files, or none like this: 6, 1, and why"""
    with tap.temp_dir() as folder:
        tree(folder, {"a": b"a", ".hidden": b"h", "x\ty": b"x",
                      "n" * 250: b"n"})
        with hub("--read-only") as h:
            code, _, err = tap.tenon("send", os.path.join(folder, "a"), h.url)
            tap.equal(code, 6, err)
            tap.true("takes no files" in err, err)
        with hub() as h:
            code, _, err = tap.tenon(
                "send", *(os.path.join(folder, n) for n in
                          (".hidden", "a", "x\ty")), h.url)
            tap.equal(code, 1, err)
            tap.true(".hidden: names like this" in err, err)
            tap.true("sent a, 1 B in " in err and "2 failed" in err, err)
            tap.equal(shared(h.folder), {b"a": b"a"})


@tap.case
def other_places():
    """A folder of tenon serve --writable; one that is not; no hub at all"""
    with tap.temp_dir() as folder:
        tree(folder, {"t/a": b"a", "t/b/c": DATA})
        path = os.path.join(folder, "t")
        with served("--writable", files={"in/x": b"x"}) as s:
            code, _, err = tap.tenon("send", path, s.url + "/in")
            tap.equal(code, 0, err)
            tap.equal(read(s.folder, "in", "t", "b", "c"), DATA)
            code, _, err = tap.tenon("send", path, s.url + "/none/")
            tap.equal(code, 1, err)
        with served() as s:
            code, _, err = tap.tenon("send", path, s.url)
            tap.equal(code, 6, err)
        echo = tap.Tenon("echo", "127.0.0.1:0", ready=True)
        code, _, err = tap.tenon("send", path, f"http://{echo.where}/")
        tap.equal(code, 1, err)


@tap.case
def strange_answers():
    """A server that lies, contradicts itself or goes in circles: an error, and
    an end"""
    info = web.reply(b'{"name":"tenon","room":"a\x1b[2Jb","code":false}')
    deep = web.reply(b"[" * 10000)
    cases = [
        ("409 Conflict", ("Upload-Offset: 0",), 1, "trying again"),
        ("409 Conflict", ("Upload-Offset: 99999999999",), 1,
         "it is not taken as it is"),
        ("422 Unprocessable", (), 1, "it is not taken as it is"),
        ("202 Accepted", ("Upload-Offset: 1",), 1, ""),
        ("302 Found", ("Location: http://127.0.0.1:9/",), 1, "status 302"),
        ("401 Unauthorized", (), 2, "wants a code"),
        ("507 Insufficient", (), 1, "disk is full"),
        ("503 Busy", (), 1, ""),
        ("200 OK", (), 1, "status 200"),
    ]
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        write(path, b"abc")
        for first in (info, deep):
            for status, fields, wanted, why in cases:
                def answer(request, _, status=status, fields=fields,
                           first=first):
                    if web.path_of(request) == "/info":
                        return first
                    return web.reply(b"", status, *fields)
                with web.server(answer) as s:
                    done = tap.Tenon("send", "--retry-for", "100ms", path,
                                     s.url(), start_new_session=True)
                    tap.equal(done.wait(), wanted, status)
                    err = tap.read_all(done.stderr).decode()
                    tap.true(why in err and "\x1b" not in err, err)
                    tap.true(len(s.requests) < 200, "in circles")
        with web.server(b"no HTTP at all\n") as s:
            code, _, err = tap.tenon("send", path, s.url())
            tap.equal(code, 1, err)


@tap.case
def changed_while_sent():
    """A file that grows while it is sent gets no name over there"""
    with tap.temp_dir() as folder, hub() as h, wire(h.port) as line:
        path = os.path.join(folder, "f")
        write(path, DATA * 8)
        line.stop_after(1000000)
        sender = tap.Tenon("send", path, f"http://{line.where}/")
        line.wait_stopped()
        with open(path, "ab") as file:
            file.write(b"more")
        line.cut()
        tap.equal(sender.wait(), 1)
        told = tap.read_all(sender.stderr).decode()
        tap.true("changed while it was sent" in told, told)
        tap.equal(shared(h.folder), {})


@tap.case
def broken_wire():
    """A connection that breaks goes on; and so does the same command after
    kill -9 of either side"""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tap.temp_dir())
        share = stack.enter_context(tap.temp_dir())
        path = os.path.join(folder, "f.bin")
        write(path, os.urandom(16 << 20))
        h = room.hub("--quiet", share)
        line = stack.enter_context(wire(h.port))
        url = f"http://{line.where}/"
        for kill in ("sender", "hub", None):
            line.stop_after(4 << 20)
            sender = tap.Tenon("send", "--json", path, url)
            line.wait_stopped()
            tap.equal(names(share)[1:], names(share)[1:])
            tap.true(not os.path.exists(os.path.join(share, "f.bin")),
                     "a part bears the final name")
            if kill:
                sender.process.kill()
                sender.process.wait()
            if kill == "hub":
                h.process.kill()
                h.process.wait()
                h = room.hub("--quiet", share)
                line.port = h.port
            line.cut()
        code = sender.wait()
        found = events(tap.read_all(sender.stdout))
        tap.equal(code, 0, found[-1])
        tap.equal(len([e for e in found if e["event"] == "lost"]), 1)
        tap.true(found[-1]["moved"] < 16 << 20, found[-1])
        tap.equal(digest(os.path.join(share, "f.bin")), digest(path))


@tap.case
def stopped():
    """Ctrl-C in the middle: 130"""
    with tap.temp_dir() as folder, hub() as h, wire(h.port) as line:
        path = os.path.join(folder, "f")
        write(path, DATA * 8)
        line.stop_after(1000000)
        sender = tap.Tenon("send", path, f"http://{line.where}/")
        line.wait_stopped()
        sender.signal(signal.SIGINT)
        tap.equal(sender.wait(), 130)
        tap.equal(shared(h.folder), {})


@tap.case
def by_https():
    """An https hub is verified: by its fingerprint, by an authority, or not"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        write(path, b"abc")
        share = os.path.join(folder, "share")
        os.mkdir(share)
        h = room.hub("--tls", share)
        told = tap.read_until(h.stderr, b"--pin ")
        while not told.endswith(b"\n"):
            told += tap.read_some(h.stderr)
        pin = told.decode().rsplit("--pin ", 1)[1][:64]
        url = f"https://{h.where}/"
        code, _, err = tap.tenon("send", path, url)
        tap.equal(code, 1, err)
        tap.true("--pin SHA256" in err, err)
        code, _, err = tap.tenon("send", "--pin", pin, path, url)
        tap.equal(code, 0, err)
        tap.true("in the clear" not in err, err)
        code, _, err = tap.tenon("send", "--pin", "0" * 64, path, url)
        tap.equal(code, 1, err)
        code, _, err = tap.tenon("send", "--insecure", path, url)
        tap.equal(code, 0, err)
        tap.equal(shared(share)[b"f"], b"abc")


tap.run()
