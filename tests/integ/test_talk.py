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


def local(port):
    return f"127.0.0.1:{port}"


@contextlib.contextmanager
def client(*options, stdin=subprocess.PIPE, env=None):
    """talk as a client of ours: the program, our end of the connection."""
    with tap.listener() as sock:
        talk = tap.Tenon("talk", *options, local(sock.getsockname()[1]),
                         stdin=stdin, env=env)
        with tap.accept(sock) as conn:
            yield talk, conn


@contextlib.contextmanager
def server(*options, where="127.0.0.1:0", env=None):
    """talk as a server of ours: the program, our end of the connection."""
    talk = tap.Tenon("talk", "-l", *options, where, ready=True, env=env)
    with tap.connect(talk.where) as conn:
        yield talk, conn


def done(talk, code=0, err=b""):
    tap.equal(talk.wait(), code, "exit code")
    tap.equal(talk.stderr.read(), err, "stderr")


# --- other programs ---------------------------------------------------------

def free_port():
    with tap.listener() as sock:
        return sock.getsockname()[1]


def feed(thing, data):
    """Write everything in a thread and end it."""
    def work():
        with contextlib.suppress(OSError):
            thing.write(data)
            thing.close()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


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
        tap.true(b"the message is larger than the limit" in err, err)


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
        talk = tap.Tenon("talk", "-u", "--datagram", "1k",
                         local(sock.getsockname()[1]))
        feed(talk.stdin, b"x" * 2500)
        tap.equal([len(sock.recv(65536)) for _ in range(3)],
                  [1024, 1024, 452])


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
