#!/usr/bin/env python3
"""tenon chat in a hub's room: what is said arrives, or is said not to have."""

import json
import os
import re
import signal
import socket
import stat
import time

import browser
import tap
from chat_kit import chat, events, leave, on_terminal, state_home, talk
from room import Member, hub, join


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


# --- in pipes -----------------------------------------------------------------

def delivered(backend):
    """What a pipe says is delivered in order, and that is exit 0"""
    h = hub(env={"TN_BACKEND": backend})
    ann, = join(h, "ann")
    code, out, err = talk(h, "bob", "hello\n\n你好: a\n/me waves\n//x\n")
    tap.equal((code, out, err), (0, "", ""))
    ann.hears("bob: 加入了群聊", "bob:hello", "bob:你好: a", "bob:* waves",
              "bob:/x", "bob：离开了聊天室")


for name in ("epoll", "poll"):
    tap.add(f"what a pipe says is delivered on {name}", delivered, name)


@tap.case
def prints():
    """What others say is printed as plain lines; '-' means a pipe"""
    h = hub("--lang", "en")
    c = chat(h, "bob", "--lang", "en", "-q", "1m", dash=True)
    tap.read_until(h.stdout, b"\n")
    ann = Member(h, "ann")
    ann.say("hi")
    ann.send("q")
    tap.equal(tap.read_until(c.stdout, b"left the chat\n").decode(),
              "ann: joined the chat\nann:hi\nann: left the chat\n")
    c.stdin.close()
    c.signal(signal.SIGINT)
    tap.equal(c.wait(), 130)
    tap.equal(tap.read_all(c.stderr), b"", "stderr")


@tap.case
def chinese():
    """The words are the locale's"""
    h = hub("--lang", "en")
    c = chat(h, "bob", env={"LC_ALL": "zh_CN.UTF-8"})
    tap.read_until(h.stdout, b"\n")
    Member(h, "ann")
    tap.equal(tap.read_until(c.stdout, b"\n").decode(), "ann: 加入了群聊\n")


@tap.case
def leaves_by_word():
    """q and /quit leave; what follows is not said"""
    for word in ("q", "/quit", "/QUIT"):
        h = hub()
        ann, = join(h, "ann")
        code, _, _ = talk(h, "bob", f"one\n{word}\ntwo\n")
        tap.equal(code, 0, word)
        ann.hears("bob: 加入了群聊", "bob:one", "bob：离开了聊天室")


@tap.case
def no_command():
    """A command that is none is told, not said, and exit 2"""
    h = hub()
    ann, = join(h, "ann")
    for line in ("/away", "/me", "/msg", "/msg ann", "/send", "/nick a:b"):
        code, out, err = talk(h, "bob", line + "\n")
        tap.equal((code, out), (2, ""), line)
        tap.true(err.startswith("tenon chat: "), f"{line}: {err}")
        ann.hears("bob: 加入了群聊", "bob：离开了聊天室")


@tap.case
def whispers():
    """/msg is for one alone, whose name may have blanks; nobody: exit 6"""
    h = hub()
    ann, eve = join(h, "ann lee", "eve")
    bob = chat(h, "bob")
    for member in (ann, eve):
        member.hears("bob: 加入了群聊")
    code, out, err = talk(h, "carl", "/msg Ann Lee psst\n/msg BOB hear: me\n"
                          "/msg zoe psst\naloud\n")
    tap.equal((code, out), (6, ""))
    tap.equal(err, "tenon chat: not delivered: psst (nobody is called zoe)\n")
    ann.hears("carl: 加入了群聊", "* carl 悄悄对你说：psst", "carl:aloud")
    eve.hears("carl: 加入了群聊", "carl:aloud")
    tap.true(b"* carl to you alone: hear: me\ncarl:aloud\n" in
             tap.read_until(bob.stdout, b"aloud\n"), "bob")


