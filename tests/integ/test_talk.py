#!/usr/bin/env python3
"""tenon talk: against itself, nc, ncat, socat and sockets of Python's."""

import contextlib
import hashlib
import os
import re
import signal
import socket
import struct
import subprocess
import threading

import tap
from talk_kit import client, done, feed, free_port, local, server


# --- other programs ---------------------------------------------------------

def both_ways(ours, theirs):
    """8 MiB in each direction at the same time, then the end of both."""
    up, down = os.urandom(1 << 20) * 8, os.urandom(1 << 20) * 8
    got = {}

    def read(name, thing):
        got[name] = hashlib.sha256(tap.read_all(thing)).hexdigest()
    threads = [feed(ours.stdin, up), feed(theirs.stdin, down),
               threading.Thread(target=read, args=("ours", ours.stdout)),
               threading.Thread(target=read, args=("theirs", theirs.stdout))]
    for thread in threads[2:]:
        thread.start()
    for thread in threads:
        thread.join(tap.LIMIT)
    tap.equal(got.get("theirs"), hashlib.sha256(up).hexdigest(), "what went")
    tap.equal(got.get("ours"), hashlib.sha256(down).hexdigest(), "what came")
    done(ours)
    tap.equal(theirs.wait(tap.LIMIT) if isinstance(theirs, subprocess.Popen)
              else theirs.wait(), 0, "the other's exit code")


def peer(words):
    return tap.started(subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, bufsize=0))


def their_client(words):
    """Another program connects to us."""
    tap.need(words[0])
    ours = tap.Tenon("talk", "-l", "127.0.0.1:0", ready=True)
    both_ways(ours, peer([w.replace("PORT", str(ours.port)) for w in words]))


def their_server(words):
    """We connect to another program, as soon as it listens."""
    tap.need(words[0])
    port = free_port()
    theirs = peer([w.replace("PORT", str(port)) for w in words])
    until = tap.now() + tap.LIMIT
    while tap.now() < until:
        ours = tap.Tenon("talk", "-v", local(port))
        line = tap.read_until(ours.stderr, b"\n")
        if b"connected" in line:
            break
        tap.true(b"refused" in line, line)
    theirs.stdin.write(b"to me")
    tap.equal(tap.read_exactly(ours.stdout, 5), b"to me")
    ours.stdin.write(b"to you")
    tap.equal(tap.read_exactly(theirs.stdout, 6), b"to you")
    ours.stdin.close()
    theirs.stdin.close()
    tap.equal(tap.read_all(ours.stdout), b"")
    tap.equal(ours.wait(), 0)


@tap.case
def itself():
    """8 MiB both ways, tenon to tenon"""
    ours = tap.Tenon("talk", "-l", "127.0.0.1:0", ready=True)
    both_ways(ours, tap.Tenon("talk", ours.where))


@tap.case
def itself_unix():
    """8 MiB both ways, tenon to tenon, over a Unix socket"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "s")
        ours = tap.Tenon("talk", "-lU", path, ready=True)
        tap.equal(ours.where, "unix:" + path)
        both_ways(ours, tap.Tenon("talk", "-U", path))
        tap.true(not os.path.exists(path), "the socket's file is left")


# --- ends -------------------------------------------------------------------

@tap.case
def answer_after_end():
    """the answer to everything is read after the end of input"""
    with client() as (talk, conn):
        feed(talk.stdin, b"b\na\nc\n")
        lines = sorted(tap.read_all(conn).splitlines())
        conn.sendall(b"\n".join(lines))
        conn.close()
        tap.equal(tap.read_all(talk.stdout), b"a\nb\nc")
        done(talk)


@tap.case
def reset():
    """a reset is an error"""
    with client() as (talk, conn):
        where = local(conn.getsockname()[1])
        talk.stdin.write(b"x")
        tap.equal(conn.recv(1), b"x")
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        conn.close()
        done(talk, 1, f"tenon talk: recv tcp {where}: connection reset by "
                      "peer\n".encode())


@tap.case
def reset_while_sending():
    """a peer that is gone while we send is an error, told once"""
    with client() as (talk, conn):
        conn.close()
        tap.equal(tap.read_all(talk.stdout), b"")
        with contextlib.suppress(BrokenPipeError):
            while True:
                talk.stdin.write(b"x" * 65536)
        tap.equal(talk.wait(), 1)
        err = talk.stderr.read().decode()
        tap.true(err.count("\n") == 1 and "send tcp" in err, err)


@tap.case
def last_words():
    """who takes no more is still heard"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "s")
        with tap.listener(socket.AF_UNIX, path=path) as sock:
            talk = tap.Tenon("talk", "unix:" + path)
            with tap.accept(sock) as conn:
                conn.shutdown(socket.SHUT_RD)
                with contextlib.suppress(BrokenPipeError):
                    for _ in range(100):
                        talk.stdin.write(b"x" * 65536)
                tap.read_until(talk.stderr, b"\n")
                conn.sendall(b"wait, I was")
                conn.close()
        tap.equal(tap.read_all(talk.stdout), b"wait, I was")
        tap.equal(talk.wait(), 1)


