#!/usr/bin/env python3
"""tenon serve --writable: what it takes in, and what is left when it breaks."""

import base64
import contextlib
import hashlib
import os
import resource
import signal
import socket
import subprocess
import time

import tap
from hostile_kit import small_disk
from serve_kit import (Reader, finished, listed, offset, part, request,
                       served, waiting)

DATA = os.urandom(300000)


def content(s, name):
    with open(s.path(name), "rb") as file:
        return file.read()


def digest(data):
    return ("sha-256=:" +
            base64.b64encode(hashlib.sha256(data).digest()).decode() + ":")


def emptied(s):
    """Wait until no upload is unfinished."""
    end = tap.now() + tap.LIMIT
    while waiting(s.folder) and tap.now() < end:
        tap.readable(s.tenon.stdout, 0.01)
    tap.equal(waiting(s.folder), [])


# --- PUT --------------------------------------------------------------------

@tap.case
def put():
    """PUT makes a file, then replaces it; by length and in chunks"""
    with served("--writable") as s:
        got = s.put("/a%20b.bin", DATA)
        tap.equal((got.status, got.get("Location")), (201, "/a%20b.bin"))
        tap.true(content(s, "a b.bin") == DATA, "another content")
        tag = got.get("ETag")
        tap.equal(s.put("/a%20b.bin", b"2").status, 204)
        tap.equal(content(s, "a b.bin"), b"2")
        tap.true(s.ask("/a%20b.bin").get("ETag") != tag, "the same tag")
        got = s.put("/c", b"3\r\nabc\r\n0\r\n\r\n",
                    Transfer_Encoding="chunked")
        tap.equal((got.status, content(s, "c")), (201, b"abc"))
        tap.equal(s.put("/empty", b"").status, 201)
        tap.equal(content(s, "empty"), b"")
        tap.equal(waiting(s.folder), [])
        tap.equal(os.stat(s.path("c")).st_mode & 0o777, 0o644)


@tap.case
def put_refused():
    """What PUT does not do"""
    with served("--writable", files={"dir/x": b"x"}) as s:
        os.symlink("/tmp", s.path("out"))
        for target, fields, status in [
                ("/dir", {}, 409), ("/dir/", {}, 409), ("/", {}, 409),
                ("/none/x", {}, 409), ("/dir/x/y", {}, 409),
                ("/.hidden", {}, 404), ("/.tenon-parts/x", {}, 404),
                ("/out/x", {}, 404), ("/a%0ab", {}, 403),
                ("/%ff", {}, 403), ("/" + "n" * 256, {}, 414),
                ("/a", {"Content_Range": "bytes 0-0/1"}, 400),
                ("/a", {"Content_Encoding": "gzip"}, 415),
                ("/a", {"Content_Digest": "sha-256=x"}, 400)]:
            tap.equal(s.put(target, b"x", **fields).status, status, target)
        tap.equal(listed(s.folder), ["dir", "out"])
        tap.equal(waiting(s.folder), [])


@tap.case
def put_conditions():
    """If-Match and If-None-Match: * keep two writers apart"""
    with served("--writable") as s:
        tap.equal(s.put("/a", b"1", If_Match="*").status, 412)
        got = s.put("/a", b"1", If_None_Match="*")
        tap.equal(got.status, 201)
        tap.equal(s.put("/a", b"2", If_None_Match="*").status, 412)
        tag = got.get("ETag")
        tap.equal(s.put("/a", b"2", If_Match='"x"').status, 412)
        tap.equal(content(s, "a"), b"1")
        tap.equal(s.put("/a", b"2", If_Match=tag).status, 204)
        tap.equal(s.put("/a", b"3", If_Match=tag).status, 412)
        tap.equal(content(s, "a"), b"2")


@tap.case
def put_digests():
    """A digest that does not fit refuses the file"""
    with served("--writable") as s:
        for field in ("Content_Digest", "Repr_Digest"):
            tap.equal(s.put("/a", DATA, **{field: digest(DATA)}).status // 100,
                      2, field)
            got = s.put("/b", DATA, **{field: digest(DATA + b"x")})
            tap.equal(got.status, 422, field)
        tap.equal(listed(s.folder), ["a"])
        tap.equal(waiting(s.folder), [])


