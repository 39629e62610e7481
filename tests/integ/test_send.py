#!/usr/bin/env python3
"""tenon send to tenon recv: files arrive, whole, by the right code, and only
what is wanted."""

import fcntl
import os
import signal
import struct
import subprocess

import tap
from parcel_kit import (CODE, events, listed, names, read, read_event, receiver,
                        tree, wire, write)

DATA = os.urandom(700000)
TREE = {"t/a.txt": b"a\n", "t/b/c.bin": DATA, "t/b/empty": b"", "t/e/": b"",
        "t/\u4f60\u597d.txt": b"x"}
WANTED = {"t": None, "t/a.txt": b"a\n", "t/b": None, "t/b/c.bin": DATA,
          "t/b/empty": b"", "t/e": None, "t/\u4f60\u597d.txt": b"x"}


def wanted(files):
    return {os.fsencode(name): data for name, data in files.items()}


# --- what arrives -----------------------------------------------------------

@tap.case
def one_file():
    """A file arrives, is told on both sides, and recv --once ends"""
    with tap.temp_dir() as folder, receiver("--once") as r:
        path = os.path.join(folder, "a.bin")
        write(path, DATA)
        os.chmod(path, 0o640)
        os.utime(path, (1700000000, 1700000000))
        code, out, err = r.send("--as", "ann", path)
        tap.equal((code, out), (0, ""), err)
        tap.true("sent a.bin, 683.6k in " in err, err)
        tap.equal(r.tenon.wait(), 0)
        told = tap.read_all(r.tenon.stderr).decode()
        tap.true("ann sends 1 file, 683.6k\n" in told, told)
        tap.true("got a.bin from ann, 683.6k in " in told, told)
        tap.equal(listed(r.folder), {b"a.bin": DATA})
        tap.equal(int(os.stat(r.path("a.bin")).st_mtime), 1700000000)


@tap.case
def folders():
    """Folders with all that is in them, beside single files; links are not"""
    with tap.temp_dir() as folder, receiver("--once") as r:
        tree(folder, {**TREE, "single": b"1"})
        os.symlink("a.txt", os.path.join(folder, "t", "link"))
        code, _, err = r.send(os.path.join(folder, "t") + "/",
                              os.path.join(folder, "single"))
        tap.equal(code, 0, err)
        tap.true("left out: 1 links and devices\n" in err, err)
        tap.true("sent 5 files, " in err, err)
        tap.equal(r.tenon.wait(), 0)
        tap.equal(listed(r.folder), wanted({**WANTED, "single": b"1"}))


@tap.case
def odd_names():
    """Names of any bytes arrive as they are, are cleaned for people, and told
    losslessly to programs"""
    odd = [b"\xff\xfe", b"a\x1b[31mred", b"x\ny", b"-dash",
           "\u202egpj.exe".encode(), b'quote"\\']
    with tap.temp_dir() as folder, receiver("--json") as r:
        tree(folder, {b"d/" + name: name for name in odd})
        code, out, err = r.send("--json", "-v", os.path.join(folder, "d"))
        tap.equal((code, err), (0, ""))
        tap.equal(listed(r.folder),
                  {b"d": None, **{b"d/" + name: name for name in odd}})
        for stream in (out, None):
            found = set()
            while stream is None and len(found) < len(odd) + 1:
                found.add(read_event(r.tenon.stdout, "done")["path"])
            if stream is not None:
                tap.true("\x1b" not in stream and "\u202e" not in stream, out)
                found = {e["path"] for e in events(stream, "done")}
            tap.true("d/\ufffd\ufffd" in found, found)
            tap.true("d/\u202egpj.exe" in found, found)
        bad = [e for e in events(out, "done") if "path_bytes" in e]
        tap.equal([bytes.fromhex(e["path_bytes"]) for e in bad],
                  [b"d/\xff\xfe"])


