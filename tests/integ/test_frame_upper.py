#!/usr/bin/env python3
"""examples/frame_upper on each backend against clients of every kind.

The peers here are well-behaved, slow, silent, greedy or many; each scenario has
a server of its own, and all run at once.
"""

import concurrent.futures
import contextlib
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TENON_SOURCE", os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("TENON_BUILD", os.path.join(SOURCE, "build"))
SCALE = int(os.environ.get("TENON_TEST_TIMEOUT_SCALE", "1"))
SECONDS = 20 * SCALE
BACKENDS = ["epoll", "poll"]
MIB = 1 << 20
PATIENT = 60000  # an idle limit, in ms, that no scenario reaches

socket.setdefaulttimeout(SECONDS)


# --- the server --------------------------------------------------------------

class Server:
    """frame_upper on a port of its own."""

    def __init__(self, backend, idle_ms, descriptors=None):
        # Bound and not listening: the server may bind it too, because both
        # set SO_REUSEADDR, and nobody else is given it.
        self.port = socket.socket()
        self.port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port.bind(("127.0.0.1", 0))
        self.addr = self.port.getsockname()
        self.process = self.start(backend, idle_ms, descriptors)
        if not self.is_up():
            self.stop()
            raise AssertionError("frame_upper does not listen")

    def start(self, backend, idle_ms, descriptors):
        limit = f"ulimit -n {descriptors};" if descriptors else ""
        return subprocess.Popen(
            ["sh", "-c", limit + 'exec "$@"', "sh",
             os.path.join(BUILD, "examples", "frame_upper"),
             str(self.addr[1]), str(idle_ms)],
            env={**os.environ, "TN_BACKEND": backend})

    def is_up(self):
        """Ask until it listens; it prints nothing to wait for."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError):
                self.connect().close()
                return True
            time.sleep(0.005)
        return False

    def connect(self):
        sock = socket.create_connection(self.addr)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.port.close()

    def proc(self, name):
        with open(f"/proc/{self.process.pid}/{name}", encoding="ascii") as f:
            return f.read()

    def cpu_seconds(self):
        fields = self.proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        pages = int(self.proc("statm").split()[1])
        return pages * resource.getpagesize()

    def check_alive(self):
        assert self.process.poll() is None, f"exit {self.process.returncode}"
        with self.connect() as sock:
            echo(sock, b"still there?")


@contextlib.contextmanager
def server(backend, idle_ms=PATIENT, descriptors=None):
    running = Server(backend, idle_ms, descriptors)
    try:
        yield running
        running.check_alive()
    finally:
        running.stop()


# --- a client ----------------------------------------------------------------

def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def read_exactly(sock, n):
    pieces = []
    while n > 0:
        piece = sock.recv(min(n, 1 << 18))
        assert piece, f"the stream ended {n} bytes early"
        pieces.append(piece)
        n -= len(piece)
    return b"".join(pieces)


def answer(sock):
    (n,) = struct.unpack(">I", read_exactly(sock, 4))
    return read_exactly(sock, n)


def same(got, wanted):
    assert got == wanted, f"got {got[:50]!r}, wanted {wanted[:50]!r}"


def echo(sock, payload):
    sock.sendall(frame(payload))
    same(answer(sock), payload.upper())


def ready(socks, event, seconds):
    """Those of the sockets that are ready within a time."""
    poll, by_fd = select.poll(), {sock.fileno(): sock for sock in socks}
    for fd in by_fd:
        poll.register(fd, event)
    return [by_fd[fd] for fd, _ in poll.poll(1000 * seconds)]


def closed(sock):
    """Wait until the server closes; seconds that it took."""
    start = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while sock.recv(65536):
            pass
    return time.monotonic() - start


# --- what clients do ---------------------------------------------------------

def test_backend_is_the_one_asked_for(backend):
    with server(backend) as srv:
        folder = f"/proc/{srv.process.pid}/fd"
        kinds = []
        for fd in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # just closed
                kinds.append(os.readlink(os.path.join(folder, fd)))
        has_epoll = "anon_inode:[eventpoll]" in kinds
        assert has_epoll == (backend == "epoll"), kinds


def test_one_byte_at_a_time(backend):
    with server(backend) as srv, srv.connect() as sock:
        for byte in frame(b"one byte at a time") + frame(b""):
            sock.sendall(bytes([byte]))
        same(answer(sock), b"ONE BYTE AT A TIME")
        same(answer(sock), b"")


def test_two_hundred_glued(backend):
    payloads = [b"message %d" % i * (i % 7) for i in range(200)]
    with server(backend) as srv, srv.connect() as sock:
        sock.sendall(b"".join(map(frame, payloads)))
        for payload in payloads:
            same(answer(sock), payload.upper())


def test_one_mib(backend):
    with server(backend) as srv, srv.connect() as sock:
        echo(sock, b"m" * MIB)
        echo(sock, b"short")
        echo(sock, bytes(range(256)) * (MIB // 256))


def test_one_mib_and_one_byte(backend):
    with server(backend) as srv, srv.connect() as sock:
        echo(sock, b"before")
        sock.sendall(struct.pack(">I", MIB + 1) + b"m" * 1000)
        closed(sock)


def test_four_gib_less_one(backend):
    with server(backend) as srv, srv.connect() as sock:
        sock.sendall(b"\xff\xff\xff\xff")
        closed(sock)
        assert srv.resident() < 64 * MIB * SCALE, srv.resident()


def test_length_zero(backend):
    with server(backend) as srv, srv.connect() as sock:
        for _ in range(3):
            echo(sock, b"")
        echo(sock, b"and more")


def test_idle_limit(backend):
    with server(backend, idle_ms=400) as srv, srv.connect() as sock:
        echo(sock, b"awake")
        took = closed(sock)
        assert 0.3 < took < 5 * SCALE, f"closed after {took:.2f} s"


def test_half_close(backend):
    payload = b"abcde" * 60000
    with server(backend) as srv, socket.socket() as sock:
        # A small window, so that the answer cannot hide in the kernel.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.connect(srv.addr)
        sock.sendall(frame(payload))
        sock.shutdown(socket.SHUT_WR)
        same(answer(sock), payload.upper())
        same(sock.recv(1), b"")


def test_end_inside_a_message(backend):
    with server(backend) as srv, srv.connect() as sock:
        sock.sendall(frame(b"whole") + frame(b"cut off")[:-1])
        sock.shutdown(socket.SHUT_WR)
        same(answer(sock), b"WHOLE")
        closed(sock)


def test_thousand_clients(backend):
    with server(backend) as srv, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(srv.connect()) for _ in range(1000)]
        for turn in range(2):
            for i, sock in enumerate(clients):
                sock.sendall(frame(b"client %d, %d" % (i, turn)))
            for i, sock in enumerate(clients):
                same(answer(sock), b"CLIENT %d, %d" % (i, turn))


def test_dripped_header(backend):
    with server(backend, idle_ms=2000) as srv, srv.connect() as sock:
        start = time.monotonic()
        sock.sendall(b"\0")
        for _ in range(20):
            if ready([sock], select.POLLIN, 1.2):
                break
            sock.sendall(b"\0")
        closed(sock)
        took = time.monotonic() - start
        assert 1.7 < took < 2.9 + 2 * (SCALE - 1), f"cut after {took:.2f} s"


def greedy(srv):
    """Send and never read, until the kernel takes no more; bytes it took."""
    sock = srv.connect()
    sock.setblocking(False)
    message, sent = frame(b"g" * MIB), 0
    while ready([sock], select.POLLOUT, 0.3):
        try:
            sent += sock.send(message[sent % len(message):])
        except ConnectionError:
            break
    return sock, sent


def test_peer_that_never_reads(backend):
    with server(backend, idle_ms=3000) as srv, \
            concurrent.futures.ThreadPoolExecutor(20) as pool:
        before = srv.resident()
        peers = list(pool.map(greedy, [srv] * 20))
        grown = srv.resident() - before
        total = sum(sent for _, sent in peers)
        # One message each, and the buffer that it grew in.
        assert grown < 20 * 3 * MIB * SCALE, f"{grown >> 20} MiB more"
        assert total > 20 * MIB, "they have not sent enough to prove it"
        for sock, _ in peers:
            sock.setblocking(True)
            sock.settimeout(SECONDS)
            with sock, contextlib.suppress(ConnectionError):
                while sock.send(b"g" * 65536):  # until the server closes
                    pass


def replies(waiting, quiet):
    """Those that get an answer before nothing happens for a while."""
    served = []
    while waiting and (answered := ready(waiting, select.POLLIN, quiet)):
        for sock in answered:
            same(answer(sock), b"LET ME IN")
            waiting.remove(sock)
            served.append(sock)
    return served


def test_few_descriptors_many_clients(backend):
    with server(backend, descriptors=64) as srv:
        waiting = [srv.connect() for _ in range(100)]
        for sock in waiting:
            sock.sendall(frame(b"let me in"))
        served = replies(waiting, 1.0)
        assert 30 <= len(served) < 64, f"{len(served)} served at once"
        before = srv.cpu_seconds()
        time.sleep(1)  # the window in which it must not spin
        used = srv.cpu_seconds() - before
        assert used <= 0.1, f"{used:.2f} s of CPU in a second of doing nothing"
        while served:
            for sock in served:
                sock.close()
            served = replies(waiting, 2.0 * SCALE)
        assert not waiting, f"{len(waiting)} never served"


# --- all of them -------------------------------------------------------------

def raise_descriptors():
    """Room for both thousands; False if the system does not give it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
    return enough >= 3000


def run(test, backend):
    try:
        test(backend)
    except Exception as failure:  # pylint: disable=broad-except
        lines = [entry.lineno for entry in
                 traceback.extract_tb(failure.__traceback__)]
        return f"{type(failure).__name__}: {failure} (lines {lines})"
    return None


def main():
    tests = [(name[5:].replace("_", " "), backend, value)
             for name, value in list(globals().items())
             if name.startswith("test_") for backend in BACKENDS]
    enough = raise_descriptors()
    failed = False
    print(f"1..{len(tests)}")
    with concurrent.futures.ThreadPoolExecutor(len(tests)) as pool:
        futures = [pool.submit(run, value, backend)
                   if enough or value is not test_thousand_clients else None
                   for _, backend, value in tests]
    for number, ((name, backend, _), future) in enumerate(
            zip(tests, futures), 1):
        what = f"{number} - {name}/{backend}"
        if future is None:
            print(f"ok {what} # SKIP fewer than 3000 descriptors allowed")
            continue
        problem = future.result()
        print(f"{'not ' if problem else ''}ok {what}")
        if problem:
            print(f"# {problem}")
            failed = True
    sys.exit(failed)


main()