@tap.case
def keep():
    """--keep: nothing is replaced and nothing goes"""
    with served("--writable", "--keep") as s:
        for name in ("a.tar.gz", "a (2).tar.gz", "a (3).tar.gz"):
            got = s.put("/a.tar.gz", name.encode())
            tap.equal(got.status, 201)
            tap.equal(got.get("Location"),
                      "/" + name.replace(" ", "%20").replace(
                          "(", "%28").replace(")", "%29"))
            tap.equal(content(s, name), name.encode())
        tap.equal(s.ask("/a.tar.gz", "DELETE").status, 405)


@tap.case
def delete():
    """DELETE: a file, a link, an empty folder"""
    with served("--writable", files={"a": b"a", "d/x": b"x"}) as s:
        os.symlink("a", s.path("link"))
        os.symlink("/etc/passwd", s.path("out"))
        os.mkdir(s.path("empty"))
        tap.equal(s.ask("/a", "DELETE", If_Match='"x"').status, 412)
        for target, status in [("/link", 204), ("/a/", 404), ("/a", 204),
                               ("/a", 404), ("/d", 409), ("/d/", 409),
                               ("/empty/", 204), ("/out", 204), ("/", 403),
                               ("/.tenon-parts", 404)]:
            tap.equal(s.ask(target, "DELETE").status, status, target)
        tap.equal(listed(s.folder), ["d"])


@tap.case
def folders():
    """MKCOL makes a folder, one at a time and where it may"""
    with served("--writable", "--keep", files={"a": b"a"}) as s:
        got = s.ask("/d%20e/", "MKCOL")
        tap.equal((got.status, got.get("Location")), (201, "/d%20e/"))
        tap.true(os.path.isdir(s.path("d e")), "no folder")
        tap.equal(s.ask("/d%20e/f", "MKCOL").status, 201)
        tap.equal(s.put("/d%20e/f/x", b"x").status, 201)
        tap.equal(content(s, "d e/f/x"), b"x")
        os.symlink("/tmp", s.path("out"))
        for target, status in [("/", 405), ("/d%20e", 405), ("/a", 405),
                               ("/none/x", 409), ("/a/x", 409),
                               ("/.hidden", 404), ("/out/x", 404),
                               ("/%2e%2e/x", 400), ("/a%0ab", 403),
                               ("/" + "n" * 256, 414)]:
            tap.equal(s.ask(target, "MKCOL").status, status, target)
        tap.equal(s.ask("/g", "MKCOL", b"body").status, 415)
        tap.equal(s.ask("/g", "MKCOLX").status, 501)
        tap.equal(listed(s.folder), ["a", "d e", "out"])
    with served() as s:
        tap.equal(s.ask("/g", "MKCOL").status, 405)
        tap.equal(listed(s.folder), [])


@tap.case
def too_large():
    """--max-upload, told before the body comes where one can"""
    with served("--writable", "--max-upload", "1000") as s:
        tap.equal(s.put("/a", bytes(1000)).status, 201)
        tap.equal(s.put("/b", bytes(1001)).status, 413)
        body = b"3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n"
        tap.equal(s.put("/c", body, Transfer_Encoding="chunked").status, 413)
        tap.equal(s.put(part("d", "abcd1234", 0, 1001), b"x").status, 413)
        with s.connect() as sock:
            sock.sendall(request("/e", "PUT", Content_Length="99999",
                                 Expect="100-continue"))
            got = Reader(sock).answer()
            tap.equal((got.status, got.interim), (413, []))
        tap.equal(listed(s.folder), ["a"])
        tap.equal(waiting(s.folder), [])


# --- forms ------------------------------------------------------------------

