#!/usr/bin/env python3
"""tenon serve --writable: uploads in parts whose answer was lost."""

import contextlib
import os
import signal
import threading
import urllib.parse

import tap
from serve_kit import (Server, finished, listed, offset, part, request,
                       served, waiting)


@tap.case
def sent_again():
    """A part that is sent again although the file is whole: it comes once"""
    with tap.temp_dir() as folder:
        with contextlib.ExitStack() as stack:
            s = stack.enter_context(served("--writable", "--keep",
                                           folder=folder))
            for name, data in (("f", b"abcdef"), ("empty", b"")):
                end = len(data)
                target = part(name, "abcd1234", 0, end)
                tap.equal(s.put(target, data).status, 201)
                # What a browser does by itself, and what a page does then.
                got = s.put(target, data)
                tap.equal((got.status, got.get("Upload-Offset")),
                          (409, str(end)) if end else (201, None))
                got = s.put(part(name, "abcd1234", end, end), b"",
                            If_None_Match="*")
                tap.equal((got.status, got.get("Location")),
                          (201, "/" + name))
            got = s.put(part("f", "abcd1234", 2, 6), b"cdef")
            tap.equal((got.status, got.get("Upload-Offset")), (409, "6"))
            tap.equal(offset(s, "f", "abcd1234"), 6)
            s.tenon.process.kill()
            s.tenon.process.wait()
            stack.pop_all()
        with served("--writable", "--keep", folder=folder) as s:
            got = s.put(part("f", "abcd1234", 0, 6), b"abcdef")
            tap.equal((got.status, got.get("Upload-Offset")), (409, "6"))
            tap.equal(offset(s, "f", "abcd1234"), 6)
        # An orderly end: it may have been an answer that got lost.
        tap.equal(len(finished(folder)), 2)
        with served("--writable", "--keep", folder=folder) as s:
            got = s.put(part("f", "abcd1234", 0, 6), b"abcdef")
            tap.equal((got.status, got.get("Upload-Offset")), (409, "6"))
            tap.equal(listed(folder), ["empty", "f"])
            # Another upload is another file.
            tap.equal(s.put(part("f", "abcd1235", 0, 6), b"abcdef").status,
                      201)
            tap.equal(listed(folder), ["empty", "f", "f (2)"])
            for name in finished(folder):
                os.utime(s.path(".tenon-parts", name), (1700000000,) * 2)
        tap.true(not os.path.exists(os.path.join(folder, ".tenon-parts")),
                 "old marks stay")


