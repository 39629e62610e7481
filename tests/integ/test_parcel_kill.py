#!/usr/bin/env python3
"""Transfers whose sides are killed, whose disk is full: what is there then.

Both sides are tests/support/parcel_tool, the engine with nothing around it;
between them the test carries the bytes, and knows at which one it kills.
"""

import os
import resource
import select
import signal
import socket
import struct
import subprocess

import tap
from hostile_kit import fill, small_disk

TOOL = os.path.join(tap.BUILD, "tests", "support", "parcel_tool")
MIB = 1 << 20
SIZE = 64 * MIB
# What a try costs besides data: greeting, TLS records, hashes of blocks.
OVERHEAD = SIZE // 500


class Side:
    """One process and our end of its connection."""

    def __init__(self, what, code, *args, env=None, **more):
        mine, theirs = socket.socketpair()
        with theirs:
            self.process = tap.started(subprocess.Popen(
                [TOOL, what, str(theirs.fileno()), code, *args],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                env={**os.environ, **(env or {})}, **more))
        self.sock = mine

    def result(self):
        """The words of its last line; the first is how it ended."""
        said = self.process.communicate(timeout=tap.CASE_LIMIT)[1]
        return said.splitlines()[-1].split(" ", 7)

    def end(self):
        self.sock.close()
        self.process.stderr.close()
        self.process.wait(timeout=tap.LIMIT)


def carry(sender, receiver, stop=None):
    """Carry bytes until one side ends or `stop` went over; how many."""
    over = 0
    other = {sender.sock: receiver.sock, receiver.sock: sender.sock}
    while True:
        ready = select.select(list(other), [], [], tap.LIMIT)[0]
        tap.true(ready, "nothing moves")
        for sock in ready:
            try:
                data = sock.recv(65536)
                if not data:
                    return over
                if sock is sender.sock:
                    over += len(data)
                other[sock].sendall(data)
            except OSError:
                return over
        if stop and over >= stop:
            return over


def both(source, folder, code, env=None, stop=None, victim=None):
    """One try: bytes carried, results of sender and receiver."""
    receiver = Side("recv", code, folder, env=env)
    sender = Side("send", code, source, env=env)
    over = carry(sender, receiver, stop)
    if victim:
        end = {"sender": sender, "receiver": receiver}[victim]
        os.kill(end.process.pid, signal.SIGKILL)
        end.process.wait(timeout=tap.LIMIT)
        # What had left the killed one is still delivered.
        if victim == "sender":
            over += drain(sender.sock, receiver.sock)
    sender.sock.close()
    receiver.sock.close()
    results = []
    for side in (sender, receiver):
        results.append(None if side.process.returncode == -signal.SIGKILL
                       else side.result())
        side.end()
    return over, *results


def drain(source, target):
    over = 0
    while data := source.recv(65536):
        over += len(data)
        target.sendall(data)
    return over


def make(path, size=SIZE):
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def same(one, other):
    with open(one, "rb") as a, open(other, "rb") as b:
        while True:
            x, y = a.read(MIB), b.read(MIB)
            tap.true(x == y, "another content")
            if not x:
                return


def killed(victim, code):
    """At seven places; nothing is sent twice but one per cent."""
    with tap.temp_dir() as folder:
        source, target = f"{folder}/file", f"{folder}/to"
        make(source)
        for tenth in (1, 2, 3, 5, 7, 8, 9):
            os.mkdir(target)
            first, *_ = both(source, target, code, stop=SIZE * tenth // 10,
                             victim=victim)
            tap.equal(os.listdir(target), [".file.tenon-part"])
            second, sent, received = both(source, target, code)
            tap.equal((sent[0], received[0]), ("OK", "OK"))
            same(source, f"{target}/file")
            tap.equal(os.listdir(target), ["file"])
            tap.true(first + second <= SIZE * 1.01 + OVERHEAD,
                     f"{first} + {second} bytes went over for {SIZE}")
            os.unlink(f"{target}/file")
            os.rmdir(target)


for who in ("sender", "receiver"):
    tap.add(f"the {who} is killed", killed, who, "-")
    tap.add(f"the {who} is killed behind a code", killed, who, "123456")


@tap.case
def again_and_again():
    """Both are killed in turn, twenty times, and it ends correct"""
    with tap.temp_dir() as folder:
        source, target = f"{folder}/file", f"{folder}/to"
        make(source)
        os.mkdir(target)
        total = 0
        for turn in range(20):
            over, *_ = both(source, target, "-", stop=3 * MIB,
                            victim=("sender", "receiver")[turn % 2])
            total += over
            tap.true(not os.path.exists(f"{target}/file"), "it has its name")
        over, sent, _ = both(source, target, "-")
        tap.equal(sent[0], "OK")
        same(source, f"{target}/file")