@tap.case
def every_door():
    """A native member, a browser and a plain one: acts, names, whispers"""
    h = hub("--lang", "en")
    ann, = browser.join(h, "ann")
    carl = Member(h, "carl")
    ann.hears("join carl")
    bob = chat(h, "bob", "--lang", "en")
    event = ann.event()
    tap.equal((event["name"], event["kind"]), ("bob", "native"))
    carl.hears("bob: joined the chat")
    bob.stdin.write(b"/me waves\n/msg ann psst\n/msg carl psst\n/nick rob\n"
                    b"aloud\n")
    ann.hears("act bob:waves", "msg bob:psst", "nick bob:rob", "say rob:aloud")
    carl.hears("bob:* waves", "* bob to you alone: psst",
               "bob: left the chat\nrob: joined the chat", "rob:aloud")
    ann.send(do="say", ref="a", text="waves back", how="act")
    ann.send(do="say", ref="b", text="hush", to="ROB")
    ann.send(do="nick", ref="c", name="anna")
    ann.hears("act ann:waves back", "msg ann:hush", "nick ann:anna")
    carl.send("carl:bye")
    tap.equal(tap.read_until(bob.stdout, b"bye\n").decode(),
              "* bob is now called rob\nann:* waves back\n"
              "* ann to you alone: hush\n* ann is now called anna\n"
              "carl:bye\n")
    other, past = browser.Browser(h).hello("eve")
    tap.equal(sorted((p["name"], p["kind"]) for p in other["people"]),
              [("anna", "web"), ("carl", "plain"), ("rob", "native")])
    tap.true("psst" not in json.dumps(past) and "hush" not in json.dumps(past),
             "no history of whispers")


@tap.case
def long_lines():
    """A long line is said in parts, whole characters each"""
    h = hub()
    ann = chat(h, "ann")
    tap.read_until(h.stdout, b"\n")
    text = "a" + "你好" * 1500 + "/quit"
    code, _, err = talk(h, "bob", text)
    tap.equal((code, err), (0, ""))
    got = ""
    while not got.endswith("/quit"):
        line = tap.read_until(ann.stdout, b"\n").decode()
        for one in line.splitlines():
            got += one[4:] if one.startswith("bob:") and "chat" not in one \
                else ""
    tap.equal(got, text)


@tap.case
def many():
    """More than the room takes at once: all arrives, in order"""
    h = hub()
    ann = chat(h, "ann")
    tap.read_until(h.stdout, b"\n")
    lines = [f"{n}" for n in range(40)]
    code, _, err = talk(h, "bob", "".join(line + "\n" for line in lines))
    tap.equal((code, err), (0, ""))
    got = tap.read_until(ann.stdout, b"bob:39\n").decode()
    tap.equal(re.findall(r"^bob:(\d+)$", got, re.M), lines)


@tap.case
def as_json():
    """--json: events with number and time, and the fate of what is said"""
    h = hub()
    c = chat(h, "bob", "--json", "-q", "1m")
    tap.equal(events(c, 2)[-1]["event"], "join")
    ann = Member(h, "ann")
    ann.say('"\\" \x1b[31m')
    got = events(c, 2)
    tap.equal([(e["event"], e["name"], e.get("text")) for e in got],
              [("join", "ann", None), ("say", "ann", '"\\" [31m')])
    tap.true(got[0]["number"] < got[1]["number"], f"{got}")
    tap.true(abs(got[1]["time"] / 1000 - time.time()) < 60, f"{got}")
    c.stdin.write(b"hi\n/msg zoe psst\n/who\n")
    got = {e["event"]: e for e in events(c, 6) if e["event"] != "sent"}
    tap.equal((got["say"]["text"], got["say"]["you"]), ("hi", True))
    tap.equal((got["delivered"]["mark"], got["delivered"]["number"]),
              (1, got["say"]["number"]))
    tap.equal((got["undelivered"]["mark"], got["undelivered"]["text"]),
              (2, "psst"))
    tap.equal([(p["name"], p["kind"]) for p in got["who"]["people"]],
              [("bob", "native"), ("ann", "plain")])
    h.signal(signal.SIGINT)
    tap.equal(events(c, 1)[0]["event"], "bye")
    tap.equal(c.wait(), 6)


@tap.case
def missed():
    """Who comes back is told what it missed, once"""
    h = hub()
    home = state_home()
    talk(h, "bob", "before\n", "--json", env=home)
    ann = Member(h, "ann")
    ann.say("missed 1")
    ann.say("missed 2")
    tap.read_until(h.stdout, b"missed 2\n")
    code, out, _ = talk(h, "bob", "", "--json", env=home)
    tap.equal(code, 0)
    past = [json.loads(line) for line in out.splitlines()]
    tap.equal([e["text"] for e in past if e["event"] == "say"],
              ["missed 1", "missed 2"])
    tap.true(all(e.get("past") for e in past if e["event"] == "say"), out)
    code, out, _ = talk(h, "bob", "", "--json", env=home)
    tap.true("missed" not in out, out)


