#!/usr/bin/env python3
"""LocalSend: what a phone gets for an answer, with curl as the phone, and our
sender against our receiver.
"""

import json
import os
import signal
import subprocess
import threading

import tap
from phone_kit import API, INFO, TOOL, Phone, Session, content, listing, offer


# --- who --------------------------------------------------------------------

@tap.case
def who():
    """phone: info and register say who we are"""
    with tap.temp_dir() as folder, Phone(folder, True, PHONE_ALIAS="desk \U0001f5a5",
                                         ) as phone:
        status, text = phone.call("info", b"", "-X", "GET")
        tap.equal(status, 200, text)
        info = json.loads(text)
        tap.equal([info["alias"], info["version"], info["fingerprint"],
                   info["protocol"], info["port"]],
                  ["desk \U0001f5a5", "2.1", phone.mark, "https", phone.port],
                  "info")
        status, text = phone.call("register", INFO)
        tap.equal([status, json.loads(text)["fingerprint"]],
                  [200, phone.mark], "register")
        for bad in (b"", b"{}", b"[]", b"{", b'{"alias":7}', b"x" * 20000):
            tap.true(phone.status("register", bad) in (400, 413), bad[:20])
        tap.equal(phone.status("nothing"), 404, "another path")
        tap.equal(phone.status("upload", b"", "-X", "GET"), 405, "GET")


@tap.case
def same_certificate():
    """phone: the certificate stays the same, and is ours alone to read"""
    with tap.temp_dir() as folder, tap.temp_dir() as state:
        env = {"PHONE_STATE": os.path.join(state, "s")}
        marks = []
        for _ in range(2):
            with Phone(folder, True, **env) as phone:
                marks.append(phone.mark)
        tap.equal(marks[0], marks[1], "fingerprints")
        path = os.path.join(state, "s", "localsend.pem")
        tap.equal(os.stat(path).st_mode & 0o777, 0o600, "mode")
        with open(path, "w", encoding="ascii") as file:
            file.write("damaged")
        with Phone(folder, True, **env) as phone:
            tap.true(phone.mark != marks[0], "a new one")


# --- files ------------------------------------------------------------------

@tap.case
def files():
    """phone: files come, folders are made, times are set"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        big = os.urandom(700000)
        session = phone.take({"a": ("a.txt", b"one"), "b": ("x/y/b.bin", big),
                              "c": ("empty", b"")})
        tap.equal(session.send("b", big), 200, "b")
        tap.equal(session.send("c", b""), 200, "c")
        tap.equal(session.send("a", b"one"), 200, "a")
        phone.until("ended OK done 3 skipped 0 failed 0 by curl")
        tap.equal(listing(folder), ["a.txt", "empty", "x/y/b.bin"], "files")
        tap.equal(content(folder, "x/y/b.bin"), big, "content")
        tap.equal(os.stat(os.path.join(folder, "a.txt")).st_mtime,
                  1609504496.5, "mtime")
        tap.equal(session.send("a", b"one"), 403, "the session is over")


@tap.case
def policies():
    """phone: a name that is taken, by each policy"""
    wanted = {"rename": (["a (1).txt", "a.txt"], b"old"),
              "skip": (["a.txt"], b"old"),
              "overwrite": (["a.txt"], b"new")}
    for policy, (names, kept) in wanted.items():
        env = {} if policy == "rename" else {"PHONE_POLICY": policy}
        with tap.temp_dir() as folder, Phone(folder, **env) as phone:
            with open(os.path.join(folder, "a.txt"), "wb") as file:
                file.write(b"old")
            status, text = phone.offer({"1": ("a.txt", b"new")})
            tap.equal(status, 204 if policy == "skip" else 200, policy)
            if status == 200:
                session = Session(phone, json.loads(text))
                tap.equal(session.send("1", b"new"), 200, policy)
            phone.until("ended OK")
            tap.equal(listing(folder), names, policy)
            tap.equal(content(folder, "a.txt"), kept, policy)


@tap.case
def hostile_names():
    """phone: no name leads out of the folder"""
    bad = ["../a", "/etc/a", "a/../../b", "..", ".", "a\\b", "a//b", "a/",
           "x\u0001y", ".a.tenon-part", "n" * 256, "d/" * 200 + "a", "a\nb"]
    with tap.temp_dir() as top:
        folder = os.path.join(top, "in")
        os.mkdir(folder)
        os.symlink(top, os.path.join(folder, "out"))
        with Phone(folder) as phone:
            # Few at a time, as there is a limit to how often one may ask.
            for part in (bad[:7], bad[7:]):
                tap.equal(phone.offer({str(i): (name, b"x") for i, name in
                                       enumerate(part)})[0], 400, part)
            status, text = phone.offer({"g": ("good", b"x"),
                                        "b": ("../bad", b"x")})
            tap.equal([status, list(json.loads(text)["files"])], [200, ["g"]],
                      "what is good is taken")
            tap.equal(Session(phone, json.loads(text)).send("g", b"x"), 200,
                      "good")
            link = phone.take({"l": ("out/a", b"x")})
            tap.equal(link.send("l", b"x"), 409, "by a symbolic link")
        tap.equal(listing(top), ["in/good"], "files")


@tap.case
def damaged():
    """phone: what is not what was offered gets no name"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        session = phone.take({"sha": ("sha", b"12345", "00" * 32),
                              "long": ("long", b"12345"),
                              "short": ("short", b"12345"),
                              "stream": ("stream", b"12345")})
        tap.equal(session.send("sha", b"12345"), 422, "another hash")
        tap.equal(session.send("long", b"123456"), 400, "too long")
        tap.equal(session.send("short", b"1234"), 400, "too short")
        tap.equal(session.send("stream", b"123456", "-H",
                               "Transfer-Encoding: chunked"), 400,
                  "too long, in chunks")
        phone.until("ended EIO done 0 skipped 0 failed 4")
        tap.equal(listing(folder), [], "files")


