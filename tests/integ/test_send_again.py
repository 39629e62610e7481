#!/usr/bin/env python3
"""tenon send and recv when something breaks: the connection, one side, or the
patience of who sits there. What went over is not sent again."""

import contextlib
import os
import signal
import threading

import tap
from hostile_kit import fill, small_disk
from parcel_kit import (Receiver, digest, events, listed, names,
                        read_event, receiver, tree, wire, write)

SIZE = 24 << 20
HALF = SIZE // 2


def big(folder, name="big.bin"):
    path = os.path.join(folder, name)
    write(path, os.urandom(1 << 20) * (SIZE >> 20))
    with open(path, "r+b") as file:  # no two blocks are the same
        for at in range(0, SIZE, 1 << 16):
            file.seek(at)
            file.write(at.to_bytes(8, "big"))
    return path


@contextlib.contextmanager
def half_way(*options, retry="2m", **how):
    """A receiver, a sender, and a wire between them that has stopped."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tap.temp_dir())
        path = big(folder)
        r = Receiver(stack, *options, **how)
        line = stack.enter_context(wire(r.port))
        line.stop_after(HALF)
        sender = r.start_send("--json", "--retry-for", retry, path,
                              to=line.where)
        line.wait_stopped()
        yield stack, r, line, sender, path


def again(r, path, least=HALF // 2):
    """The same once more, directly: it goes on, and the file is right."""
    code, out, err = r.send("--json", path)
    tap.equal(code, 0, err)
    end = events(out, "end")[0]
    tap.true(end["kept"] >= least, end)
    tap.true(end["moved"] <= SIZE - least, end)
    arrived(r, path)


def feed(pipe):
    """Write until nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        while True:
            pipe.write(os.urandom(1 << 20))


def arrived(r, path):
    tap.equal(names(r.folder), ["big.bin"])
    tap.equal(digest(r.path("big.bin")), digest(path))


def no_name_yet(r):
    tap.true(not os.path.exists(r.path("big.bin")),
             "a part bears the final name")


