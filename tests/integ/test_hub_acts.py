#!/usr/bin/env python3
"""Acts, new names and what is for one alone, at every door of the hub."""

import json
import os
import sqlite3

import browser
import tap
from browser import Browser, join, short
from room import Member, hub


def door(backend):
    """An act reaches every door, as what it is"""
    h = hub("--lang", "en", env={"TN_BACKEND": backend})
    ann, eve = join(h, "ann", "eve")
    bob = Member(h, "bob")
    for member in (ann, eve):
        member.hears("join bob")
    ann.send(do="say", ref="r1", text="waves", how="act")
    event = ann.event()
    tap.equal((event["what"], event["text"], event["you"], event["ref"]),
              ("act", "waves", True, "r1"))
    eve.hears("act ann:waves")
    bob.hears("ann:* waves")
    shown = tap.read_until(h.stdout, b"waves\n").decode()
    tap.equal(shown.splitlines()[-1], "ann:* waves")


for name in ("epoll", "poll"):
    tap.add(f"an act reaches every door on {name}", door, name)


@tap.case
def names():
    """A new name keeps the place, is told to all, and frees the old one"""
    h = hub("--lang", "en")
    ann, eve = join(h, "ann", "eve")
    bob = Member(h, "bob")
    for member in (ann, eve):
        member.hears("join bob")
    ann.send(do="nick", ref="n1", name=" anna ")
    event = ann.event()
    tap.equal((event["what"], event["name"], event["text"], event["you"]),
              ("nick", "ann", "anna", True))
    eve.hears("nick ann:anna")
    bob.hears("ann: left the chat\nanna: joined the chat")
    shown = tap.read_until(h.stdout, b"anna\n").decode()
    tap.equal(shown.splitlines()[-1], "* ann is now called anna")
    ann.say("still me")
    ann.hears("say anna:still me")
    eve.hears("say anna:still me")
    bob.hears("anna:still me")
    other = Browser(h)
    welcome, past = other.hello("ann", key=browser.name_key("other"))
    tap.equal(sorted(p["name"] for p in welcome["people"]),
              ["anna", "bob", "eve"])
    tap.true("nick ann:anna" in [short(e) for e in past["events"]], past)
    # Who was called so comes back by the new name, and was never away.
    eve.hears("join ann")
    ann.close()
    back = Browser(h)
    back.epoch, back.since = ann.epoch, ann.since
    welcome, _ = back.hello("anna", key=browser.name_key("ann"))
    tap.equal(welcome["you"], "anna")
    back.say("here", ref="another")
    eve.hears("say anna:here")


@tap.case
def no_names():
    """A name that is none, in use, or the same is answered"""
    h = hub()
    ann, eve = join(h, "ann", "eve")
    for wanted, why in (("EVE", "taken"), ("", "name"), ("a:b", "name"),
                        ("x" * 33, "name"), ("*x", "name")):
        ann.send(do="nick", ref="n1", name=wanted)
        refused = ann.hear()
        tap.equal((refused["is"], refused["why"], refused.get("ref")),
                  ("refused", why, "n1"), wanted)
    ann.send(do="nick", ref="n2", name="ann")
    said = ann.hear()
    tap.equal((said["is"], said["ref"]), ("said", "n2"))
    for wanted in ("a1", "a2", "a3", "a4"):
        ann.send(do="nick", ref="n3", name=wanted)
        ann.event()
    ann.send(do="nick", ref="n4", name="a5")
    tap.equal(ann.hear()["why"], "slow")
    eve.hears("nick ann:a1", "nick a1:a2", "nick a2:a3", "nick a3:a4")
    stranger = Browser(h)
    stranger.send(do="nick", ref="n1", name="x")
    tap.equal(stranger.hear()["why"], "order")


@tap.case
def for_one():
    """A message for one reaches two, and nobody and nothing else"""
    with tap.temp_dir() as folder:
        for_one_in(folder)