@tap.case
def full():
    """A disk that is full: both are told, and it goes on when there is room"""
    with small_disk(100 * 1024) as disk, tap.temp_dir() as folder:
        source = f"{folder}/file"
        make(source)
        receiver = Side("recv", "-", disk)
        sender = Side("send", "-", source)
        carry(sender, receiver, 10 * MIB)
        fill(f"{disk}/ballast")
        carry(sender, receiver)
        sender.sock.close()
        receiver.sock.close()
        for side in (sender, receiver):
            tap.equal(side.result()[0], "ENOSPC")
            side.end()
        tap.equal(sorted(os.listdir(disk)), [".file.tenon-part", "ballast"])
        # Not even begun while there is no room.
        over, sent, received = both(source, disk, "-")
        tap.equal((sent[0], received[0]), ("ENOSPC", "ENOSPC"))
        tap.true("MB are free" in sent[7], sent)
        tap.true(over < MIB, over)
        os.unlink(f"{disk}/ballast")
        over, sent, _ = both(source, disk, "-")
        tap.equal(sent[0], "OK")
        tap.true(over < SIZE - 5 * MIB, f"{over} bytes went over again")
        same(source, f"{disk}/file")


@tap.case
def read_only():
    """A disk that can only be read: both are told so"""
    with small_disk(1024) as disk, tap.temp_dir() as folder:
        source = f"{folder}/file"
        make(source, MIB)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True,
                       timeout=tap.LIMIT)
        # No room is asked for first: what is free there is free, but not ours.
        make(source, 0)
        _, sent, received = both(source, disk, "-")
        tap.equal((sent[0], received[0]), ("EROFS", "EROFS"))
        tap.equal(sent[7], "read-only file system")
        tap.equal(os.listdir(disk), [])


@tap.case
def two_senders():
    """Two send the same at once: one does, the other is told"""
    with tap.temp_dir() as folder:
        source, target = f"{folder}/file", f"{folder}/to"
        make(source)
        os.mkdir(target)
        receiver, sender = Side("recv", "-", target), Side("send", "-", source)
        carry(sender, receiver, 10 * MIB)
        _, sent, received = both(source, target, "-")
        tap.equal((sent[0], received[0]), ("EIO", "EIO"))
        carry(sender, receiver)
        for side in (sender, receiver):
            side.sock.close()
            tap.equal(side.result()[0], "OK")
            side.end()
        same(source, f"{target}/file")
        tap.equal(os.listdir(target), ["file"])


@tap.case
def few_descriptors():
    """A receiver with 40 descriptors takes a thousand files"""
    with tap.temp_dir() as folder:
        os.mkdir(f"{folder}/to")
        for number in range(1000):
            os.makedirs(f"{folder}/src/{number % 7}", exist_ok=True)
            with open(f"{folder}/src/{number % 7}/{number}", "wb") as file:
                file.write(b"x" * number)
        for _ in range(2):
            receiver = Side("recv", "-", f"{folder}/to",
                            preexec_fn=lambda: resource.setrlimit(
                                resource.RLIMIT_NOFILE, (40, 40)))
            sender = Side("send", "-", f"{folder}/src")
            carry(sender, receiver)
            for side in (sender, receiver):
                side.sock.close()
            tap.equal(sender.result()[0], "OK")
            tap.equal(receiver.result()[0], "OK")
            for side in (sender, receiver):
                side.end()
        tap.equal(sum(len(names) for *_, names in
                      os.walk(f"{folder}/to")), 1000)


@tap.case
def homework():
    """The course's homework: a name and bytes, each behind struct's 'i'"""
    data = os.urandom(1000000)
    for order, name in (("<", "a.txt"), (">", "b.txt")):
        with tap.temp_dir() as folder:
            receiver = Side("plain", "-", folder)
            sock = receiver.sock
            sock.sendall(struct.pack(order + "i", len(name)) + name.encode())
            sock.sendall(struct.pack(order + "i", len(data)) + data)
            sock.close()
            tap.equal(receiver.result()[0], "OK")
            receiver.end()
            with open(f"{folder}/{name}", "rb") as file:
                tap.true(file.read() == data, "another content")
            tap.equal(os.listdir(folder), [name])


@tap.case
def homework_gone_wrong():
    """The same, cut or absurd: nothing is left of it"""
    head = struct.pack("i", 1) + b"x"
    for sent, wanted in (
            (head + struct.pack("i", 10) + b"123", "ECONNRESET"),
            (head + struct.pack("i", -1), "EPROTO"),
            (struct.pack("i", 0), "EPROTO"),
            (struct.pack("i", -5), "EPROTO"),
            (struct.pack("i", 2) + b".." + struct.pack("i", 1), "EPROTO"),
            (struct.pack("i", 3) + b"a\0b" + struct.pack("i", 1), "EPROTO"),
            (struct.pack("i", 100) + b"short", "ECONNRESET")):
        with tap.temp_dir() as folder:
            receiver = Side("plain", "-", folder)
            receiver.sock.sendall(sent)
            receiver.sock.close()
            tap.equal(receiver.result()[0], wanted, sent)
            receiver.end()
            tap.equal(os.listdir(folder), [])


@tap.case
def swept():
    """Parts that nobody came back for are swept away, others are not"""
    with tap.temp_dir() as folder:
        os.mkdir(f"{folder}/sub")
        with open(f"{folder}/sub/.new.tenon-part", "wb"):
            pass
        with open(f"{folder}/file.tenon-part", "wb"):
            pass
        side = Side("sweep", "-", folder)
        tap.equal(side.result()[0], "OK")
        side.end()
        tap.equal(os.listdir(f"{folder}/sub"), [".new.tenon-part"])
        tap.equal(sorted(os.listdir(folder)), ["file.tenon-part", "sub"])


tap.run()
