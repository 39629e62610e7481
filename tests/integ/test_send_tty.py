#!/usr/bin/env python3
"""tenon send and recv at terminals: the code is asked for, the offer is shown
and answered, progress is seen."""

import contextlib
import os
import re
import signal
import termios

import tap
from parcel_kit import (Receiver, listed, names, receiver, sitting, tree, wire,
                        write)


@contextlib.contextmanager
def asking(*options):
    """A receiver that asks, its folder, and files to send."""
    with tap.temp_dir() as inbox, tap.temp_dir() as files:
        tree(files, {"a.txt": b"a", "p/b.jpg": b"bb", "p/q/c.jpg": b"ccc",
                     "r/d": b"dddd"})
        words = [os.path.join(files, name) for name in ("a.txt", "p", "r")]
        with sitting("recv", "-p", "0", "--bind", "127.0.0.1", *options, inbox,
                     ready=True) as seat:
            yield seat, inbox, files, words


def send(seat, files, words):
    """A sender that has read the code off the screen."""
    secret = os.path.join(files, "secret")
    write(secret, seat.code().encode())
    return tap.Tenon("send", "--as", "ann", "--code-file", secret, *words,
                     "--to", seat.program.where)


@tap.case
def accepted():
    """The offer is shown, and Return takes it"""
    with asking("--once") as (seat, inbox, files, words):
        sender = send(seat, files, words)
        seat.sees("ann (127.0.0.1:", ") wants to send 4 files and 3 folders, "
                  "10 B:\n", "  a.txt, 1 B\n", "Take them? [Y/n/some] ")
        tap.equal(listed(inbox), {})
        seat.type("\n")
        tap.equal((sender.wait(), seat.program.wait()), (0, 0))
        tap.equal(names(inbox), ["a.txt", "p", "p/b.jpg", "p/q", "p/q/c.jpg",
                                 "r", "r/d"])


@tap.case
def refused():
    """n refuses: both sides say so, 6 and with --once 6"""
    with asking("--once") as (seat, inbox, files, words):
        sender = send(seat, files, words)
        seat.sees("[Y/n/some] ")
        seat.type("what?\n")
        seat.sees("[Y/n/some] ")
        seat.type("no\n")
        tap.equal((sender.wait(), seat.program.wait()), (6, 6))
        told = tap.read_all(sender.stderr).decode()
        tap.true("did not take it" in told, told)
        seat.sees("refused 4 files and 3 folders, 10 B of ann\n")
        tap.equal(listed(inbox), {})


@tap.case
def no_answer():
    """The end of input (Ctrl-D) is a no"""
    with asking() as (seat, inbox, files, words):
        sender = send(seat, files, words)
        seat.sees("[Y/n/some] ")
        seat.type("\x04")
        tap.equal(sender.wait(), 6)
        seat.sees("nobody answered")
        tap.equal(listed(inbox), {})


@tap.case
def some():
    """s asks item by item; a folder is answered as a whole, or looked into"""
    with asking("--once") as (seat, inbox, files, words):
        sender = send(seat, files, words)
        seat.sees("[Y/n/some] ")
        seat.type("s\n")
        answers = {"a.txt, 1 B": "n", "p/": "s", "p/b.jpg, 2 B": "n",
                   "p/q/": "y", "r/": "n"}
        for _ in range(len(answers)):
            item = seat.sees("? [Y/n/").split("  ")[-1]
            seat.sees("] ")
            seat.type(answers.pop(item) + "\n")
        tap.equal((sender.wait(), seat.program.wait()), (0, 0))
        tap.equal(names(inbox), ["p", "p/q", "p/q/c.jpg"])
        told = tap.read_all(sender.stderr).decode()
        tap.true("it takes 1 file" in told, told)


@tap.case
def some_then_all():
    """a takes all the rest, d none of it"""
    for letter, count in (("a", 7), ("d", 0)):
        with asking() as (seat, inbox, files, words):
            sender = send(seat, files, words)
            seat.sees("[Y/n/some] ")
            seat.type("s\n")
            seat.sees("/done] ")
            seat.type(letter + "\n")
            tap.true(sender.wait() in (0, 6), "the sender")
            tap.equal(len(names(inbox)), count, letter)


