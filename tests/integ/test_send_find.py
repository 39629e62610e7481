#!/usr/bin/env python3
"""tenon send without an address: receivers and hubs are found on networks that
the test makes."""

import json
import os
import re

import networks
import tap
from parcel_kit import CODE, listed, sitting, write

def two_hosts():
    one, two = networks.Host(), networks.Host()
    networks.segment(one.plug("eth0", "10.1.0.1/24"),
                     two.plug("eth0", "10.1.0.2/24"))
    return one, two


class Here:
    """Two hosts, an inbox, and a file to send with its code."""

    def __enter__(self):
        self.sender, self.receiver = two_hosts()
        self.dirs = [tap.temp_dir(), tap.temp_dir()]
        files, self.inbox = [d.name for d in self.dirs]
        self.path = os.path.join(files, "a.txt")
        self.secret = os.path.join(files, "code")
        write(self.path, b"abc")
        write(self.secret, CODE.encode())
        return self

    def __exit__(self, *_):
        for folder in self.dirs:
            folder.cleanup()

    def recv(self, name, *options, host=None, code=True):
        words = ["--code-file", self.secret] if code else []
        return (host or self.receiver).start(
            "recv", "-p", "0", "-y", "--as", name, *words, *options,
            self.inbox, ready=True)

    def send(self, *words, code=True):
        options = ["--code-file", self.secret] if code else []
        return self.sender.tenon("send", *options, self.path, *words)

    def arrived(self):
        tap.equal(listed(self.inbox), {b"a.txt": b"abc"})


@tap.case
def the_only_one():
    """Without TO: the only receiver is taken, and called by its name"""
    with Here() as here:
        here.recv("ann@laptop")
        code, _, err = here.send()
        tap.equal(code, 0, err)
        tap.true("to ann@laptop at 10.1.0.2:" in err or
                 "to ann@laptop at [" in err, err)
        here.arrived()


@tap.case
def by_name():
    """By its name, the part before @, or the part of it that tells"""
    for word in ("ann@laptop", "ANN"):
        with Here() as here:
            here.recv("ann@laptop")
            here.recv("bob@laptop")
            code, _, err = here.send(word)
            tap.equal(code, 0, err)
            tap.true("to ann@laptop at " in err, err)
            here.arrived()


@tap.case
def at_once():
    """By its whole name: nobody else is waited for"""
    with Here() as here:
        here.recv("ann@laptop", "--overwrite")
        took = {}
        for word in ("ann", "ann@laptop"):
            began = tap.now()
            code, _, err = here.send(word)
            tap.equal(code, 0, err)
            took[word] = tap.now() - began
        tap.true(took["ann@laptop"] + 0.7 < took["ann"], took)
        here.arrived()


@tap.case
def several():
    """Several, and nobody to ask: they are listed, exit 2"""
    with Here() as here:
        here.recv("ann@laptop")
        here.recv("bob@desk")
        code, _, err = here.send()
        tap.equal(code, 2, err)
        tap.true("several are here" in err, err)
        tap.true("ann@laptop at " in err and "bob@desk at " in err, err)
        code, _, err = here.send("--to", "bob")
        tap.equal(code, 0, err)
        here.arrived()


@tap.case
def chosen():
    """Several, at a terminal: which one is asked, then its code"""
    with Here() as here:
        here.recv("ann@laptop")
        here.recv("bob@desk")
        with sitting("send", here.path, before=here.sender.inside()) as seat:
            text = seat.sees("To which? [1-2] ")
            number = re.search(r"(\d)  bob@desk at ", text)[1]
            seat.type("7\n")
            seat.sees("To which? [1-2] ")
            seat.type(number + "\n")
            seat.sees("Code of bob@desk: ")
            seat.type(CODE + "\n")
            seat.sees("to bob@desk at ", "sent a.txt")
            tap.equal(seat.program.wait(), 0)
        here.arrived()


@tap.case
def nobody():
    """Nobody: exit 1, and what to do; a hub that is here is told of"""
    with Here() as here:
        code, _, err = here.send()
        tap.equal(code, 1, err)
        tap.true("tenon recv" in err and "tenon find --doctor" in err, err)
        code, _, err = here.send("carl")
        tap.equal(code, 1, err)
        tap.true("carl: no such file, and nobody of that name" in err, err)
        here.receiver.start("hub", "-p", "0", "--no-history", "--quiet",
                            here.inbox, ready=True)
        code, _, err = here.send()
        tap.equal(code, 1, err)
        tap.true("a hub is here: tenon send FILE... http://" in err, err)


@tap.case
def a_hub_by_name():
    """A hub by its room's name gets the files into its folder"""
    with Here() as here:
        here.receiver.start("hub", "-p", "0", "--no-history", "--quiet",
                            "--name", "class", here.inbox, ready=True)
        code, _, err = here.send("class", code=False)
        tap.equal(code, 0, err)
        tap.equal({n for n in listed(here.inbox) if b".tenon" not in n},
                  {b"a.txt"})


@tap.case
def hidden():
    """--hidden, --plain and a loopback are not found"""
    with Here() as here:
        here.recv("ann", "--hidden")
        here.recv("bob", "--plain", code=False)
        here.recv("carl", "--bind", "127.0.0.1")
        code, _, err = here.send()
        tap.equal(code, 1, err)
        code, out, _ = here.sender.tenon("find", "--json")
        tap.equal(out, "")


@tap.case
def told_by_find():
    """tenon find tells what a receiver is, and not after it has gone"""
    with Here() as here:
        recv = here.recv("ann", "--once")
        _, out, _ = here.sender.tenon("find", "--json")
        card = json.loads(out.splitlines()[0])
        tap.equal((card["name"], card["kind"]), ("ann", "recv"), out)
        tap.true(str(recv.port) in out, out)
        tap.equal(here.send()[0], 0)
        tap.equal(recv.wait(), 0)
        tap.equal(here.sender.tenon("find", "--json")[1], "")


@tap.case
def in_the_clear():
    """A receiver without a code is not taken by chance"""
    with Here() as here:
        here.recv("ann", "--insecure", code=False)
        code, _, err = here.send(code=False)
        tap.equal(code, 6, err)
        tap.true("without a code only" in err, err)
        code, _, err = here.send("--insecure", code=False)
        tap.equal(code, 0, err)
        here.arrived()


if __name__ == "__main__":
    try:
        networks.begin()
    except tap.Skip as why:
        print(f"1..0 # SKIP {why}")
    else:
        tap.run()