def form(*files, mark="XX"):
    body = b""
    for name, data in files:
        body += (f'--{mark}\r\nContent-Disposition: form-data; name="f"; '
                 f'filename="{name}"\r\n\r\n').encode() + data + b"\r\n"
    return body + f"--{mark}--\r\n".encode()


KIND = "multipart/form-data; boundary=XX"


@tap.case
def forms():
    """A form brings files, as curl and browsers send it"""
    curl = tap.need("curl")
    tricky = b"\r\n--XX\r\n--X--\r\n" * 10000 + DATA
    with served("--writable", files={"d/x": b"x"}) as s:
        with tap.temp_dir() as folder:
            path = os.path.join(folder, "up.bin")
            with open(path, "wb") as file:
                file.write(tricky)
            done = subprocess.run(
                [curl, "-sS", "-F", f"a=@{path}", "-F", "text=no file", "-F",
                 f"b=@{path};filename=\u4e2d.bin", s.url + "/d/"], check=True,
                capture_output=True, timeout=tap.LIMIT)
        tap.equal(done.stdout.decode(), "up.bin\n\u4e2d.bin\n")
        for name in ("d/up.bin", "d/\u4e2d.bin"):
            tap.true(content(s, name) == tricky, name)
        got = s.ask("/", "POST", form(("p.txt", b"p")), Content_Type=KIND,
                    Accept="text/html,*/*;q=0.8", Origin="http://localhost")
        tap.equal((got.status, got.get("Location")), (303, "/"))
        tap.equal(content(s, "p.txt"), b"p")


@tap.case
def forms_refused():
    """Forms that are broken, and names that lead elsewhere"""
    with served("--writable", files={"a": b"a"}) as s:
        for body, kind, status in [
                (b"a=b", "application/x-www-form-urlencoded", 415),
                (b"", KIND, 400), (b"--XX--", KIND, 400),
                (b"--XXY\r\n", KIND, 400),
                (form(("b", b"b"))[:-9], KIND, 400),
                (form((".hidden", b"h")), KIND, 403),
                (form((".tenon-x", b"h")), KIND, 403),
                (form(("..", b"h")), KIND, 403),
                (form(("n" * 300, b"h")), KIND, 201),
                (form(("../../up", b"u")), KIND, 201)]:
            got = s.ask("/", "POST", body, Content_Type=kind)
            tap.equal(got.status, status, body[:80])
        tap.equal(s.ask("/a", "POST", b"", Content_Type=KIND).status, 405)
        tap.equal(listed(s.folder), ["a", "n" * 255, "up"])
        tap.equal(waiting(s.folder), [])


@tap.case
def form_in_pieces():
    """A form that comes byte by byte, and one that breaks off"""
    with served("--writable") as s:
        body = form(("one", b"1\r\n--X"), ("two", b"2" * 100))
        head = request("/", "POST", Content_Length=str(len(body)),
                       Content_Type=KIND)
        with s.connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(head + body)):
                sock.sendall((head + body)[i:i + 1])
            tap.equal(Reader(sock).answer().status, 201)
        tap.equal(content(s, "one"), b"1\r\n--X")
        for name in ("one", "two"):
            os.unlink(s.path(name))
        with s.connect() as sock:
            sock.sendall(head + body[:-80])
            sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                tap.read_all(sock)
        emptied(s)
        tap.equal(listed(s.folder), ["one"])


# --- uploads in parts -------------------------------------------------------

@tap.case
def parts():
    """A file in parts, asked for in between"""
    with served("--writable") as s:
        size = len(DATA)
        tap.equal(offset(s, "f", "abcd1234"), 0)
        at = 0
        for end in (100000, 100000, 250000):
            got = s.put(part("f", "abcd1234", at, size), DATA[at:end],
                        Content_Digest=digest(DATA[at:end]))
            tap.equal((got.status, got.get("Upload-Offset")), (202, str(end)))
            at = end
            tap.equal(offset(s, "f", "abcd1234"), at)
            tap.equal(listed(s.folder), [])
        tap.equal(s.ask("/f").status, 404)
        got = s.put(part("f", "abcd1234", 7, size), b"x")
        tap.equal((got.status, got.get("Upload-Offset")), (409, str(at)))
        got = s.put(part("f", "abcd1234", at, size), DATA[at:],
                    Repr_Digest=digest(DATA))
        tap.equal((got.status, got.get("Location")), (201, "/f"))
        tap.true(content(s, "f") == DATA, "another content")
        tap.equal(waiting(s.folder), [])
        # The answer got lost: the client asks and sends nothing again.
        tap.equal(offset(s, "f", "abcd1234"), size)
        tap.equal(s.put(part("f", "abcd1234", size, size), b"").status, 201)
        tap.equal(listed(s.folder), ["f"])