@tap.case
def private_state():
    """What is kept of a visit is for its owner alone, and no secret leaks"""
    h = hub()
    home = state_home()
    talk(h, "bob", "hi\n", env=home)
    kept = os.path.join(home["XDG_STATE_HOME"], "tenon", "chat")
    tap.equal(stat.S_IMODE(os.stat(kept).st_mode), 0o700)
    files = sorted(os.listdir(kept))
    tap.equal(len(files), 2, f"{files}")
    for file in files:
        mode = os.stat(os.path.join(kept, file)).st_mode
        tap.equal(stat.S_IMODE(mode), 0o600, file)
    # A file that is damaged is made anew; a folder that others can write in
    # is not used.
    write(kept, files[0], b"tenon chat 1\nkey xyz\n")
    tap.equal(talk(h, "bob", "hi\n", env=home)[0], 0)
    os.chmod(kept, 0o777)
    before = open(os.path.join(kept, files[0]), "rb").read()
    tap.equal(talk(h, "bob", "hi\n", env=home)[0], 0)
    tap.equal(open(os.path.join(kept, files[0]), "rb").read(), before)
    tap.equal(talk(h, "bob", "hi\n", env={"XDG_STATE_HOME": "", "HOME": ""})[0],
              0)


@tap.case
def bounded_state():
    """Of visits that many are kept, the oldest go; of none that never was in"""
    h = hub()
    home = state_home()
    kept = os.path.join(home["XDG_STATE_HOME"], "tenon", "chat")
    os.makedirs(kept, 0o700)
    for i in range(520):
        name = os.path.join(kept, f"{i:016x}")
        write(kept, f"{i:016x}", b"tenon chat 1\n")
        os.utime(name, (1000 + i, 1000 + i))
    write(kept, f"{0:016x}.lock", b"")
    for i in range(12):
        tap.equal(talk(h, f"bob{i}", "hi\n", env=home)[0], 0)
    files = os.listdir(kept)
    count = len([f for f in files if "." not in f])
    tap.equal(count, 512, f"{count} are kept")
    tap.true(f"{519:016x}" in files, "the latest stays")
    tap.true(not [f for f in files if f.startswith(f"{0:016x}")], "the oldest")
    before = len(os.listdir(kept))
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    port = sock.getsockname()[1]
    sock.close()
    tap.tenon("chat", "-n", "ann", f"127.0.0.1:{port}", "-", env=home)
    tap.equal(len(os.listdir(kept)), before, "of a room that is none")


# --- ends ---------------------------------------------------------------------

@tap.case
def taken():
    """A name in use: exit 6 and advice"""
    h = hub()
    join(h, "ann")
    code, out, err = talk(h, "ann", "hi\n")
    tap.equal((code, out), (6, ""))
    tap.equal(err, f"tenon chat: 127.0.0.1:{h.port}: the name ann is in use "
                   "there (try -n ann2)\n")


@tap.case
def twice():
    """A second program of the same name does not throw the first one out"""
    h = hub()
    home = state_home()
    ann, = join(h, "ann")
    first = chat(h, "bob", env=home)
    ann.hears("bob: 加入了群聊")
    code, _, err = talk(h, "bob", "hi\n", env=home)
    tap.equal(code, 6, err)
    first.stdin.write(b"still here\n")
    ann.hears("bob:still here")


@tap.case
def nobody_there():
    """No room: exit 1 and advice"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    port = sock.getsockname()[1]
    sock.close()
    code, out, err = tap.tenon("chat", "-n", "ann", "127.0.0.1", str(port),
                               "-", stdin=b"hi\n")
    tap.equal((code, out), (1, ""))
    tap.equal(err, f"tenon chat: 127.0.0.1:{port}: connection refused (no "
                   "room there; tenon hub opens one)\n")


@tap.case
def no_answer():
    """Nobody answers: exit 3 and a hint at other kinds of room"""
    sock = tap.listener(kind=socket.SOCK_DGRAM)
    port = sock.getsockname()[1]
    c = tap.Tenon("chat", "-n", "ann", f"127.0.0.1:{port}",
                  env=state_home())
    tap.equal(sock.recv(2000)[:2], b"\xffT", "it is asked in our dialect")
    c.process.wait(tap.LIMIT + 10)
    tap.equal(c.wait(), 3)
    tap.equal(tap.read_all(c.stderr).decode(),
              f"tenon chat: 127.0.0.1:{port}: no hub answers there (another "
              "kind of room? --plain)\n")


@tap.case
def hub_dies():
    """A hub that is gone: what a pipe says is told to be undelivered, exit 3"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob", "--wait", "1s")
    ann.hears("bob: 加入了群聊")
    h.signal(signal.SIGKILL)
    h.wait()
    c.stdin.write(b"hello?\n")
    c.stdin.close()
    tap.equal(c.wait(), 3)
    err = tap.read_all(c.stderr).decode()
    tap.true("tenon chat: * the hub does not answer; still trying\n" in err,
             err)
    tap.true("tenon chat: not delivered: hello? (no answer)\n" in err, err)


