#!/usr/bin/env python3
"""tenon send - and tenon recv --once -o - between pipes, files and sockets of
every kind, whose other ends are quick, slow, or gone."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading
import time

import tap
from hostile_kit import SLOW
from parcel_kit import events, read, read_event, receiver, wire, write

DATA = os.urandom(3000000) + bytes(300000) + b"end"


def ended(r, sender, sent=0, received=0):
    got = (sender.wait(), r.tenon.wait())
    tap.equal(got, (sent, received), tap.read_all(sender.stderr))


def feed(write_end, data):
    """Write in the background, then close."""
    def work():
        with contextlib.suppress(OSError), write_end:
            write_end.write(data)
    threading.Thread(target=work, daemon=True).start()


@tap.case
def line_by_line():
    """What comes by a pipe is there at once, not when a block is full"""
    with receiver("--once", "-o", "-") as r:
        sender = r.start_send("--quiet", "-", "--name", "log")
        for line in (b"one\n", b"two\n", bytes(300000) + b"\n", b"four\n"):
            sender.stdin.write(line)
            sender.stdin.flush()
            tap.true(tap.read_exactly(r.tenon.stdout, len(line)) == line,
                     line[:9])
        sender.stdin.close()
        tap.equal(tap.read_all(r.tenon.stdout), b"")
        ended(r, sender)


@tap.case
def to_a_file_line_by_line():
    """The same to a file: odd pieces, zeros among them, make the whole"""
    pieces = [b"one\n", bytes(262144), b"x" * 262144, b"", bytes(700000), b"e"]
    with receiver("--json") as r:
        sender = r.start_send("--quiet", "-", "--name", "log")
        done = 0
        for piece in pieces:
            sender.stdin.write(piece)
            sender.stdin.flush()
            done += len(piece)
            while piece and read_event(r.tenon.stdout, "moved")["done"] < done:
                pass
        sender.stdin.close()
        tap.equal(sender.wait(), 0, tap.read_all(sender.stderr))
        tap.true(read(r.path("log")) == b"".join(pieces), "another content")


def sources(folder):
    """What stdin may be: a name and something that makes a descriptor."""
    path = os.path.join(folder, "in")
    write(path, DATA)

    def pipe():
        out, into = os.pipe()
        feed(os.fdopen(into, "wb"), DATA)
        return out

    def fifo():
        name = os.path.join(folder, f"fifo{time.monotonic_ns()}")
        os.mkfifo(name)
        out = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(out, True)
        feed(open(name, "wb"), DATA)
        return out

    def stream():
        one, two = socket.socketpair()
        feed(two.makefile("wb"), DATA)
        two.close()
        return one.detach()
    return {"a pipe": pipe, "a FIFO": fifo, "a socket": stream,
            "a file": lambda: os.open(path, os.O_RDONLY)}


def sink(kind, folder):
    """What stdout may be: a descriptor, and what gives all that came."""
    path = os.path.join(folder, "out")
    if kind in ("a file", "a file behind a line", "a file to append to"):
        flags = os.O_APPEND if "append" in kind else 0
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | flags)
        before = b"" if kind == "a file" else b"before\n"
        os.write(fd, before)
        return fd, lambda: read(path)[len(before):]
    if kind == "a socket":
        one, two = socket.socketpair()
        return one.detach(), lambda: tap.read_all(two.makefile("rb"))
    out, into = os.pipe()
    if kind == "a pipe that does not block":
        os.set_blocking(into, False)
    return into, lambda: tap.read_all(os.fdopen(out, "rb"))


SINKS = ("a pipe", "a pipe that does not block", "a socket", "a file",
         "a file behind a line", "a file to append to")


def between(kind_in, kind_out):
    with tap.temp_dir() as folder:
        source = sources(folder)[kind_in]()
        into, gives = sink(kind_out, folder)
        with receiver("--once", "-o", "-", stdout=into) as r:
            os.close(into)
            sender = r.start_send("-", "--name", "x", stdin=source)
            os.close(source)
            if "file" in kind_out:
                ended(r, sender)
                got = gives()
            else:
                got = gives()
                ended(r, sender)
            tap.true(got == DATA, "another content")


for number, what in enumerate(SINKS):
    for kind in ("a pipe", "a FIFO", "a socket", "a file"):
        tap.add(f"from {kind} to {what}", between, kind, what)


@tap.case
def nothing():
    """Nothing at all comes by a pipe: an empty output, 0"""
    with receiver("--once", "-o", "-") as r:
        sender = r.start_send("-", "--name", "x", stdin=subprocess.DEVNULL)
        tap.equal(tap.read_all(r.tenon.stdout), b"")
        ended(r, sender)


@tap.case
def slow_reader():
    """A reader that takes its time is waited for, and memory stays small"""
    pause = 45 if SLOW else 2
    size = 64 << 20
    with receiver("--once", "-o", "-") as r:
        sender = r.start_send("-", "--name", "x")
        feed(sender.stdin, bytes([7]) * size)
        got = len(tap.read_exactly(r.tenon.stdout, 1000))
        time.sleep(pause)  # what is tested is that nothing happens in it
        with open(f"/proc/{r.tenon.process.pid}/status",
                  encoding="ascii") as file:
            held = int(file.read().split("VmRSS:")[1].split()[0])
        tap.true(held < 40 << 10 or tap.SCALE > 1, f"{held} KiB are held")
        while data := r.tenon.stdout.read(1 << 20):
            tap.true(data == b"\7" * len(data), "another content")
            got += len(data)
        tap.equal(got, size)
        ended(r, sender)


def reader_gone(when):
    """1 on both sides, and the reason"""
    with receiver("--once", "-o", "-") as r:
        if when == 0:
            r.tenon.stdout.close()
        sender = r.start_send("-", "--name", "x")
        feed(sender.stdin, os.urandom(30 << 20))
        if when:
            tap.read_exactly(r.tenon.stdout, when)
            r.tenon.stdout.close()
        tap.equal((sender.wait(), r.tenon.wait()), (1, 1))
        told = tap.read_all(sender.stderr).decode()
        tap.true("nobody reads the output" in told, told)
        told = tap.read_all(r.tenon.stderr).decode()
        tap.true("nobody reads the output" in told, told)


tap.add("a reader that was gone before", reader_gone, 0)
tap.add("a reader that leaves in the middle", reader_gone, 1000000)


@tap.case
def no_stdout():
    """A closed stdout is told at once"""
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" recv --once -y --insecure -p 0 -o - >&-',
         tap.PROGRAM], capture_output=True, timeout=tap.LIMIT, check=False)
    tap.equal(done.returncode, 1, done.stderr)
    tap.true(b"stdout" in done.stderr, done.stderr)


@tap.case
def no_stdin():
    """A closed stdin is told, and nothing is made of it there"""
    with receiver() as r:
        done = subprocess.run(
            ["sh", "-c", 'exec "$0" "$@" <&-', tap.PROGRAM,
             *r.send_words("-", "--name", "x")],
            capture_output=True, timeout=tap.LIMIT, check=False)
        tap.equal(done.returncode, 1, done.stderr)
        tap.equal(os.listdir(r.folder), [])


@tap.case
def full_file():
    """A file that may not grow further: 1 on both sides, and why"""
    with tap.temp_dir() as folder:
        out = os.open(os.path.join(folder, "out"), os.O_WRONLY | os.O_CREAT)
        with receiver("--once", "-o", "-", stdout=out,
                      preexec_fn=lambda: resource.setrlimit(
                          resource.RLIMIT_FSIZE, (100000, 100000))) as r:
            os.close(out)
            sender = r.start_send("-", "--name", "x")
            feed(sender.stdin, DATA)
            tap.equal((sender.wait(), r.tenon.wait()), (1, 1))
            told = tap.read_all(r.tenon.stderr).decode()
            tap.true("may not grow further" in told, told)


@tap.case
def stalled():
    """When nothing moves, the last that moved is what is told"""
    size = 24 << 20
    with tap.temp_dir() as folder, receiver("--json") as r, \
            wire(r.port) as line:
        path = os.path.join(folder, "f")
        write(path, os.urandom(size))
        line.stop_after(size // 2)
        sender = r.start_send("--json", path, to=line.where)
        line.wait_stopped()
        # What stands in the wire may be missing, and the last block.
        for stdout in (sender.stdout, r.tenon.stdout):
            while read_event(stdout, "moved")["done"] < size // 2 - 700000:
                pass
        line.cut()


@tap.case
def unread_events():
    """Nobody reads the events: progress is left out, and files still come"""
    out, into = os.pipe()
    os.write(into, b"\n" * 40000)  # that nobody has read yet
    with tap.temp_dir() as folder, receiver("--json", stdout=into) as r:
        os.close(into)
        path = os.path.join(folder, "f")
        write(path, os.urandom(8 << 20))
        code, _, err = r.send("--quiet", path)
        tap.equal(code, 0, err)
        r.tenon.signal(signal.SIGTERM)
        with os.fdopen(out, "rb") as file:
            found = events(file.read().strip(b"\n"))
        tap.true(r.tenon.wait() in (0, 143), "its end")
        kinds = [e["event"] for e in found]
        tap.true("moved" not in kinds, kinds)
        tap.true("done" in kinds and "end" in kinds, kinds)


tap.run()