@tap.case
def long_offer():
    """Of a long offer ten lines are shown, cleaned, and the rest counted"""
    with asking() as (seat, inbox, files, _):
        tree(files, {b"l/%03d\x1b]0;x\x07" % n: b"x" for n in range(50)})
        sender = send(seat, files, [os.path.join(files, "l")])
        text = seat.sees("  ... and 41 more\n")
        tap.equal(text.count("\n  "), 10)
        tap.true("\x1b" not in text and "\x07" not in text, text)
        seat.sees("[Y/n/some] ")
        seat.type("y\n")
        tap.equal(sender.wait(), 0)
        tap.equal(len(names(inbox)), 51)


@tap.case
def ctrl_c_at_the_question():
    """Ctrl-C while it asks ends it, and the sender is told"""
    with asking() as (seat, inbox, files, words):
        sender = send(seat, files, words + ["--retry-for", "0"])
        seat.sees("[Y/n/some] ")
        seat.type("\x03")
        tap.equal(seat.program.wait(), 0)
        tap.true(sender.wait() in (1, 6), "the sender")
        tap.equal(listed(inbox), {})


@tap.case
def one_question_at_a_time():
    """Two offers at once: the second question comes after the first answer"""
    with asking() as (seat, inbox, files, words):
        first = send(seat, files, words[:1])
        seat.sees("[Y/n/some] ")
        second = tap.Tenon("send", "--code-file",
                           os.path.join(files, "secret"), words[1], "--to",
                           seat.program.where, "-v")
        tap.read_until(second.stderr, b"to ")
        seat.type("n\n")
        tap.equal(first.wait(), 6)
        seat.sees("wants to send 2 files", "[Y/n/some] ")
        seat.type("y\n")
        tap.equal(second.wait(), 0)
        tap.equal(names(inbox), ["p", "p/b.jpg", "p/q", "p/q/c.jpg"])


# --- the sender's terminal --------------------------------------------------

@tap.case
def typed_code():
    """The code is asked for; a wrong one, then the one that is shown next"""
    with tap.temp_dir() as folder, receiver(code=None) as r:
        path = os.path.join(folder, "a.txt")
        write(path, b"a")
        r.read_code()
        with sitting("send", path, r.where) as seat:
            seat.sees(f"Code of {r.where}: ")
            seat.type("wrong\n")
            seat.sees("that is not its code; it shows a new one now\n",
                      "Code: ")
            seat.type(r.read_code() + "\n")
            seat.sees("sent a.txt, 1 B in ")
            tap.equal(seat.program.wait(), 0)
        tap.equal(listed(r.folder), {b"a.txt": b"a"})


@tap.case
def ctrl_c_at_the_code():
    """Ctrl-C instead of a code: 130, and the terminal is as it was"""
    with tap.temp_dir() as folder, receiver(code=None) as r:
        path = os.path.join(folder, "a.txt")
        write(path, b"a")
        with sitting("send", path, r.where) as seat:
            before = termios.tcgetattr(seat.master)
            seat.sees("Code of ")
            seat.type("\x03")
            tap.equal(seat.program.wait(), 130)
            tap.equal(termios.tcgetattr(seat.master), before)
        tap.equal(listed(r.folder), {})


@tap.case
def nobody_answers():
    """Where nobody listens no code is asked for"""
    with tap.temp_dir() as folder, tap.listener() as sock:
        path = os.path.join(folder, "a.txt")
        write(path, b"a")
        where = "127.0.0.1:%d" % sock.getsockname()[1]
        sock.close()
        with sitting("send", path, where) as seat:
            tap.equal(seat.program.wait(), 1)
            text = seat.rest()
            tap.true("connection refused" in text and "Code" not in text, text)


@tap.case
def without_terminal():
    """Without a terminal, and without --code-file: 2, and what to do"""
    with tap.temp_dir() as folder, receiver() as r:
        path = os.path.join(folder, "a.txt")
        write(path, b"a")
        sender = tap.Tenon("send", path, r.where, start_new_session=True)
        tap.equal(sender.wait(), 2)
        told = tap.read_all(sender.stderr).decode()
        tap.true("--code-file FILE reads it" in told, told)


