#!/usr/bin/env python3
"""tenon chat --plain: in pipes, on a terminal, in rooms that are not ours."""

import json
import os
import pty
import pwd
import re
import signal
import socket

import room
import tap
from room import hub, join
from screen import Screen


def chat(h, name, *args, **how):
    """tenon chat in the room, under a name."""
    return tap.Tenon("chat", "--plain", "-n", name, *args,
                     f"127.0.0.1:{h.port}", **how)


# --- in pipes -----------------------------------------------------------------

@tap.case
def sends():
    """Name first, then name:text, name:q at the end"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    where = "127.0.0.1:%d" % sock.getsockname()[1]
    c = tap.Tenon("chat", "--plain", "-n", " 小明\t", "-q", "0", where)
    c.stdin.write("你好\n\nlast: line".encode())
    c.stdin.close()
    for text in ("小明", "小明:你好", "小明:last: line", "小明:q"):
        tap.equal(sock.recv(2000).decode(), text, "datagram")
    tap.equal(c.wait(), 0, "exit code")


@tap.case
def login_name():
    """Without -n the name is USER, LOGNAME or who the system says we are, also
    where a container sets neither"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    where = "127.0.0.1:%d" % sock.getsockname()[1]
    mine = pwd.getpwuid(os.getuid()).pw_name
    for user, login, name in (("ann", "bob", "ann"), ("", "bob", "bob"),
                              ("", "", mine)):
        code, _, err = tap.tenon("chat", "--plain", "-q", "0", where,
                                 env={"USER": user, "LOGNAME": login})
        tap.equal((code, err), (0, ""))
        tap.equal(sock.recv(2000).decode(), name, "name")
        tap.equal(sock.recv(2000).decode(), f"{name}:q", "leave")


@tap.case
def prints():
    """What others say is printed as plain lines"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob")
    ann.hears("bob: 加入了群聊")
    ann.say("hi")
    eve = room.Member(h, "eve")
    ann.hears("eve: 加入了群聊")
    eve.send("q")
    ann.hears("eve：离开了聊天室")
    c.stdin.write(b"hello\n")
    ann.hears("bob:hello")
    c.stdin.close()
    ann.hears("bob：离开了聊天室")
    tap.equal(c.wait(), 0, "exit code")
    tap.equal(tap.read_all(c.stdout).decode(),
              "ann:hi\neve: 加入了群聊\neve：离开了聊天室\n", "stdout")
    tap.equal(tap.read_all(c.stderr), b"", "stderr")


@tap.case
def leaves_by_word():
    """q and /quit leave; what follows is not sent"""
    for word in ("q", "/quit"):
        h = hub()
        ann, = join(h, "ann")
        c = chat(h, "bob")
        ann.hears("bob: 加入了群聊")
        c.stdin.write(f"one\n{word}\ntwo\n".encode())
        ann.hears("bob:one", "bob：离开了聊天室")
        tap.equal(c.wait(), 0, "exit code")


@tap.case
def killed_by_signal():
    """Ctrl-C leaves the room and exits 130"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob")
    ann.hears("bob: 加入了群聊")
    c.signal(signal.SIGINT)
    ann.hears("bob：离开了聊天室")
    tap.equal(c.wait(), 130, "exit code")


@tap.case
def answers_to_a_pipe():
    """After the end of input answers are waited for, as --quit says"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob", "-q", "1m")
    c.stdin.write(b"question\n")
    c.stdin.close()
    ann.hears("bob: 加入了群聊", "bob:question")
    ann.say("answer")
    tap.equal(tap.read_until(c.stdout, b"\n"), b"ann:answer\n")


@tap.case
def harmless():
    """Control characters of a room do not reach stdout"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    c = tap.Tenon("chat", "--plain", "-n", "ann",
                  "127.0.0.1:%d" % sock.getsockname()[1])
    _, address = sock.recvfrom(2000)
    sock.sendto("eve:\x1b]0;x\x07\u202ea\nbob:\xff\r\n\n".encode("latin-1",
                "ignore") + "二:\u2066二".encode(), address)
    sock.sendto("end:".encode(), address)
    tap.equal(tap.read_until(c.stdout, b"end:\n").decode(),
              "eve:]0;xa\nbob:\ufffd\n二:二\nend:\n")


