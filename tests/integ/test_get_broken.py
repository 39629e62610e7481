#!/usr/bin/env python3
"""tenon get against servers that lie, break off, or never end: whatever is
incomplete or contradicts itself ends in a code that is not 0."""

import gzip
import os

import tap
import web

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b"hello, world\n" * 50
PACKED = gzip.compress(BODY)


def packed(data, coding=b"gzip"):
    return (OK + b"Content-Encoding: " + coding + b"\r\nContent-Length: " +
            str(len(data)).encode() + b"\r\n\r\n" + data)


BROKEN = {
    "no answer": b"",
    "half a status line": b"HTTP/1.1 20",
    "half a head": OK + b"Content-Le",
    "no end of the head": OK + b"Content-Length: 0\r\n",
    "a short body": OK + b"Content-Length: 10\r\n\r\nhello",
    "no body": OK + b"Content-Length: 10\r\n\r\n",
    "a byte less": OK + b"Content-Length: 5\r\n\r\nhell",
    "a huge length": OK + b"Content-Length: 1099511627776\r\n\r\nhello",
    "a length beyond numbers":
        OK + b"Content-Length: 18446744073709551616\r\n\r\nhello",
    "an empty length": OK + b"Content-Length: \r\n\r\nhello",
    "a negative length": OK + b"Content-Length: -1\r\n\r\nhello",
    "a hex length": OK + b"Content-Length: 0x5\r\n\r\nhello",
    "two lengths":
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a list of lengths": OK + b"Content-Length: 5, 6\r\n\r\nhello!",
    "length and chunks":
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
    "chunks and length":
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
    "an unknown transfer coding":
        OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "chunked twice":
        OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last":
        OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks of HTTP/1.0":
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
    "no chunk": CHUNKED,
    "half a chunk size": CHUNKED + b"5",
    "half a chunk": CHUNKED + b"5\r\nhel",
    "no end of a chunk": CHUNKED + b"5\r\nhello",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "half a last chunk": CHUNKED + b"5\r\nhello\r\n0",
    "no end of the trailers": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "half a trailer": CHUNKED + b"5\r\nhello\r\n0\r\nA: b",
    "a chunk size of letters": CHUNKED + b"xyz\r\nhello\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a space": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "a chunk beyond numbers":
        CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a chunk that is too long": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "a chunk that is too short": CHUNKED + b"6\r\nhello\r\n0\r\n\r\n",
    "a chunk line without CR": CHUNKED + b"5\nhello\n0\n\n",
    "a NUL in a chunk size": CHUNKED + b"5\0\r\nhello\r\n0\r\n\r\n",
    "a length in the trailers":
        CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n",
    "another protocol": b"220 ftp.example.org ready\r\n",
    "a web page without a head": b"<html>hello</html>\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.11": b"HTTP/1.11 200 OK\r\nContent-Length: 0\r\n\r\n",
    "ICY": b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
    "lower case http": b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits":
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "a status of letters": b"HTTP/1.1 OK 200\r\nContent-Length: 0\r\n\r\n",
    "a negative status": b"HTTP/1.1 -20 X\r\nContent-Length: 0\r\n\r\n",
    "no status": b"HTTP/1.1 \r\nContent-Length: 0\r\n\r\n",
    "a NUL in a field": OK + b"A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "a NUL in a name": OK + b"A\0: b\r\nContent-Length: 0\r\n\r\n",
    "a CR in a field": OK + b"A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon":
        OK + b"Content-Length : 5\r\n\r\nhello",
    "a field without a colon": OK + b"nonsense\r\nContent-Length: 0\r\n\r\n",
    "a field without a name": OK + b": b\r\nContent-Length: 0\r\n\r\n",
    "a folded field": OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a leading space": OK + b" A: b\r\nContent-Length: 0\r\n\r\n",
    "a head that is too large":
        OK + b"A: " + b"x" * 200000 + b"\r\nContent-Length: 0\r\n\r\n",
    "too many fields": OK + b"A: b\r\n" * 5000 +
        b"Content-Length: 0\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "an interim answer only": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a change of protocol":
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "a part nobody asked for":
        b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-4/10\r\n"
        b"Content-Length: 5\r\n\r\nhello",
    "a redirect to nowhere":
        b"HTTP/1.1 302 X\r\nLocation: http://[/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to a file":
        b"HTTP/1.1 302 X\r\nLocation: file:///etc/passwd\r\n"
        b"Content-Length: 0\r\n\r\n",
    "two redirects":
        b"HTTP/1.1 302 X\r\nLocation: /a\r\nLocation: /b\r\n"
        b"Content-Length: 0\r\n\r\n",
    "a cut gzip": packed(PACKED[:-9]),
    "a gzip without its sum": packed(PACKED[:-8]),
    "a gzip with a wrong sum": packed(PACKED[:-8] + b"12345678"),
    "a damaged gzip": packed(PACKED[:20] + b"\xff\xff\xff" + PACKED[23:]),
    "junk behind a gzip": packed(PACKED + b"junk"),
    "no gzip at all": packed(BODY),
    "no zstd at all": packed(BODY, b"zstd"),
    "a zstd with a window of 2 GiB":
        packed(b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00", b"zstd"),
    "an unknown content coding": packed(BODY, b"rot13"),
    "two content codings": packed(PACKED, b"gzip, gzip"),
}


def broken(answer, backend):
    """To stdout, and to a file, which must not be there afterwards."""
    options = ["-L", "-s", "--compressed"]
    env = {"TN_BACKEND": backend, "NO_PROXY": "*"}
    with web.server(answer) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "file")
        for extra in ([], ["-o", path]):
            code, _, err = tap.tenon("get", *options, *extra, server.url(),
                                     env=env)
            tap.equal(code, 1, f"exit code, after {err!r}")
            tap.true(err.startswith("tenon get: "), err)
            tap.true(err.count("\n") == 1, f"one line: {err}")
        tap.true(not os.path.exists(path), "the file bears its name")