@tap.case
def once_more():
    """phone: a file that failed may come again while others are waited for"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        session = phone.take({"a": ("a", b"12345"), "b": ("b", b"1")})
        tap.equal(session.send("a", b"1234"), 400, "short")
        tap.equal(session.send("a", b"12345"), 200, "again")
        tap.equal(session.send("a", b"12345"), 409, "a third time")
        tap.equal(session.send("b", b"1"), 200, "the other")
        phone.until("ended OK done 2 skipped 0 failed 0")


# --- refusals ---------------------------------------------------------------

@tap.case
def invalid():
    """phone: offers that are none are 400, too large ones 413"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        good = offer({"a": ("a", b"x")})
        bads = [b"", b"{", [], {}, {"info": INFO}, {"files": good["files"]},
                {"info": INFO, "files": {}},
                {"info": INFO, "files": {"a": {"fileName": "a"}}},
                {"info": INFO, "files": {"a": {"fileName": "a", "size": -1}}},
                {"info": INFO, "files": {"a": {"fileName": "", "size": 1}}},
                b'{"a":' * 5000]
        for bad in bads:
            tap.equal(phone.status("prepare-upload", bad), 400, str(bad)[:60])
        many = {"info": INFO, "files": {str(i): {"fileName": "a", "size": 0}
                                        for i in range(10001)}}
        tap.equal(phone.status("prepare-upload", many), 413, "many files")
        tap.equal(phone.status("prepare-upload", b" " * (5 << 20)), 413,
                  "a long offer")
        huge = offer({"a": ("a", b"x")})
        huge["files"]["a"]["size"] = 1 << 62
        tap.equal(phone.status("prepare-upload", huge), 507, "a huge file")
        tap.equal(phone.status("prepare-upload", good, "-H",
                               "Origin: http://evil.example"), 403, "a page")


@tap.case
def too_much():
    """phone: more than is allowed is 413, and nobody is asked"""
    with tap.temp_dir() as folder, Phone(folder, PHONE_MAX="10") as phone:
        tap.equal(phone.offer({"a": ("a", b"x" * 11)})[0], 413, "11")
        tap.equal(phone.offer({"a": ("a", b"x" * 10)})[0], 200, "10")


@tap.case
def asked():
    """phone: the owner says no (403), or takes a part"""
    with tap.temp_dir() as folder, Phone(folder, PHONE_TAKE="none") as phone:
        tap.equal(phone.offer({"a": ("a", b"x")})[0], 403, "no")
        phone.until("ended EACCES")
    with tap.temp_dir() as folder, Phone(folder, PHONE_TAKE="1") as phone:
        session = phone.take({"a": ("a", b"x"), "b": ("b", b"y")})
        tap.equal(list(session.tokens), ["a"], "taken")
        tap.equal(session.send("a", b"x"), 200, "it comes")
        phone.until("ended OK done 1 skipped 1 failed 0")
    with tap.temp_dir() as folder, Phone(folder, PHONE_TAKE="0") as phone:
        tap.equal(phone.offer({"a": ("a", b"x")})[0], 204, "nothing")


