#!/usr/bin/env python3
"""tenon send and recv, killed at random moments: whatever the moment, the next
try ends right, sends next to nothing twice, and no part ever has the name.

Half a dozen moments a side; TENON_TEST_SLOW=1 takes a hundred."""

import contextlib
import os
import random
import statistics
import threading

import tap
from hostile_kit import SLOW, figure
from parcel_kit import Line, Receiver, names, read, tree

MOMENTS = 50 if SLOW else 3  # of each case: two a side
MIB = 1 << 20
SIZE = 64 * MIB
# What may be sent twice: 1 % of it, with the frames and records around it.
TWICE = SIZE // 100
if SLOW:
    tap.CASE_LIMIT = int(600 * tap.SCALE)


@contextlib.contextmanager
def between(*options, **how):
    with contextlib.ExitStack() as stack:
        r = Receiver(stack, *options, **how)
        line = Line(r.port)
        stack.callback(line.end)
        yield stack, r, line


def cost_of(path):
    """The bytes that one undisturbed transfer takes."""
    with between() as (_, r, line):
        code, _, err = r.send("--quiet", path, to=line.where)
        tap.equal(code, 0, err)
        line.idle.wait(tap.LIMIT)
        return line.passed


def no_part_named(folder, wanted):
    """What has its name is whole, also while the receiver is at work."""
    for base, _, files in os.walk(os.fsencode(folder)):
        for file in files:
            path = os.path.join(base, file)
            name = os.path.relpath(path, os.fsencode(folder))
            if not name.endswith(b".tenon-part"):
                tap.true(wanted[name] == read(path), f"a part is {name}")


def kill_sender(path, moment, wanted):
    """Bytes that went over in both tries."""
    with between() as (_, r, line):
        gone = threading.Event()
        first = r.start_send("--quiet", path, to=line.where)

        def kill():
            first.process.kill()
            gone.set()
        line.at, line.then = moment, kill
        if line.passed >= moment:
            kill()
        first.process.wait(tap.LIMIT)
        line.idle.wait(tap.LIMIT)
        no_part_named(r.folder, wanted)
        code, _, err = r.send("--quiet", path, to=line.where)
        tap.equal(code, 0, err)
        line.idle.wait(tap.LIMIT)
        no_part_named(r.folder, wanted)
        tap.equal(sorted(names(r.folder)), all_names(wanted))
        return line.passed


def kill_receiver(path, moment, wanted):
    """The same; the sender goes on by itself."""
    with between() as (stack, r, line):
        gone = threading.Event()

        def kill():
            r.tenon.process.kill()
            gone.set()
        line.at, line.then = moment, kill
        sender = r.start_send("--quiet", path, to=line.where)
        tap.true(gone.wait(tap.LIMIT), "the moment did not come")
        r.tenon.process.wait(tap.LIMIT)
        no_part_named(r.folder, wanted)
        line.port = Receiver(stack, folder=r.folder).port
        tap.equal(sender.wait(), 0, tap.read_all(sender.stderr))
        line.idle.wait(tap.LIMIT)
        no_part_named(r.folder, wanted)
        tap.equal(sorted(names(r.folder)), all_names(wanted))
        return line.passed


def all_names(wanted):
    found = set()
    for name in map(os.fsdecode, wanted):
        while name:
            found.add(name)
            name = os.path.dirname(name)
    return sorted(found)


def moments(what, kill, path, wanted):
    chance = random.Random()
    seed = chance.randrange(1 << 32)
    chance.seed(seed)
    cost = cost_of(path)
    twice = []
    for number in range(MOMENTS):
        moment = chance.randrange(1, cost)
        over = kill(path, moment, wanted) - cost
        twice.append(max(over, 0))
        tap.true(over <= TWICE, f"seed {seed}, moment {number} at {moment}: "
                 f"{over} bytes were sent twice")
    figure(f"{what}: killed at {MOMENTS} moments, sent twice of "
           f"{SIZE // MIB} MiB: median {statistics.median(twice) / 1024:.0f}, "
           f"worst {max(twice) / 1024:.0f} KiB")


def one_file(who, kill):
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb") as file:
            file.write(os.urandom(SIZE))
        with open(path, "rb") as file:
            moments(f"a file, the {who}", kill, path, {b"file": file.read()})


def a_folder(who, kill):
    with tap.temp_dir() as folder:
        files = {f"d/{n % 7}/{n}": os.urandom(n * 97) for n in range(300)}
        rest = SIZE - sum(map(len, files.values()))
        files["d/big"] = os.urandom(rest // 3)
        files["d/bigger"] = os.urandom(rest - rest // 3)
        tree(folder, files)
        moments(f"a folder, the {who}", kill, os.path.join(folder, "d"),
                {os.fsencode(name): data for name, data in files.items()})


for side, way in (("sender", kill_sender), ("receiver", kill_receiver)):
    tap.add(f"a file, and the {side} is killed at any moment",
            one_file, side, way)
    tap.add(f"a folder, and the {side} is killed at any moment",
            a_folder, side, way)

tap.run()