@tap.case
def parts_refused():
    """Parts that do not fit are not taken"""
    with served("--writable") as s:
        for query in ("upload=short&offset=0&size=9",
                      "upload=abcd1234&offset=0", "upload=abcd1234&size=3",
                      "upload=abcd1234&offset=4&size=3",
                      "upload=abcd-234&offset=0&size=3",
                      "upload=abcd1234&offset=-1&size=3",
                      "upload=abcd1234&offset=0&size=99999999999999999999",
                      "upload=" + "a" * 65 + "&offset=0&size=3",
                      "upload=%2e%2e/abcd12&offset=0&size=3"):
            tap.equal(s.put("/f?" + query, b"abc").status, 400, query)
        tap.equal(s.put(part("f", "abcd1234", 0, 2), b"abc").status, 400)
        body = b"3\r\nabc\r\n0\r\n\r\n"
        tap.equal(s.put(part("f", "abcd1234", 0, 2), body,
                        Transfer_Encoding="chunked").status, 400)
        tap.equal(offset(s, "f", "abcd1234"), 0)
        got = s.put(part("f", "abcd1234", 0, 9), b"abc",
                    Content_Digest=digest(b"abd"))
        tap.equal((got.status, got.get("Upload-Offset")), (422, "0"))
        tap.equal(s.put(part("f", "abcd1234", 0, 3), b"abc",
                        Repr_Digest=digest(b"abd")).status, 422)
        tap.equal(listed(s.folder), [])
        tap.equal(offset(s, "f", "abcd1234"), 0)


def begin(s, target, data, total):
    """Send the beginning of a body; the connection stays open."""
    sock = s.connect()
    sock.sendall(request(target, "PUT", Content_Length=str(total)) + data)
    return sock


def arrived(s, count):
    """Wait until so many bytes are on the disk."""
    end = tap.now() + tap.LIMIT
    while tap.now() < end:
        for name in waiting(s.folder):
            with contextlib.suppress(FileNotFoundError):
                if os.stat(s.path(".tenon-parts", name)).st_size >= count:
                    return
        tap.readable(s.tenon.stdout, 0.01)
    raise AssertionError("the bytes do not arrive")


@tap.case
def broken_connections():
    """A connection that breaks: what came is kept, or leaves nothing"""
    with served("--writable") as s:
        with begin(s, "/whole", DATA[:1000], 5000):
            arrived(s, 1000)
        emptied(s)
        tap.equal(listed(s.folder), [])
        with begin(s, part("f", "abcd1234", 0, 5000), DATA[:1000], 5000):
            arrived(s, 1000)
        tap.equal(offset(s, "f", "abcd1234"), 1000)
        tap.equal(s.put(part("f", "abcd1234", 1000, 5000),
                        DATA[1000:5000]).status, 201)
        tap.true(content(s, "f") == DATA[:5000], "another content")


@tap.case
def newer_connection():
    """A newer connection takes an upload over; the older one cannot spoil it"""
    with served("--writable") as s:
        with begin(s, part("f", "abcd1234", 0, 5000), DATA[:1000],
                   5000) as old:
            arrived(s, 1000)
            tap.equal(offset(s, "f", "abcd1234"), 1000)
            with contextlib.suppress(OSError):
                old.sendall(b"x" * 1000)
            got = s.put(part("f", "abcd1234", 1000, 5000), DATA[1000:5000])
            tap.equal(got.status, 201)
            old.sendall(b"x" * 3000)
            tap.equal(Reader(old).answer("PUT").status, 409)
        tap.true(content(s, "f") == DATA[:5000], "another content")
        tap.equal(waiting(s.folder), [])