@tap.case
def no_raw_bytes():
    """-o - does not write to a terminal"""
    with sitting("recv", "-y", "--once", "-o", "-") as seat:
        tap.equal(seat.program.wait(), 2)
        seat.sees("does not go to a terminal")


# --- progress ---------------------------------------------------------------

BAR = re.compile(r"\rbig\.bin  +\d+% \[#* +\] [0-9.]+[kM]/8\.0M  ")


@tap.case
def progress():
    """Both sides show name, per cent, bar, done of total, speed; and that it is
    stalled"""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tap.temp_dir())
        path = os.path.join(folder, "big.bin")
        write(path, os.urandom(8 << 20))
        inbox = stack.enter_context(tap.temp_dir())
        recv = stack.enter_context(
            sitting("recv", "-p", "0", "--bind", "127.0.0.1", "-y", "--once",
                    inbox, ready=True))
        line = stack.enter_context(wire(recv.program.port))
        line.stop_after(3 << 20)
        send_seat = stack.enter_context(
            sitting("send", path, "--to", line.where))
        send_seat.sees("Code of ")
        send_seat.type(recv.code() + "\n")
        line.wait_stopped()
        for seat in (recv, send_seat):
            text = seat.sees("stalled ")
            tap.true(BAR.search(text) and "/s\x1b[K" in text, text)
            seat.sees(" s\x1b[K")
        line.cut()
        for seat in (recv, send_seat):
            seat.sees("big.bin", ", 8.0M in ", "/s)")
            tap.equal(seat.program.wait(), 0)
        tap.equal(listed(inbox), {b"big.bin": open(path, "rb").read()})


@tap.case
def progress_of_many():
    """Over many small files: the name of one, and how far all of them are"""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tap.temp_dir())
        tree(folder, {f"d/{n}": os.urandom(20000) for n in range(400)})
        inbox = stack.enter_context(tap.temp_dir())
        recv = stack.enter_context(
            sitting("recv", "-p", "0", "--bind", "127.0.0.1", "-y", "--once",
                    inbox, ready=True))
        line = stack.enter_context(wire(recv.program.port))
        line.stop_after(3 << 20)
        seat = stack.enter_context(
            sitting("send", os.path.join(folder, "d"), "--to", line.where))
        seat.sees("Code of ")
        seat.type(recv.code() + "\n")
        for side in (recv, seat):
            text = side.sees("stalled ")
            tap.true(re.search(r"d/\d+ +\d+% \[#+ +\] [0-9.]+M/7\.6M  ",
                               text), text)
        line.cut()
        tap.equal((seat.program.wait(), recv.program.wait()), (0, 0))
        seat.sees("sent 400 files, 7.6M in ")
        tap.equal(len(names(inbox)), 401)


@tap.case
def no_progress():
    """No progress with --quiet or --json, nor where no terminal is"""
    with tap.temp_dir() as folder, receiver() as r:
        path = os.path.join(folder, "a.bin")
        write(path, os.urandom(3 << 20))
        for option in ("--quiet", "--json"):
            with sitting(*r.send_words(option, path)) as seat:
                tap.equal(seat.program.wait(), 0)
                tap.true("\x1b" not in seat.rest(), option)
            os.unlink(r.path("a.bin"))
        code, _, err = r.send(path)
        tap.equal((code, "\r" in err), (0, False), err)


@tap.case
def stopped_with_a_progress_line():
    """Ctrl-C in the middle leaves a clean line: 130"""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tap.temp_dir())
        path = os.path.join(folder, "big.bin")
        write(path, os.urandom(8 << 20))
        r = Receiver(stack)
        line = stack.enter_context(wire(r.port))
        line.stop_after(3 << 20)
        seat = stack.enter_context(sitting(*r.send_words(path, to=line.where)))
        seat.sees("big.bin", "%")
        seat.program.signal(signal.SIGINT)
        tap.equal(seat.program.wait(), 130)
        text = seat.rest()
        tap.true(text.endswith("\r\x1b[K"), text[-200:])


tap.run()
