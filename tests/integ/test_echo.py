#!/usr/bin/env python3
"""tenon echo: its modes, its limits, and the microscope, on each back end."""

import contextlib
import datetime
import os
import re
import signal
import socket
import struct

import tap

BACKENDS = ("epoll", "poll")


@contextlib.contextmanager
def echo(*options, where="127.0.0.1:0", backend="epoll"):
    """A server, ended by Ctrl-C, which must be a good end."""
    server = tap.Tenon("echo", *options, where, ready=True,
                       env={"TN_BACKEND": backend})
    yield server
    server.signal(signal.SIGINT)
    tap.equal(server.wait(), 0, "exit code after Ctrl-C")


@contextlib.contextmanager
def client(server):
    with tap.connect(server.where) as sock:
        yield sock


@contextlib.contextmanager
def gram(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(tap.LIMIT)
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", server.port))
        yield sock


def ends(sock):
    tap.equal(sock.recv(1), b"", "end of the stream")


# --- modes ------------------------------------------------------------------

def upper(backend):
    with echo(backend=backend) as server, client(server) as sock:
        text = "héllo wörld ü\n".encode()
        sock.sendall(text)
        tap.equal(tap.read_exactly(sock, len(text)),
                  "HéLLO WöRLD ü\n".encode())
        sock.sendall(b"no newline")
        tap.equal(tap.read_exactly(sock, 10), b"NO NEWLINE")
        sock.shutdown(socket.SHUT_WR)
        ends(sock)


def plain(backend):
    data = os.urandom(300000)
    with echo("--mode", "echo", backend=backend) as server:
        with client(server) as sock:
            sock.sendall(data[:100])
            tap.equal(tap.read_exactly(sock, 100), data[:100])
            got = b""
            sock.setblocking(False)
            sent = 100
            while len(got) < len(data) - 100:
                if sent < len(data):
                    with contextlib.suppress(BlockingIOError):
                        sent += sock.send(data[sent:sent + 65536])
                    if sent == len(data):
                        sock.shutdown(socket.SHUT_WR)
                if tap.readable(sock, 0.01 if sent < len(data) else None):
                    got += sock.recv(65536)
            tap.equal(got, data[100:])


def discard(backend):
    with echo("--mode=discard", backend=backend) as server:
        with client(server) as sock:
            sock.sendall(b"x" * 1000000)
            sock.shutdown(socket.SHUT_WR)
            ends(sock)


def chargen(backend):
    """RFC 864: 72 characters, CR, LF, each line one further."""
    with echo("-m", "chargen", backend=backend) as server:
        with client(server) as sock:
            data = tap.read_exactly(sock, 96 * 74)
    lines = data.split(b"\r\n")
    ring = bytes(range(32, 127)) * 2
    for number, line in enumerate(lines[:96]):
        tap.equal(line, ring[number % 95:][:72], f"line {number}")


def daytime(backend):
    with echo("-m", "daytime", backend=backend) as server:
        with client(server) as sock:
            text = tap.read_all(sock).decode()
    tap.true(re.fullmatch(r"[A-Z][a-z]+, [A-Z][a-z]+ \d\d, \d{4} "
                          r"\d\d:\d\d:\d\d-\S+\r\n", text), text)
    tap.true(str(datetime.datetime.now().year) in text, text)


def upper_gram(backend):
    with echo("-u", backend=backend) as server, gram(server) as sock:
        sock.send("name:hé".encode())
        tap.equal(sock.recv(100), "NAME:Hé".encode())
        sock.send(b"x" * 60000)
        tap.equal(sock.recv(65536), b"X" * 60000)


def chargen_gram(backend):
    """Over UDP it never answers with more than it was sent."""
    with echo("-u", "-m", "chargen", backend=backend) as server:
        with gram(server) as sock:
            for size in (1, 10, 74, 600, 60000):
                sock.send(b"?" * size)
                tap.equal(len(sock.recv(65536)), size, "answer")
            sock.send(b"?" * 10)
            tap.equal(sock.recv(100), b" !\"#$%&'()")


def daytime_gram(backend):
    with echo("-um", "daytime", backend=backend) as server:
        with gram(server) as sock:
            sock.send(b"\n")
            tap.true(sock.recv(100).endswith(b"\r\n"), "no line")


def many(backend):
    """Hundreds at once, in any order."""
    with echo(backend=backend) as server:
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(client(server)) for _ in range(200)]
            for number, sock in enumerate(reversed(socks)):
                sock.sendall(b"client %d" % number)
            for number, sock in enumerate(reversed(socks)):
                wanted = b"CLIENT %d" % number
                tap.equal(tap.read_exactly(sock, len(wanted)), wanted)