@tap.case
def killed():
    """kill -9 in the middle: no partial file, and the upload goes on"""
    with tap.temp_dir() as folder:
        with contextlib.ExitStack() as stack:
            s = stack.enter_context(served("--writable", folder=folder))
            stack.enter_context(begin(s, part("f", "abcd1234", 0, 200000),
                                      DATA[:100000], 200000))
            stack.enter_context(begin(s, "/plain", DATA[:1000], 5000))
            arrived(s, 100000)
            tap.equal(s.put("/good", b"good").status, 201)
            s.tenon.process.kill()
            s.tenon.process.wait()
            stack.pop_all()
        tap.equal(listed(folder), ["good"])
        with served("--writable", folder=folder) as s:
            tap.equal(len(waiting(folder)), 1, "the other one is swept")
            at = offset(s, "f", "abcd1234")
            tap.equal(at, 100000)
            got = s.put(part("f", "abcd1234", at, 200000), DATA[at:200000],
                        Repr_Digest=digest(DATA[:200000]))
            tap.equal(got.status, 201)
            tap.true(content(s, "f") == DATA[:200000], "another content")
            tap.equal(s.put("/next", b"n").status, 201)
            tap.equal(waiting(folder), [])
            for name in finished(folder):  # the client has had its answer
                os.utime(s.path(".tenon-parts", name),
                         (time.time() - 1000,) * 2)
        tap.true(not os.path.exists(os.path.join(folder, ".tenon-parts")),
                 "the empty folder of parts stays")
        tap.equal(listed(folder), ["f", "good", "next"])


@tap.case
def killed_often():
    """Killed at any moment: a name stands for a whole file, or for none"""
    with tap.temp_dir() as folder:
        for turn in range(6):
            with contextlib.ExitStack() as stack:
                s = stack.enter_context(served("--writable", folder=folder))
                socks = [begin(s, f"/f{n}", DATA, len(DATA))
                         for n in range(8)]
                for sock in socks[:turn]:
                    Reader(sock).answer()
                s.tenon.process.kill()
                s.tenon.process.wait()
                for sock in socks:
                    sock.close()
                stack.pop_all()
            tap.true(len(listed(folder)) >= turn, "an answered file is lost")
            for name in listed(folder):
                with open(os.path.join(folder, name), "rb") as file:
                    tap.true(file.read() == DATA, f"{name} is not whole")
                os.unlink(os.path.join(folder, name))


@tap.case
def many_partials():
    """Unfinished uploads are bounded: the oldest makes room"""
    with served("--writable") as s:
        for n in range(70):
            got = s.put(part("f", f"upload{n:04}", 0, 100), b"x" * 10)
            tap.equal(got.status, 202, str(n))
            for name in waiting(s.folder):
                path = s.path(".tenon-parts", name)
                if os.stat(path).st_mtime > 1800000000:
                    os.utime(path, (time.time() - 1000 + n,) * 2)
        tap.equal(len(waiting(s.folder)), 64)
        tap.equal(offset(s, "f", "upload0000"), 0)
        tap.equal(offset(s, "f", "upload0069"), 10)
        old = s.path(".tenon-parts", waiting(s.folder)[0])
        for name in waiting(s.folder):
            os.utime(s.path(".tenon-parts", name), (1700000000,) * 2)
        tap.true(os.path.exists(old), "gone already")
        tap.equal(s.put(part("f", "uploadnew", 0, 100), b"x").status, 202)
        tap.equal(len(waiting(s.folder)), 1, "too old ones are left")


# --- when things run out ----------------------------------------------------

