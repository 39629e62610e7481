#!/usr/bin/env python3
"""tenon serve --echo: the same verdict however a request is delivered.

Some hundred requests, good ones, broken ones and such that two servers could
understand differently, each at once, byte by byte, cut at random places, and
in pairs on one connection: status and body must be the same each time.
"""

import random
import socket

import tap
from serve_kit import Reader, served

HOST = b"Host: test\r\n"


def post(fields, body=b"", line=b"POST / HTTP/1.1"):
    return line + b"\r\n" + HOST + fields + b"\r\n" + body


def length(text, body=b"hello"):
    return post(b"Content-Length:" + text + b"\r\n", body)


def chunked(body, fields=b"Transfer-Encoding: chunked\r\n"):
    return post(fields, body)


def target(text):
    return b"GET " + text + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def line(text):
    return text + b"\r\n" + HOST + b"\r\n"


def field(text):
    return post(text + b"\r\nContent-Length: 2\r\n", b"hi")


GOOD = [
    # (request, body that comes back)
    *[(post(b"Content-Length: %d\r\n" % n, b"x" * n), b"x" * n)
      for n in (0, 1, 2, 100, 4095, 4096, 4097, 70000)],
    *[(method + b" /p?q HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
       b"abc") for method in (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH",
                              b"OPTIONS", b"FOO", b"M-SEARCH", b"get")],
    *[(target(t), b"") for t in (
        b"/", b"/a/b?c=d&e", b"/%41%2f", b"/a;b=c", b"http://test/x",
        b"/" + b"a" * 4000, b"/?" + b"q" * 4000, b"/~!$&'()*+,;=:@")],
    *[(length(b" 5" + w), b"hello") for w in (b"", b" ", b"\t", b"  \t ")],
    (length(b"5"), b"hello"),
    (length(b"\t5"), b"hello"),
    (length(b"0005"), b"hello"),
    (chunked(b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
    (chunked(b"0\r\n\r\n"), b""),
    (chunked(b"2\r\nhe\r\n3\r\nllo\r\n000\r\n\r\n"), b"hello"),
    (chunked(b"A\r\n0123456789\r\n0\r\n\r\n"), b"0123456789"),
    (chunked(b"a\r\n0123456789\r\n0\r\n\r\n"), b"0123456789"),
    (chunked(b"5;x=y\r\nhello\r\n0;z\r\n\r\n"), b"hello"),
    (chunked(b"5\r\nhello\r\n0\r\nX: y\r\nZ: w\r\n\r\n"), b"hello"),
    (chunked(b"5\r\nhello\r\n0\r\n\r\n", b"transfer-encoding: CHUNKED\r\n"),
     b"hello"),
    (field(b"X: \xff\x80"), b"hi"),
    (field(b"X:"), b"hi"),
    (field(b"X: a: b"), b"hi"),
    (field(b"!#$%&'*+-.^_`|~09aZ: v"), b"hi"),
    (b"\r\n" + target(b"/"), b""),
    (chunked(b"5;sig=" + b"a" * 200 + b"\r\nhello\r\n0\r\n\r\n"), b"hello"),
    (chunked(b"5;a=\"b \\\" ;\"\r\nhello\r\n0\r\n\r\n"), b"hello"),
    (chunked(b"0" * 200 + b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
    (length(b" " + b"0" * 400 + b"5"), b"hello"),
    *[(field(b"Expect: " + t), b"hi") for t in (
        b"100-continue", b"100-Continue", b"", b"100-continue, 100-continue")],
    (chunked(b"5\r\nhello\r\n0\r\n\r\n",
             b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"),
     b"hello"),
    *[(field(t), b"hi") for t in (
        b"Connection: keep-alive", b"Connection: x, y", b"Connection:",
        b"Keep-Alive: 5", b"TE: trailers", b"Upgrade: h2c",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        b"Transfer_Encoding: chunked", b"Content_Length: 9")],
    *[(post(b"Content-Length: 2\r\n", b"hi", t), b"hi") for t in (
        b"OPTIONS * HTTP/1.1", b"OPTIONS http://test HTTP/1.1",
        b"GET http://test?q HTTP/1.1", b"GET HTTP://TEST:80/ HTTP/1.1",
        b"GET //test HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET / HTTP/1.2",
        b"A" * 32 + b" / HTTP/1.1")],
    *[(b"GET / HTTP/1.1\r\nHost: " + t + b"\r\n\r\n", b"") for t in (
        b"[::1]", b"[::1]:80", b"a:", b"1.2.3.4:8080", b"a.", b"a_b-c", b"%41")],
    (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n"
     b"\r\nhi", b"hi"),
    *[(field(b"X-%d: %s" % (n, b"v" * n)), b"hi") for n in range(0, 3000,
                                                                 100)],
    *[(chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (n, b"c" * n)), b"c" * n)
      for n in (1, 15, 16, 17, 255, 256, 4096, 65536)],
]

BAD = [
    # No client means these well.
    *[line(t) for t in (
        b"GET / HTTP/1.1 ", b"GET  / HTTP/1.1", b"GET / http/1.1",
        b"GET / HTTP/1.1x", b"GET /", b"GET", b"", b" GET / HTTP/1.1",
        b"GET / HTTP/2.0", b"GET / HTTP/11", b"GET / HTTP/1.1\0",
        b"GET\t/\tHTTP/1.1", b"G@T / HTTP/1.1", b"GET /a b HTTP/1.1",
        b"GET /\x01 HTTP/1.1", b"GET a HTTP/1.1", b"GET * HTTP/1.1",
        b"GET http:// HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET /#f HTTP/1.1",
        b"GET /%zz HTTP/1.1", b"GET /\xc3\xa9 HTTP/1.1", b"GET test:80 HTTP/1.1",
        b"GET http://other/ HTTP/1.1", b"GET http://me@test/ HTTP/1.1",
        b"GET ftp://test/ HTTP/1.1", b"CONNECT test HTTP/1.1",
        b"GET / HTTP/0.9", b"GET / HTTP/1", b"GET / HTTP/01.1",
        b"GET / HTTP/ 1.1", b"GET / HTTP/1.1.1", b"GET HTTP/1.1",
        b"GET / HTTP/1.1\rX: y", b"GET / HTTP/1.1\nX: y",
        b"A" * 33 + b" / HTTP/1.1", b"A" * 33 + b" /\x01 HTTP/1.1",
        b"GET / HTTP/2.0\r\nX: \x01", b"\nGET / HTTP/1.1",
        b"\rGET / HTTP/1.1", b"GET / HTTP/1.1\r\n X: y",
        b"CONNECT / HTTP/1.1")],
    *[length(t) for t in (
        b" -5", b" +5", b" 5,5", b" 5, 6", b" 0x5", b" 5 5", b" 5a", b" ",
        b" 99999999999999999999", b" 1e1", b" \xb2", b" 5;", b" \"5\"", b" -0",
        b" 5.0", b" 0o5", b" 1_0", b" ,5", b" 5,", b" 5\x0b", b" 5\0",
        b" 18446744073709551621", b" 9223372036854775808", b"\r\n 5")],
    length(b" 5\r\nContent-Length: 5"),
    length(b" 5\r\nContent-Length: 6"),
    length(b" 6\r\nContent-Length: 5"),
    *[chunked(b"0\r\n\r\n", t) for t in (
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: identity, chunked\r\n",
        b"Transfer-Encoding: ,chunked\r\n",
        b"Transfer-Encoding: chunked,\r\n",
        b"Transfer-Encoding: \"chunked\"\r\n",
        b"Transfer-Encoding: 'chunked'\r\n",
        b"Transfer-Encoding: chunked\0\r\n",
        b"Transfer-Encoding: \xa0chunked\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n",
        b"Transfer-Encoding: \r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked;x\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"X: y\r\n Transfer-Encoding: chunked\r\n",
        b"Transfer\x00-Encoding: chunked\r\n")],
    *[chunked(t) for t in (
        b"5\nhello\n0\n\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"g\r\n\r\n",
        b"-1\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n", b"5\rhello\r\n0\r\n\r\n",
        b"5;" + b"x" * 9000 + b"\r\nhello\r\n0\r\n\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n", b"5;a=\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n", b"5;a\0\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\r\n-0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n",
        b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\r\n\rX",
        b"ffffffx\r\n", b"200000\x01\r\n",
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nHost: a\r\n\r\n", b"0\r\nX : y\r\n\r\n",
        b"0\r\nX: y\n\r\n", b"5;a\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n", b"0\r\nX\r\n\r\n",
        b"0\r\n X: y\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 2000 + b"\r\n")],
    *[field(t) for t in (
        b"X : y", b": y", b"X", b" X: y", b"X: a\0b", b"X: a\x01b",
        b"X: a\rb", b"X: a\nb", b"X\x80: y", b"X(: y", b"X: a\r\n fold",
        b"Host: other", b"X y: z", b"X: \x7f", b"\x00: y")],
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"v" * 70000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    *[b"GET / HTTP/1.1\r\nHost:" + t + b"\r\n\r\n" for t in (
        b"", b" ", b" a,b", b" a:b", b" a:65536", b" :80", b" [::1", b" a%4",
        b" http://a", b" a?b", b" a#b", b" a\\b", b" \xc3\xa9", b" a\0",
        b" a\r\nhost: a", b" [::1%25lo]")],
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"X: \x01\r\n\r\n",
    b"GET /" + b"a" * 8200 + b"\x01 HTTP/1.1\r\n\r\n",
]


def deliver(server, pieces):
    """Send the pieces, then read all answers to the end."""
    answers = []
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was refused before its end
        reader = Reader(sock)
        try:
            while reader.data or reader.more():
                got = reader.answer()
                tap.true(got.get("Date"), f"no Date: {got}")
                answers.append((got.status, got.body, got.get("Connection")))
        except (EOFError, OSError):
            pass
    return without_sign(answers)


def byte_by_byte(data):
    # The middle of what is long is like the rest of it.
    head = [data[i:i + 1] for i in range(min(len(data), 400))]
    return head + [data[400:-20], *[data[i:i + 1] for i in
                                    range(max(400, len(data) - 20),
                                          len(data))]] \
        if len(data) > 420 else [data[i:i + 1] for i in range(len(data))]


def at_random(data, dice):
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(6))
    cuts = [0, *cuts, len(data)]
    return [data[a:b] for a, b in zip(cuts, cuts[1:]) if a < b]


def good(*bodies):
    """What comes back, over connections that stay open"""
    return [(200, body, None) for body in bodies]


def without_sign(answers):
    """HTTP/1.0 is told that the connection stays open"""
    return [(s, b, None if c == "keep-alive" else c) for s, b, c in answers]


def first(answers, what):
    tap.true(answers, f"no answer to {what[:100]!r}")
    return answers[0]


@tap.case
def deliveries():
    """Each request, three times: whole, byte by byte, cut at random"""
    dice = random.Random(1)
    with served("--echo", "--quiet") as s:
        for data, body in GOOD:
            for pieces in ([data], byte_by_byte(data), at_random(data, dice)):
                tap.equal(deliver(s, pieces), good(body), data[:200])
        for data in BAD:
            whole = first(deliver(s, [data]), data)
            tap.true(whole[0] in (400, 414, 431, 501, 505),
                     f"{data[:200]!r}: {whole}")
            tap.equal(whole[2], "close", data[:200])
            for pieces in (byte_by_byte(data), at_random(data, dice)):
                tap.equal(first(deliver(s, pieces), data), whole, data[:200])


@tap.case
def pairs():
    """Two on one connection: the first does not change the second's fate"""
    dice = random.Random(2)
    with served("--echo", "--quiet") as s:
        for data, body in GOOD:
            after, after_body = dice.choice(GOOD)
            for pieces in ([data + after], [data, after],
                           at_random(data + after, dice)):
                tap.equal(deliver(s, pieces),
                          good(body, after_body), data[:200])
        for data in BAD:
            before, body = dice.choice(GOOD)
            alone = first(deliver(s, [data]), data)
            got = deliver(s, [before + data])
            tap.equal(got, [*good(body), alone], data[:200])
            # Behind what was refused nothing is read any more.
            got = deliver(s, [data + target(b"/smuggled")])
            tap.equal(got, [alone], data[:200])


@tap.case
def large():
    """What is larger than the limit is 413, and the server goes on"""
    with served("--echo", "--quiet") as s:
        big = b"x" * (1 << 20)
        tap.equal(s.ask("/", "POST", big).body == big, True)
        tap.equal(s.ask("/", "POST", big + b"x").status, 413)
        tap.equal(s.ask("/", "POST", b"ok").body, b"ok")


tap.run()