@tap.case
def hub_again():
    """A hub that was killed and started again gets what was said meanwhile"""
    home = {"XDG_DATA_HOME": tap.new_home()}
    h = hub(env=home)
    ann, = join(h, "ann")
    c = chat(h, "bob")
    ann.hears("bob: 加入了群聊")
    h.signal(signal.SIGKILL)
    h.wait()
    c.stdin.write(b"one\ntwo\n")
    c.stdin.close()
    again = hub(port=h.port, env=home)
    tap.equal(c.wait(), 0, tap.read_all(c.stderr).decode())
    shown = tap.read_until(again.stdout, "bob：离开了聊天室\n".encode())
    tap.equal(re.findall("^bob:(.*)$", shown.decode(), re.M),
              [" 加入了群聊", "one", "two"])


@tap.case
def killed_by_signal():
    """Ctrl-C leaves the room at once and exits 130"""
    for signo in (signal.SIGINT, signal.SIGTERM):
        h = hub()
        ann, = join(h, "ann")
        c = chat(h, "bob")
        ann.hears("bob: 加入了群聊")
        c.signal(signo)
        ann.hears("bob：离开了聊天室")
        tap.equal(c.wait(), 128 + signo)


@tap.case
def room_closes():
    """The room's good-bye ends the talk: exit 0"""
    h = hub()
    c = chat(h, "ann")
    tap.read_until(h.stdout, b"\n")
    h.signal(signal.SIGINT)
    tap.equal(tap.read_all(c.stdout).decode(), "* the room closes, good-bye\n")
    tap.equal(c.wait(), 0)


@tap.case
def closed_stdout():
    """A stdout that is closed, from the start or later, is an error"""
    h = hub()
    ann, = join(h, "ann")
    c = chat(h, "bob", preexec_fn=lambda: os.close(1))
    ann.hears("bob: 加入了群聊")
    ann.say("hi")
    tap.equal(c.wait(), 1)
    ann.hears("bob：离开了聊天室")
    tap.true(tap.read_all(c.stderr).startswith(b"tenon chat: "), "told")
    c = chat(h, "bob")
    ann.hears("bob: 加入了群聊")
    c.stdout.close()
    ann.say("hi")
    tap.equal(c.wait(), 1)
    ann.hears("bob：离开了聊天室")


@tap.case
def codes():
    """The room code: none, wrong, right; never in argv"""
    with tap.temp_dir() as folder:
        right = write(folder, "right", b"open sesame\n")
        wrong = write(folder, "wrong", b"open barley\n")
        h = hub("--code-file", right)
        code, _, err = talk(h, "bob", "hi\n")
        tap.equal(code, 6)
        tap.true("wants a code (--code-file FILE)" in err, err)
        code, _, err = talk(h, "bob", "hi\n", "--code-file", wrong)
        tap.equal(code, 6)
        tap.true("the room has another code, or none" in err, err)
        code, _, err = talk(h, "bob", "hi\n", "--code-file", right)
        tap.equal((code, err), (0, ""))
        tap.true(b"bob:hi\n" in tap.read_until(h.stdout, b"hi\n"), "shown")
        code, _, err = talk(h, "bob", "hi\n", "--code-file",
                            os.path.join(folder, "none"))
        tap.equal(code, 1)
        tap.true("No such file" in err or "no such file" in err, err)


# --- files --------------------------------------------------------------------

