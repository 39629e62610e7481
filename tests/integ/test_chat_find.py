#!/usr/bin/env python3
"""tenon chat without an address: the network is asked, on one that the test
makes.
"""

import os
import pty
import re
import signal

import networks
import tap
from chat_kit import leave, state_home
from screen import Screen


def talk(host, *args, text=b"hi\n", home=None):
    c = host.start("chat", "-n", "bob", "-q", "0", *args,
                   env={"LC_ALL": "C.UTF-8", **(home or state_home())})
    c.stdin.write(text)
    c.stdin.close()
    code = c.wait()
    return (code, tap.read_all(c.stdout).decode(),
            tap.read_all(c.stderr).decode())


@tap.case
def the_only_one():
    """One hub on the network is the one that is meant"""
    a, b = networks.two_hosts()
    hub = a.start("hub", "-p", "0", "--no-history", "--no-files", "--lang",
                  "en", ready=True)
    tap.equal(talk(b), (0, "", ""))
    tap.true("bob:hi\n" in tap.read_until(hub.stdout, b"hi\n").decode(), "hi")
    tap.equal(talk(b, "-"), (0, "", ""))
    tap.equal(talk(b, "-4"), (0, "", ""))


@tap.case
def several():
    """Of several none is guessed: they are listed, exit 2"""
    a, b = networks.two_hosts()
    one, two = a.hub("--name", "one"), b.hub("--name", "two")
    code, out, err = talk(b)
    tap.equal((code, out), (2, ""))
    tap.true(err.startswith("tenon chat: 2 hubs are here:\n"), err)
    for hub, name in ((one, "one"), (two, "two")):
        tap.true(re.search(rf"\d  (10\.1\.0\.\d|127\.0\.0\.1):{hub.port} .*"
                           rf"\b{name} on .*, 0 here\n", err), err)
    tap.true(err.endswith("which of them? (tenon chat ADDR)\n"), err)


@tap.case
def none():
    """None: this machine's own, as ever"""
    host = networks.Host()
    code, out, err = talk(host)
    tap.equal((code, out), (1, ""))
    tap.equal(err, "tenon chat: 127.0.0.1:8000: connection refused (no room "
                   "there; tenon hub opens one)\n")
    hub = host.start("hub", "--bind", "127.0.0.1", "--no-history",
                     "--no-files", ready=True)
    tap.equal(talk(host), (0, "", ""))
    tap.true(b"bob:hi\n" in tap.read_until(hub.stdout, b"hi\n"), "hi")


@tap.case
def private_one():
    """A room for this machine only is offered beside one of the network"""
    a, b = networks.two_hosts()
    there = a.hub("--name", "there")
    own = b.start("hub", "--bind", "127.0.0.1", "--no-history", "--no-files",
                  ready=True)
    code, out, err = talk(b)
    tap.equal((code, out), (2, ""))
    tap.true(f"10.1.0.1:{there.port} " in err, err)
    tap.true(re.search(r"\d  127\.0\.0\.1:8000 +for this machine only\n",
                       err), err)
    own.signal(signal.SIGINT)
    tap.equal(own.wait(), 0)
    tap.equal(talk(b), (0, "", ""))


@tap.case
def same_one():
    """A room of this machine knows us again, by whichever address it is met"""
    a, _ = networks.two_hosts()
    hub = a.start("hub", "-p", "0", "--no-history", "--no-files", "--lang",
                  "en", ready=True)
    home = state_home()
    for where in ((), ("127.0.0.1",), ("10.1.0.1",)):
        to = [f"{where[0]}:{hub.port}"] if where else []
        tap.equal(talk(a, *to, home=home), (0, "", ""))
    kept = os.listdir(os.path.join(home["XDG_STATE_HOME"], "tenon", "chat"))
    tap.equal(len([f for f in kept if "." not in f]), 1, f"{kept}")


@tap.case
def chosen():
    """On a terminal one of several is chosen"""
    host = networks.Host()
    hubs = {name: host.hub("--name", name) for name in ("one", "two")}
    pid, fd = pty.fork()
    if pid == 0:
        host.inside()()
        os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8",
                           "NO_COLOR": "1", **state_home()})
        os.execv(tap.PROGRAM, [tap.PROGRAM, "chat", "-n", "bob"])
    screen = Screen(fd, 120)
    screen.pid = pid
    screen.shows("which?")
    row, = [row for row in screen.text() if " two on " in row]
    number = re.search(r"(\d)  127", row)[1]
    screen.type("x\r" + number + "\r")
    where = f"127.0.0.1:{hubs['two'].port}"
    screen.shows(f"* in the room at {where} as bob; /help tells what can be "
                 "typed", "bob>")
    screen.type("q\r")
    leave(screen)


networks.run()