@tap.case
def odd_names_not_renamed():
    """A name that is only cleaned for people was not taken, and nobody says so;
    one that was taken is told on both sides, with its unit of size"""
    with tap.temp_dir() as folder, receiver("--once") as r:
        write(r.path("b"), b"old")
        tree(folder, {b"x\ny": b"1", b"b": b"new"})
        code, _, err = r.send(os.path.join(folder, "x\ny"),
                              os.path.join(folder, "b"))
        tap.equal(code, 0, err)
        tap.equal(r.tenon.wait(), 0)
        told = tap.read_all(r.tenon.stderr).decode()
        for text in (err, told):
            tap.true("xy is called" not in text, text)
            tap.true("b is called b (1)" in text, text)
            tap.true(" 2 files" in text and ", 4 B in " in text, text)
        tap.true(b"x\ny" in listed(r.folder), listed(r.folder))


@tap.case
def odd_names_shown():
    """What is printed for people holds no control characters"""
    with tap.temp_dir() as folder, receiver("--once", "-v") as r:
        tree(folder, {b"d/a\x1b[31mred\xff": b"1"})
        code, _, err = r.send("-v", "--as", "e\x1b[2Jve",
                              os.path.join(folder, "d"))
        tap.equal(code, 0, err)
        tap.equal(r.tenon.wait(), 0)
        for text in (err, tap.read_all(r.tenon.stderr).decode()):
            tap.true("a[31mred\ufffd" in text, text)
            tap.true("\x1b" not in text, text)


@tap.case
def from_stdin():
    """A pipe to a file, to stdout, and to a file that -o names"""
    with receiver() as r:
        code, _, err = r.send("-", "--name", "n.bin", stdin=DATA)
        tap.equal(code, 0, err)
        tap.equal(listed(r.folder), {b"n.bin": DATA})
    with receiver("--once", "-o", "-") as r:
        sender = r.start_send("-", "--name", "x")
        sender.stdin.write(DATA)
        sender.stdin.close()
        tap.true(tap.read_all(r.tenon.stdout) == DATA, "other bytes")
        tap.equal((r.tenon.wait(), sender.wait()), (0, 0))
    with tap.temp_dir() as folder:
        out = os.path.join(folder, "out")
        with receiver("--once", "-o", out) as r:
            tree(folder, {"a": b"1", "b": DATA})
            code, _, err = r.send(os.path.join(folder, "a"),
                                  os.path.join(folder, "b"))
            tap.equal((code, r.tenon.wait()), (0, 0), err)
        tap.equal(read(out), b"1" + DATA)
        tap.equal(names(folder), ["a", "b", "out"])


@tap.case
def closed_stdout():
    """A reader of -o - that goes away is an error on both sides"""
    with receiver("--once", "-o", "-") as r:
        r.tenon.stdout.close()
        code, _, err = r.send("-", "--name", "x", "--retry-for", "0",
                              stdin=DATA * 4)
        tap.true(code in (1, 6), (code, err))
        tap.equal(r.tenon.wait(), 1)


# --- names that are taken ---------------------------------------------------

@tap.case
def policies():
    """--rename, --skip, --overwrite; the same bytes are not sent again"""
    for option, told, left in [
            ("--rename", "is called a (1).txt", {b"a.txt": b"old",
                                                b"a (1).txt": b"new"}),
            ("--skip", "", {b"a.txt": b"old"}),
            ("--overwrite", "", {b"a.txt": b"new"})]:
        with tap.temp_dir() as folder, receiver(option, "--once") as r:
            write(r.path("a.txt"), b"old")
            write(os.path.join(folder, "a.txt"), b"new")
            code, _, err = r.send(os.path.join(folder, "a.txt"))
            tap.equal((code, r.tenon.wait()), (0, 0), err)
            tap.equal(listed(r.folder), left, option)
            err = tap.read_all(r.tenon.stderr).decode()
            tap.true(told in err, err)
    with tap.temp_dir() as folder, receiver() as r:
        write(os.path.join(folder, "a.bin"), DATA)
        for _ in range(2):
            code, out, err = r.send("--json", os.path.join(folder, "a.bin"))
            tap.equal(code, 0, err)
        end = events(out, "end")[0]
        tap.equal((end["moved"], end["kept"]), (0, len(DATA)))
        tap.equal(listed(r.folder), {b"a.bin": DATA})