@tap.case
def only_one():
    """without -k a second client is refused"""
    with server() as (talk, conn):
        conn.sendall(b"x")
        tap.equal(tap.read_some(talk.stdout), b"x")
        try:
            tap.connect(talk.where).close()
        except ConnectionRefusedError:
            return
        raise AssertionError("it was accepted")


@tap.case
def no_input():
    """-d: stdin is not read, and not ended"""
    with client("-d") as (talk, conn):
        talk.stdin.close()
        tap.true(not tap.readable(conn, 0.2), "the end came")
        conn.sendall(b"x")
        conn.close()
        tap.equal(tap.read_all(talk.stdout), b"x")
        done(talk)


def signalled(signo, code, *words):
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "s")
        talk = tap.Tenon("talk", "-l", *words, "unix:" + path, ready=True)
        talk.signal(signo)
        done(talk, code)
        tap.true(not os.path.exists(path), "the socket's file is left")


# --- time -------------------------------------------------------------------

@tap.case
def wait_connect():
    """-w: connecting takes too long: 3"""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        port = sock.getsockname()[1]
        for _ in range(3):  # fill the backlog: further ones hang
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(("127.0.0.1", port))
        code, out, err = tap.tenon("talk", "-w", "300ms", local(port))
        tap.equal((code, out), (3, ""))
        tap.true(re.fullmatch(f"tenon talk: connect tcp {local(port)}: "
                              "timed out\n|tenon talk: .*time.*\n", err), err)


@tap.case
def wait_idle():
    """-w: nothing comes or goes: 3"""
    with client("-w", "300ms") as (talk, conn):
        conn.sendall(b"x")
        done(talk, 3, b"tenon talk: nothing came or went for 300ms (-w)\n")


@tap.case
def wait_units():
    """-w: units and decimals are what they say"""
    with tap.listener() as sock:
        where = local(sock.getsockname()[1])
        for words, shown, least in ((["-w0.2s"], "200ms", 0.2),
                                    (["-w", "150000us"], "150ms", 0.15),
                                    (["--wait=.0025m"], None, 0),
                                    (["--wait=0.0025m"], "150ms", 0.15),
                                    (["--wait", "1.1"], "1100ms", 1.1)):
            begin = tap.now()
            code, _, err = tap.tenon("talk", "-d", *words, where)
            tap.equal(code, 3 if shown else 2)
            if shown:
                tap.equal(err, "tenon talk: nothing came or went for "
                               f"{shown} (-w)\n")
            tap.true(least <= tap.now() - begin < least + 0.9 * tap.SCALE,
                     f"{words}: {tap.now() - begin} s")


@tap.case
def wait_busy():
    """-w: what moves keeps it alive"""
    with client("-w", "600ms") as (talk, conn):
        for _ in range(5):
            tap.true(not tap.readable(conn, 0.2), "it ended")
            conn.sendall(b"x")
            tap.equal(tap.read_some(talk.stdout), b"x")
        conn.close()
        talk.stdin.close()
        done(talk)


@tap.case
def quit_after():
    """-q: the end, so long after the end of input"""
    with client("-q", "100ms") as (talk, conn):
        talk.stdin.close()
        tap.equal(conn.recv(1), b"")
        done(talk)


@tap.case
def interval():
    """-i: a line at a time, with time between"""
    with client("-i", "150ms") as (talk, conn):
        feed(talk.stdin, b"one\ntwo\nthree")
        times, got = [], []
        for _ in range(3):
            got.append(conn.recv(100))
            times.append(tap.now())
        tap.equal(got, [b"one\n", b"two\n", b"three"])
        tap.true(times[2] - times[0] >= 0.25, f"only {times[2] - times[0]} s")
        conn.close()
        done(talk)


# --- what goes, what comes --------------------------------------------------

@tap.case
def at_once():
    """bytes pass as they come, never held back for a newline"""
    for how in (client, server):
        with how() as (talk, conn):
            for piece in ("你好".encode(), b"\xe4", b"\xbd\xa0", b"q", b"\0"):
                talk.stdin.write(piece)
                tap.equal(tap.read_some(conn), piece)
                conn.sendall(piece)
                tap.equal(tap.read_some(talk.stdout), piece)


