#!/usr/bin/env python3
"""tenon hub in the browser: one room by every door, and its past."""

import json
import os
import signal
import socket
import sqlite3
import threading

import browser
import room
import tap
from browser import Browser, join, request, short
from room import Member, hub


# --- one room, by every door --------------------------------------------------

def one_order(backend):
    """A browser, a plain member and tenon chat hear the same in one order"""
    h = hub(env={"TN_BACKEND": backend})
    ann, = join(h, "ann")
    bob = Member(h, "bob")
    ann.hears("join bob")
    chat = tap.Tenon("chat", "--name", "eve", f"127.0.0.1:{h.port}",
                     stdin=None)
    ann.hears("join eve")
    bob.hears("eve: 加入了群聊")
    heard = []
    for n in range(10):
        ann.say(f"web {n}")
        bob.say(f"plain {n}")
    for _ in range(20):
        heard.append(ann.told().removeprefix("say ").split(":", 1)[1])
    tap.equal([t for t in heard if t.startswith("web")],
              [f"web {n}" for n in range(10)])
    tap.equal([t for t in heard if t.startswith("plain")],
              [f"plain {n}" for n in range(10)])
    bob.hears(*[f"ann:{t}" for t in heard if t.startswith("web")])
    shown = b""
    while shown.count(b"\n") < 20:
        shown += tap.read_some(chat.stdout)
    lines = shown.decode().splitlines()[-20:]
    tap.equal([line.split(":", 1)[1].strip() for line in lines], heard)


for name in ("epoll", "poll"):
    tap.add(f"one order for browser, plain member and chat on {name}",
            one_order, name)


@tap.case
def coming_and_going():
    """Who is here is told at the welcome, and then as it changes"""
    h = hub()
    bob, = room.join(h, "bob")
    ann, carl = join(h, "ann", "carl")
    eve = Browser(h)
    welcome, past = eve.hello("eve", since=0)
    tap.equal(sorted((p["name"], p["kind"]) for p in welcome["people"]),
              [("ann", "web"), ("bob", "plain"), ("carl", "web")])
    tap.equal(welcome["text_max"], 2000)
    tap.equal([short(e) for e in past["events"]],
              ["join bob", "join ann", "join carl"])
    tap.equal([e.get("kind") for e in past["events"]], ["plain", "web", "web"])
    tap.equal(past["more"], False)
    for member in (ann, carl):
        event = member.event()
        tap.equal((short(event), event.get("kind")), ("join eve", "web"))
    eve.hears("join eve")
    bob.hears("ann: 加入了群聊", "carl: 加入了群聊", "eve: 加入了群聊")
    bob.send("q")
    for member in (ann, carl, eve):
        member.hears("leave bob")


