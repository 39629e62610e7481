#!/usr/bin/env python3
"""tenon serve: files, ranges, conditions, codings."""

import base64
import gzip
import hashlib
import os
import re
import subprocess

import tap
from serve_kit import FOLDERS, request, served

TEXT = b"".join(b"%d\n" % n for n in range(20000))
FILES = {**FOLDERS, "num.txt": TEXT, "pic.png": b"\x89PNG" + bytes(5000)}


# --- files ------------------------------------------------------------------

@tap.case
def a_file():
    """A file has type, length, validators; HEAD says the same"""
    with served(files=FILES) as s:
        got = s.ask("/a.txt")
        tap.equal((got.status, got.body), (200, b"hello\n"))
        tap.equal(got.get("Content-Type"), "text/plain; charset=utf-8")
        tap.equal(got.get("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT")
        tap.equal(got.get("X-Content-Type-Options"), "nosniff")
        tap.true(re.fullmatch(r'"[^"]+"', got.get("ETag")), got.get("ETag"))
        head = s.ask("/a.txt", "HEAD")
        for name in ("ETag", "Content-Type", "Content-Length", "Vary"):
            tap.equal(head.get(name), got.get(name), name)
        tap.equal(s.ask("/pic.png").get("Content-Type"), "image/png")
        tap.equal(s.ask("/nothing").status, 404)
        tap.equal(s.ask("/a.txt/").status, 404)
        tap.equal(s.ask("/a.txt?x=y").body, b"hello\n")


@tap.case
def methods():
    """What is not allowed is 405 with Allow, and OPTIONS tells before; what
    is not known is 501"""
    with served(files=FILES) as s:
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            got = s.ask("/a.txt", method, b"")
            tap.equal(got.status, 405, method)
            tap.equal(got.get("Allow"), "GET, HEAD, OPTIONS", method)
        tap.equal(s.ask("*", "OPTIONS").get("Allow"), "GET, HEAD, OPTIONS")
        tap.equal(s.ask("/", "OPTIONS").status, 204)
        tap.equal(s.ask("/a.txt", "TRACE").status, 405)
        tap.equal(s.ask("/a.txt", "BREW").status, 501)
        tap.equal(s.ask("/a.txt", "get").status, 501)
    with served("--writable", files=FILES) as s:
        tap.equal(s.ask("/", "OPTIONS").get("Allow"),
                  "GET, HEAD, OPTIONS, POST, DELETE")
        tap.equal(s.ask("/new", "OPTIONS").get("Allow"),
                  "GET, HEAD, OPTIONS, PUT, DELETE")


@tap.case
def hidden():
    """Names with a dot are not there, unless --hidden; ours never are"""
    with served(files={**FILES, ".tenon-parts/x": b"p"}) as s:
        for path in ("/.secret", "/docs/.secret", "/.tenon-parts/x",
                     "/docs/../.secret", "/%2esecret"):
            tap.equal(s.ask(path).status, 404, path)
        tap.true(b"secret" not in s.ask("/docs/").body, "listed")
    with served("--hidden", files={**FILES, ".tenon-parts/x": b"p"}) as s:
        tap.equal(s.ask("/.secret").body, b"no")
        tap.true(b"secret" in s.ask("/docs/").body, "not listed")
        tap.equal(s.ask("/.tenon-parts/x").status, 404)
        tap.true(b"tenon-" not in s.ask("/").body, "ours are listed")


@tap.case
def one_file():
    """One file is all there is"""
    with tap.temp_dir() as folder:
        for name in ("a b.html", "other"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(name.encode())
        with served(folder=os.path.join(folder, "a b.html")) as s:
            tap.equal(s.ask("/").body, b"a b.html")
            got = s.ask("/a%20b.html")
            tap.equal(got.body, b"a b.html")
            tap.equal(got.get("Content-Type"), "text/html; charset=utf-8")
            for path in ("/other", "/a%20b.html/", "/x/../other"):
                tap.equal(s.ask(path).status, 404, path)
            tap.equal(s.ask("/../other").status, 400)
            tap.true(s.url + "/a%20b.html" in
                     tap.read_until(s.tenon.stderr, b".html\n").decode(),
                     "the URL that is shown")


@tap.case
def attach():
    """--attach: files are saved, and a browser runs nothing of them"""
    files = {"x.html": b"<script>", "x.svg": b"<svg/>", "p.png": b"png",
             "index.html": b"<p>", "\u4e2d \".txt": b"t"}
    with served("--attach", files=files) as s:
        for name in ("x.html", "x.svg", "index.html"):
            got = s.ask("/" + name)
            tap.equal(got.get("Content-Type"), "application/octet-stream")
            tap.true(got.get("Content-Disposition").startswith(
                "attachment;"), name)
            tap.true("sandbox" in got.get("Content-Security-Policy"), name)
        tap.equal(s.ask("/p.png").get("Content-Type"), "image/png")
        tap.true(b"x.html" in s.ask("/").body, "the folder is listed")
        got = s.ask("/%E4%B8%AD%20%22.txt").get("Content-Disposition")
        tap.true("filename*=UTF-8''%E4%B8%AD%20%22.txt" in got, got)


# --- ranges and conditions --------------------------------------------------

@tap.case
def ranges():
    """One range, several, none that fits; If-Range"""
    with served(files=FILES) as s:
        got = s.ask("/num.txt", Range="bytes=10-19")
        tap.equal((got.status, got.body), (206, TEXT[10:20]))
        tap.equal(got.get("Content-Range"), f"bytes 10-19/{len(TEXT)}")
        tap.equal(s.ask("/num.txt", Range="bytes=-7").body, TEXT[-7:])
        tap.equal(s.ask("/num.txt", Range="bytes=100000-").body,
                  TEXT[100000:])
        got = s.ask("/num.txt", Range=f"bytes={len(TEXT)}-")
        tap.equal((got.status, got.get("Content-Range")),
                  (416, f"bytes */{len(TEXT)}"))
        tap.equal(s.ask("/num.txt", Range="bytes=9-1").status, 200)
        tap.equal(s.ask("/num.txt", "HEAD", Range="bytes=0-1").status, 200)
        tag = s.ask("/num.txt").get("ETag")
        tap.equal(s.ask("/num.txt", Range="bytes=0-1", If_Range=tag).status,
                  206)
        got = s.ask("/num.txt", Range="bytes=0-1", If_Range='"other"')
        tap.equal((got.status, got.body), (200, TEXT))
        got = s.ask("/num.txt", Range="bytes=0-1",
                    If_Range="Tue, 14 Nov 2023 22:13:20 GMT")
        tap.equal(got.status, 206)


@tap.case
def several_ranges():
    """Several ranges are a multipart message; what touches becomes one"""
    with served(files=FILES) as s:
        got = s.ask("/num.txt", Range="bytes=0-9,50000-50009,-5")
        tap.equal(got.status, 206)
        kind, mark = got.get("Content-Type").split("; boundary=")
        tap.equal(kind, "multipart/byteranges")
        parts = got.body.split(b"\r\n--" + mark.encode())
        tap.equal(parts[0], b"")
        tap.equal(parts[-1], b"--\r\n")
        wanted = [(0, 10), (50000, 50010), (len(TEXT) - 5, len(TEXT))]
        tap.equal(len(parts) - 2, len(wanted))
        for part, (start, end) in zip(parts[1:], wanted):
            head, body = part.split(b"\r\n\r\n", 1)
            tap.true(f"bytes {start}-{end - 1}/{len(TEXT)}".encode() in head,
                     head)
            tap.equal(body, TEXT[start:end])
        got = s.ask("/num.txt", Range="bytes=0-99,50-149,140-")
        tap.equal((got.status, got.body), (206, TEXT))
        many = ",".join(f"{n}-{n}" for n in range(0, 100000, 1000))
        got = s.ask("/num.txt", Range="bytes=" + many)
        tap.equal((got.status, got.body), (200, TEXT), "too many")


@tap.case
def conditions():
    """A browser asks again; all five fields, in the order of the RFC"""
    with served(files=FILES) as s:
        got = s.ask("/num.txt")
        tag, date = got.get("ETag"), got.get("Last-Modified")
        early, other = "Tue, 14 Nov 2023 22:13:19 GMT", '"x"'
        for fields, status in [
                ({"If_None_Match": tag}, 304),
                ({"If_None_Match": "W/" + tag}, 304),
                ({"If_None_Match": other + ", " + tag}, 304),
                ({"If_None_Match": "*"}, 304),
                ({"If_None_Match": other}, 200),
                ({"If_Modified_Since": date}, 304),
                ({"If_Modified_Since": early}, 200),
                ({"If_Modified_Since": date, "If_None_Match": other}, 200),
                ({"If_Match": tag}, 200),
                ({"If_Match": other}, 412),
                ({"If_Match": "*", "If_None_Match": tag}, 304),
                ({"If_Unmodified_Since": date}, 200),
                ({"If_Unmodified_Since": early}, 412),
                ({"If_Unmodified_Since": early, "If_Match": tag}, 200),
                ({"If_None_Match": tag, "Range": "bytes=0-1"}, 304),
                ({"If_Match": other, "Range": "bytes=0-1"}, 412)]:
            for method in ("GET", "HEAD"):
                got = s.ask("/num.txt", method, **fields)
                wanted = status
                tap.equal(got.status, wanted, f"{method} {fields}")
                if status == 304:
                    tap.equal(got.get("ETag"), tag)
                    tap.equal(got.get("Vary"), "Accept-Encoding")
        with open(s.path("num.txt"), "ab") as file:
            file.write(b"more")
        got = s.ask("/num.txt", If_None_Match=tag)
        tap.equal((got.status, got.body), (200, TEXT + b"more"))


# --- codings ----------------------------------------------------------------

@tap.case
def compressed_on_the_way():
    """Text is compressed for who accepts it, and nothing else"""
    with served(files=FILES) as s:
        plain = s.ask("/num.txt")
        tap.equal(plain.get("Content-Encoding"), None)
        got = s.ask("/num.txt", Accept_Encoding="gzip")
        tap.equal(got.get("Content-Encoding"), "gzip")
        tap.equal(got.get("Vary"), "Accept-Encoding")
        tap.equal(gzip.decompress(got.body), TEXT)
        tap.true(got.get("ETag") != plain.get("ETag"), "the same tag")
        tag = got.get("ETag")
        tap.equal(s.ask("/num.txt", Accept_Encoding="gzip",
                        If_None_Match=tag).status, 304)
        for accept, coding in [("zstd, gzip", "zstd"), ("br", None),
                               ("gzip;q=0.5, zstd;q=0.4", "gzip"),
                               ("gzip;q=0", None), ("*", "zstd"),
                               ("gzip;q=0.2, identity;q=0.9", None),
                               ("identity", None), ("", None)]:
            got = s.ask("/num.txt", Accept_Encoding=accept)
            tap.equal(got.get("Content-Encoding"), coding, accept)
        got = s.ask("/num.txt", Accept_Encoding="identity;q=0, br")
        tap.equal(got.status, 406)
        for path in ("/pic.png", "/a.txt"):
            got = s.ask(path, Accept_Encoding="gzip, zstd")
            tap.equal(got.get("Content-Encoding"), None, path)
        got = s.ask("/num.txt", Accept_Encoding="gzip", Range="bytes=0-1")
        tap.equal((got.status, got.body), (206, TEXT[:2]))
        head = s.ask("/num.txt", "HEAD", Accept_Encoding="gzip")
        tap.equal(head.get("Content-Length"), None)
    with served("--no-compress", files=FILES) as s:
        got = s.ask("/num.txt", Accept_Encoding="gzip, zstd")
        tap.equal(got.get("Content-Encoding"), None)


@tap.case
def zstd_is_whole():
    """What comes as zstd is the file"""
    zstd = tap.need("zstd")
    with served(files=FILES) as s:
        got = s.ask("/num.txt", Accept_Encoding="zstd")
        done = subprocess.run([zstd, "-dc"], input=got.body, check=True,
                              capture_output=True, timeout=tap.LIMIT)
        tap.equal(done.stdout, TEXT)


@tap.case
def compressed_beside():
    """file.gz is sent for file; not if it is older, or strangers may write"""
    packed = gzip.compress(b"hello from beside\n")
    files = {**FILES, "a.txt.gz": packed, "num.txt.br": b"brotli"}
    with served(files=files) as s:
        got = s.ask("/a.txt", Accept_Encoding="gzip")
        tap.equal((got.body, got.get("Content-Encoding")), (packed, "gzip"))
        tap.equal(got.get("Content-Type"), "text/plain; charset=utf-8")
        tap.equal(got.get("Content-Length"), str(len(packed)))
        tag = got.get("ETag")
        got = s.ask("/a.txt", Accept_Encoding="gzip", Range="bytes=2-5",
                    If_Range=tag)
        tap.equal((got.status, got.body), (206, packed[2:6]))
        tap.equal(s.ask("/a.txt").body, b"hello\n")
        got = s.ask("/num.txt", Accept_Encoding="br, zstd, gzip")
        tap.equal(got.body, b"brotli")
        os.utime(s.path("a.txt.gz"), (1600000000, 1600000000))
        got = s.ask("/a.txt", Accept_Encoding="gzip")
        tap.equal(got.body, b"hello\n")
    with served("--writable", files=files) as s:
        got = s.ask("/a.txt", Accept_Encoding="gzip")
        tap.equal(got.body, b"hello\n")


@tap.case
def digests():
    """Want-Repr-Digest is answered"""
    digest = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    with served(files=FILES) as s:
        for _ in range(2):
            got = s.ask("/num.txt", "HEAD", Want_Repr_Digest="sha-256=10")
            tap.equal(got.get("Repr-Digest"), f"sha-256=:{digest}:")
        got = s.ask("/num.txt", Range="bytes=0-1",
                    Want_Repr_Digest="sha-512=3, sha-256=1")
        tap.equal(got.get("Repr-Digest"), f"sha-256=:{digest}:")
        tap.equal(s.ask("/num.txt").get("Repr-Digest"), None)


@tap.case
def cut_short():
    """A file that shrinks while it is sent does not look whole"""
    with served(files={"big.txt": b"x" * (32 << 20)}) as s:
        for fields in ({}, {"Accept_Encoding": "gzip"}):
            with open(s.path("big.txt"), "wb") as file:
                for _ in range(32):
                    file.write(os.urandom(1 << 20))
            with s.connect() as sock:
                sock.sendall(request("/big.txt", **fields))
                tap.read_some(sock, 1000)
                os.truncate(s.path("big.txt"), 1000)
                try:
                    count, last = 0, b""
                    while got := sock.recv(1 << 20):
                        count += len(got)
                        last = (last + got)[-5:]
                    tap.true(last != b"0\r\n\r\n", "it ended well")
                    tap.true(count < 32 << 20, "all came")
                except ConnectionResetError:
                    pass


tap.run()