@tap.case
def sends_files():
    """/send puts a file into the folder; all of it is there at the end"""
    with tap.temp_dir() as folder, tap.temp_dir() as shared:
        data = os.urandom(3 << 20)
        big = write(folder, "big file 文 %&.bin", data)
        empty = write(folder, "empty", b"")
        h = hub(shared)
        code, out, err = talk(h, "bob", f"/send {big}\n/send {empty}\n"
                              f"/send {folder}/none\n/send {folder}\nhi\n")
        tap.equal(code, 1, err)
        tap.true(f"tenon chat: {folder}/none: No such file" in err or
                 f"tenon chat: {folder}/none: no such file" in err, err)
        tap.true(f"tenon chat: {folder}: " in err, err)
        tap.equal(sorted(f for f in os.listdir(shared) if f[0] != "."),
                  ["big file 文 %&.bin", "empty"])
        tap.true(b"* bob " in tap.read_until(h.stdout, b"empty (0 B)"),
                 "whose they are")
        with open(os.path.join(shared, "big file 文 %&.bin"), "rb") as file:
            tap.true(file.read() == data, "the bytes")


def bytes_in(folder):
    """What is there of the files, half ones among them."""
    return sum(os.path.getsize(os.path.join(at, name))
               for at, _, names in os.walk(folder) for name in names)


@tap.case
def goes_on_with_a_file():
    """A hub that is killed in the middle of a file gets the rest of it"""
    home = {"XDG_DATA_HOME": tap.new_home()}
    with tap.temp_dir() as folder, tap.temp_dir() as shared:
        block = os.urandom(1 << 20)
        big = write(folder, "big.bin", block * 192)
        h = hub(shared, env=home)
        c = chat(h, "bob", "--json")
        c.stdin.write(f"/send {big}\n".encode())
        c.stdin.close()
        while bytes_in(shared) < 8 << 20:
            tap.true(c.process.poll() is None, "it is on its way")
        h.signal(signal.SIGKILL)
        h.wait()
        tap.true(not os.path.exists(os.path.join(shared, "big.bin")),
                 "not whole yet")
        again = hub(shared, port=h.port, env=home)
        tap.equal(c.process.wait(tap.LIMIT + 20), 0)
        out = tap.read_all(c.stdout).decode()
        tap.true('"event":"shared","file":"big.bin"' in out, out)
        tap.read_until(again.stdout, b"big.bin (192.0 MiB)")
        with open(os.path.join(shared, "big.bin"), "rb") as file:
            for n in range(192):
                tap.true(file.read(1 << 20) == block, f"block {n}")
            tap.equal(file.read(), b"")


@tap.case
def sends_files_with_a_code():
    """/send gives the room code as a browser does"""
    with tap.temp_dir() as folder, tap.temp_dir() as shared:
        secret = write(folder, "code", b"open sesame\n")
        notes = write(folder, "notes.txt", b"notes")
        h = hub("--code-file", secret, shared)
        code, out, err = talk(h, "bob", f"/send {notes}\n", "--code-file",
                              secret, "--json")
        tap.equal((code, err), (0, ""))
        tap.true('"event":"shared","file":"notes.txt"' in out, out)
        tap.true(os.path.exists(os.path.join(shared, "notes.txt")), out)


@tap.case
def sends_files_over_tls():
    """A hub with --tls: its certificate has to be known"""
    with tap.temp_dir() as folder, tap.temp_dir() as shared:
        notes = write(folder, "notes.txt", b"notes")
        h = hub("--tls", shared)
        said = tap.read_until(h.stderr, b"leaves.\n").decode()
        pin = re.search("[0-9a-f]{64}", said)[0]
        code, _, err = talk(h, "bob", f"/send {notes}\n")
        tap.equal((code, err),
                  (1, "tenon chat: not sent: notes.txt (the certificate of "
                   "the hub's page is not trusted; see --pin)\n"))
        code, _, err = talk(h, "bob", f"/send {notes}\n", "--pin", pin)
        tap.equal((code, err), (0, ""))
        tap.equal([f for f in os.listdir(shared) if f[0] != "."],
                  ["notes.txt"])


@tap.case
def sends_no_files():
    """A hub that takes no files says so"""
    with tap.temp_dir() as folder:
        notes = write(folder, "notes.txt", b"notes")
        for option in ("--no-files", "--no-web", "--read-only"):
            h = hub(option)
            code, _, err = talk(h, "bob", f"/send {notes}\n")
            tap.equal(code, 1, option)
            tap.true("notes.txt" in err, f"{option}: {err}")


tap.run()