@tap.case
def long_lines():
    """A long line is sent in parts of at most 1,000 bytes; nothing is lost"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    c = tap.Tenon("chat", "--plain", "-n", "ann", "-q", "0",
                  "127.0.0.1:%d" % sock.getsockname()[1])
    text = "a" + "你好" * 1500 + "end"  # parts end within characters
    c.stdin.write(text.encode())
    c.stdin.close()
    tap.equal(sock.recv(2000), b"ann")
    got = ""
    while not got.endswith("end"):
        data = sock.recv(2000)
        tap.true(len(data) < 1000, "room for a newline")
        tap.true(data.startswith(b"ann:"), "prefix")
        got += data.decode()[4:]
    tap.equal(got, text)
    tap.equal(sock.recv(2000), b"ann:q")


@tap.case
def long_lines_in_our_room():
    """The parts of a long line get through our room whole"""
    h = hub()
    ann, = join(h, "ann")
    text = "x" * 994 + "y" * 995 + "q"  # the rest must not be a word to leave
    c = chat(h, "bob")
    c.stdin.write(text.encode())
    c.stdin.close()
    ann.hears("bob: 加入了群聊")
    got = ""
    while not got.endswith("q"):
        line = ann.hear()
        tap.true(line.startswith("bob:"), line)
        got += line[4:]
    tap.equal(got, text)
    ann.hears("bob：离开了聊天室")


@tap.case
def rest_of_a_line():
    """The rest of a long line is no word to leave"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    for word in ("q", "/quit"):
        for size in range(4094, 4098):  # whatever bytes make a part
            c = tap.Tenon("chat", "--plain", "-n", "ann", "-q", "0",
                          "127.0.0.1:%d" % sock.getsockname()[1])
            c.stdin.write(b"x" * size + f"{word}\nafter\n".encode())
            c.stdin.close()
            tap.equal(sock.recv(2000), b"ann")
            said = []
            while not (said and said[-1] == "q"):
                said.append(sock.recv(2000).decode()[len("ann:"):])
            tap.equal(said[-2:], ["after", "q"], f"{size} and {word}")
            tap.equal("".join(said[:-2]).replace(" ", ""),
                      "x" * size + word, "the line")
            tap.equal(c.wait(), 0, "exit code")


@tap.case
def paced():
    """Much at once is sent no faster than the room hears: all arrives"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob")
    c.stdin.write(b"".join(b"%d\n" % n for n in range(33)))
    c.stdin.close()
    ann.hears("bob: 加入了群聊", *(f"bob:{n}" for n in range(33)))
    ann.hears("bob：离开了聊天室")


@tap.case
def as_json():
    """--json is one event a line"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob", "--json")
    ann.hears("bob: 加入了群聊")
    ann.say('"\\"')
    ann.send("q")
    h.stdout.close()
    tap.read_until(h.stderr, b"leaves.\n")
    events = []
    while len(events) < 2:
        events += tap.read_until(c.stdout, b"\n").decode().splitlines()
    h.signal(signal.SIGINT)
    events += tap.read_all(c.stdout).decode().splitlines()
    tap.equal([json.loads(e) for e in events], [
        {"event": "say", "name": "ann", "text": '"\\"'},
        {"event": "leave", "name": "ann"},
        {"event": "bye", "text": "* 聊天室关闭了，再见"}])
    tap.equal(c.wait(), 0)


# --- ends ---------------------------------------------------------------------

@tap.case
def refused():
    """A name in use: exit 6 and advice"""
    h = hub()
    join(h, "ann")
    c = chat(h, "ann", "-q", "1m")
    tap.equal(c.wait(), 6, "exit code")
    tap.equal(tap.read_all(c.stderr).decode(),
              "tenon chat: the room refused ann (perhaps the name is taken; "
              "try -n ann2)\n")


@tap.case
def nobody_there():
    """No room: exit 1 and advice"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    port = sock.getsockname()[1]
    sock.close()
    code, out, err = tap.tenon("chat", "--plain", "-n", "ann", "127.0.0.1",
                               str(port))
    tap.equal((code, out), (1, ""), "exit code, stdout")
    tap.equal(err, f"tenon chat: 127.0.0.1:{port}: connection refused (no "
                   "room there; tenon hub opens one)\n", "stderr")


@tap.case
def room_closes():
    """The room's good-bye ends the talk: exit 0"""
    h = hub("--lang", "en")
    c = chat(h, "ann")
    tap.read_until(h.stdout, b"\n")
    h.signal(signal.SIGINT)
    tap.equal(tap.read_all(c.stdout).decode(), "* the room closes, good-bye\n")
    tap.equal(c.wait(), 0, "exit code")