@tap.case
def broken_wire():
    """A connection that breaks is made anew and goes on by itself"""
    with half_way() as (_, r, line, sender, path):
        no_name_yet(r)
        line.cut()
        tap.equal(sender.wait(), 0, tap.read_all(sender.stderr))
        found = events(tap.read_all(sender.stdout))
        tap.equal(len([e for e in found if e["event"] == "lost"]), 1)
        begun = [e for e in found if e["event"] == "begin"]
        tap.equal(begun[0]["done"], 0)
        tap.true(begun[-1]["done"] >= HALF // 2, begun)
        tap.true(found[-1]["moved"] < SIZE + HALF, found[-1])
        arrived(r, path)


@tap.case
def often_broken():
    """It may break again and again: each time it goes on"""
    with half_way("--json") as (_, r, line, sender, path):
        for _ in range(3):
            line.cut()
            line.stop_after(SIZE // 8)
            line.wait_stopped()
        line.cut()
        tap.equal(sender.wait(), 0, tap.read_all(sender.stderr))
        arrived(r, path)


@tap.case
def sender_killed():
    """kill -9 of the sender: the same command goes on"""
    with half_way() as (_, r, line, sender, path):
        sender.process.kill()
        sender.process.wait()
        line.cut()
        no_name_yet(r)
        again(r, path)


@tap.case
def receiver_killed():
    """kill -9 of the receiver: a new one with the same code, and the sender
    goes on by itself"""
    with half_way() as (stack, r, line, sender, path):
        r.tenon.process.kill()
        r.tenon.process.wait()
        no_name_yet(r)
        line.port = Receiver(stack, folder=r.folder).port
        line.cut()
        tap.equal(sender.wait(), 0, tap.read_all(sender.stderr))
        found = events(tap.read_all(sender.stdout))
        tap.true(found[-1]["kept"] >= HALF // 2, found[-1])
        arrived(r, path)


@tap.case
def both_killed():
    """kill -9 of both sides: the same two commands go on"""
    with half_way() as (stack, r, line, sender, path):
        for side in (sender, r.tenon):
            side.process.kill()
            side.process.wait()
        line.cut()
        no_name_yet(r)
        again(Receiver(stack, folder=r.folder), path)


@tap.case
def new_code():
    """A receiver that was started anew has another code: exit 6, and why"""
    with half_way() as (stack, r, line, sender, _):
        r.tenon.process.kill()
        r.tenon.process.wait()
        line.port = Receiver(stack, code="another", folder=r.folder).port
        line.cut()
        tap.equal(sender.wait(), 6)
        told = tap.read_all(sender.stderr).decode()
        tap.true("not its code any more" in told, told)


@tap.case
def sender_stopped():
    """Ctrl-C on the sender: 130; the receiver stays, the rest comes later"""
    with half_way() as (_, r, line, sender, path):
        sender.signal(signal.SIGINT)
        tap.equal(sender.wait(), 130)
        line.cut()
        no_name_yet(r)
        again(r, path)


@tap.case
def receiver_stopped():
    """Ctrl-C on the receiver in the middle: 0, its sender is told"""
    with half_way(retry="0") as (stack, r, line, sender, path):
        r.tenon.signal(signal.SIGINT)
        tap.equal(r.tenon.wait(), 0)
        tap.equal(sender.wait(), 6)
        told = tap.read_all(sender.stderr).decode()
        tap.true("was ended (the same again goes on)" in told, told)
        no_name_yet(r)
        again(Receiver(stack, folder=r.folder), path)


@tap.case
def given_up():
    """--retry-for: nobody for that long, then 1, and the part stays"""
    with half_way() as (stack, r, line, sender, path):
        sender.process.kill()
        sender.process.wait()
        line.cut()
        line.stop_after(HALF)
        sender = r.start_send("--json", "--retry-for", "300ms", path,
                              to=line.where)
        read_event(sender.stdout, "begin")
        r.tenon.process.kill()
        r.tenon.process.wait()
        line.end()
        tap.equal(sender.wait(), 1)
        told = tap.read_all(sender.stderr).decode()
        tap.true("no connection for too long" in told, told)
        again(Receiver(stack, folder=r.folder), path, SIZE // 4)


@tap.case
def stream_broken():
    """What comes by a pipe cannot be sent again: 1 on both sides of --once"""
    with tap.temp_dir() as folder, receiver("--once", "-o",
                                            os.path.join(folder, "out")) as r:
        with wire(r.port) as line:
            line.stop_after(HALF)
            sender = r.start_send("-", "--name", "x", to=line.where)
            threading.Thread(target=feed, args=(sender.stdin,),
                             daemon=True).start()
            line.wait_stopped()
            line.cut()
            tap.equal(sender.wait(), 1)
            told = tap.read_all(sender.stderr).decode()
            tap.true("cannot be sent again" in told, told)
        tap.equal(r.tenon.wait(), 1)
        tap.equal(names(folder), [])


@tap.case
def once_waits():
    """--once waits for who comes again"""
    with half_way("--once") as (_, r, line, sender, path):
        line.cut()
        tap.equal(sender.wait(), 0, tap.read_all(sender.stderr))
        tap.equal(r.tenon.wait(), 0)
        arrived(r, path)


@tap.case
def many_small():
    """Many small files, broken in the middle: none twice, none missing"""
    with tap.temp_dir() as folder, receiver() as r, wire(r.port) as line:
        files = {f"d/{n % 20}/{n}": os.urandom(5000) for n in range(1000)}
        tree(folder, files)
        line.stop_after(2500000)
        sender = r.start_send(os.path.join(folder, "d"), to=line.where)
        line.wait_stopped()
        line.cut()
        tap.equal(sender.wait(), 0)
        got = {name: data for name, data in listed(r.folder).items()
               if data is not None}
        tap.equal(len(got), 1000)
        tap.true(got == {os.fsencode(n): d for n, d in files.items()},
                 "other contents")
        told = tap.read_all(sender.stderr).decode()
        tap.true("sent 1000 files, 4.8M in " in told, told)


@tap.case
def disk_full():
    """A full disk over there: both say so, it goes on serving, and the same
    again goes on when there is room"""
    with small_disk(40 << 10) as disk:
        with half_way("-v", folder=disk) as (stack, r, line, sender, path):
            ballast = os.path.join(disk, "ballast")
            fill(ballast)
            line.cut()
            tap.equal(sender.wait(), 1)
            told = tap.read_all(sender.stderr).decode()
            tap.true("are needed" in told and "are free" in told, told)
            no_name_yet(r)
            code, _, err = r.send(path)
            tap.equal(code, 1, err)
            os.unlink(ballast)
            again(r, path)


@tap.case
def device_full():
    """-o to a device that takes nothing: 1 on both sides"""
    with tap.temp_dir() as folder, receiver("--once", "-o", "/dev/full") as r:
        path = os.path.join(folder, "a")
        write(path, os.urandom(100000))
        code, _, err = r.send("--retry-for", "0", path)
        tap.equal((code, r.tenon.wait()), (1, 1), err)


@tap.case
def silent_wire():
    """A connection that dies without a word: who comes again takes over"""
    with half_way("--json", "--once") as (_, r, line, sender, path):
        sender.process.kill()  # the wire stays: the receiver hears nothing
        sender.process.wait()
        second = r.start_send("--json", path)
        tap.equal(second.wait(), 0, "the second sender")
        tap.equal(r.tenon.wait(), 0)
        arrived(r, path)
        line.cut()


tap.run()
