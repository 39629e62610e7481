#!/usr/bin/env python3
"""tenon chat on a terminal, in a hub's room."""

import os
import re
import signal

import tap
from chat_kit import leave, on_terminal, state_home, talk
from room import Member, hub, join


def greeting(h, name):
    return f"* in the room at 127.0.0.1:{h.port} as {name}; /help tells " \
        "what can be typed"


@tap.case
def typing():
    """What is typed stays whole while others talk"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob")
    ann.hears("bob: 加入了群聊")
    screen.shows(greeting(h, "bob"), "bob>")
    screen.type("hello 你")
    screen.shows("bob> hello 你")
    ann.say("sorry to interrupt")
    screen.shows("ann:sorry to interrupt", "bob> hello 你")
    screen.type("好\x1b[D, ")
    ann.say("again")
    screen.shows("ann:again", "bob> hello 你, 好")
    screen.type("x\x7f\r")
    ann.hears("bob:hello 你, 好")
    screen.shows("ann:again", "bob> hello 你, 好", "bob>")
    screen.type("\x1b[A\r\x04")
    ann.hears("bob:hello 你, 好", "bob：离开了聊天室")
    leave(screen)


@tap.case
def wrapping():
    """So does a line of more than one row, in a window that was resized"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob")
    screen.shows("bob>")
    screen.resize(20)
    screen.type("0123456789" * 4)
    rows = ("bob> 012345678901234", "56789012345678901234", "56789")
    screen.shows(*rows)
    ann.say("hi")
    screen.shows("ann:hi", *rows)
    screen.type("\x01")  # to the line's beginning
    ann.say("ho")
    screen.shows("ann:hi", "ann:ho", *rows)
    screen.type("\x05\r")
    ann.hears("bob: 加入了群聊", "bob:" + "0123456789" * 4)
    screen.type("q\r")
    leave(screen)


@tap.case
def tab():
    """TAB completes commands, names and files, and lists what may be meant"""
    h = hub()
    ann, anna, _ = join(h, "ann lee", "anna", "安妮")
    with tap.temp_dir() as folder:
        for name in ("notes one.txt", "notes two.txt", "picture.png"):
            open(os.path.join(folder, name), "wb").close()
        os.mkdir(os.path.join(folder, "sub"))
        screen = on_terminal(h, "bob", columns=100)
        screen.shows("bob>")
        screen.type("/he\t")
        screen.shows("bob> /help")
        screen.type("\x15/m\t")
        screen.shows("/me  /msg", "bob> /m")
        screen.type("sg An\t")
        screen.shows("bob> /msg ann")
        screen.type("\t")
        screen.shows("ann lee  anna", "bob> /msg ann")
        screen.type(" \tpsst\r")
        screen.shows("bob> /msg ann lee psst", "bob>")
        screen.type("ask 安\tnow")
        screen.shows("bob> ask 安妮 now")
        screen.type(f"\x15/send {folder}/no\t")
        screen.shows(f"bob> /send {folder}/notes")
        screen.type("\to\t")
        screen.shows(f"bob> /send {folder}/notes one.txt")
        screen.type(f"\x15/send {folder}/su\t")
        screen.shows(f"bob> /send {folder}/sub/")
        screen.type("\x15\x04")
        leave(screen)
    heard = ann.waiting()
    tap.true("* bob 悄悄对你说：psst" in heard, f"{heard}")
    tap.true(not any("psst" in text for text in anna.waiting()), "anna")