# --- answers in pieces and in one -------------------------------------------

@tap.case
def show():
    """--show: a line for each receive"""
    with echo("--show") as server, client(server) as sock:
        sock.sendall(b"hello world")
        tap.read_exactly(sock, 11)
        sock.sendall(b"\x00\xff\"\\\n" + b"a" * 100)
        tap.read_exactly(sock, 105)
        tap.equal(tap.read_until(server.stdout, b"...\n").decode(),
                  '#1 recv 11 bytes at 0 "hello world"\n'
                  '#1 recv 105 bytes at 11 "\\x00\\xff\\"\\\\\\n'
                  + "a" * 35 + '"...\n')


@tap.case
def show_gram():
    """--show: datagrams have the sender's address"""
    with echo("-u", "--show") as server, gram(server) as sock:
        sock.send(b"hi")
        sock.recv(10)
        tap.equal(tap.read_until(server.stdout, b"\n").decode(),
                  '127.0.0.1:%d recv 2 bytes "hi"\n' % sock.getsockname()[1])


def message(text):
    return struct.pack(">I", len(text)) + text


@tap.case
def show_frame():
    """--show --frame: where messages begin"""
    with echo("--show", "--frame", "u32be") as server:
        with client(server) as sock:
            sock.sendall(message(b"hello") + message(b"a"))
            tap.equal(tap.read_exactly(sock, 14),
                      message(b"HELLO") + message(b"A"))
            sock.sendall(message(b"world")[:6])
            head = tap.read_until(server.stdout, b'wo" begins +0\n')
            sock.sendall(message(b"world")[6:])
            tap.equal(tap.read_exactly(sock, 9), message(b"WORLD"))
            head += tap.read_until(server.stdout, b"message\n")
    tap.equal(head.decode(),
              '#1 recv 14 bytes at 0 "\\x00\\x00\\x00\\x05hello'
              '\\x00\\x00\\x00\\x01a" begins +0 +9\n'
              '#1 recv 6 bytes at 14 "\\x00\\x00\\x00\\x05wo" begins +0\n'
              '#1 recv 3 bytes at 20 "rld" inside a message\n')


@tap.case
def show_frame_many():
    """--show --frame: more beginnings than a line holds"""
    with echo("--show", "--frame", "line") as server, client(server) as sock:
        sock.sendall(b"x\n" * 20)
        tap.equal(tap.read_exactly(sock, 40), b"X\n" * 20)
        line = tap.read_until(server.stdout, b"more\n")
        tap.true(line.endswith(b" begins +0 +2 +4 +6 +8 +10 +12 +14 and 12 "
                               b"more\n"), line)


def until_it_fits(check, times):
    """A machine that stalls glues what was apart, or parts what was together:
    then once more, with longer times."""
    for number, time in enumerate(times):
        try:
            check(time)
            return
        except AssertionError:
            if number + 1 == len(times):
                raise


def in_pieces(delay):
    with echo("--chunk", "3", "--delay", delay) as server:
        with client(server) as sock:
            sock.sendall(b"hello world")
            pieces = [sock.recv(100) for _ in range(4)]
            tap.equal(pieces, [b"HEL", b"LO ", b"WOR", b"LD"])


@tap.case
def chunk():
    """--chunk --delay: answers in pieces"""
    until_it_fits(in_pieces, ("60ms", "500ms", "3s"))


