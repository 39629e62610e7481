#!/usr/bin/env python3
"""tenon send of a file whose owner works on it meanwhile: what gets a name is
what the file was at some moment, never some of one and some of another.

Each page of the file tells in which turn it was written."""

import contextlib
import mmap
import os
import random

import tap
from hostile_kit import SLOW
from parcel_kit import Line, Receiver, names, read, write

PAGE = 4096
PAGES = 4096
SIZE = PAGE * PAGES
TURNS = 20 if SLOW else 3


def pages(turn, first, count):
    return b"".join(
        (b"turn %08d page %08d\n" % (turn, n)).ljust(PAGE, b".")
        for n in range(first, first + count))


class Owner:
    """Who works on the file, and knows all that it ever was."""

    def __init__(self, path):
        self.path = path
        self.turn = 0
        self.was = [pages(0, 0, PAGES)]
        write(path, self.was[0])

    def note(self):
        self.was.append(read(self.path))

    def put(self, first, count):
        self.turn += 1
        with open(self.path, "r+b") as file:
            file.seek(first * PAGE)
            file.write(pages(self.turn, first, count))
        self.note()

    # --- what may happen to it ---

    def truncated(self):
        os.truncate(self.path, SIZE // 3)
        self.note()

    def emptied(self):
        os.truncate(self.path, 0)
        self.note()

    def appended(self):
        self.put(PAGES, 100)

    def replaced(self):
        self.turn += 1
        write(self.path + ".new", pages(self.turn, 0, PAGES))
        os.rename(self.path + ".new", self.path)
        self.note()

    def removed(self):
        os.unlink(self.path)

    def written_before(self):
        self.put(0, 1)

    def written_behind(self):
        self.put(PAGES - 1, 1)

    def written_twice(self):
        self.put(PAGES - 1, 1)
        self.put(0, 1)

    def written_all_over(self):
        for n in range(0, PAGES, 500):
            self.put(n, 1)

    def written_and_dated_back(self):
        st = os.stat(self.path)
        self.put(PAGES - 2, 2)
        os.utime(self.path, ns=(st.st_atime_ns, st.st_mtime_ns))

    def written_by_a_mapping(self):
        self.turn += 1
        with open(self.path, "r+b") as file, \
                mmap.mmap(file.fileno(), 0) as memory:
            memory[-PAGE:] = pages(self.turn, PAGES - 1, 1)
            memory.flush()
        self.note()

    def only_its_mode(self):
        os.chmod(self.path, 0o600)


ACTS = [name for name, what in vars(Owner).items()
        if callable(what) and not name.startswith("_")
        and name not in ("note", "put")]
# The same bytes are sent all the same, or the file as it was opened.
HARMLESS = ("only_its_mode", "replaced", "removed")


def existed(owner, folder):
    """What has a name was so once; the part has none."""
    for name in names(folder):
        if not name.endswith(".tenon-part"):
            data = read(folder, name)
            tap.true(data in owner.was, f"{name}, {len(data)} bytes, is none "
                     "of what the file was")


def again(r, owner):
    """The same again sends it as it is now."""
    if os.path.exists(owner.path):
        code, _, err = r.send("--quiet", owner.path)
        tap.equal(code, 0, err)
        tap.true(any(read(r.folder, n) == owner.was[-1]
                     for n in names(r.folder)
                     if not n.endswith(".tenon-part")), "it is not there")
        existed(owner, r.folder)


@contextlib.contextmanager
def around():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tap.temp_dir())
        owner = Owner(os.path.join(folder, "f"))
        r = Receiver(stack)
        line = Line(r.port)
        stack.callback(line.end)
        yield owner, r, line, random.randrange(1, SIZE)


def meanwhile(act):
    """In the middle of being sent"""
    for _ in range(TURNS):
        with around() as (owner, r, line, moment):
            line.at, line.then = moment, getattr(owner, act)
            sender = r.start_send("--retry-for", "0", owner.path,
                                  to=line.where)
            code = sender.wait()
            told = tap.read_all(sender.stderr).decode()
            existed(owner, r.folder)
            if code == 0:
                tap.equal(names(r.folder), ["f"])
            else:
                tap.true(act not in HARMLESS, told)
                tap.true("changed" in told, told)
                tap.equal(code, 1)
            again(r, owner)


def between_tries(act):
    """Between a try that is killed and the next"""
    for _ in range(TURNS):
        with around() as (owner, r, line, moment):
            sender = r.start_send("--quiet", owner.path, to=line.where)
            line.at, line.then = moment, sender.process.kill
            if line.passed >= moment:
                sender.process.kill()
            sender.process.wait(tap.LIMIT)
            getattr(owner, act)()
            line.idle.wait(tap.LIMIT)
            existed(owner, r.folder)
            again(r, owner)


for one in ACTS:
    tap.add(f"{one.replace('_', ' ')}, meanwhile", meanwhile, one)
for one in ACTS:
    if one != "removed":
        tap.add(f"{one.replace('_', ' ')}, between two tries", between_tries,
                one)

tap.run()