# What is allowed, beside what is not: the same shapes with nothing wrong.
GOOD = {
    "a length": OK + b"Content-Length: 5\r\n\r\nhello",
    "the end of the stream": OK + b"\r\nhello",
    "chunks": CHUNKED + b"2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nA: b\r\n\r\n",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 +
        OK + b"Content-Length: 5\r\n\r\nhello",
    "bytes behind the body": OK + b"Content-Length: 5\r\n\r\nhellojunk",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
    "gzip": packed(gzip.compress(b"hello")),
    "two gzips": packed(gzip.compress(b"hel") + gzip.compress(b"lo")),
    "identity": packed(b"hello", b"identity"),
}


def good(answer, backend):
    with web.server(answer) as server:
        code, out, err = tap.tenon("get", "--compressed", server.url(),
                                   env={"TN_BACKEND": backend})
        tap.equal((code, out, err), (0, "hello", ""))


@tap.case
def circles():
    """redirects in circles end"""
    def answer(request, conn):
        return web.reply(b"", "302 X", "Location: /again")
    with web.server(answer) as server:
        code, out, err = tap.tenon("get", "-L", server.url())
        tap.equal((code, out), (1, ""))
        tap.true("too many redirects" in err, err)
        tap.equal(len(server.requests), 11)


@tap.case
def every_cut():
    """an answer cut anywhere fails"""
    whole = packed(PACKED)
    chunked = CHUNKED + b"3\r\nabc\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
    for answer in (chunked, whole):
        step = max(1, len(answer) // 12)
        for cut in range(1, len(answer), step):
            with web.server(answer[:cut]) as server:
                code, _, err = tap.tenon("get", "--compressed", server.url())
                tap.equal(code, 1, f"cut at {cut}: {err!r}")


def main():
    for number, (name, answer) in enumerate(BROKEN.items()):
        tap.add(f"refused: {name}", broken, answer,
                ("epoll", "poll")[number % 2])
    for number, (name, answer) in enumerate(GOOD.items()):
        tap.add(f"taken: {name}", good, answer, ("epoll", "poll")[number % 2])
    tap.run()


main()