# --- codes ------------------------------------------------------------------

@tap.case
def shown_code():
    """A code of six digits is shown; dashes and blanks in it do not count"""
    with tap.temp_dir() as folder, receiver(code=None) as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        code = r.read_code()
        tap.true(len(code) == 7 and code[3] == "-", code)
        for form in (code, code.replace("-", ""), " ".join(code)):
            r.give_code(form)
            status, _, err = r.send(path)
            tap.equal(status, 0, err)
        status, _, err = tap.tenon("send", "--code-file", "-", path, r.where,
                                   stdin=code.encode() + b"\nmore\n")
        tap.equal(status, 0, err)


@tap.case
def wrong_code():
    """A wrong code: exit 6, a new one is shown; after five the receiver ends"""
    with tap.temp_dir() as folder, receiver(code=None) as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        seen = {r.read_code()}
        for turn in range(1, 6):
            r.give_code("wrong")
            code, _, err = r.send(path)
            tap.equal(code, 6, err)
            tap.true("not its code" in err, err)
            if turn < 5:
                seen.add(r.read_code())
        tap.true(len(seen) >= 4, "the codes stay the same")
        tap.equal(r.tenon.wait(), 6)
        err = tap.read_all(r.tenon.stderr).decode()
        tap.true("no more are tried" in err, err)
        tap.equal(listed(r.folder), {})


@tap.case
def old_code():
    """After a wrong code the one before it is worth nothing"""
    with tap.temp_dir() as folder, receiver(code=None) as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        first = r.read_code()
        r.give_code("000 000 0")
        tap.equal(r.send(path)[0], 6)
        second = r.read_code()
        r.give_code(first)
        tap.equal(r.send(path)[0], 0 if first == second else 6)


@tap.case
def guesses_at_once():
    """Many guesses at once try a code once, not as often as there are guesses
    """
    with tap.temp_dir() as folder, receiver("--json", code=None) as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        tap.true(read_event(r.tenon.stdout, "code")["code"], "no code")
        r.give_code("wrong")
        senders = [r.start_send(path) for _ in range(6)]
        for s in senders:
            tap.true(s.wait() in (1, 6), "a guess went through")
        r.tenon.signal(signal.SIGINT)
        tap.true(r.tenon.wait() in (0, 6), "the receiver")
        found = events(tap.read_all(r.tenon.stdout))
        wrong = [e["count"] for e in found if e["event"] == "wrong"]
        tap.equal(wrong, list(range(1, len(wrong) + 1)))
        codes = [e for e in found if e["event"] == "code"]
        tap.equal(len(codes), min(len(wrong), 4), "codes after wrong ones")
        tap.equal(listed(r.folder), {})


@tap.case
def own_code():
    """With a code of one's own a wrong one costs time, and it stays"""
    with tap.temp_dir() as folder, receiver() as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        r.give_code("wrong")
        tap.equal(r.send(path)[0], 6)
        r.give_code(CODE)
        began = tap.now()
        code, _, err = r.send(path)
        tap.equal(code, 0, err)
        tap.true(tap.now() - began > 0.5, "it cost nothing")
        tap.equal(listed(r.folder), {b"a": b"1"})