def for_one_in(folder):
    """The history is kept in this folder."""
    h = hub("--json", env={"XDG_DATA_HOME": folder})
    ann, bob, eve = join(h, "ann", "bob", "eve")
    carl = Member(h, "carl")
    for member in (ann, bob, eve):
        member.hears("join carl")
    ann.send(do="say", ref="m1", text="a\x1b[31m secret", to="BOB")
    mine, theirs = ann.event(), bob.event()
    tap.equal((mine["what"], mine["name"], mine["to"], mine["text"],
               mine["you"], mine["ref"]),
              ("msg", "ann", "bob", "a[31m secret", True, "m1"))
    tap.equal((theirs["name"], theirs["to"], theirs["text"]),
              ("ann", "bob", "a[31m secret"))
    tap.true("you" not in theirs and "ref" not in theirs, f"{theirs}")
    # The same once more: it is not said twice.
    ann.send(do="say", ref="m1", text="a secret", to="bob")
    tap.equal(ann.hear(), {"is": "said", "ref": "m1", "n": mine["n"]})
    ann.send(do="say", ref="m2", text="a secret", to="carl")
    ann.hears("msg ann:a secret")
    carl.hears("* ann 悄悄对你说：a secret")
    ann.say("aloud")
    eve.hears("say ann:aloud")
    bob.hears("say ann:aloud")
    carl.hears("ann:aloud")
    shown = tap.read_until(h.stdout, b'"aloud"}\n').decode()
    tap.true("secret" not in shown, shown)
    late = Browser(h)
    _, past = late.hello("late")
    tap.true("secret" not in json.dumps(past), f"{past}")
    late.send(do="more", before=1000)
    tap.true("secret" not in json.dumps(late.hear()), "more")
    h.signal(2)
    tap.equal(h.wait(), 0)
    found = [os.path.join(at, f) for at, _, files in os.walk(folder)
             for f in files if f.endswith(".db")]
    tap.equal(len(found), 1, f"{found}")
    with sqlite3.connect(found[0]) as db:
        kept = db.execute("SELECT what, text FROM event").fetchall()
        version, = db.execute("PRAGMA user_version").fetchone()
    tap.true(any(text == "aloud" for _, text in kept), f"{kept}")
    tap.true(not any("secret" in text for _, text in kept), f"{kept}")
    tap.equal(version, 2)


@tap.case
def missed():
    """What was for one alone while it was away for a moment is not lost"""
    h = hub()
    ann, bob, eve = join(h, "ann", "bob", "eve")
    bob.close()
    ann.send(do="say", ref="m1", text="psst", to="bob")
    ann.hears("msg ann:psst")
    ann.say("aloud")
    eve.hears("say ann:aloud")
    back = Browser(h)
    back.epoch, back.since = bob.epoch, bob.since
    _, past = back.hello("bob")
    tap.equal([short(e) for e in past["events"]],
              ["msg ann:psst", "say ann:aloud"])


@tap.case
def to_nobody():
    """A message to nobody is refused, and may go to somebody later"""
    h = hub()
    ann, = join(h, "ann")
    ann.send(do="say", ref="m1", text="psst", to="bob")
    refused = ann.hear()
    tap.equal((refused["why"], refused["ref"]), ("nobody", "m1"))
    bob, = join(h, "bob")
    ann.hears("join bob")
    ann.send(do="say", ref="m1", text="psst", to="bob")
    ann.hears("msg ann:psst")
    bob.hears("msg ann:psst")


@tap.case
def no_forgery():
    """Neither an act nor a message reads as somebody else's, or the room's"""
    h = hub("--lang", "en")
    ann, = join(h, "ann")
    bob = Member(h, "bob")
    ann.hears("join bob")
    for text in ("joined the chat", " joined the chat", "x\neve:hi",
                 "\u2028eve:hi", "x\r\n* the room closes, good-bye"):
        for how in ({"how": "act"}, {"to": "bob"}):
            ann.send(do="say", text=text, **how)
            ann.event()
            heard = bob.hear()
            start = "ann:* " if "how" in how else "* ann to you alone: "
            tap.true(heard.startswith(start) and "\n" not in heard, heard)
    # A plain member's line is what it says, whatever it begins with.
    bob.say("/me waves")
    ann.hears("say bob:/me waves")
    bob.say("* waves")
    ann.hears("say bob:* waves")


tap.run()
