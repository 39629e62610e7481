#!/usr/bin/env python3
"""tenon send and recv of much: very many files, one that is all holes, and a
folder over there that can no longer be written."""

import contextlib
import os

import tap
from hostile_kit import SLOW, figure
from parcel_kit import Line, Receiver, listed, names, read, receiver, write

MANY = 100000 if SLOW else 4000
NOBODY = 65534


@tap.case
def very_many_files():
    """A hundred thousand small files, and once more: nothing to do"""
    with tap.temp_dir() as folder, receiver("--quiet") as r:
        for number in range(MANY):
            if number < 100:
                os.makedirs(f"{folder}/d/{number}")
            with open(f"{folder}/d/{number % 100}/{number}", "wb") as file:
                file.write(b"%d" % number * 20)
        for turn in ("first", "again"):
            began = tap.now()
            code, _, err = r.send(f"{folder}/d", limit=tap.CASE_LIMIT)
            tap.equal(code, 0, err)
            figure(f"{MANY} files, {turn}: {tap.now() - began:.1f} s")
        tap.true(f"; {MANY} not needed" in err, err)
        got = {n: d for n, d in listed(r.folder).items() if d is not None}
        tap.equal(len(got), MANY)
        for name, data in got.items():
            tap.true(data == os.path.basename(name) * 20, name)


@tap.case
def sparse():
    """A hundred gigabytes of nothing with a byte in the middle: no time"""
    size = 100 << 30
    with tap.temp_dir() as folder, receiver("--quiet") as r:
        path = os.path.join(folder, "holes")
        with open(path, "wb") as file:
            file.truncate(size)
            file.seek(size // 2 + 5)
            file.write(b"x")
        for turn in ("first", "again"):
            began = tap.now()
            code, _, err = r.send(path)
            tap.equal(code, 0, err)
            figure(f"100 GB of holes, {turn}: {tap.now() - began:.2f} s")
        st = os.stat(r.path("holes"))
        tap.equal(st.st_size, size)
        tap.true(st.st_blocks * 512 < 1 << 20, f"{st.st_blocks} sectors")
        with open(r.path("holes"), "rb") as file:
            file.seek(size // 2)
            tap.equal(file.read(10), bytes(5) + b"x" + bytes(4))


@tap.case
def folder_read_only():
    """The folder over there may no longer be written: told, nothing is named,
    and the same again goes on when it may"""
    if os.getuid() != 0:
        raise tap.Skip("root only: the receiver is somebody else")
    with contextlib.ExitStack() as stack:
        inbox = stack.enter_context(tap.temp_dir())
        folder = stack.enter_context(tap.temp_dir())
        os.chown(inbox, NOBODY, NOBODY)
        stack.callback(os.chmod, inbox, 0o755)
        path = os.path.join(folder, "f")
        write(path, os.urandom(8 << 20))
        r = Receiver(stack, "--insecure", code=None, folder=inbox,
                     user=NOBODY, group=NOBODY, extra_groups=[])
        line = Line(r.port)
        stack.callback(line.end)
        line.at, line.then = 4 << 20, lambda: os.chmod(inbox, 0o555)
        words = ["send", "--insecure", "--json", path, "--to"]
        code, out, err = tap.tenon(*words, line.where)
        tap.equal(code, 1, err)
        tap.true("permission denied" in out, out)
        tap.equal(names(inbox), [".f.tenon-part"])
        os.chmod(inbox, 0o755)
        code, out, err = tap.tenon(*words, r.where)
        tap.equal(code, 0, err)
        tap.true('"moved":0,' in out.splitlines()[-1], out)
        tap.true(read(inbox, "f") == read(path), "another content")
        tap.equal(names(inbox), ["f"])


tap.run()