@tap.case
def insecure():
    """Without a code on both sides; not on one only"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "a")
        write(path, DATA)
        with receiver("--insecure", code=None) as r:
            code, _, err = tap.tenon("send", "--insecure", path, r.where)
            tap.equal(code, 0, err)
            tap.true("in the clear, to " in err, err)
            tap.equal(listed(r.folder), {b"a": DATA})
            r.give_code(CODE)
            code, _, err = r.send(path)
            tap.equal(code, 6, err)
            tap.true("without a code only" in err, err)
        with receiver() as r:
            code, _, err = tap.tenon("send", "--insecure", path, r.where)
            tap.equal(code, 6, err)
            tap.true("wants a code" in err, err)
            tap.equal(listed(r.folder), {})


# --- what is wanted ---------------------------------------------------------

@tap.case
def a_part():
    """--only takes what fits: by name, by path, by folder"""
    files = {"t/a.pdf": b"1", "t/b.txt": b"2", "t/p/c.jpg": b"3",
             "t/p/q/d.jpg": b"4", "t/r/e.pdf": b"5"}
    for globs, left in [
            (["*.pdf"], ["t", "t/a.pdf", "t/r", "t/r/e.pdf"]),
            (["t/p/*.jpg"], ["t", "t/p", "t/p/c.jpg"]),
            (["p"], ["t", "t/p", "t/p/c.jpg", "t/p/q", "t/p/q/d.jpg"]),
            (["c.jpg", "b*"], ["t", "t/b.txt", "t/p", "t/p/c.jpg"])]:
        options = [word for glob in globs for word in ("--only", glob)]
        with tap.temp_dir() as folder, receiver("--once", *options) as r:
            tree(folder, files)
            code, _, err = r.send(os.path.join(folder, "t"))
            tap.equal((code, r.tenon.wait()), (0, 0), err)
            tap.equal(names(r.folder), left, globs)


@tap.case
def refused():
    """Nothing that fits, and too much: the sender is told, and exits with 6"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "a.bin")
        write(path, DATA)
        with receiver("--once", "--only", "*.pdf") as r:
            code, _, err = r.send(path)
            tap.equal((code, r.tenon.wait()), (6, 6), err)
            tap.true("did not take it" in err, err)
        with receiver("--max-size", "100k") as r:
            code, _, err = r.send(path)
            tap.equal(code, 6, err)
            tap.true("takes less than that: 1 file, 683.6k" in err, err)
            write(path, DATA[:1000])
            code, _, err = r.send(path)
            tap.equal(code, 0, err)
            tap.equal(listed(r.folder), {b"a.bin": DATA[:1000]})


# --- both ends --------------------------------------------------------------

@tap.case
def several():
    """Several senders at once, each to its end"""
    with tap.temp_dir() as folder, receiver("--json") as r:
        senders = []
        for n in range(6):
            path = os.path.join(folder, f"f{n}")
            write(path, DATA[n:])
            senders.append(r.start_send("--json", path))
        for s in senders:
            tap.equal(s.wait(), 0, "a sender")
        tap.equal(listed(r.folder),
                  {f"f{n}".encode(): DATA[n:] for n in range(6)})
        ended = {read_event(r.tenon.stdout, "end")["session"]
                 for _ in range(6)}
        tap.equal(len(ended), 6, "sessions")


@tap.case
def once_is_one():
    """--once: while one parcel comes another one is refused, and does no
    harm"""
    with tap.temp_dir() as folder, receiver("--once") as r:
        tree(folder, {"a": DATA * 8, "b": b"b"})
        with wire(r.port) as line:
            line.stop_after(1000000)
            first = r.start_send(os.path.join(folder, "a"), to=line.where)
            line.wait_stopped()
            code, _, err = r.send(os.path.join(folder, "b"))
            tap.equal(code, 6, err)
            tap.true(r.tenon.process.poll() is None, "it ended")
            line.cut()
            tap.equal((first.wait(), r.tenon.wait()), (0, 0))
        tap.equal(names(r.folder), ["a"])


