#!/usr/bin/env python3
"""tenon get on a terminal: colours, what is shown and what is not, progress,
the question for a password."""

import contextlib
import fcntl
import os
import re
import termios
import threading

import tap
import web


def take_terminal():
    """In the child: stdin is its controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextlib.contextmanager
def screen(*words, env=None, stdout=True, stderr=False, control=False):
    """The program with a terminal; control: it is the controlling one."""
    master, slave = tap.terminal()
    how = {}
    if stdout:
        how["stdout"] = slave
    if stderr:
        how["stderr"] = slave
    if control:
        how.update(stdin=slave, start_new_session=True,
                   preexec_fn=take_terminal)
    program = tap.Tenon("get", *words, env=env, **how)
    os.close(slave)
    yield master, program
    os.close(master)


def shown(body, *fields, env=None, code=0):
    with web.server(lambda r, c: web.reply(body, "200 OK", *fields)) as server:
        with screen(server.url(), env=env) as (master, program):
            out = tap.read_all(master)
            tap.equal(program.wait(), code)
            return out, program.stderr.read().decode()


JSON = "Content-Type: application/json; charset=utf-8"


WRITTEN = ('{"a":[1,true, null],"b" :"x\\u001b\u202ey\u00fc\\"{",'
           '"c":-1.50e3,"d":[],"e":{ },"f":{"g":0.1}}')
SET_OUT = """{
    "a": [
        1,
        true,
        null
    ],
    "b": "x\\u001by\u00fc\\"{",
    "c": -1.50e3,
    "d": [],
    "e": {},
    "f": {
        "g": 0.1
    }
}
"""


@tap.case
def pretty():
    """JSON is set out and coloured; not with NO_COLOR"""
    out, _ = shown(WRITTEN.encode(), JSON, env={"NO_COLOR": "1"})
    tap.equal(out.decode(), SET_OUT)
    out, _ = shown(WRITTEN.encode(), "Content-Type: application/problem+json")
    tap.true(b"\x1b[" in out, out)
    tap.equal(re.sub(rb"\x1b\[[0-9;]*m", b"", out).decode(), SET_OUT)


@tap.case
def broken_json():
    """what says that it is JSON and is not is shown as text"""
    tap.equal(shown(b'{"a":', JSON)[0], b'{"a":')


@tap.case
def cleaned():
    """text is cleaned of what could harm the terminal"""
    body = ("a\x1b[31mb\x07\x9b\u202ec\td\r\ne\u00fc".encode() + b"\xff"
            + "\u4e16".encode())
    tap.equal(shown(body)[0].decode(), "a[31mbc\td\ne\u00fc\ufffd\u4e16")


@tap.case
def long_lines():
    """long lines come whole, and no character is cut"""
    body = ("x" + "\u4e16" * 20000).encode()
    tap.equal(shown(body)[0], body)


@tap.case
def binary():
    """what is no text is not shown"""
    out, err = shown(b"\x7fELF\x00\x01", code=1)
    tap.equal(out, b"")
    tap.true("-o FILE" in err and err.count("\n") == 1, err)


@tap.case
def piped():
    """a pipe gets every byte as it came"""
    body = b'{"a":1}\x1b[31m\x00'
    with web.server(lambda r, c: web.reply(body, "200 OK", JSON)) as server:
        program = tap.Tenon("get", server.url())
        tap.equal(tap.read_all(program.stdout), body)
        tap.equal(program.wait(), 0)


@tap.case
def progress():
    """progress on stderr: name, per cent, size"""
    go = threading.Event()

    def answer(request, conn):
        conn.sendall(web.reply(b"x" * 1000000)[:500000])
        go.wait(tap.LIMIT)
        conn.sendall(web.reply(b"x" * 1000000)[500000:])
    with web.server(answer) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "film")
        with screen("-o", path, server.url(), stdout=False,
                    stderr=True) as (master, program):
            text = tap.read_until(master, b"/s")
            while b"49%" not in text and b"50%" not in text:
                text += tap.read_some(master)
            text += tap.read_until(master, b"stalled 3 s")
            go.set()
            text += tap.read_until(master, b"\n")
            tap.equal(program.wait(), 0)
            tap.true(b"film" in text, text)
            tap.true(b"100%" in text, text)
            tap.true(b"976.6k" in text, text)
        with screen("-s", "-o", path, server.url(), stdout=False,
                    stderr=True) as (master, program):
            tap.equal(program.wait(), 0)
            tap.equal(tap.read_all(master), b"")


@tap.case
def password():
    """-u asks on the terminal, which shows nothing of it"""
    with web.server(lambda r, c: web.reply(b"in")) as server:
        with screen("-u", "me", server.url(), stdout=False,
                    control=True) as (master, program):
            text = tap.read_until(master, b"Password for me: ")
            os.write(master, b"hush\n")
            tap.equal(program.wait(), 0)
            tap.equal(program.stdout.read(), b"in")
            text += tap.read_until(master, b"\n")
            tap.true(b"hush" not in text, text)
        tap.equal(web.field(server.requests[0], "Authorization"),
                  "Basic bWU6aHVzaA==")
        with screen("-u", "me", server.url(), stdout=False,
                    control=True) as (master, program):
            tap.read_until(master, b"Password for me: ")
            os.write(master, b"\x03")
            tap.equal(program.wait(), 130)
        tap.equal(len(server.requests), 1)


tap.run()
