#!/usr/bin/env python3
"""tenon talk on a terminal: what is typed, what is shown, how it ends."""

import contextlib
import os
import signal
import subprocess

import tap
from talk_kit import local


@contextlib.contextmanager
def typing(*options, err=subprocess.PIPE):
    """talk on a terminal: the program, our side of both."""
    master, slave = tap.terminal()
    with tap.listener() as sock:
        talk = tap.Tenon(
            "talk", *options, local(sock.getsockname()[1]), stdin=slave,
            stdout=slave, stderr=slave if err is None else err,
            start_new_session=True)
        os.close(slave)
        with tap.accept(sock) as conn:
            yield talk, master, conn
    os.close(master)


def shown(master, wanted):
    """Read until the terminal shows a text; nothing else came with it."""
    got = tap.read_exactly(master, len(wanted))
    tap.equal(got, wanted, "shown")


@tap.case
def typed():
    """a typed line is sent when it ends, with its newline"""
    with typing() as (_, master, conn):
        os.write(master, "hello wörl".encode())
        tap.true(not tap.readable(conn, 0.1), "sent before its end")
        os.write(master, b"d\n")
        tap.equal(tap.read_some(conn), "hello wörld\n".encode())


@tap.case
def typed_bare():
    """--bare: a typed line is sent without; each receive is a line"""
    with typing("--bare") as (_, master, conn):
        os.write(master, "你好\n".encode())
        tap.equal(tap.read_some(conn), "你好".encode())
        conn.sendall("HI 你".encode())
        shown(master, "HI 你\n".encode())
        conn.sendall(b"two\nlines\n")
        shown(master, b"two\nlines\n")


@tap.case
def at_once():
    """what comes is shown at once, UTF-8 whole"""
    with typing() as (_, master, conn):
        conn.sendall(b"no newline")
        shown(master, b"no newline")
        conn.sendall("你".encode()[:1])
        conn.sendall(b"")
        tap.true(not tap.readable(master, 0.1), "a piece of a character")
        conn.sendall("你".encode()[1:] + b"!")
        shown(master, "你!".encode())


@tap.case
def harmless():
    """control characters do not reach a terminal"""
    with typing() as (_, master, conn):
        conn.sendall("a\x1b[2J\x07b\rc\td\n\u202ee\x9b1m\n".encode() +
                     b"\xff\n")
        shown(master, "a[2Jbc d\ne1m\n\ufffd\n".encode())


@tap.case
def raw():
    """--raw: they do if it is asked for"""
    with typing("--raw") as (_, master, conn):
        conn.sendall(b"\x1b[1mbold\x1b[m\n")
        shown(master, b"\x1b[1mbold\x1b[m\n")


@tap.case
def piped():
    """in a pipe nothing is changed, though stdin is a terminal"""
    master, slave = tap.terminal()
    with tap.listener() as sock:
        talk = tap.Tenon("talk", local(sock.getsockname()[1]), stdin=slave)
        os.close(slave)
        with tap.accept(sock) as conn:
            conn.sendall(b"\x1b[2J\xff")
            tap.equal(tap.read_exactly(talk.stdout, 5), b"\x1b[2J\xff")
    os.close(master)


@tap.case
def ctrl_d():
    """Ctrl-D ends the input; the answer is still shown"""
    with typing() as (talk, master, conn):
        os.write(master, b"q\n\x04")
        tap.equal(tap.read_all(conn), b"q\n")
        conn.sendall(b"bye\n")
        conn.close()
        shown(master, b"bye\n")
        tap.equal(talk.wait(), 0)
        tap.equal(talk.stderr.read(), b"")


@tap.case
def other_side_ended():
    """the other side's end is told at once"""
    with typing() as (talk, master, conn):
        conn.close()
        tap.equal(tap.read_until(talk.stderr, b"\n"),
                  b"tenon talk: the other side has ended; Ctrl-D ends this "
                  b"one\n")
        os.write(master, b"\x04")
        tap.equal(talk.wait(), 0)


@tap.case
def ctrl_c():
    """Ctrl-C: 130, and nothing is left behind"""
    with typing() as (talk, _, conn):
        talk.signal(signal.SIGINT)
        tap.equal(talk.wait(), 130)
        tap.equal(talk.stderr.read(), b"")
        with contextlib.suppress(ConnectionResetError):
            tap.equal(conn.recv(1), b"")


@tap.case
def dump_instead():
    """-x: on a terminal the dump replaces the text"""
    with typing("-x", err=None) as (_, master, conn):
        conn.sendall(b"hi\n")
        shown(master, b"< 3 bytes at 0\n00000000  68 69 0a" + b" " * 42 +
              b"|hi.|\n")


@tap.case
def frames():
    """--frame: a typed line is a message, a message is shown as a line"""
    with typing("--frame", "u8") as (_, master, conn):
        os.write(master, b"hello\n")
        tap.equal(tap.read_exactly(conn, 6), b"\x05hello")
        conn.sendall(b"\x02h\x1b\x02io\x00")
        shown(master, b"h\nio\n\n")


tap.run()
