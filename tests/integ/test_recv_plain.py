#!/usr/bin/env python3
"""tenon recv --plain: the course's homework sends us a file."""

import os
import struct
import subprocess
import sys

import room
import tap
from parcel_kit import listed, names, read_event, receiver, write

DATA = os.urandom(700000)
PROGRAM = os.path.join(room.PEERS, "homework.py")


def homework(r, path, *more):
    done = subprocess.run([sys.executable, PROGRAM, "127.0.0.1", str(r.port),
                           path, *more], capture_output=True, check=False,
                          timeout=tap.LIMIT)
    tap.equal((done.returncode, done.stderr), (0, b""), "the homework")


def plain(*options):
    return receiver("--plain", *options, code=None)


@tap.case
def homework_client():
    """The homework's client, in both byte orders, file after file"""
    with tap.temp_dir() as folder, plain("--json") as r:
        for name, form in (("\u4f60\u597d.bin", "i"), ("b.bin", "!i"),
                           ("empty", "i")):
            path = os.path.join(folder, name)
            data = b"" if name == "empty" else DATA
            write(path, data)
            homework(r, path, form)
            end = read_event(r.tenon.stdout, "end")
            tap.equal((end["code"], end["moved"]), (0, len(data)), name)
        tap.equal(listed(r.folder), {"\u4f60\u597d.bin".encode(): DATA,
                                     b"b.bin": DATA, b"empty": b""})


@tap.case
def told():
    """It says that nothing is encrypted; a taken name gets a number"""
    with tap.temp_dir() as folder, plain("--once") as r:
        path = os.path.join(folder, "a.txt")
        write(path, b"new")
        write(r.path("a.txt"), b"old")
        homework(r, path)
        tap.equal(r.tenon.wait(), 0)
        text = tap.read_all(r.tenon.stderr).decode()
        tap.true("not encrypted, and anybody may send" in text, text)
        tap.true("is called a (1).txt" in text, text)
        tap.equal(names(r.folder), ["a (1).txt", "a.txt"])


@tap.case
def to_stdout():
    """-o - gets its bytes"""
    with tap.temp_dir() as folder, plain("--once", "-o", "-") as r:
        path = os.path.join(folder, "a.bin")
        write(path, DATA)
        homework(r, path)
        tap.true(tap.read_all(r.tenon.stdout) == DATA, "other bytes")
        tap.equal(r.tenon.wait(), 0)


@tap.case
def broken():
    """What is not whole gets no name: names that lead out, lengths that lie,
    an end too early"""
    with tap.temp_dir() as folder, plain("--json") as r:
        for message in (
                struct.pack("i", 2) + b"..", struct.pack("i", -1),
                struct.pack("i", 1) + b"a" + struct.pack("i", -5),
                struct.pack("i", 1) + b"a" + struct.pack("i", 100) + b"short",
                struct.pack("i", 3) + b"a\0b" + struct.pack("i", 0),
                b"GET / HTTP/1.1\r\n\r\n"):
            with tap.connect(r.where) as sock:
                sock.sendall(message)
                sock.shutdown(1)
                try:
                    tap.read_all(sock)
                except ConnectionResetError:
                    pass
        with tap.connect(r.where) as sock:
            sock.sendall(struct.pack("i", 11) + b"../../e.txt" +
                         struct.pack("i", 1) + b"e")
            tap.equal(read_event(r.tenon.stdout, "done")["name"], "e.txt")
        path = os.path.join(folder, "good")
        write(path, b"1")
        homework(r, path)
        tap.equal(read_event(r.tenon.stdout, "done")["name"], "good")
        left = [n for n in names(r.folder) if not n.endswith(".tenon-part")]
        tap.equal(left, ["e.txt", "good"])


@tap.case
def too_large():
    """--max-size holds here, too"""
    with tap.temp_dir() as folder, plain("--json", "--max-size", "1k") as r:
        for size in (2000, 1000):
            path = os.path.join(folder, f"f{size}")
            write(path, bytes(size))
            with tap.connect(r.where) as sock:
                sock.sendall(struct.pack("i", 5) + f"f{size}".encode() +
                             struct.pack("i", size) + bytes(size))
            end = read_event(r.tenon.stdout, "end")
            tap.equal(end["code"], 6 if size > 1024 else 0)
        tap.equal(names(r.folder), ["f1000"])


tap.run()
