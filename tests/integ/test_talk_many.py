#!/usr/bin/env python3
"""tenon talk with datagrams, and with many at once."""

import contextlib
import os
import signal
import socket

import tap
from talk_kit import done, feed, local


# --- datagrams --------------------------------------------------------------

@tap.case
def udp_client():
    """a datagram client: a read is a datagram, silence is the end"""
    with tap.listener(kind=socket.SOCK_DGRAM) as sock:
        talk = tap.Tenon("talk", "-u", local(sock.getsockname()[1]))
        talk.stdin.write(b"one")
        data, sender = sock.recvfrom(100)
        tap.equal(data, b"one")
        sock.sendto(b"", sender)
        sock.sendto(b"answer", sender)
        tap.equal(tap.read_some(talk.stdout), b"answer")
        talk.stdin.write(b"two")
        tap.equal(sock.recv(100), b"two")
        talk.stdin.close()
        done(talk)


@tap.case
def udp_wait():
    """datagrams: after the end of input -w is a good end"""
    with tap.listener(kind=socket.SOCK_DGRAM) as sock:
        begin = tap.now()
        code, out, err = tap.tenon("talk", "-w", "200ms", "udp://" +
                                   local(sock.getsockname()[1]), stdin=b"x")
        tap.equal((code, out, err), (0, "", ""))
        tap.true(tap.now() - begin < 0.9 * tap.SCALE + 0.2, "too long")


@tap.case
def udp_pieces():
    """--datagram: long input in several"""
    with tap.listener(kind=socket.SOCK_DGRAM) as sock:
        talk = tap.Tenon("talk", "-u", "--datagram", "1.25k",
                         local(sock.getsockname()[1]))
        feed(talk.stdin, b"x" * 2500)
        tap.equal([len(sock.recv(65536)) for _ in range(2)], [1280, 1220])


@tap.case
def udp_lines():
    """--bare: each line a datagram"""
    with tap.listener(kind=socket.SOCK_DGRAM) as sock:
        talk = tap.Tenon("talk", "-uB", local(sock.getsockname()[1]))
        feed(talk.stdin, b"name\nname:hi\n")
        tap.equal([sock.recv(100), sock.recv(100)], [b"name", b"name:hi"])


@tap.case
def udp_server():
    """-lu: the first sender is the peer, others are not heard"""
    talk = tap.Tenon("talk", "-lu", "127.0.0.1:0", ready=True)
    where = ("127.0.0.1", talk.port)
    with tap.listener(kind=socket.SOCK_DGRAM) as first, \
            tap.listener(kind=socket.SOCK_DGRAM) as second:
        first.sendto(b"one", where)
        tap.equal(tap.read_some(talk.stdout), b"one")
        second.sendto(b"not heard", where)
        first.sendto(b"two", where)
        tap.equal(tap.read_some(talk.stdout), b"two")
        talk.stdin.write(b"answer")
        tap.equal(first.recv(100), b"answer")
        tap.true(not tap.readable(second, 0), "the second got it, too")
    talk.signal(signal.SIGINT)
    done(talk, 130)


@tap.case
def unix_gram():
    """unixgram: both ways, tenon to tenon"""
    with tap.temp_dir() as folder:
        where = "unixgram:" + os.path.join(folder, "s")
        ours = tap.Tenon("talk", "-l", where, ready=True)
        theirs = tap.Tenon("talk", where)
        theirs.stdin.write(b"hello")
        tap.equal(tap.read_some(ours.stdout), b"hello")
        ours.stdin.write(b"answer")
        tap.equal(tap.read_some(theirs.stdout), b"answer")
        theirs.stdin.close()
        done(theirs)
        ours.signal(signal.SIGTERM)
        done(ours, 143)
        tap.equal(os.listdir(folder), [], "files left")