@tap.case
def crlf():
    """-C: CR LF, not CR CR LF"""
    with client("-C") as (talk, conn):
        for piece, wanted in ((b"a\nb\n", b"a\r\nb\r\n"),
                              (b"c\r\n", b"c\r\n"), (b"d\r", b"d\r"),
                              (b"\ne", b"\ne"), (b"\n\n", b"\r\n\r\n")):
            talk.stdin.write(piece)
            tap.equal(tap.read_exactly(conn, len(wanted)), wanted)


@tap.case
def bare():
    """--bare: no newline on the wire, a line for each receive"""
    with client("--bare") as (talk, conn):
        talk.stdin.write("你好\n".encode())
        tap.equal(tap.read_some(conn), "你好".encode())
        conn.sendall("HI 你".encode())
        tap.equal(tap.read_until(talk.stdout, b"\n"), "HI 你\n".encode())
        conn.sendall(b"two\n")
        tap.equal(tap.read_until(talk.stdout, b"\n"), b"two\n")


@tap.case
def frames():
    """--frame: a line is a message, a message is a line"""
    with client("--frame", "u32be") as (talk, conn):
        feed(talk.stdin, b"hello\n\nlast")
        tap.equal(tap.read_all(conn), b"\0\0\0\5hello\0\0\0\0\0\0\0\4last")
        conn.sendall(b"\0\0\0\2a")
        tap.true(not tap.readable(talk.stdout, 0.1), "half a message")
        conn.sendall(b"b\0\0\0\0\0\0\0\1c")
        conn.close()
        tap.equal(tap.read_all(talk.stdout), b"ab\n\nc\n")
        done(talk)


@tap.case
def frames_between():
    """--frame i32ne: tenon to tenon, 3000 messages of all lengths"""
    lines = b"".join(b"x" * (n * 7 % 3000) + b"\n" for n in range(3000))
    ours = tap.Tenon("talk", "-l", "-f", "i32ne", "127.0.0.1:0", ready=True)
    theirs = tap.Tenon("talk", "-f", "i32ne", ours.where)
    feed(theirs.stdin, lines)
    ours.stdin.close()
    tap.equal(tap.read_all(ours.stdout), lines)
    done(ours)
    done(theirs)


@tap.case
def frame_long():
    """--frame: a line of 1 MiB passes, a longer one is an error"""
    with client("--frame", "u32be") as (talk, conn):
        feed(talk.stdin, b"x" * (1 << 20) + b"\n")
        tap.equal(len(tap.read_all(conn)), (1 << 20) + 4)
        conn.close()
        done(talk)
    with client("--frame", "u32be") as (talk, conn):
        feed(talk.stdin, b"x" * ((1 << 20) + 1) + b"\n")
        tap.equal(talk.wait(), 1)
        err = talk.stderr.read()
        tap.true(b"the line has 1048577 bytes, the limit is 1048576" in err,
                 err)


@tap.case
def frame_cut():
    """--frame: an end inside a message is an error"""
    with client("--frame", "u32be") as (talk, conn):
        conn.sendall(b"\0\0\0\5hel")
        conn.close()
        tap.equal(tap.read_all(talk.stdout), b"")
        tap.equal(talk.wait(), 1)
        err = talk.stderr.read()
        tap.true(b"the stream ended inside a message" in err, err)


@tap.case
def hex_dump():
    """-x: what each receive returned and each send took"""
    with client("-x") as (talk, conn):
        conn.sendall(b"hello world, 16+\x00\xff")
        tap.equal(tap.read_exactly(talk.stdout, 18), b"hello world, 16+\0\xff")
        talk.stdin.write(b"hi\n")
        tap.equal(conn.recv(10), b"hi\n")
        conn.sendall(b"x")
        conn.close()
        talk.stdin.close()
        tap.equal(tap.read_all(talk.stdout), b"x")
        done(talk, 0, b"""\
< 18 bytes at 0
00000000  68 65 6c 6c 6f 20 77 6f  72 6c 64 2c 20 31 36 2b  |hello world, 16+|
00000010  00 ff                                             |..|
> 3 bytes at 0
00000000  68 69 0a                                          |hi.|
< 1 bytes at 18
00000012  78                                                |x|
""")


