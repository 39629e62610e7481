#!/usr/bin/env python3
"""Phones at the commands: the hub, recv and send speak LocalSend."""

import json
import os
import re
import signal

import room
import tap
from phone_kit import Phone, Session, content, listing


# --- the hub ------------------------------------------------------------------

def hub_port(hub):
    text = ""
    while not (found := re.search(r'LocalSend app finds "(.*)" \(port (\d+)\)',
                                  text)):
        text += tap.read_some(hub.stderr).decode()
    return found[1], int(found[2])


class Door(Phone):
    """What a hub listens with."""

    def __init__(self, hub):
        self.name, self.port = hub_port(hub)
        self.base = f"https://127.0.0.1:{self.port}"


@tap.case
def hub():
    """phone: the hub takes files from phones, and the room hears of them"""
    with tap.temp_dir() as folder:
        open_room = room.hub(folder, "--lang", "en", "--phone-port", "0",
                             "--name", "Class 3")
        door = Door(open_room)
        tap.true(door.name.startswith("Class 3 on "), door.name)
        session = door.take({"1": ("a photo.jpg", b"x" * 5000)})
        tap.equal(session.send("1", b"x" * 5000), 200, "upload")
        line = tap.read_until(open_room.stdout, b"\n").decode()
        tap.true("a photo.jpg" in line, line)
        tap.equal(listing(folder), ["a photo.jpg"], "files")


@tap.case
def hub_code():
    """phone: a room's code is the PIN; without it nothing comes in"""
    with tap.temp_dir() as folder, tap.temp_dir() as other:
        path = os.path.join(other, "code")
        with open(path, "w", encoding="ascii") as file:
            file.write("sesame 7\n")
        door = Door(room.hub(folder, "--phone-port", "0", "--code-file", path))
        one = {"1": ("a", b"x")}
        tap.equal(door.offer(one)[0], 401, "no PIN")
        tap.equal(door.offer(one, "?pin=sesame%207")[0], 200, "the code")


@tap.case
def hub_without():
    """phone: no door where nothing is taken, or nobody could come"""
    with tap.temp_dir() as folder:
        for words in (["--no-phones", "--phone-port", "0"], [],
                      ["--read-only", "--phone-port", "0"]):
            here = room.hub(folder, *words)
            here.signal(signal.SIGINT)
            text = here.stderr.read().decode()
            tap.true("hones" not in text, text)
            tap.equal(here.wait(), 0, "exit code")


@tap.case
def hub_taken():
    """phone: a port that is taken is told, and the room is open"""
    with tap.temp_dir() as folder, tap.listener() as taken:
        port = taken.getsockname()[1]
        here = room.hub(folder, "--phone-port", str(port))
        here.signal(signal.SIGINT)
        text = here.stderr.read().decode()
        tap.true(f"port {port} is taken" in text, text)
        tap.equal(here.wait(), 0, "exit code")


# --- recv and send ------------------------------------------------------------

def lines(program, pattern):
    """Its words until a pattern is in them."""
    while not re.search(pattern, program.said):
        more = tap.read_some(program.stderr)
        if not more:
            raise AssertionError(f"no {pattern!r} in {program.said!r}")
        program.said += more.decode()
    return re.search(pattern, program.said)


def receiver(folder, *words):
    program = tap.Tenon("recv", folder, "-y", "-p", "0", "--bind",
                        "127.0.0.1", "--phone-port", "0", *words)
    program.said = ""
    program.door = object.__new__(Door)
    program.door.port = int(lines(program, r'finds ".*" \(port (\d+)\)')[1])
    program.door.base = f"https://127.0.0.1:{program.door.port}"
    return program


@tap.case
def recv():
    """phone: recv takes files from a phone by its code, and ends with --once"""
    with tap.temp_dir() as folder:
        here = receiver(folder, "--once")
        one = {"1": ("d/a", b"xyz")}
        tap.equal(here.door.offer(one)[0], 401, "no PIN")
        tap.equal(here.door.offer(one, "?pin=x")[0], 401, "a wrong one")
        lines(here, r"gave a wrong code \(1 of 5\)")
        code = lines(here, r"wrong code(?:.|\n)*the code is (\d+-\d+)\n")[1]
        status, text = here.door.offer(one, "?pin=" + code)
        tap.equal(status, 200, text)
        tap.equal(here.door.offer(one, "?pin=" + code.replace("-", ""))[0],
                  409, "one at a time")
        session = Session(here.door, json.loads(text))
        tap.equal(session.send("1", b"xyz"), 200, "upload")
        lines(here, "got .* from curl")
        tap.equal(here.wait(), 0, "exit code")
        tap.equal(content(folder, "d/a"), b"xyz", "content")


@tap.case
def recv_guesses():
    """phone: five wrong PINs end recv, as five wrong codes do"""
    with tap.temp_dir() as folder:
        here = receiver(folder)
        got = [here.door.offer({"1": ("a", b"x")}, f"?pin=x{i}")[0]
               for i in range(5)]
        tap.equal(got, [401] * 5, "answers")
        tap.equal(here.wait(), 6, "exit code")


@tap.case
def send():
    """phone: send to a phone by its address, with its PIN"""
    with tap.temp_dir() as here, tap.temp_dir() as there, \
            Phone(there, True, PHONE_PIN="12-34") as phone:
        path, pin = os.path.join(here, "a"), os.path.join(here, "pin")
        with open(path, "wb") as file:
            file.write(b"x" * 100000)
        with open(pin, "w", encoding="ascii") as file:
            file.write("12-34\n")
        to = f"localsend:127.0.0.1:{phone.port}"
        code, _, err = tap.tenon("send", "--code-file", pin, path, to)
        tap.equal(code, 0, err)
        tap.equal(content(there, "a"), b"x" * 100000, "content")
        code, _, err = tap.tenon("send", path, to)
        tap.equal([code, "wants a code" in err], [2, True], err)
        code, out, err = tap.tenon("send", "--json", "--code-file", path, path,
                                   to)
        tap.true(code != 0, err)
        code, _, err = tap.tenon("send", "--code-file", pin, "--name", "x",
                                 "-", to, stdin=b"x")
        tap.equal([code, "by a pipe" in err], [2, True], err)


@tap.case
def send_refused():
    """phone: send tells who said no, and who does not encrypt"""
    with tap.temp_dir() as here:
        path = os.path.join(here, "a")
        with open(path, "wb") as file:
            file.write(b"x")
        with tap.temp_dir() as there, \
                Phone(there, True, PHONE_TAKE="none") as phone:
            code, _, err = tap.tenon("send", path,
                                     f"localsend:127.0.0.1:{phone.port}")
            tap.equal([code, "did not take it" in err], [6, True], err)
        with tap.temp_dir() as there, Phone(there) as phone:
            to = f"localsend:127.0.0.1:{phone.port}"
            code, _, err = tap.tenon("send", path, to)
            tap.equal([code, "in the clear only" in err], [6, True], err)
            tap.equal(listing(there), [], "files")
            code, _, err = tap.tenon("send", "--insecure", path, to)
            tap.equal(code, 0, err)
            tap.equal(listing(there), ["a"], "files")
        code, _, err = tap.tenon("send", path, "localsend:127.0.0.1:1")
        tap.equal([code, "refused" in err], [1, True], err)


if __name__ == "__main__":
    tap.run()