@tap.case
def room_dies():
    """A room that is gone is told when something is said"""
    h = hub()
    c = chat(h, "bob")
    tap.read_until(h.stdout, b"\n")
    ann = room.Member(h, "ann")
    tap.equal(tap.read_until(c.stdout, b"\n").decode(), "ann: 加入了群聊\n")
    h.signal(signal.SIGKILL)
    h.wait()
    c.stdin.write(b"hello?\n")
    tap.equal(c.wait(), 1, "exit code")
    tap.equal(tap.read_all(c.stderr).decode(),
              f"tenon chat: 127.0.0.1:{h.port}: connection refused (the room "
              "is gone)\n")
    ann.close()


@tap.case
def wrong_use():
    """Wrong uses are told, and exit 2"""
    for args, text in (
            (["-n", "a:b"], "-n a:b: a name has 1 to 32 characters"),
            (["-n", "q"], "-n q: a name"),
            (["-n", "x" * 33], "a name has 1 to 32 characters"),
            (["-n", "!"], "-n !: a name"),
            (["-n", "a", "tcp://h:1"], "tcp://h:1: a room is at a UDP"),
            (["-n", "a", "unix:/x"], "unix:/x: a room is at a UDP"),
            (["-n", "a", "1.2.3.4:99999"], "99999"),
            (["-n", "a", "1.2.3.4", "x"], "port x"),
            (["-n", "a", "a", "1", "2"], "2"),
            (["--nonsense"], "unknown option --nonsense")):
        code, out, err = tap.tenon("chat", "--plain", *args)
        tap.equal(code, 2, f"{args}: exit code")
        tap.equal(out, "", f"{args}: stdout")
        tap.true(err.startswith("tenon chat: ") and text in err,
                 f"{args}: {err!r}")


@tap.case
def closed_from_the_start():
    """A stdout that never was open is an error"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob", preexec_fn=lambda: os.close(1))
    ann.hears("bob: 加入了群聊")
    ann.say("hi")
    tap.equal(c.wait(), 1, "exit code")
    ann.hears("bob：离开了聊天室")
    tap.true(tap.read_all(c.stderr).startswith(b"tenon chat: "), "told")


@tap.case
def closed_stdout():
    """So is one that is closed later"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob")
    ann.hears("bob: 加入了群聊")
    c.stdout.close()
    ann.say("hi")
    tap.equal(c.wait(), 1, "exit code")
    ann.hears("bob：离开了聊天室")


# --- in rooms that are not ours -----------------------------------------------

@tap.case
def in_a_python_room():
    """In a room of a few lines of Python"""
    with room.Peer("chat", "server") as server:
        server.port = int(server.line())
        witness = room.Member(server, "witness")
        a = chat(server, "ann")
        witness.hears("ann: 加入了群聊")
        b = chat(server, "bob")
        tap.equal(tap.read_until(a.stdout, b"\n").decode(),
                  "bob: 加入了群聊\n")
        a.stdin.write("hi, bob\n".encode())
        tap.true(b"ann:hi, bob\n" in
                 tap.read_until(b.stdout, b"hi, bob\n"), "bob hears")
        b.stdin.write(b"q\n")
        tap.equal(tap.read_until(a.stdout, b"\n").decode(),
                  "bob：离开了聊天室\n")
        tap.equal(b.wait(), 0)


@tap.case
def with_python_clients():
    """With clients of a few lines of Python in our room"""
    h = hub()
    ann, = join(h, "ann")
    with room.Peer("chat", "client", "127.0.0.1", h.port, "bob") as bob:
        ann.hears("bob: 加入了群聊")
        c = chat(h, "eve")
        tap.equal(bob.line(), "eve: 加入了群聊")
        ann.hears("eve: 加入了群聊")
        bob.type("hello")
        tap.equal(tap.read_until(c.stdout, b"\n"), b"bob:hello\n")
        c.stdin.write("你好\n".encode())
        tap.equal(bob.line(), "eve:你好")
        bob.type("q")
        tap.equal(tap.read_until(c.stdout, b"\n").decode(),
                  "bob：离开了聊天室\n")