@tap.case
def verbose():
    """-v: words on stderr"""
    with client("-v") as (talk, conn):
        where = local(conn.getsockname()[1])
        talk.stdin.write(b"hi")
        talk.stdin.close()
        tap.equal(tap.read_all(conn), b"hi")
        conn.sendall(b"hello")
        conn.close()
        done(talk, 0, f"tenon talk: connected to {where}\n"
                      "tenon talk: sent 2 bytes, received 5\n".encode())


# --- addresses --------------------------------------------------------------

@tap.case
def two_words():
    """host and port as two words, IPv6 too"""
    for host, family in (("127.0.0.1", socket.AF_INET),
                         ("localhost", socket.AF_INET),
                         ("::1", socket.AF_INET6)):
        try:
            sock = tap.listener(family)
        except OSError as why:
            raise tap.Skip(str(why)) from why
        with sock:
            port = sock.getsockname()[1]
            options = ["-4"] if host == "localhost" else []
            talk = tap.Tenon("talk", *options, host, str(port))
            with tap.accept(sock) as conn:
                conn.sendall(b"x")
            talk.stdin.close()
            tap.equal(tap.read_all(talk.stdout), b"x")
            done(talk)


@tap.case
def source():
    """-s and -p: where we come from"""
    port = free_port()
    with tap.listener() as sock:
        talk = tap.Tenon("talk", "-s", "127.0.0.5", "-p", str(port),
                         local(sock.getsockname()[1]), stdin=subprocess.DEVNULL)
        conn, came_from = sock.accept()
        conn.close()
        tap.equal(came_from, ("127.0.0.5", port))
        done(talk)


@tap.case
def listen_port():
    """-l: a port alone, and -p PORT, are all interfaces"""
    for words in (["0"], ["-p", "0"], [":0"]):
        talk = tap.Tenon("talk", "-l", *words, ready=True)
        with tap.connect(local(talk.port)) as conn:
            conn.sendall(b"x")
        talk.stdin.close()
        tap.equal(tap.read_all(talk.stdout), b"x")
        done(talk)


@tap.case
def abstract():
    """unix:@name"""
    name = f"tenon-test-{os.getpid()}"
    ours = tap.Tenon("talk", "-l", "unix:@" + name, ready=True)
    tap.equal(ours.where, "unix:@" + name)
    theirs = tap.Tenon("talk", ours.where, stdin=subprocess.DEVNULL)
    feed(ours.stdin, b"hello")
    tap.equal(tap.read_all(theirs.stdout), b"hello")
    done(ours)
    done(theirs)


@tap.case
def probe():
    """-z: open ports on stdout"""
    with tap.listener() as sock:
        port = sock.getsockname()[1]
        tap.equal(tap.tenon("talk", "-z", local(port)),
                  (0, f"{local(port)} open\n", ""))
        code, out, err = tap.tenon("talk", "-z", "127.0.0.1",
                                   f"{port}-{min(port + 3, 65535)}")
        tap.equal((code, err), (0, ""))
        tap.true(f"{local(port)} open\n" in out, out)
    code, out, err = tap.tenon("talk", "-z", "127.0.0.1", f"{port}-{port}")
    tap.equal((code, out), (1, ""))


@tap.case
def probe_udp():
    """-zu: what refuses is closed, what is silent counts as open"""
    with tap.listener(kind=socket.SOCK_DGRAM) as sock:
        port = sock.getsockname()[1]
        tap.equal(tap.tenon("talk", "-zu", "-w", "200ms", local(port)),
                  (0, f"udp://{local(port)} open\n", ""))
    code, out, err = tap.tenon("talk", "-zu", "-w", "200ms", local(port))
    tap.equal((code, out), (1, ""))
    tap.true("connection refused" in err, err)


def main():
    for signo, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143),
                        (signal.SIGHUP, 129)):
        tap.add(f"signal {signo}: {code}, cleaned up", signalled, signo, code)
    tap.add("signal 2 with -k: 0, cleaned up", signalled, signal.SIGINT, 0,
            "-k")
    for words in (["nc", "-N", "127.0.0.1", "PORT"],
                  ["ncat", "127.0.0.1", "PORT"],
                  ["socat", "-t", "30", "-", "TCP:127.0.0.1:PORT"]):
        tap.add(f"8 MiB both ways, {words[0]} is the client", their_client,
                words)
    for words in (["nc", "-Nl", "127.0.0.1", "PORT"],
                  ["ncat", "-l", "127.0.0.1", "PORT"],
                  ["socat", "-t", "30", "-",
                   "TCP-LISTEN:PORT,bind=127.0.0.1,reuseaddr"]):
        tap.add(f"both ways, {words[0]} is the server", their_server, words)
    tap.run()


main()