@tap.case
def dead_browsers():
    """Ctrl-C waits for nobody who does not answer"""
    h = hub("--quiet")
    ann, = join(h, "ann")
    dead = Browser(h, rcvbuf=4096)
    dead.hello("dead")
    ann.hears("join dead")
    halves = []
    for text in (b"GET / HT", b"PUT /files/a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 b"Content-Length: 9\r\n\r\nabc"):
        halves.append(socket.create_connection(("127.0.0.1", h.port)))
        halves[-1].sendall(text)
    begun = tap.now()
    h.signal(signal.SIGINT)
    tap.equal(h.wait(), 0)
    # One second, and one that the machine may have stood still.
    tap.true(tap.now() - begun < 2.5, f"{tap.now() - begun} s")
    tap.equal((ann.closed(), dead.closed()), (1001, 1001))


@tap.case
def own_words():
    """The author gets its own words too, with its ref, others without"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    ref = ann.say("hi")
    mine, theirs = ann.event(), bob.event()
    tap.equal((mine["you"], mine["ref"]), (True, ref))
    tap.true("you" not in theirs and "ref" not in theirs, f"{theirs}")
    tap.equal(mine["n"], theirs["n"])


@tap.case
def made_harmless():
    """Control characters, overrides and forged lines are taken out"""
    h = hub()
    ann, = join(h, "ann")
    bob = Member(h, "bob")
    ann.hears("join bob")
    ann.say("a\x1b[31mb\u202ec\nd\0e")
    told = ann.hear()
    tap.equal(told["why"], "what", "a NUL is no text")
    ann.say("a\x1b[31mb\u202ec\nd")
    ann.hears("say ann:a[31mbc d")
    bob.hears("ann:a[31mbc d")
    ann.say(" joined the chat")
    bob.hears("ann:joined the chat")
    ann.say("<script>alert(1)</script>")
    ann.hears("say ann:joined the chat",
              "say ann:<script>alert(1)</script>")


@tap.case
def names():
    """Names are checked, given once, and may be changed"""
    h = hub()
    ann, = join(h, "ann")
    eve = Browser(h)
    for wanted, why in (("ANN", "taken"), ("", "name"), ("a:b", "name"),
                        ("x" * 33, "name"), ("!x", "name")):
        refused, _ = eve.hello(wanted, key=browser.name_key("eve"))
        tap.equal((refused["is"], refused["why"]), ("refused", why), wanted)
    eve.send(do="say", ref="r", text="hi")
    tap.equal(eve.hear()["why"], "order")
    eve.send(do="hello", name="eve", key="short")
    tap.equal(eve.hear()["why"], "what")
    welcome, _ = eve.hello(" eve ", key=browser.name_key("eve"))
    tap.equal(welcome["you"], "eve")
    eve.hears("join eve")
    ann.hears("join eve")
    again = Browser(h)
    again.hello("eva", key=browser.name_key("eve"))
    ann.hears("leave eve", "join eva")
    tap.equal(eve.closed(), 4000)


@tap.case
def nonsense():
    """What is not understood is refused, and does no harm"""
    h = hub()
    ann, = join(h, "ann")
    for text in (b"", b"x", b"[]", b"7", b'{"do":1}', b'{"do":"fly"}',
                 b"[" * 16000, b'{"a":' * 3000, b'{"do":"say","text":7}',
                 b'{"do":"say","ref":"a b","text":"x"}',
                 b'{"do":"say","text":"  "}', b'{"do":"more"',
                 b'{"do":"hello","name":"x","key":"0123456789abcdef"}'):
        ann.send_frame(1, text)
        tap.equal(ann.hear()["is"], "refused", f"{text[:40]}")
    ann.say("x" * 2000)
    tap.equal(len(ann.event()["text"]), 2000)
    ann.say("x" * 2001, ref="big")
    refused = ann.hear()
    tap.equal((refused["why"], refused["ref"]), ("long", "big"))
    ann.send_frame(2, b"binary")
    tap.equal(ann.hear()["is"], "refused")
    ann.send_frame(1, b"x" * 20000)
    tap.equal(ann.closed(), 1009)


@tap.case
def too_fast():
    """Who says too much at once is slowed, and told which was not said"""
    h = hub()
    ann, = join(h, "ann")
    for n in range(60):
        ann.say(f"{n}")
    said, slow = [], []
    while len(said) + len(slow) < 60:
        message = ann.hear()
        if message["is"] == "event":
            said.append(message["ref"])
        else:
            tap.equal(message["why"], "slow")
            slow.append(message["ref"])
    tap.true(len(said) >= 30, f"{len(said)} were said")
    tap.true(slow, "some were not")
    tap.equal(sorted(said + slow, key=lambda r: int(r[1:])),
              [f"r{n}" for n in range(1, 61)])


# --- away and back ------------------------------------------------------------

@tap.case
def back_at_once():
    """Who is back soon was never away, and gets just what it missed"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    for n in range(5):
        bob.say(f"before {n}")
    ann.hears(*[f"say bob:before {n}" for n in range(5)])
    ann.close()
    for n in range(5):
        bob.say(f"missed {n}")
    bob.hears(*[f"say bob:before {n}" for n in range(5)],
              *[f"say bob:missed {n}" for n in range(5)])
    back = Browser(h)
    back.epoch, back.since = ann.epoch, ann.since
    welcome, past = back.hello("ann")
    tap.equal([short(e) for e in past["events"]],
              [f"say bob:missed {n}" for n in range(5)])
    tap.equal(past["more"], False)
    tap.equal(welcome["latest"], past["events"][-1]["n"])
    bob.say("now")
    back.hears("say bob:now")
    bob.hears("say bob:now")  # and neither a leave nor a join before it


@tap.case
def taken_over():
    """A key that comes again takes the place of its old connection"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    new = Browser(h)
    new.hello("ann")
    tap.equal(ann.hear(), {"is": "bye"})
    tap.equal(ann.closed(), 4000)
    new.say("me again")
    bob.hears("say ann:me again")
    thief = Browser(h)
    refused, _ = thief.hello("ann", key="x" * 16)
    tap.equal(refused["why"], "taken")


@tap.case
def gone():
    """Who does not come back leaves"""
    h = hub()
    ann, bob = join(h, "ann", "bob")
    bob.sock.settimeout(tap.LIMIT + 15)
    ann.close()
    bob.hears("leave ann")


@tap.case
def while_it_goes_on():
    """A catch-up while others talk has neither gaps nor doubles"""
    h = hub()
    ann, = join(h, "ann")
    talkers = [Member(h, f"t{n}") for n in range(8)]
    ann.hears(*[f"join t{n}" for n in range(8)])
    stop = threading.Event()

    def talk():
        n = 0
        while not stop.wait(0.002):
            talkers[n % 8].say(f"{n}")
            n += 1
            if n == 200:
                return

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        got = {}
        late = Browser(h)
        late.hello("late")
        since = 0
        for _ in range(10):
            for _ in range(5):
                event = late.event()
                since = event["n"]
                tap.true(since not in got, "no double")
                got[since] = short(event)
            late.close()
            epoch, late = late.epoch, Browser(h)
            late.epoch, late.since = epoch, since
            _, past = late.hello("late")
            for event in past["events"]:
                tap.true(event["n"] not in got, "no double")
                got[event["n"]] = short(event)
                late.since = since = event["n"]
    finally:
        stop.set()
        thread.join()
    latest = max(got)
    want = {}
    while not want or max(want) < latest:
        event = ann.event()
        want[event["n"]] = short(event)
    want = {n: text for n, text in want.items()
            if min(got) <= n <= latest}
    tap.equal(got, want)


@tap.case
def slow():
    """A browser that reads nothing holds nobody up, and is let go"""
    h = hub("--no-history")
    ann, = join(h, "ann")
    lazy = Browser(h, rcvbuf=4096)
    lazy.hello("lazy")
    ann.hears("join lazy")
    talkers = [Member(h, f"t{n}") for n in range(100)]
    ann.hears(*[f"join t{n}" for n in range(100)])
    text = "x" * 1900
    for _ in range(30):  # six megabytes: more than any buffer between us
        for member in talkers:
            member.say(text)
        for _ in talkers:
            tap.true(ann.told().startswith("say t"), "ann hears it")
    tap.equal(lazy.closed(), 4001)
    back = Browser(h)
    back.epoch, back.since = ann.epoch, ann.since - 5
    _, past = back.hello("lazy")
    tap.equal(len(past["events"]), 5)


# --- the past -----------------------------------------------------------------

@tap.case
def more():
    """What was before is fetched, a hundred at a time"""
    h = hub()
    ann, = join(h, "ann")
    for n in range(25):
        ann.say(f"{n}")
    ann.hears(*[f"say ann:{n}" for n in range(25)])
    talkers = [Member(h, f"t{n}") for n in range(10)]
    ann.hears(*[f"join t{n}" for n in range(10)])
    for n in range(20):
        for number, member in enumerate(talkers):
            member.say(f"{number} {n}")
    for _ in range(200):
        ann.event()
    ann.send(do="more", before=ann.since + 1)
    past = ann.hear()
    tap.equal((len(past["events"]), past["more"]), (100, True))
    numbers = [e["n"] for e in past["events"]]
    tap.equal(numbers, sorted(numbers))
    tap.equal(numbers[-1], ann.since)
    ann.send(do="more", before=27)
    past = ann.hear()
    tap.equal([short(e) for e in past["events"]],
              ["join ann"] + [f"say ann:{n}" for n in range(25)])
    tap.equal(past["more"], False)
    tap.true(all(e["you"] for e in past["events"]), "they are her own")


def restart(h, *args, signo=signal.SIGKILL):
    """End a hub and start it again on the same port and the same data."""
    h.signal(signo)
    h.wait()
    return hub(*args, port=h.port, env={"XDG_DATA_HOME": h.home})


def kept_hub(*args):
    home = tap.new_home()
    h = hub(*args, env={"XDG_DATA_HOME": home})
    # The port is part of the place; so the first start is on a fixed one.
    h.signal(signal.SIGINT)
    h.wait()
    h = hub(*args, port=h.port, env={"XDG_DATA_HOME": home})
    h.home = home
    return h


def survive(signo):
    """What was said survives; numbers go on; nothing is said twice"""
    h = kept_hub()
    ann, bob = join(h, "ann", "bob")
    for n in range(10):
        ann.say(f"{n}", ref=f"x{n}")
    bob.hears(*[f"say ann:{n}" for n in range(10)])
    ann.close()
    bob.close()
    h = restart(h, signo=signo)
    back = Browser(h)
    back.epoch, back.since = ann.epoch, ann.since  # she saw none of hers
    welcome, past = back.hello("ann")
    tap.equal(welcome["epoch"], bob.epoch, "the same history")
    tap.equal([short(e) for e in past["events"]],
              [f"say ann:{n}" for n in range(10)])
    tap.equal([e["ref"] for e in past["events"]],
              [f"x{n}" for n in range(10)])
    last = past["events"][-1]["n"]
    tap.equal(last, bob.since)
    event = back.event()
    tap.equal(short(event), "join ann")
    tap.true(event["n"] > last, "numbers go on")
    back.say("7", ref="x7")  # got no answer, so it is said again
    tap.equal(back.hear(), {"is": "said", "ref": "x7",
                            "n": past["events"][7]["n"]})
    back.say("new", ref="x10")
    back.hears("say ann:new")
    back.say("new", ref="x10")
    tap.equal(back.hear()["is"], "said")
    # Another's mark is another's.
    eve = Browser(h)
    eve.hello("eve")
    eve.hears("join eve")
    eve.say("7", ref="x7")
    eve.hears("say eve:7")


tap.add("history survives kill -9, and nothing is said twice", survive,
        signal.SIGKILL)
tap.add("history survives Ctrl-C, and nothing is said twice", survive,
        signal.SIGINT)


@tap.case
def same_folder():
    """The same folder has the same history, another one its own"""
    home = tap.new_home()
    env = {"XDG_DATA_HOME": home}
    with tap.temp_dir() as one, tap.temp_dir() as two:
        epochs = []
        for folder in (one, one, two):
            h = hub(folder, env=env)
            ann, = join(h, "ann")
            epochs.append(ann.epoch)
            ann.close()
            h.signal(signal.SIGINT)
            tap.equal(h.wait(), 0)
        tap.equal(epochs[0], epochs[1])
        tap.true(epochs[0] != epochs[2], "another folder")
        tap.equal(os.listdir(one), [], "nothing is put into it")
    for path, _, files in os.walk(home):
        tap.equal(os.stat(path).st_mode & 0o077 if path != home else 0, 0,
                  path)
        for file in files:
            mode = os.stat(os.path.join(path, file)).st_mode
            tap.equal(mode & 0o177, 0, file)


@tap.case
def bad_history():
    """A damaged history is told, and not touched"""
    h = kept_hub()
    h.signal(signal.SIGINT)
    h.wait()
    path = os.path.join(h.home, "tenon", "hub", f"port-{h.port}",
                        "history.db")
    with open(path, "wb") as file:
        file.write(b"my diary" * 100)
    env = {"XDG_DATA_HOME": h.home}
    code, _, err = tap.tenon("hub", "-p", str(h.port), "--bind", "127.0.0.1",
                             env=env)
    tap.equal((code, err), (1, f"tenon hub: {path}: damaged, or no history "
                            "(move it away, or --no-history)\n"))
    with open(path, "rb") as file:
        tap.equal(file.read(), b"my diary" * 100)
    h = hub("--no-history", port=h.port, env=env)
    join(h, "ann")


@tap.case
def second_hub():
    """A second hub with the same folder has no history, and says so"""
    env = {"XDG_DATA_HOME": tap.new_home()}
    with tap.temp_dir() as folder:
        first = hub(folder, env=env)
        ann, = join(first, "ann")
        second = hub(folder, env=env)
        told = tap.read_until(second.stderr, b"\n")
        tap.true(b"another hub has this history" in told, told)
        bob, = join(second, "bob")
        tap.true(bob.epoch != ann.epoch, "another epoch")
        ann.say("hi")
        ann.hears("say ann:hi")


@tap.case
def newer_history():
    """A history of a later version is told"""
    h = kept_hub()
    h.signal(signal.SIGINT)
    h.wait()
    path = os.path.join(h.home, "tenon", "hub", f"port-{h.port}",
                        "history.db")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    code, _, err = tap.tenon("hub", "-p", str(h.port), "--bind", "127.0.0.1",
                             env={"XDG_DATA_HOME": h.home})
    tap.equal(code, 1)
    tap.true("later version" in err, err)


# --- the end ------------------------------------------------------------------

@tap.case
def farewell():
    """Ctrl-C says good-bye at every door and exits 0"""
    h = hub()
    ann, = join(h, "ann")
    bob = Member(h, "bob")
    ann.hears("join bob")
    h.signal(signal.SIGINT)
    tap.equal(ann.hear(), {"is": "bye"})
    tap.equal(ann.closed(), 1001)
    ann.close()
    bob.hears("* 聊天室关闭了，再见")
    tap.equal(h.wait(), 0)


@tap.case
def json_lines():
    """--json shows files as well"""
    h = hub("--json")
    request(h, "PUT", "/files/a.txt", b"abc")
    line = tap.read_until(h.stdout, b"\n")
    tap.equal(json.loads(line), {"event": "file", "number": 1, "size": 3,
                                 "text": "a.txt"})


tap.run()