@tap.case
def broadcast():
    """-b: a broadcast address, answered by anybody"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(tap.LIMIT)
        sock.bind(("127.255.255.255", 0))
        port = sock.getsockname()[1]
        talk = tap.Tenon("talk", "-b", f"udp://127.255.255.255:{port}")
        talk.stdin.write(b"who is here?")
        try:
            data, sender = sock.recvfrom(100)
        except socket.timeout as why:
            raise tap.Skip("no broadcast on loopback") from why
        tap.equal(data, b"who is here?")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"me", ("127.0.0.1", sender[1]))
        tap.equal(tap.read_some(talk.stdout), b"me")
        talk.stdin.close()
        done(talk)


# --- many -------------------------------------------------------------------

@tap.case
def many():
    """-lk: input goes to all, what comes from any is printed"""
    talk = tap.Tenon("talk", "-lk", "127.0.0.1:0", ready=True)
    with contextlib.ExitStack() as stack:
        conns = [stack.enter_context(tap.connect(talk.where))
                 for _ in range(5)]
        for number, conn in enumerate(conns):
            conn.sendall(b"from %d\n" % number)
            tap.equal(tap.read_until(talk.stdout, b"\n"),
                      b"from %d\n" % number)
        talk.stdin.write(b"to all\n")
        for conn in conns:
            tap.equal(tap.read_exactly(conn, 7), b"to all\n")
        conns[0].shutdown(socket.SHUT_WR)
        tap.equal(conns[0].recv(1), b"", "he has ended, he is let go")
        talk.stdin.write(b"to the others\n")
        for conn in conns[1:]:
            tap.equal(tap.read_exactly(conn, 14), b"to the others\n")
        talk.stdin.close()
        for conn in conns[1:]:
            tap.equal(conn.recv(1), b"", "end of input")
        conns[1].sendall(b"still heard\n")
        tap.equal(tap.read_until(talk.stdout, b"\n"), b"still heard\n")
    with tap.connect(talk.where) as late:
        tap.equal(late.recv(1), b"")
    talk.signal(signal.SIGINT)
    done(talk)


@tap.case
def many_wait_for_one():
    """-lk: input waits for the first client"""
    talk = tap.Tenon("talk", "-lk", "127.0.0.1:0", ready=True)
    feed(talk.stdin, b"kept\n").join()
    with tap.connect(talk.where) as conn:
        tap.equal(tap.read_all(conn), b"kept\n")


@tap.case
def many_frames():
    """-lk --frame: a message to all, lines from all"""
    talk = tap.Tenon("talk", "-lk", "--frame", "u16be", "127.0.0.1:0",
                     ready=True)
    with tap.connect(talk.where) as one, tap.connect(talk.where) as two:
        one.sendall(b"\0\3on")
        two.sendall(b"\0\3two")
        tap.equal(tap.read_until(talk.stdout, b"\n"), b"two\n")
        one.sendall(b"e")
        tap.equal(tap.read_until(talk.stdout, b"\n"), b"one\n")
        talk.stdin.write(b"hello\n")
        for conn in (one, two):
            tap.equal(tap.read_exactly(conn, 7), b"\0\5hello")


@tap.case
def many_slow():
    """-lk: one that takes nothing is let go, the others go on"""
    talk = tap.Tenon("talk", "-lk", "127.0.0.1:0", ready=True)
    with tap.connect(talk.where) as slow, tap.connect(talk.where) as good:
        slow.sendall(b"s")
        good.sendall(b"g")
        tap.read_exactly(talk.stdout, 2)
        feed(talk.stdin, b"x" * (16 << 20))
        total = 0
        begin = tap.now()
        while total < 16 << 20:
            more = tap.read_some(good)
            tap.true(more, "the good one was let go")
            total += len(more)
        tap.true(tap.now() - begin < 9 * tap.SCALE, "it took too long")
        tap.true(b"takes nothing and is let go" in
                 tap.read_until(talk.stderr, b"\n"), "no word about it")


@tap.case
def many_grams():
    """-lku: everybody who spoke hears"""
    talk = tap.Tenon("talk", "-lku", "127.0.0.1:0", ready=True)
    where = ("127.0.0.1", talk.port)
    with tap.listener(kind=socket.SOCK_DGRAM) as one, \
            tap.listener(kind=socket.SOCK_DGRAM) as two:
        for number, sock in enumerate((one, two, one)):
            sock.sendto(b"%d" % number, where)
            tap.equal(tap.read_some(talk.stdout), b"%d" % number)
        talk.stdin.write(b"hello")
        tap.equal((one.recv(9), two.recv(9)), (b"hello", b"hello"))
        one.close()
        talk.stdin.write(b"again")
        tap.equal(two.recv(9), b"again")
        talk.stdin.write(b"more")
        tap.equal(two.recv(9), b"more")
    talk.signal(signal.SIGINT)
    done(talk)


tap.run()