@tap.case
def pins():
    """phone: without the PIN 401, with it 200; who guesses gets 429"""
    with tap.temp_dir() as folder, Phone(folder, PHONE_PIN="123456") as phone:
        one = {"a": ("a", b"x")}
        tap.equal(phone.offer(one)[0], 401, "none")
        tap.equal(phone.offer(one, "?pin=123456")[0], 200, "the right one")
        got = [phone.offer(one, f"?pin=00000{i}")[0] for i in range(6)]
        tap.equal(got, [401] * 5 + [429], "wrong ones")
        tap.equal(phone.offer(one, "?pin=123456")[0], 429, "too late")
        tap.equal(phone.offer(one, "?pin=" + "1" * 100)[0], 429, "a long one")


@tap.case
def sessions():
    """phone: another session is 409 while one is under way"""
    with tap.temp_dir() as folder, Phone(folder, PHONE_AT_ONCE="1") as phone:
        session = phone.take({"a": ("a", b"x")})
        tap.equal(phone.offer({"b": ("b", b"x")})[0], 409, "a second")
        tap.equal(session.send("a", b"x"), 200, "the first")
        tap.equal(phone.offer({"b": ("b", b"x")})[0], 200, "then")


@tap.case
def tokens():
    """phone: parameters that miss are 400, wrong ones 403"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        s = phone.take({"a": ("a", b"x"), "b": ("b", b"x")})
        tap.equal(phone.status("upload", b"x"), 400, "none")
        tap.equal(phone.status(f"upload?sessionId={s.id}", b"x"), 400, "one")
        tap.equal(phone.status(f"upload?sessionId={s.id}&fileId=a", b"x"), 400,
                  "two")
        for path in (s.path("a", s.tokens["b"]), s.path("b", s.tokens["a"]),
                     s.path("a", "0" * 40), s.path("a", "x"),
                     s.path("a", s.tokens["a"] + "0"),
                     s.path("a", "ffffffff" + s.tokens["a"][8:]),
                     s.path("c", s.tokens["a"]),
                     s.path("a", session="0" * 32)):
            tap.equal(phone.status(path, b"x"), 403, path)
        tap.equal(phone.call(s.path("a"), b"x", "--interface",
                             "127.0.0.2")[0], 403, "from another address")
        tap.equal(phone.status("cancel"), 400, "cancel nothing")
        tap.equal(phone.status("cancel?sessionId=" + "0" * 32), 403,
                  "cancel another")
        tap.equal(s.send("a", b"x"), 200, "and the right one")


@tap.case
def cancelled():
    """phone: a session that is cancelled is over, also for what comes in"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        s = phone.take({"a": ("a", b"x" * 1000000), "b": ("b", b"x")})
        slow = subprocess.Popen(
            ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "-H",
             "Expect:", "-T", "-", "-X", "POST", "-H", "Content-Length: 1000000",
             "-H", "Transfer-Encoding:", phone.base + API + s.path("a")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            slow.stdin.write(b"x" * 300000)
            slow.stdin.flush()
            phone.until("begin a OK")
            tap.equal(s.send("a", b"x" * 1000000), 409, "twice")
            tap.equal(phone.status("cancel?sessionId=" + s.id), 200, "cancel")
            phone.until("ended ECANCELED done 0 skipped 0 failed 2")
            tap.equal(listing(folder), [], "files")
            tap.equal(s.send("b", b"x"), 403, "afterwards")
        finally:
            slow.kill()
            slow.communicate()


def write(file):
    try:
        file.write(b"x" * 3000000)
    except OSError:
        pass  # whoever reads is gone


@tap.case
def killed():
    """phone: a receiver that is killed leaves no file under its name"""
    with tap.temp_dir() as folder:
        with Phone(folder) as phone:
            s = phone.take({"a": ("a.bin", b"x" * 4000000)})
            slow = subprocess.Popen(
                ["curl", "-s", "-o", os.devnull, "-H", "Expect:", "-T", "-",
                 "-X", "POST", "-H", "Content-Length: 4000000", "-H",
                 "Transfer-Encoding:", phone.base + API + s.path("a")],
                stdin=subprocess.PIPE)
            try:
                writer = threading.Thread(target=write, args=(slow.stdin,))
                writer.start()
                phone.until("begin a.bin OK")
                while not listing(folder):
                    pass
                phone.process.send_signal(signal.SIGKILL)
                phone.process.wait()
                writer.join(tap.LIMIT)
            finally:
                slow.kill()
                slow.communicate()
        tap.equal(listing(folder), [".a.bin.tenon-part"], "files")
        # And what comes later takes its place.
        with Phone(folder) as phone:
            s = phone.take({"a": ("a.bin", b"new")})
            tap.equal(s.send("a", b"new"), 200, "again")
        tap.equal(listing(folder), ["a.bin"], "files")
        tap.equal(content(folder, "a.bin"), b"new", "content")


@tap.case
def lost():
    """phone: a sender that is gone in the middle leaves nothing"""
    with tap.temp_dir() as folder, Phone(folder) as phone:
        s = phone.take({"a": ("a", b"x" * 100000)})
        with tap.connect(f"127.0.0.1:{phone.port}") as sock:
            sock.sendall(f"POST {API}{s.path('a')} HTTP/1.1\r\nHost: x\r\n"
                         "Content-Length: 100000\r\n\r\n".encode()
                         + b"x" * 50000)
            phone.until("begin a OK")
        phone.until("failed a TN_ETRUNCATED the connection was lost")
        tap.equal(listing(folder), [], "files")


# --- our own sender -----------------------------------------------------------

def send(phone, *paths, mark=None, **env):
    done = subprocess.run(
        [TOOL, "send", f"127.0.0.1:{phone.port}", mark or phone.mark, *paths],
        capture_output=True, timeout=tap.LIMIT, check=False,
        env={**os.environ, **env})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@tap.case
def our_own():
    """phone: our sender to our receiver, by TLS, with a PIN; folders too"""
    with tap.temp_dir() as here, tap.temp_dir() as there, \
            Phone(there, True, PHONE_PIN="12 34&5") as phone:
        os.makedirs(os.path.join(here, "d", "e"))
        for i in range(20):
            with open(os.path.join(here, "d", "e", f"{i} é"), "wb") as file:
                file.write(os.urandom(i * 20000))
        code, out, err = send(phone, os.path.join(here, "d"),
                              PHONE_PIN="12 34&5")
        tap.equal(code, 0, err)
        tap.true("sent done 20 skipped 0 failed 0" in out, out)
        tap.equal(listing(there), listing(here), "files")
        for name in listing(here):
            tap.equal(content(there, name), content(here, name), name)
        for pin in ({}, {"PHONE_PIN": "no"}):
            code, _, err = send(phone, os.path.join(here, "d"), **pin)
            tap.equal([code, "EKEYREJECTED" in err], [1, True], err)


@tap.case
def pinned():
    """phone: another certificate than the one that was found ends it"""
    with tap.temp_dir() as here, tap.temp_dir() as there, \
            Phone(there, True) as phone:
        path = os.path.join(here, "a")
        with open(path, "wb") as file:
            file.write(b"x")
        code, _, err = send(phone, path, mark="00" * 32)
        tap.equal([code, "TN_ECERT" in err], [1, True], err)
        tap.equal(listing(there), [], "files")


@tap.case
def answers():
    """phone: our sender tells apart why it was refused"""
    with tap.temp_dir() as here:
        path = os.path.join(here, "a")
        with open(path, "wb") as file:
            file.write(b"x" * 11)
        for env, word in (({"PHONE_TAKE": "none"}, "EACCES"),
                          ({"PHONE_MAX": "10"}, "EFBIG")):
            with tap.temp_dir() as there, Phone(there, True, **env) as phone:
                code, _, err = send(phone, path)
                tap.equal([code, word in err], [1, True], err)
        with tap.temp_dir() as there, \
                Phone(there, True, PHONE_AT_ONCE="1") as phone:
            phone.take({"b": ("b", b"x")})
            code, _, err = send(phone, path)
            tap.equal([code, "EBUSY" in err], [1, True], err)


@tap.case
def by_address():
    """phone: an address is asked by HTTPS first, by HTTP if it knows no other"""
    for secure, word in ((True, "https"), (False, "http")):
        with tap.temp_dir() as there, Phone(there, secure) as phone:
            done = subprocess.run([TOOL, "at", f"127.0.0.1:{phone.port}"],
                                  capture_output=True, timeout=tap.LIMIT,
                                  check=False)
            tap.equal(done.stdout.decode(),
                      f"device 127.0.0.1:{phone.port} {word} headless"
                      f" {phone.mark} tool\n", done.stderr)


@tap.case
def interrupted():
    """phone: our sender that is interrupted cancels the session"""
    with tap.temp_dir() as here, tap.temp_dir() as there, \
            Phone(there, True, PHONE_TAKE="9") as phone:
        # More than go out at a time: the last one is still to come.
        paths = [os.path.join(here, f"big{i}") for i in range(4)]
        for path in paths:
            with open(path, "wb") as file:
                file.truncate(1 << 30)
        sender = subprocess.Popen(
            [TOOL, "send", f"127.0.0.1:{phone.port}", phone.mark, *paths],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            phone.until("begin big2 OK")
            sender.send_signal(signal.SIGINT)
            phone.until("ended ECANCELED done 0 skipped 0 failed 4")
            tap.equal(sender.wait(tap.LIMIT), 0, "the sender's end")
        finally:
            sender.kill()
            sender.wait()
        tap.equal(listing(there), [], "files")


if __name__ == "__main__":
    tap.run()