# --- on a terminal ------------------------------------------------------------

def on_terminal(h, name, *args, columns=80, env=None):
    """tenon chat on a terminal: its process, and what the screen shows."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8"}, **env or {})
        os.execv(tap.PROGRAM, [tap.PROGRAM, "chat", "--plain", "-n", name,
                               *args, f"127.0.0.1:{h.port}"])
    screen = Screen(fd, columns)
    screen.pid = pid
    return screen


def leave(screen, code=0):
    """Read to the end; the exit code must be this, the terminal as before."""
    while True:
        more = tap.read_some(screen.fd)
        if not more:
            break
        screen.raw += more
    screen.draw()
    _, status = os.waitpid(screen.pid, 0)
    tap.true(screen.is_cooked(), "the terminal is given back")
    os.close(screen.fd)
    tap.equal(os.waitstatus_to_exitcode(status), code, "exit code")


@tap.case
def typing():
    """What is typed stays whole while others talk"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob")
    ann.hears("bob: 加入了群聊")
    screen.shows("bob>")
    screen.type("hello 你")
    screen.shows("bob> hello 你")
    ann.say("sorry to interrupt")
    screen.shows("ann:sorry to interrupt", "bob> hello 你")
    screen.type("好\x1b[D, ")
    screen.shows("ann:sorry to interrupt", "bob> hello 你, 好")
    ann.say("again")
    screen.shows("ann:again", "bob> hello 你, 好")
    screen.type("x\x7f\r")
    ann.hears("bob:hello 你, 好")
    screen.shows("ann:again", "bob> hello 你, 好", "bob>")
    screen.type("\x1b[A")
    screen.shows("bob> hello 你, 好", "bob> hello 你, 好")
    screen.type("\r\x04")
    ann.hears("bob:hello 你, 好", "bob：离开了聊天室")
    leave(screen)


@tap.case
def wrapping():
    """So does a line of more than one row, in a window that was resized"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob")
    ann.hears("bob: 加入了群聊")
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
    ann.hears("bob:" + "0123456789" * 4)
    screen.type("q\r")
    leave(screen)


@tap.case
def colours():
    """Names have a colour of their own, but not with NO_COLOR"""
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False),
                          ({"NO_COLOR": ""}, True)):
        h = hub()
        ann, = join(h, "ann")
        screen = on_terminal(h, "bob", env=env)
        ann.hears("bob: 加入了群聊")
        screen.shows("bob>")
        ann.say("one")
        screen.shows("ann:one", "bob>")
        ann.say("two")
        screen.shows("ann:two", "bob>")
        found = re.findall(rb"\x1b\[(\d+)mann\x1b\[0m:(one|two)", screen.raw)
        tap.equal(len(found), 2 if coloured else 0, f"{env}: painted")
        tap.equal(len({colour for colour, _ in found}), int(coloured),
                  f"{env}: colours")
        screen.type("q\r")
        leave(screen)


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
def last_words():
    """Why the talk ends is told on a row of its own"""
    h = hub()
    join(h, "ann")
    screen = on_terminal(h, "ann", columns=120)
    leave(screen, 6)
    tap.equal(screen.text(), ["tenon chat: the room refused ann (perhaps the "
                              "name is taken; try -n ann2)"], "the screen")
    screen = on_terminal(h, "bob", columns=120)
    screen.shows("bob>")
    h.signal(signal.SIGKILL)
    h.wait()
    screen.type("hello?\r")
    leave(screen, 1)
    tap.equal(screen.text()[-1], f"tenon chat: 127.0.0.1:{h.port}: connection "
              "refused (no room there; tenon hub opens one)", "the screen")


@tap.case
def dumb():
    """A terminal without a cursor gets plain lines"""
    h = hub()
    ann, = join(h, "ann")
    screen = on_terminal(h, "bob", env={"TERM": "dumb", "NO_COLOR": "1"})
    ann.hears("bob: 加入了群聊")
    ann.say("hi")
    screen.shows("ann:hi")
    tap.true(b"\x1b" not in screen.raw, "no control sequences")
    screen.type("hello\n")
    ann.hears("bob:hello")
    screen.type("\x04")
    ann.hears("bob：离开了聊天室")
    leave(screen)


tap.run()
