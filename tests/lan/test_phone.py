#!/usr/bin/env python3
"""LocalSend on a network: who is found, and files to and from the command of
somebody else (the npm package localsend).
"""

import hashlib
import os
import re
import subprocess

from kit import lan, tap

TOOL = os.path.join(tap.BUILD, "tests", "support", "phone_tool")
PEER = os.environ.get("TENON_LOCALSEND")
PORT = 53317


class Program:
    """A program on a host, its lines read as they come."""

    def __init__(self, net, host, command, **env):
        self.process = subprocess.Popen(
            net.inside(host, command), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
            env={**os.environ, "LOCALSEND_DEBUG_DISCOVERY": "1", **env})
        self.text = ""

    def until(self, pattern):
        while not re.search(pattern, self.text):
            more = tap.read_some(self.process.stdout)
            if not more:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            self.text += more.decode("utf-8", "replace")
        return re.search(pattern, self.text)

    def wait(self):
        self.until(r"\Z") if self.process.poll() is None else None
        while more := tap.read_some(self.process.stdout):
            self.text += more.decode("utf-8", "replace")
        return self.process.wait(tap.LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def receiver(net, host, folder, alias="desk", **env):
    program = Program(net, host, [TOOL, "recv", folder], PHONE_ALIAS=alias,
                      PHONE_PORT_NUMBER=str(PORT), **env)
    program.until(r"ready (\d+) (\w+)\n")
    return program


def run(net, host, *command, **env):
    with Program(net, host, list(command), **env) as program:
        return program.wait(), program.text


def peer(*words):
    if not PEER:
        raise tap.Skip("the npm package localsend is not here")
    return ["node", PEER, *words]


def make(folder, name, size):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(os.urandom(size))
    return path


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() \
            if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(file.read()).hexdigest()


def becomes(path, wanted):
    """It answers before its file is written to the end."""
    end = tap.now() + tap.LIMIT
    while digest(path) != wanted:
        tap.true(tap.now() < end, f"{path} is another file")


# --- among ourselves ---------------------------------------------------------

@tap.case
def found():
    """phone: devices on two networks are found, with their certificates"""
    with lan.Lan(3, segments=2) as net, tap.temp_dir() as one, \
            receiver(net, 0, one, "here") as here, \
            receiver(net, 1, one, "there", PHONE_CLEAR="1"):
        code, text = run(net, 2, TOOL, "find", "1500")
        tap.equal(code, 0, text)
        devices = {line.split()[5]: line.split()[1:5]
                   for line in text.splitlines()}
        tap.equal(sorted(devices), ["here", "there"], text)
        tap.equal(devices["here"][3],
                  re.search(r"ready \d+ (\w+)", here.text)[1], "fingerprint")
        tap.equal([devices["here"][1], devices["there"][1]],
                  ["https", "http"], "protocols")


@tap.case
def found_when_they_come():
    """phone: one that comes later announces itself"""
    with lan.Lan(2) as net, tap.temp_dir() as one, \
            Program(net, 1, [TOOL, "find", "4000"]) as finder:
        with receiver(net, 0, one, "late"):
            finder.until(r"device 10\.77\.0\.1:53317 https \w+ \w+ late")


@tap.case
def lossy():
    """phone: files arrive whole on a bad network"""
    with lan.Lan(2, seed=5, loss=3, jitter=5) as net, tap.temp_dir() as one, \
            tap.temp_dir() as two, receiver(net, 0, two) as there:
        path = make(one, "a.bin", 1 << 20)
        mark = there.until(r"ready \d+ (\w+)")[1]
        code, text = run(net, 1, TOOL, "send", f"{lan.address(0)}:{PORT}",
                         mark, path)
        tap.equal(code, 0, text)
        tap.equal(digest(os.path.join(two, "a.bin")), digest(path), "content")


def tenon(net, host, *words):
    return run(net, host, tap.PROGRAM, *words)


@tap.case
def commands():
    """phone: tenon find shows phones, tenon send finds one by its name"""
    with lan.Lan(3) as net, tap.temp_dir() as one, tap.temp_dir() as two, \
            receiver(net, 0, two, "Nice Orange", PHONE_PIN="77"), \
            Program(net, 1, [tap.PROGRAM, "hub", "-p", "0", one]) as hub:
        hub.until("the LocalSend app finds")
        code, text = tenon(net, 2, "find", "--kind", "phone", "-w", "2")
        tap.equal(code, 0, text)
        tap.equal([line.split()[:2] for line in sorted(text.splitlines())],
                  [["phone", "10.77.0.1:53317"], ["phone", "10.77.0.2:53317"]],
                  text)
        # What is a hub as well is told of as a hub only.
        code, text = tenon(net, 2, "find")
        tap.equal([line.split()[0] for line in text.splitlines()], ["hub"],
                  text)
        pin = os.path.join(one, "pin")
        with open(pin, "w", encoding="ascii") as file:
            file.write("77\n")
        path = make(one, "a.bin", 50000)
        code, text = tenon(net, 2, "send", "--code-file", pin, path,
                           "localsend:nice orange")
        tap.equal(code, 0, text)
        tap.equal(digest(os.path.join(two, "a.bin")), digest(path), "content")
        code, text = tenon(net, 2, "send", path, "--to",
                           "localsend:10.77.0.2")
        tap.equal(code, 0, text)
        hub.until(r"a \(1\)\.bin")


# --- with somebody else's ----------------------------------------------------

def from_peer(clear):
    words = peer()
    with lan.Lan(2) as net, tap.temp_dir() as one, tap.temp_dir() as two:
        env = {"PHONE_PIN": "123456"}
        if clear:
            env["PHONE_CLEAR"] = "1"
        path = make(one, "a picture.jpg", 300000)
        with receiver(net, 0, two, **env) as here:
            code, text = run(net, 1, *words, "send", lan.address(0), path,
                             "--protocol", "http" if clear else "https",
                             NODE_TLS_REJECT_UNAUTHORIZED="0")
            tap.equal(code, 0, text)
            here.until(r"ended OK done 1 skipped 0 failed 0")
        tap.equal(digest(os.path.join(two, "a picture.jpg")), digest(path),
                  "content")
        tap.equal(sorted(os.listdir(two)), ["a picture.jpg"], "files")


@tap.case
def from_peer_clear():
    """phone: npm localsend sends to us by HTTP, with a PIN"""
    from_peer(True)


@tap.case
def from_peer_secure():
    """phone: npm localsend sends to us by HTTPS, with a PIN"""
    from_peer(False)


@tap.case
def wrong_pin_of_peer():
    """phone: npm localsend with another PIN sends nothing"""
    words = peer()
    with lan.Lan(2) as net, tap.temp_dir() as one, tap.temp_dir() as two, \
            receiver(net, 0, two, PHONE_CLEAR="1", PHONE_PIN="123456"):
        path = make(one, "a.bin", 1000)
        code, text = run(net, 1, *words, "send", lan.address(0), path,
                         "--pin", "654321")
        tap.equal(code, 1, text)
        tap.equal(os.listdir(two), [], "files")


@tap.case
def to_peer():
    """phone: we find npm localsend and send to it"""
    words = peer()
    with lan.Lan(2) as net, tap.temp_dir() as one, tap.temp_dir() as two, \
            Program(net, 0, [*words, "receive", "--saveDir", two,
                             "--autoAccept", "--alias", "npm"]) as there:
        there.until("Announced presence")
        _, text = run(net, 1, TOOL, "find", "2500")
        tap.true(re.search(r"device 10\.77\.0\.1:53317 http \w+ \w+ npm",
                           text), text)
        _, text = run(net, 1, TOOL, "at", lan.address(0))
        tap.true(text.startswith("device 10.77.0.1:53317 http "), text)
        paths = [make(one, f"{i}.bin", 10000 * (i + 1)) for i in range(5)]
        code, text = run(net, 1, TOOL, "send", f"{lan.address(0)}:{PORT}",
                         "-", *paths)
        tap.equal(code, 0, text)
        for path in paths:
            becomes(os.path.join(two, os.path.basename(path)), digest(path))


@tap.case
def seen_by_peer():
    """phone: npm localsend hears our announcement and registers with us"""
    words = peer()
    with lan.Lan(2) as net, tap.temp_dir() as one, tap.temp_dir() as two, \
            Program(net, 1, [*words, "receive", "--saveDir", two,
                             "--verbose"]) as there:
        there.until("Announced presence")
        with receiver(net, 0, one, PHONE_CLEAR="1"):
            there.until("Device discovered: desk")
            there.until(r"HTTP\] Register response received from.*desk")


if __name__ == "__main__":
    tap.run()