@tap.case
def nobody_reads_json():
    """A reader of --json that has stopped does not keep Ctrl-C from ending"""
    with tap.temp_dir() as folder, receiver("--quiet") as r:
        tree(folder, {f"d/{n}": b"x" for n in range(2000)})
        sender = r.start_send("--json", os.path.join(folder, "d"))
        tap.true(tap.readable(sender.stdout), "nothing is told")
        end = tap.now() + tap.LIMIT
        full = 0
        while full < 65536 - 4096 and tap.now() < end:  # FIONREAD
            full = struct.unpack("i", fcntl.ioctl(sender.stdout, 0x541B,
                                                  b"    "))[0]
        sender.signal(signal.SIGINT)
        tap.equal(sender.wait(), 130)


@tap.case
def stopped_by_hand():
    """Ctrl-C on a receiver that waits: 0, with --once 130; TERM 143"""
    for options, signo, code in [((), signal.SIGINT, 0),
                                 (("--once",), signal.SIGINT, 130),
                                 ((), signal.SIGTERM, 143)]:
        with receiver(*options) as r:
            r.tenon.signal(signo)
            tap.equal(r.tenon.wait(), code)


@tap.case
def strangers():
    """What is no sender is no harm: it is told with -v only"""
    with tap.temp_dir() as folder, receiver("-v") as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        for text in (b"", b"GET / HTTP/1.1\r\n\r\n", bytes(100)):
            with tap.connect(r.where) as sock:
                sock.sendall(text)
                sock.shutdown(1)
                try:
                    tap.read_all(sock)
                except ConnectionResetError:
                    pass
        code, _, err = r.send(path)
        tap.equal(code, 0, err)
        r.tenon.signal(signal.SIGINT)
        tap.equal(r.tenon.wait(), 0)
        told = tap.read_all(r.tenon.stderr).decode()
        tap.true("is no sender" in told, told)