@tap.case
def disk_full():
    """A full disk: told clearly, nothing answered is lost, and it goes on"""
    with small_disk(512) as folder, served("--writable", folder=folder) as s:
        tap.equal(s.put("/good", DATA).status, 201)
        got = s.put("/big", DATA)
        tap.equal(got.status, 507)
        tap.true(b"disk is full" in got.body.lower(), got.body)
        body = b"".join(b"%x\r\n%s\r\n" % (len(DATA), DATA)
                        for _ in range(2)) + b"0\r\n\r\n"
        with s.connect() as sock:
            with contextlib.suppress(OSError):
                sock.sendall(request("/chunks", "PUT",
                                     Transfer_Encoding="chunked") + body)
            tap.equal(Reader(sock).answer().status, 507)
        tap.equal(listed(folder), ["good"])
        tap.equal(waiting(folder), [])
        tap.true(content(s, "good") == DATA, "it was lost")
        with s.connect() as sock:
            with contextlib.suppress(OSError):
                sock.sendall(request(part("f", "abcd1234", 0, 2000000), "PUT",
                                     Transfer_Encoding="chunked") + body)
            got = Reader(sock).answer()
            tap.equal(got.status, 507)
        at = offset(s, "f", "abcd1234")
        os.unlink(s.path("good"))
        tap.equal(s.put(part("f", "abcd1234", at, at + 3), b"end").status, 201)
        tap.equal(os.stat(s.path("f")).st_size, at + 3)


@tap.case
def other_disk():
    """A file system mounted within the share takes uploads, too"""
    with tap.temp_dir() as folder:
        if os.geteuid() != 0:
            raise tap.Skip("only root can mount")
        os.mkdir(os.path.join(folder, "d"))
        done = subprocess.run(["mount", "-t", "tmpfs", "none",
                               os.path.join(folder, "d")], check=False,
                              capture_output=True, timeout=tap.LIMIT)
        if done.returncode != 0:
            raise tap.Skip("no tmpfs may be mounted here")
        try:
            with served("--writable", folder=folder) as s:
                tap.equal(s.put("/d/f", DATA).status, 201)
                tap.true(content(s, "d/f") == DATA, "another content")
                tap.equal(s.put("/d/f", b"2").status, 204)
                tap.equal(content(s, "d/f"), b"2")
                tap.equal(listed(s.path("d")), ["f"])
                tap.equal(waiting(folder), [])
        finally:
            subprocess.run(["umount", os.path.join(folder, "d")], check=True,
                           timeout=tap.LIMIT)


@tap.case
def descriptors_run_out():
    """No descriptors left: told, and served again when there are some"""
    with served("--writable", files={"a": b"a"}) as s:
        pid = s.tenon.process.pid
        with s.connect() as sock:
            reader = Reader(sock)
            sock.sendall(request("/a"))
            tap.equal(reader.answer().status, 200)
            used = max(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            for room in (1, 2, 3):
                resource.prlimit(pid, resource.RLIMIT_NOFILE,
                                 (used + room, hard))
                sock.sendall(request("/b", "PUT", b"b" * 1000))
                got = reader.answer("PUT")
                if got.status == 503:
                    tap.true(got.get("Retry-After"), got)
                else:
                    tap.equal(got.status // 100, 2)
                sock.sendall(request("/a"))
                tap.true(reader.answer().status in (200, 503), "neither")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
            sock.sendall(request("/b", "PUT", b"c"))
            tap.equal(reader.answer("PUT").status // 100, 2)
        tap.equal(content(s, "b"), b"c")
        tap.equal(waiting(s.folder), [])


@tap.case
def interrupted():
    """Ctrl-C while a file comes leaves no half of it"""
    with served("--writable") as s:
        with begin(s, "/f", DATA[:1000], 5000) as sock:
            arrived(s, 1000)
            s.tenon.signal(signal.SIGINT)
            sock.sendall(DATA[1000:5000])
            with contextlib.suppress(OSError, EOFError):
                tap.equal(Reader(sock).answer("PUT").status, 201)
                tap.true(content(s, "f") == DATA[:5000], "not whole")
        tap.equal(s.tenon.wait(), 0)
        tap.equal(waiting(s.folder), [])


tap.run()