@tap.case
def commands():
    """/who, /nick, /me, /help and what is no command"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob", "--lang", "en")
    ann.hears("bob: 加入了群聊")
    screen.shows("bob>")
    screen.type("/who\r")
    screen.shows("* 2 here: bob (you), ann (plain)", "bob>")
    screen.type("/me waves\r")
    ann.hears("bob:* waves")
    screen.type("/nick Ann\r")
    screen.shows("the name Ann is in use", "bob>")
    screen.type("/nick bobby\r")
    screen.shows("* bob is now called bobby", "bobby>")
    ann.hears("* 有人想用你的名字，没有给他",
              "bob：离开了聊天室\nbobby: 加入了群聊")
    screen.type("/away\r")
    screen.shows("there is no /away; /help lists what there is, and //away "
                 "says it", "bobby>")
    screen.type("/help\r")
    screen.shows("* //TEXT           say /TEXT; TAB completes names and "
                 "commands", "bobby>")
    screen.type("//away\r")
    ann.hears("bobby:/away")
    screen.type("/quit\r")
    ann.hears("bobby：离开了聊天室")
    leave(screen)


@tap.case
def colours():
    """Names have a colour; who is mentioned sees it bold, and hears a bell"""
    for options, env, wanted in (
            ((), {"NO_COLOR": ""}, (True, False)),
            ((), {"NO_COLOR": "1"}, (False, False)),
            (("--bell",), {"NO_COLOR": "1"}, (False, True))):
        h = hub()
        ann, = join(h, "ann")
        screen = on_terminal(h, "bob", *options, env=env)
        screen.shows("bob>")
        ann.say("bobsled one")
        screen.shows("ann:bobsled one", "bob>")
        tap.true(b"\a" not in screen.raw, "no bell")
        ann.say("here, Bob!")
        screen.shows("ann:here, Bob!", "bob>")
        coloured, rings = wanted
        tap.equal(b"\a" in screen.raw, rings, f"{options} {env}: bell")
        tap.equal(bool(re.search(rb"\x1b\[\d+mann\x1b\[0m:bobsled one\r",
                                 screen.raw)), coloured, f"{env}: plain")
        tap.equal(bool(re.search(rb"\x1b\[\d+mann\x1b\[0m\x1b\[1m:here, Bob!",
                                 screen.raw)), coloured, f"{env}: bold")
        screen.type("q\r")
        leave(screen)


@tap.case
def history():
    """What was said before is dim and bears its time"""
    h = hub()
    home = state_home()
    talk(h, "bob", "before\n", env=home)
    talk(h, "ann", "missed\n", env=home)
    screen = on_terminal(h, "bob", env={**home, "NO_COLOR": "", "TZ": "UTC"})
    screen.shows("bob>")
    rows = screen.text()
    tap.true(any(re.fullmatch(r"\d\d:\d\d ann:missed", row) for row in rows),
             f"{rows}")
    tap.true(not any("before" in row for row in rows), f"{rows}")
    tap.true(re.search(rb"\x1b\[2m\d\d:\d\d ann:missed\x1b\[0m", screen.raw),
             "it is dim")
    screen.type("q\r")
    leave(screen)


@tap.case
def back_again():
    """A hub that is away and comes back is told, and nothing is lost"""
    home = {"XDG_DATA_HOME": tap.new_home()}
    with tap.temp_dir() as shared:
        h = hub(shared, env=home)
        screen = on_terminal(h, "bob")
        screen.shows("bob>")
        h.signal(signal.SIGKILL)
        h.wait()
        screen.type("are you there?\r")
        screen.shows("bob> are you there?",
                     "* the hub does not answer; still trying", "bob?>")
        again = hub(shared, port=h.port, env=home)
        screen.shows("* back in the room", "bob>")
        shown = tap.read_until(again.stdout, b"there?\n").decode()
        tap.equal(shown.count("bob:are you there?"), 1)
        # A hub that has lost its history says that there is a hole.
        again.signal(signal.SIGKILL)
        again.wait()
        screen.type("again\r")
        screen.shows("* the hub does not answer; still trying", "bob?>")
        other = hub(port=h.port)
        screen.shows("* back in the room",
                     "* some of what you missed is not known any more", "bob>")
        tap.read_until(other.stdout, b"bob:again\n")
        screen.type("\x04")
        leave(screen)


@tap.case
def undelivered():
    """Who leaves while the hub is away is told what was not delivered"""
    h = hub()
    screen = on_terminal(h, "bob")
    screen.shows("bob>")
    h.signal(signal.SIGKILL)
    h.wait()
    screen.type("lost words\r")
    screen.shows("bob> lost words",
                 "* the hub does not answer; still trying", "bob?>")
    screen.type("q\r")
    leave(screen)
    tap.true("not delivered: lost words (no answer)" in screen.text(),
             f"{screen.text()}")


@tap.case
def interrupted():
    """Ctrl-C leaves the room, exits 130 and gives the terminal back"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob")
    ann.hears("bob: 加入了群聊")
    screen.shows("bob>")
    screen.type("half a li")
    screen.shows("bob> half a li")
    tap.true(not screen.is_cooked(), "the editor has the terminal")
    screen.type("\x03")
    ann.hears("bob：离开了聊天室")
    leave(screen, 130)


