#!/usr/bin/env python3
"""tenon serve: no spelling, link, device or race leads out of the folder."""

import contextlib
import os
import socket
import threading

import tap
from serve_kit import Reader, request, served

SECRET = b"the secret outside\n"
INSIDE = b"inside\n"

# Ways to write "..", "/" and a name, each of which some server has believed.
UPS = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "%00..",
       "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "..;", "...", "....", ".%20.",
       "%u002e%u002e", "..%c0%af", "..%5c", "..\\", "..%09", "%ef%bc%8e%ef%bc"
       "%8e", "..%ff", "..%3f", "..%23", ".%0a."]
SLASHES = ["/", "//", "%2f", "%2F", "\\", "%5c", "/./", "%252f", "%c0%af",
           "%e0%80%af", "/;/", "%00/", "/%2e/"]


@contextlib.contextmanager
def place(*options):
    """A shared folder beside a secret."""
    with tap.temp_dir() as top:
        shared = os.path.join(top, "shared")
        os.makedirs(os.path.join(shared, "a", "b"))
        for path, data in (("secret", SECRET), ("shared/file", INSIDE),
                           ("shared/a/file", INSIDE),
                           ("shared-secret", SECRET),
                           ("other/secret", SECRET)):
            path = os.path.join(top, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        with served(*options, folder=shared) as s:
            yield s, top


def check(answer, what):
    tap.true(SECRET.strip() not in answer.body and b"root:" not in answer.body,
             f"{what}: {answer}")
    tap.true(answer.status < 500, f"{what}: {answer}")


@tap.case
def spellings():
    """Some thousand ways to write a path that leads out"""
    with place() as (s, top):
        targets = []
        for up in UPS:
            for slash in SLASHES:
                for start in ("/", "/a/", "/a/b/"):
                    for depth in (1, 3, 9):
                        targets.append(start + (up + slash) * depth +
                                       "secret")
                targets.append("/" + (up + slash) * 12 + "etc/passwd")
        targets += ["//etc/passwd", "/%2fetc/passwd", "/" + top + "/secret",
                    "/..", "/../", "/a/../../secret", "/../shared-secret",
                    "/./../secret", "/a//..//..//secret", "/file/../../secret",
                    "/proc/self/cwd/etc/passwd", "/dev/../secret",
                    "/~root", "/a/..%2f..%2fsecret?", "/%",
                    "/%zz", "/%2", "http://test/../secret",
                    "http://x/%2e%2e/secret"]
        sock = s.connect()
        reader = Reader(sock)
        for target in targets:
            for method in ("GET", "HEAD"):
                try:
                    sock.sendall(request(target, method))
                    got = reader.answer(method)
                    closed = got.get("Connection") == "close"
                except (OSError, EOFError):
                    got, closed = None, True
                if got:
                    check(got, target)
                    tap.true(got.status in (301, 400, 404),
                             f"{target}: {got}")
                if closed:
                    sock.close()
                    sock = s.connect()
                    reader = Reader(sock)
        sock.close()
        tap.true(len(targets) > 2000, len(targets))
        tap.equal(s.ask("/a/../file").body, INSIDE)
        tap.equal(s.ask("/%66ile").body, INSIDE)


@tap.case
def bytes_in_targets():
    """Every byte, raw and coded, in a path"""
    with place() as (s, _):
        for byte in range(256):
            coded = s.ask(f"/a/%{byte:02x}/../../secret")
            check(coded, f"%{byte:02x}")
            with s.connect() as sock:
                sock.sendall(b"GET /..%c/secret HTTP/1.1\r\nHost: localhost\r\n\r\n" %
                             byte)
                sock.shutdown(socket.SHUT_WR)
                tap.true(SECRET not in tap.read_all(sock), byte)


@tap.case
def links():
    """Links that stay inside lead there, others nowhere"""
    with place("--writable") as (s, top):
        links = {"in": "a/file", "in2": "a", "a/up": "../file",
                 "out": "../secret", "abs": os.path.join(top, "secret"),
                 "absin": os.path.join(top, "shared/file"), "dir": "../other",
                 "a/far": "../../secret", "loop": "loop", "self": ".",
                 "proc": "/proc/self/cwd", "top": "/",
                 "magic": "/proc/self/fd/0", "chain": "out"}
        for name, to in links.items():
            os.symlink(to, s.path(name))
        tap.equal(s.ask("/in").body, INSIDE)
        tap.equal(s.ask("/in2/file").body, INSIDE)
        tap.equal(s.ask("/a/up").body, INSIDE)
        tap.equal(s.ask("/self/self/file").body, INSIDE)
        for path in ("/out", "/abs", "/absin", "/dir/secret", "/a/far",
                     "/loop", "/chain", "/proc/etc/passwd", "/top/etc/passwd",
                     "/magic", "/in2/../../secret", "/dir/"):
            got = s.ask(path)
            check(got, path)
            tap.true(got.status in (400, 404), f"{path}: {got}")
            check(s.ask(path, "DELETE") if "/" in path[1:] else got, path)
        page = s.ask("/").body
        for name in ("out", "abs", "dir", "loop", "proc", "magic"):
            tap.true(f'href="{name}'.encode() not in page, name)
        tap.true(b'href="in"' in page and b'href="in2/"' in page, page)
        check(s.ask("/?tar"), "archive")
        for path in ("/dir/new", "/top/tmp/new", "/proc/new"):
            tap.equal(s.put(path, b"x").status, 404, path)
        tap.equal(s.put("/out", b"mine").status in (201, 204, 404), True)
        with open(os.path.join(top, "secret"), "rb") as file:
            tap.equal(file.read(), SECRET)
        tap.equal(sorted(os.listdir(os.path.join(top, "other"))), ["secret"])


@tap.case
def devices_and_pipes():
    """Pipes, sockets and devices are not opened and hold nobody up"""
    with place() as (s, _):
        os.mkfifo(s.path("fifo"))
        with socket.socket(socket.AF_UNIX) as listener:
            os.chdir(s.folder)
            listener.bind("sock")
            os.chdir("/")
        with contextlib.suppress(PermissionError):
            os.mknod(s.path("zero"), 0o666 | 0o020000, os.makedev(1, 5))
        for name in ("fifo", "sock", "zero"):
            if os.path.exists(s.path(name)):
                tap.equal(s.ask("/" + name).status, 403, name)
                tap.true(name.encode() not in s.ask("/").body, name)
        tap.equal(len(s.ask("/?tar").body) < 10000, True)


@tap.case
def race():
    """A folder that is swapped for a link while it is asked for"""
    with place("--writable") as (s, top):
        stop = threading.Event()
        os.symlink(os.path.join(top, "other"), os.path.join(top, "link"))
        os.mkdir(s.path("d"))
        with open(s.path("d", "secret"), "wb") as file:
            file.write(INSIDE)
        spare = os.path.join(top, "spare")

        def swap():
            while not stop.wait(0.0001):
                os.rename(s.path("d"), spare)
                os.rename(os.path.join(top, "link"), s.path("d"))
                os.rename(s.path("d"), os.path.join(top, "link"))
                os.rename(spare, s.path("d"))

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            with s.connect() as sock:
                reader = Reader(sock)
                for turn in range(600):
                    what = [request("/d/secret"), request("/d/"),
                            request("/?tar"),
                            request("/d/new", "PUT", b"mine")][turn % 4]
                    sock.sendall(what)
                    got = reader.answer("PUT" if turn % 4 == 3 else "GET")
                    check(got, what)
        finally:
            stop.set()
            thread.join()
        tap.equal(os.listdir(os.path.join(top, "other")), ["secret"])
        tap.equal(s.ask("/d/secret").body, INSIDE)


tap.run()