@tap.case
def marks_bounded():
    """Marks of what was finished are bounded, and broken ones say nothing"""
    with served("--writable") as s:
        for n in range(260):
            got = s.put(part("f", f"upload{n:04}", 0, 1), b"x")
            tap.equal(got.status // 100, 2)
        tap.equal(len(finished(s.folder)), 256)
        tap.equal(offset(s, "f", "upload0259"), 1)
        for text in (b"", b"1", b"1/", b"1/\n", b"1/../f\n", b"x/f\n", b"1/f",
                     b"99999999999999999999/f\n", b"1/" + b"f" * 300 + b"\n"):
            for name in finished(s.folder):
                os.unlink(s.path(".tenon-parts", name))
            tap.equal(s.put(part("f", "broken00", 0, 1), b"x").status, 204)
            [name] = finished(s.folder)
            with open(s.path(".tenon-parts", name), "wb") as file:
                file.write(text)
            tap.equal(offset(s, "f", "broken00"), 0, text)


@tap.case
def at_once():
    """The same upload from several connections at once: it comes once"""
    data = os.urandom(20000)
    with served("--writable", "--keep") as s:
        for turn in range(20):
            name, ident = f"f{turn}", f"upload{turn:04}"
            senders = [threading.Thread(
                target=s.put, args=(part(name, ident, 0, len(data)), data))
                for _ in range(4)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            # Of those that took it from each other none may have got through.
            at = offset(s, name, ident)
            got = s.put(part(name, ident, at, len(data)), data[at:])
            tap.equal(got.status, 201)
            with open(s.path(name), "rb") as file:
                tap.true(file.read() == data, "another content")
        tap.equal(len(listed(s.folder)), 20)


def crashed(folder, moment, target, body, *options):
    """The server is killed at the rename that ends an upload."""
    s = Server(folder, "--quiet", "--writable", *options,
               env=tap.preload("crash", TENON_CRASH=moment))
    with contextlib.suppress(ConnectionError, EOFError):
        s.put(target, body)
    tap.equal(s.tenon.wait(), 128 + signal.SIGKILL, "its end")


def crash_behind(options, before, wanted):
    """The file bore its name and nobody had been told: it comes once"""
    with tap.temp_dir() as folder:
        for name in before:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"other!")
        crashed(folder, "behind", part("f", "abcd1234", 0, 6), b"abcdef",
                *options)
        after = listed(folder)
        tap.equal(after, sorted({*before, wanted}))
        with served("--writable", *options, folder=folder) as s:
            tap.equal(offset(s, "f", "abcd1234"), 6)
            tap.equal(s.put(part("f", "abcd1234", 0, 6), b"abcdef").status,
                      409)
            got = s.put(part("f", "abcd1234", 6, 6), b"")
            tap.equal((got.status, got.get("Location")),
                      (201, "/" + urllib.parse.quote(wanted)))
            tap.equal(listed(folder), after)
            with open(s.path(wanted), "rb") as file:
                tap.equal(file.read(), b"abcdef")
            # From here on it is as with any other.
            os.unlink(s.path(wanted))
            tap.equal(offset(s, "f", "abcd1234"), 6)


for _name, *_how in (
        ("a new name", (), (), "f"),
        ("a name that is kept", ("--keep",), ("f", "f (2)"), "f (3)")):
    tap.add(f"Killed behind the rename, {_name}: it comes once", crash_behind,
            *_how)


@tap.case
def crash_before():
    """Killed before the rename: all of it is there, and goes on"""
    with tap.temp_dir() as folder:
        crashed(folder, "before", part("f", "abcd1234", 0, 6), b"abcdef")
        tap.equal(listed(folder), [])
        with served("--writable", folder=folder) as s:
            tap.equal(offset(s, "f", "abcd1234"), 6)
            tap.equal(s.put(part("f", "abcd1234", 6, 6), b"").status, 201)
            tap.equal(listed(folder), ["f"])
            tap.equal(s.ask("/f").body, b"abcdef")


@tap.case
def crash_and_lost():
    """Killed at the rename, and the file is gone: it begins anew"""
    for moment in ("before", "behind"):
        with tap.temp_dir() as folder:
            crashed(folder, moment, part("f", "abcd1234", 0, 6), b"abcdef")
            if moment == "behind":
                os.unlink(os.path.join(folder, "f"))
                with open(os.path.join(folder, "f"), "wb") as file:
                    file.write(b"another")
            else:
                [name] = waiting(folder)
                os.utime(os.path.join(folder, ".tenon-parts", name),
                         (1700000000,) * 2)
            with served("--writable", "--keep", folder=folder) as s:
                tap.equal(offset(s, "f", "abcd1234"), 0)
                got = s.put(part("f", "abcd1234", 0, 6), b"abcdef")
                tap.equal(got.status, 201)
                tap.equal(s.ask(got.get("Location")).body, b"abcdef")


@tap.case
def impatient():
    """A second Ctrl-C ends the server at once, whatever is under way"""
    s = Server(tap.new_home(), "--writable")
    with s.connect() as sock:
        sock.sendall(request("/f", "PUT", Content_Length="9",
                             Expect="100-continue"))
        sock.recv(1)  # it is under way, and would have five seconds
        # Two that come together are one, so it is asked until it has ended.
        while s.tenon.process.poll() is None:
            s.tenon.signal(signal.SIGINT)
            tap.readable(s.tenon.stdout, 0.01)
        tap.equal(s.tenon.process.returncode, -signal.SIGINT)


tap.run()