@tap.case
def no_receiver():
    """Who answers is no receiver, or nobody is there"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "a")
        write(path, b"1")
        echo = tap.Tenon("echo", "127.0.0.1:0", ready=True)
        code, _, err = tap.tenon("send", "--insecure", path, "--retry-for",
                                 "0", echo.where)
        tap.equal(code, 1, err)
        tap.true("no tenon recv answers there" in err, err)
        with tap.listener() as sock:
            where = "127.0.0.1:%d" % sock.getsockname()[1]
        code, _, err = tap.tenon("send", "--insecure", path, where)
        tap.equal(code, 1, err)
        tap.true("connection refused" in err, err)


@tap.case
def quiet():
    """--quiet prints nothing when all goes well"""
    with tap.temp_dir() as folder, receiver("--once", "--quiet") as r:
        path = os.path.join(folder, "a")
        write(path, b"1")
        tap.equal(r.send("--quiet", path), (0, "", ""))
        tap.equal((r.tenon.wait(), tap.read_all(r.tenon.stderr)), (0, b""))


@tap.case
def json_of_both():
    """--json: the events of both sides, in their order"""
    with tap.temp_dir() as folder, receiver("--json", "--once",
                                            code=None) as r:
        path = os.path.join(folder, "a.bin")
        write(path, DATA)
        tap.equal(read_event(r.tenon.stdout, "ready")["address"], r.where)
        r.give_code(read_event(r.tenon.stdout, "code")["code"])
        code, out, err = r.send("--json", "--as", "ann", path)
        tap.equal((code, err), (0, ""))
        for text in (out, tap.read_all(r.tenon.stdout)):
            found = events(text)
            kinds = [e["event"] for e in found if e["event"] != "moved"]
            tap.equal(kinds, ["paired", "offer", "answer", "begin", "done",
                              "end"])
            tap.true(found[0]["encrypted"], found[0])
            tap.equal((found[-1]["code"], found[-1]["moved"]),
                      (0, len(DATA)))
        tap.equal(r.tenon.wait(), 0)


# --- words ------------------------------------------------------------------

USAGE = [
    (["send"], "FILE... [TO] is missing"),
    (["send", "10.0.0.7"], "what shall be sent there?"),
    (["send", "-", "--to", "h"], "- needs --name"),
    (["send", "-", "-", "--name", "x", "--to", "h"], "one only"),
    (["send", "/dev/null", "--name", "x", "--to", "h"], "--name is for -"),
    (["send", "-", "--name", "x", "--code-file", "-", "--to", "h"],
     "both want stdin"),
    (["send", "/etc/passwd", "--to", ""], "--to needs a place"),
    (["send", "/etc/passwd", "tls://h:1"], "encrypted, too"),
    (["send", "/etc/passwd", "udp://h:1"], "a receiver is at host:port"),
    (["send", "/etc/passwd", "h:99999"], "must be 1 to 65535"),
    (["send", "/etc/passwd", "http://"], "not a URL"),
    (["send", "/etc/passwd", "http://h/?a=b"], "has no query"),
    (["send", "--insecure", "--code-file", "x", "/etc/passwd", "h:1"],
     "only one of"),
    (["send", "-4", "-6", "/etc/passwd", "h:1"], "not both"),
    (["recv"], "no terminal to ask on"),
    (["recv", "-y", "--skip", "--rename"], "only one of --skip"),
    (["recv", "-y", "-o", "-"], "--once"),
    (["recv", "-y", "--once", "-o", "x", "/tmp"], "a folder"),
    (["recv", "-y", "--once", "-o", "x", "--skip"], "about names"),
    (["recv", "-y", "--once", "-o", "-", "--json"], "both want stdout"),
    (["recv", "-y", "--insecure", "--plain"], "only one of"),
    (["recv", "-y", "--quiet"], "would not show the code"),
    (["recv", "-y", "--bind", "udp://x:1"], "not an address"),
]


@tap.case
def usage():
    """What does not go together is exit 2, and says why"""
    for words, why in USAGE:
        done = subprocess.run([tap.PROGRAM, *words], capture_output=True,
                              stdin=subprocess.DEVNULL, check=False,
                              timeout=tap.LIMIT, start_new_session=True)
        tap.equal(done.returncode, 2, words)
        tap.true(why in done.stderr.decode(), (words, done.stderr))


@tap.case
def bad_places():
    """A folder or file that is not there"""
    code, _, err = tap.tenon("recv", "-y", "/nonexistent")
    tap.equal((code, "(mkdir makes it)" in err), (1, True), err)
    code, _, err = tap.tenon("send", "/nonexistent", "127.0.0.1:1")
    tap.equal((code, "add /nonexistent: no such file" in err), (1, True), err)
    code, _, err = tap.tenon("recv", "-y", "--code-file", "/dev/null")
    tap.equal((code, "its first line" in err), (2, True), err)


@tap.case
def ambiguous():
    """A file that is called as an address is not guessed at"""
    with tap.temp_dir() as folder, receiver("--once") as r:
        tree(folder, {"10.0.0.7": b"1", "other": b"2"})
        done = subprocess.run([tap.PROGRAM, "send", "other", "10.0.0.7"],
                              cwd=folder, capture_output=True, check=False,
                              timeout=tap.LIMIT)
        tap.equal(done.returncode, 2, done.stderr)
        tap.true(b"./10.0.0.7 is the file" in done.stderr, done.stderr)
        done = subprocess.run([tap.PROGRAM, "send", "--code-file", r.secret,
                               "./10.0.0.7", r.where], cwd=folder,
                              capture_output=True, check=False,
                              timeout=tap.LIMIT)
        tap.equal(done.returncode, 0, done.stderr)
        tap.equal(listed(r.folder), {b"10.0.0.7": b"1"})


@tap.case
def two_of_one_name():
    """Two files of one name are refused before anything is sent"""
    with tap.temp_dir() as folder:
        tree(folder, {"a/x": b"1", "b/x": b"2"})
        code, _, err = tap.tenon("send", os.path.join(folder, "a", "x"),
                                 os.path.join(folder, "b", "x"), "h:1")
        tap.equal(code, 1, err)
        tap.true("called so already" in err, err)


tap.run()