@tap.case
def stopped():
    """Ctrl-Z stops it; when it goes on the line is there, and so are we"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob")
    ann.hears("bob: 加入了群聊")
    screen.shows("bob>")
    screen.type("half")
    screen.shows("bob> half")
    os.kill(screen.pid, signal.SIGSTOP)
    os.waitpid(screen.pid, os.WUNTRACED)
    ann.say("meanwhile")
    os.kill(screen.pid, signal.SIGCONT)
    screen.shows("ann:meanwhile", "bob> half")
    screen.type(" a line\r")
    ann.hears("bob:half a line")
    screen.type("\x04")
    leave(screen)


@tap.case
def asks_for_the_code():
    """A room code that is needed is asked for, and not shown"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "code")
        with open(path, "w", encoding="ascii") as file:
            file.write("open sesame\n")
        h = hub("--code-file", path)
        screen = on_terminal(h, "bob")
        screen.shows("Room code:")
        screen.type("open barley\n")
        screen.shows("tenon chat: that is not the room code", "Room code:")
        screen.type("open sesame\n")
        screen.shows(greeting(h, "bob"), "bob>")
        tap.true(b"sesame" not in screen.raw, "it is not shown")
        screen.type("q\r")
        leave(screen)
        screen = on_terminal(h, "bob")
        screen.shows("Room code:")
        screen.type("\x03")
        leave(screen, 130)


@tap.case
def last_words():
    """Why there is no visit is told on a row of its own"""
    h = hub()
    join(h, "ann")
    screen = on_terminal(h, "ann", columns=100)
    leave(screen, 6)
    tap.equal(screen.text(), [f"tenon chat: 127.0.0.1:{h.port}: the name ann "
                              "is in use there (try -n ann2)"])
    screen = on_terminal(h, "bob")
    screen.shows("bob>")
    screen.type("half")
    screen.shows("bob> half")
    h.signal(signal.SIGINT)
    leave(screen)
    tap.equal(screen.text()[-1], "* the room closes, good-bye")


@tap.case
def dumb():
    """A terminal without a cursor gets plain lines"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob", env={"TERM": "dumb"})
    ann.hears("bob: 加入了群聊")
    ann.say("hi")
    screen.shows("ann:hi")
    tap.true(b"\x1b" not in screen.raw, "no control sequences")
    screen.type("hello\n")
    ann.hears("bob:hello")
    screen.type("\x04")
    ann.hears("bob：离开了聊天室")
    leave(screen)


@tap.case
def sends_a_file():
    """A file goes out while one talks, and the prompt says how far it is"""
    with tap.temp_dir() as folder, tap.temp_dir() as shared:
        path = os.path.join(folder, "big.bin")
        with open(path, "wb") as file:
            file.truncate(64 << 20)
        h = hub(shared)
        ann, = join(h, "ann")
        screen = on_terminal(h, "bob", columns=120)
        ann.hears("bob: 加入了群聊")
        screen.shows("bob>")
        screen.type(f"/send {path}\rmeanwhile\r")
        ann.hears("bob:meanwhile")
        screen.shows("* bob shared big.bin (64.0 MiB) "
                     f"http://127.0.0.1:{h.port}/files/big.bin", "bob>")
        tap.true(re.search(rb"bob \[\d+% big\.bin\]", screen.raw),
                 "the prompt tells")
        tap.equal(os.path.getsize(os.path.join(shared, "big.bin")), 64 << 20)
        screen.type("/send /nowhere\r")
        screen.shows("/nowhere: no such file or directory", "bob>")
        screen.type("\x04")
        leave(screen)


tap.run()
