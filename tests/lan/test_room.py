#!/usr/bin/env python3
"""The room on a bad network: native members on hosts of their own, a fifth of
all frames lost, others doubled, late or out of order."""

import json
import os
import signal
import threading
import time

from kit import Member, lan, tap, tenon

BAD = {"loss": 20, "dup": 5, "reorder": 10, "delay": 100, "jitter": 100}
PATIENCE = 200 * tap.SCALE  # seconds for all that was said to arrive
PORT = 8000
SEED = int(os.environ.get("TENON_SEED", "4"))


class Hub:
    """A hub on the first host, which keeps its history when it is killed."""

    def __init__(self, net, *args):
        self.net, self.args, self.home = net, args, tap.new_home()
        self.start()

    def start(self):
        self.program = tenon(self.net, 0, "hub", "-p", str(PORT), "--quiet",
                             "--no-files", *self.args, ready=True,
                             env={"XDG_DATA_HOME": self.home})

    def kill(self):
        self.program.signal(signal.SIGKILL)
        self.program.process.wait()

    def cpu(self):
        """Seconds of the processor that it took."""
        with open(f"/proc/{self.program.process.pid}/stat",
                  encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Native:
    """tenon chat --json on a host, and all that it shows."""

    def __init__(self, net, host, name, *args):
        self.name, self.host = name, host
        self.changed = threading.Condition()
        self.events, self.at = [], {}
        self.program = tenon(net, host, "chat", "--json", "-n", name, *args,
                             f"{lan.address(0)}:{PORT}",
                             env={"XDG_STATE_HOME": tap.new_home()})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.program.stdout:
            with self.changed:
                event = json.loads(line)
                self.events.append(event)
                if event["event"] == "say":
                    self.at[event["number"]] = time.monotonic()
                self.changed.notify_all()

    def of(self, kind):
        with self.changed:
            return [e for e in self.events if e["event"] == kind]

    def until(self, test, what, until):
        """Wait until the events pass a test."""
        with self.changed:
            while not test(self.events):
                left = until - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    raise AssertionError(f"{self.name}: {what}; "
                                         f"{len(self.events)} events, last "
                                         f"{self.events[-2:]}")

    def is_in(self, until):
        self.until(lambda events: {"event": "state", "state": "in"} in events,
                   "never came in", until)

    def say(self, lines):
        self.program.stdin.write("".join(t + "\n" for t in lines).encode())
        self.program.stdin.flush()

    def heard(self, count, until):
        """Wait for so many messages; what was said, in the order shown."""
        self.until(lambda events: sum(e["event"] == "say"
                                      for e in events) >= count,
                   "did not hear all", until)
        return [(e["number"], e["name"], e["text"]) for e in self.of("say")]


def enter(net, count, *args):
    """Members on the hosts behind the hub's, all of them in the room."""
    members = [Native(net, 1 + i, f"m{i + 1}", *args) for i in range(count)]
    until = time.monotonic() + PATIENCE
    for member in members:
        member.is_in(until)
    return members


def same_for_all(members, said, until):
    """Each shows all that was said, once, in one order; who said it reads that
    it was delivered."""
    first = None
    for member in members:
        shown = member.heard(len(said), until)
        tap.equal(len(shown), len(said), f"{member.name} shows")
        tap.equal({(n, t) for _, n, t in shown}, said, f"{member.name} heard")
        numbers = [number for number, _, _ in shown]
        tap.equal(numbers, sorted(set(numbers)), f"{member.name}'s order")
        first = first or shown
        tap.true(shown == first, f"{member.name} shows another order")
    for member in members:
        mine = sum(name == member.name for name, _ in said)
        member.until(lambda events, mine=mine: sum(
            e["event"] == "delivered" for e in events) == mine,
            "is not told of all that it was delivered", until)
        tap.equal(member.of("undelivered"), [], f"{member.name} undelivered")


def behind(members):
    """How much later than the first who had it each had each message."""
    first = {}
    for member in members:
        for number, at in member.at.items():
            first[number] = min(at, first.get(number, at))
    late = sorted(at - first[number] for member in members
                  for number, at in member.at.items())
    return ", ".join(f"{late[int((len(late) - 1) * part)]:.2f} s {name}"
                     for part, name in ((0.5, "median"), (0.99, "99 %"),
                                        (1, "most")))


def talk(members, each):
    """Everybody says so much; what that is."""
    said = set()
    for member in members:
        lines = [f"{member.name} says {i}" for i in range(each)]
        said |= {(member.name, line) for line in lines}
        member.say(lines)
    return said


def move(net, host):
    """Another address for a host, the old one gone."""
    new, old = lan.address(host + 100), lan.address(host)
    net.run(host, ["ip", "addr", "add", new + "/24", "brd", "10.77.0.255",
                   "dev", "lan0"])
    net.run(host, ["ip", "addr", "del", old + "/24", "dev", "lan0"])
    # With the first address its siblings go, unless the kernel promotes them.
    net.run(host, ["ip", "addr", "replace", new + "/24", "brd", "10.77.0.255",
                   "dev", "lan0"])


def figures(net, hub, what, began):
    counts = net.counts()
    print(f"# {what}: {time.monotonic() - began:.1f} s, hub"
          f" {hub.cpu():.2f} s of processor, "
          + ", ".join(f"{v} {k}" for k, v in sorted(counts.items())))


@tap.case
def a_bad_day():
    """room: 20 members say 2,000 things; a killed hub, a new address"""
    with lan.Lan(21, seed=SEED, **BAD) as net:
        hub = Hub(net)
        members = enter(net, 20)
        began = time.monotonic()
        until = began + PATIENCE
        said = talk(members, 100)
        members[0].heard(len(said) // 4, until)
        move(net, members[3].host)
        members[0].heard(len(said) // 2, until)
        hub.kill()
        hub.start()
        same_for_all(members, said, until)
        print(f"# behind the first who has it: {behind(members)}")
        figures(net, hub, "20 members", began)


@tap.case
def sealed():
    """room: the same with a room code, smaller"""
    with lan.Lan(6, seed=9, **BAD) as net, tap.temp_dir() as folder:
        path = os.path.join(folder, "code")
        with open(path, "w", encoding="ascii") as file:
            file.write("473915\n")
        hub = Hub(net, "--code-file", path)
        members = enter(net, 5, "--code-file", path)
        began = time.monotonic()
        said = talk(members, 40)
        members[0].heard(len(said) // 2, began + PATIENCE)
        hub.kill()
        hub.start()
        same_for_all(members, said, began + PATIENCE)
        figures(net, hub, "5 members, sealed", began)


@tap.case
def unplugged():
    """room: who was unplugged for a while is shown what was missed"""
    with lan.Lan(4, seed=2, loss=5, delay=5, jitter=5) as net:
        hub = Hub(net)
        members = enter(net, 3)
        began = time.monotonic()
        net.cut(members[2].host)
        said = talk(members[:2], 30)
        members[0].heard(len(said), began + PATIENCE)
        net.mend(members[2].host)
        same_for_all(members, said, began + PATIENCE)
        figures(net, hub, "3 members", began)


@tap.case
def damaged():
    """room: damaged frames change nothing"""
    with lan.Lan(4, seed=8, corrupt=10, delay=2, jitter=2) as net:
        hub = Hub(net)
        members = enter(net, 3)
        began = time.monotonic()
        same_for_all(members, talk(members, 30), began + PATIENCE)
        figures(net, hub, "3 members", began)


@tap.case
def with_plain_ones():
    """room: a member of plain text and native ones see one order"""
    with lan.Lan(4) as net:
        hub = Hub(net, "--lang", "en")
        members = enter(net, 2)
        plain = Member(net, 3, (lan.address(0), PORT), "nc")
        until = time.monotonic() + PATIENCE
        members[0].until(lambda events: any(
            e["event"] == "join" and e["name"] == "nc" for e in events),
            "nc did not come", until)
        said = talk(members, 20)
        same_for_all(members, said, until)
        shown = [f"{name}:{text}" for _, name, text in
                 members[0].heard(len(said), until)]
        heard = []
        while len(heard) < len(shown):
            heard.append(plain.hear())
        tap.equal(heard, shown, "what nc read")
        figures(net, hub, "with nc", time.monotonic())


if __name__ == "__main__":
    tap.run()