@tap.case
def chunk_gram():
    """--chunk: datagrams in pieces"""
    with echo("-u", "--chunk", "4") as server, gram(server) as sock:
        sock.send(b"hello world")
        tap.equal([sock.recv(100) for _ in range(3)],
                  [b"HELL", b"O WO", b"RLD"])


def in_one(window):
    with echo("--coalesce", window) as server, client(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in (b"one ", b"two ", b"three"):
            sock.sendall(part)
        tap.equal(sock.recv(100), b"ONE TWO THREE")
        sock.sendall(b"again")
        tap.equal(sock.recv(100), b"AGAIN")
        sock.sendall(b"end")
        sock.shutdown(socket.SHUT_WR)
        tap.equal(sock.recv(100), b"END")
        ends(sock)


@tap.case
def coalesce():
    """--coalesce: several sends, one answer"""
    until_it_fits(in_one, ("300ms", "1s", "4s"))


@tap.case
def coalesce_frame():
    """--coalesce --frame: several messages, one answer"""
    with echo("--coalesce", "200ms", "--frame", "u32be") as server:
        with client(server) as sock:
            sock.sendall(message(b"a") + message(b"bc"))
            tap.equal(sock.recv(100), message(b"A") + message(b"BC"))


@tap.case
def frame_bytes():
    """--frame: only the payload is answered in upper case"""
    with echo("--frame", "u8") as server, client(server) as sock:
        text = b"a" * 97  # whose length byte is itself an 'a'
        sock.sendall(bytes([97]) + text)
        tap.equal(tap.read_exactly(sock, 98), bytes([97]) + b"A" * 97)


@tap.case
def frame_bad():
    """--frame: what is too large ends the connection"""
    with echo("--frame", "u32be,max=100") as server, client(server) as sock:
        sock.sendall(message(b"fine") + struct.pack(">I", 101))
        tap.equal(tap.read_all(sock), message(b"FINE"))


@tap.case
def frame_cut():
    """--frame: a stream that ends inside a message"""
    with echo("-v", "--frame", "u32be") as server, client(server) as sock:
        sock.sendall(message(b"fine") + b"\0\0")
        sock.shutdown(socket.SHUT_WR)
        tap.equal(tap.read_all(sock), message(b"FINE"))
        tap.read_until(server.stderr, b"the stream ended inside a message\n")


@tap.case
def reset():
    """--rst: the end is a reset"""
    with echo("--rst") as server, client(server) as sock:
        sock.sendall(b"x")
        tap.equal(sock.recv(1), b"X")
        sock.shutdown(socket.SHUT_WR)
        try:
            got = sock.recv(1)
        except ConnectionResetError:
            return
        raise AssertionError(f"no reset but {got!r}")


@tap.case
def close_after():
    """--close-after: the end after so many bytes"""
    with echo("--close-after", "5") as server:
        with client(server) as sock:
            sock.sendall(b"hello world")
            tap.equal(tap.read_all(sock), b"HELLO")
        with client(server) as sock:
            sock.sendall(b"hel")
            tap.equal(tap.read_exactly(sock, 3), b"HEL")
            sock.sendall(b"lo")
            tap.equal(tap.read_all(sock), b"LO")
    with echo("--close-after=1000", "-m", "chargen") as server:
        with client(server) as sock:
            tap.equal(len(tap.read_all(sock)), 1000)


# --- losing -----------------------------------------------------------------

def lost(*options):
    """Which of 100 datagrams were answered."""
    with echo("-u", "-m", "echo", "--show", *options) as server:
        with gram(server) as sock:
            for number in range(101):
                sock.send(b"%d" % number)
            lines = b""
            while lines.count(b"\n") < 101:
                lines += tap.read_some(server.stdout)
            # What came before the last is answered.
            got = []
            while tap.readable(sock, 0):
                got.append(int(sock.recv(200)))
    return [number for number in got if number < 100]


@tap.case
def drop():
    """--drop --seed: the same seed loses the same"""
    first = lost("--drop", "30", "--seed", "7")
    tap.true(50 <= len(first) <= 90, f"{len(first)} of 100 answered")
    tap.equal(lost("--drop", "30", "--seed", "7"), first)
    tap.true(lost("--drop", "30", "--seed", "8") != first, "same for 8")
    tap.equal(lost("--drop", "100"), [])
    tap.equal(lost("--drop", "0"), list(range(100)))


@tap.case
def empty_gram():
    """an empty datagram is answered with an empty one"""
    with echo("-u") as server, gram(server) as sock:
        sock.send(b"")
        tap.equal(sock.recv(10), b"")


@tap.case
def low_port():
    """datagrams from ports below 1024 get no answer"""
    with echo("-u") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as low:
            try:
                low.bind(("127.0.0.1", 1019))
            except OSError as why:
                raise tap.Skip(f"port 1019: {why}") from why
            low.sendto(b"loop", ("127.0.0.1", server.port))
            with gram(server) as sock:  # answered later than the other
                sock.send(b"x")
                sock.recv(1)
            tap.true(not tap.readable(low, 0), "it was answered")


@tap.case
def own_port():
    """datagrams from the server's own port get no answer"""
    with echo("-uv") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as twin:
            twin.bind(("127.0.0.2", server.port))
            twin.sendto(b"loop", ("127.0.0.1", server.port))
            tap.read_until(server.stderr, b"not answered")
            tap.true(not tap.readable(twin, 0), "it was answered")


# --- limits -----------------------------------------------------------------

@tap.case
def silent():
    """-w: a silent connection is ended"""
    with echo("-w", "200ms") as server, client(server) as sock:
        ends(sock)


@tap.case
def max_connections():
    """--max: others wait"""
    with echo("--max", "1") as server, client(server) as first:
        first.sendall(b"a")
        tap.equal(first.recv(1), b"A")
        with client(server) as second:
            second.sendall(b"b")
            tap.true(not tap.readable(second, 0.2), "the second was served")
            first.close()
            tap.equal(second.recv(1), b"B")


@tap.case
def killed_client():
    """a client that is gone disturbs no other"""
    with echo() as server, client(server) as other:
        for _ in range(5):
            with client(server) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
                sock.sendall(b"x" * 100)
        other.sendall(b"y")
        tap.equal(other.recv(1), b"Y")


@tap.case
def unix_file():
    """the socket's file is gone at the end, a stale one replaced"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "s")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
            stale.bind(path)
        with echo(where="unix:" + path) as server, client(server) as sock:
            tap.equal(server.where, "unix:" + path)
            sock.sendall(b"x")
            tap.equal(sock.recv(1), b"X")
        tap.true(not os.path.exists(path), "the file is still there")


@tap.case
def terminated():
    """SIGTERM: 143; SIGHUP: 129; connections are ended"""
    for signo in (signal.SIGTERM, signal.SIGHUP):
        server = tap.Tenon("echo", "127.0.0.1:0", ready=True)
        with client(server) as sock:
            sock.sendall(b"x")
            tap.equal(sock.recv(1), b"X")
            server.signal(signo)
            tap.equal(server.wait(), 128 + signo)
            ends(sock)


@tap.case
def both_families():
    """":0" serves IPv4 and IPv6"""
    with echo(where=":0") as server:
        for family, host in ((socket.AF_INET, "127.0.0.1"),
                             (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.settimeout(tap.LIMIT)
                try:
                    sock.connect((host, server.port))
                except OSError as why:
                    if family == socket.AF_INET6:
                        raise tap.Skip(f"no IPv6: {why}") from why
                    raise
                sock.sendall(b"x")
                tap.equal(sock.recv(1), b"X")


def main():
    for backend in BACKENDS:
        for function in (upper, plain, discard, chargen, daytime, upper_gram,
                         chargen_gram, daytime_gram, many):
            name = function.__name__.replace("_gram", " over UDP")
            tap.add(f"{backend}: {name}", function, backend)
    tap.run()


main()
