#!/usr/bin/env python3
"""tenon get: what it sends, what it writes, how it goes on after a failure."""

import base64
import json
import os
import signal
import subprocess
import threading

import tap
import web

DATA = bytes(range(256)) * 2000  # half a megabyte


def get(*words, **more):
    return tap.tenon("get", *words, **more)


def raw(*words, stdin=b"", env=None):
    """The same with stdout as bytes."""
    done = subprocess.run([tap.PROGRAM, "get", *words], input=stdin,
                          capture_output=True, timeout=tap.LIMIT, check=False,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr.decode()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def hello(request, conn):
    return web.reply(b"hello")


# --- what goes out --------------------------------------------------------------

@tap.case
def plain():
    """a body goes to stdout, and nothing else"""
    with web.server(hello) as server:
        tap.equal(get(server.url("/a?b=c#d")), (0, "hello", ""))
        tap.equal(web.path_of(server.requests[0]), "/a?b=c")
        tap.equal(get(f"127.0.0.1:{server.port}"), (0, "hello", ""))


@tap.case
def fields():
    """-H, -A, -e, -X"""
    with web.server(hello) as server:
        code, _, err = get("-H", "X-A: 1", "-H", "X-B;", "-H", "Accept:", "-A",
                           "me", "-e", "http://from/", "-X", "PURGE",
                           server.url())
        tap.equal((code, err), (0, ""))
        request = server.requests[0]
        tap.true(request.startswith(b"PURGE / HTTP/1.1\r\n"), request)
        for name, value in (("X-A", "1"), ("X-B", ""), ("Accept", None),
                            ("User-Agent", "me"), ("Referer", "http://from/")):
            tap.equal(web.field(request, name), value, name)


def refused_words(words, wanted):
    code, out, err = get(*words)
    tap.equal((code, out), (2, ""))
    tap.true(wanted in err and err.count("\n") == 1, err)


for words, wanted in (
        (["-H", "a\r\nb: c", "h"], "one line"),
        (["-H", "nonsense", "h"], "NAME: VALUE"),
        (["-u", "me:secret", "h"], "name only"),
        (["-C", "5", "-o", "x", "h"], "only -"),
        (["-C", "-", "h"], "-o FILE or -O"),
        (["-O", "-o", "x", "h"], "not both"),
        (["-o", "x", "h", "i"], "one URL"),
        (["-d", "a", "-F", "b=c", "h"], "only one of"),
        (["-I", "-d", "a", "h"], "no data"),
        (["-F", "nonsense", "h"], "NAME=VALUE"),
        (["--events", "h"], "stdout"),
        (["-x", "ftp://h", "h"], "proxy"),
        (["http://h/a b"], "not a URL"),
        (["-O", "http://h/"], "no good name"),
        (["-O", "http://h/.profile"], "no good name"),
        (["-O", "http://h/a%2f..%2fb"], "no good name"),
        (["-o", "/", "h"], "directory"),
        ([], "URL... is missing")):
    tap.add("refused: get " + ascii(" ".join(words)), refused_words, words, wanted)


@tap.case
def data():
    """-d: values, files, joined"""
    with web.server(hello) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "d")
        with open(path, "wb") as file:
            file.write(b"x=1\r\ny=2\n")
        get("-d", "a=b", "-d", "@" + path, server.url())
        get("--data-binary", "@" + path, server.url())
        get("-d", "@-", server.url(), stdin=b"in\n")
        get("-d", "", server.url())
        bodies = [r.split(b"\r\n\r\n", 1)[1] for r in server.requests]
        tap.equal(bodies, [b"a=b&x=1y=2", b"x=1\r\ny=2\n", b"in", b""])
        for request in server.requests:
            tap.true(request.startswith(b"POST "), request)
            tap.equal(web.field(request, "Content-Type"),
                      "application/x-www-form-urlencoded")


@tap.case
def json_data():
    """--json sends JSON and asks for it"""
    with web.server(hello) as server:
        get("--json", '{"a":', "--json", "1}", server.url())
        request = server.requests[0]
        tap.equal(request.split(b"\r\n\r\n", 1)[1], b'{"a":1}')
        tap.equal(web.field(request, "Content-Type"), "application/json")
        tap.equal(web.field(request, "Accept"), "application/json")


@tap.case
def form():
    """-F: fields and files, as an email parser reads them"""
    import email  # pylint: disable=import-outside-toplevel
    with web.server(hello) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, 'a"b.bin')
        with open(path, "wb") as file:
            file.write(DATA)
        text = os.path.join(folder, "t")
        with open(text, "wb") as file:
            file.write(b"from a file")
        tap.equal(get("-F", "name=Ann; x", "-F", f"photo=@{path}", "-F",
                      f"t=<{text}", "-F",
                      f"u=@{text};type=text/plain;filename=n.txt",
                      server.url())[0], 0)
        head, body = server.requests[0].split(b"\r\n\r\n", 1)
        tap.equal(web.field(head, "Content-Length"), str(len(body)))
        whole = email.message_from_bytes(
            b"Content-Type: " + web.field(head, "Content-Type").encode() +
            b"\r\n\r\n" + body)
        parts = [(p.get_param("name", header="content-disposition"),
                  p.get_filename(), p.get_content_type(),
                  p.get_payload(decode=True)) for p in whole.get_payload()]
        tap.equal(parts, [
            ("name", None, "text/plain", b"Ann; x"),
            ("photo", "a%22b.bin", "application/octet-stream", DATA),
            ("t", None, "text/plain", b"from a file"),
            ("u", "n.txt", "text/plain", b"from a file")])


@tap.case
def upload():
    """-T: a file with its length, stdin in chunks"""
    with web.server(hello) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "ü b")
        with open(path, "wb") as file:
            file.write(DATA)
        tap.equal(get("-T", path, server.url("/in/"))[0], 0)
        tap.equal(get("-T", "-", server.url("/x"), stdin=b"piped")[0], 0)
        first, second = server.requests
        tap.true(first.startswith(b"PUT /in/%C3%BC%20b HTTP/1.1\r\n"),
                 first[:80])
        tap.equal(first.split(b"\r\n\r\n", 1)[1], DATA)
        tap.equal(web.field(second, "Transfer-Encoding"), "chunked")
        tap.equal(second.split(b"\r\n\r\n", 1)[1],
                  b"5\r\npiped\r\n0\r\n\r\n")


@tap.case
def early_refusal():
    """an answer before the upload's end is read"""
    def answer(request, conn):
        return None

    class Hasty(web.Server):
        def _serve(self, conn):
            conn.recv(1000)
            conn.sendall(web.reply(b"too much", "413 X"))
            conn.recv(100000)
            conn.close()
    server = Hasty(answer)
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "big")
        with open(path, "wb") as file:
            file.truncate(1 << 28)
        for words in (["-H", "Expect:"], []):
            code, out, err = get("-T", path, *words, server.url())
            tap.equal((code, out), (4, "too much"), err)
    server.stop()


@tap.case
def login():
    """-u: the password from the environment or a file; the URL's own"""
    with web.server(hello) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "p")
        with open(path, "w", encoding="utf-8") as file:
            file.write("fi:le\nrest")
        get("-u", "me", server.url(), env={"TENON_PASSWORD": "p@:w"})
        get("-u", "me", "--password-file", path, server.url())
        get(f"http://a:b@127.0.0.1:{server.port}/")
        with tap.temp_dir() as other:
            program = tap.Tenon("get", "--events", "-o", "f",
                                "http://a:hush@127.0.0.1:1/", cwd=other)
            tap.equal(program.wait(), 1)
            said = program.stdout.read() + program.stderr.read()
            tap.true(b"hush" not in said and b"127.0.0.1:1" in said, said)
        wanted = ["me:p@:w", "me:fi:le", "a:b"]
        for request, secret in zip(server.requests, wanted, strict=True):
            tap.equal(web.field(request, "Authorization"),
                      "Basic " + base64.b64encode(secret.encode()).decode())
        err = get("-v", "-u", "me", server.url(),
                  env={"TENON_PASSWORD": "hush"})[2]
        tap.true("> Authorization: ***\n" in err, err)
        tap.true(base64.b64encode(b"me:hush").decode() not in err, err)


@tap.case
def kept():
    """several URLs share a connection; the first failure counts"""
    def answer(request, conn):
        status = web.path_of(request)[1:]
        return web.reply(status.encode(), status + " X")
    with web.server(answer) as server:
        code, out, _ = get(*(server.url("/" + s) for s in
                             ("200", "500", "404", "201")))
        tap.equal((code, out), (5, "200500404201"))
        tap.equal(server.connections, 1)


# --- what comes back ------------------------------------------------------------

@tap.case
def codes():
    """exit codes 4 and 5; -f shows no body"""
    for status, wanted in (("404 X", 4), ("503 X", 5), ("399 X", 0)):
        with web.server(lambda r, c, s=status: web.reply(b"page", s)) as server:
            code, out, err = get(server.url())
            tap.equal((code, out), (wanted, "page"))
            tap.equal(bool(err), wanted != 0)
            tap.equal(get("-f", server.url())[:2],
                      (wanted, "" if wanted else "page"))


@tap.case
def head_only():
    """-I and -i show heads"""
    with web.server(lambda r, c: web.reply(b"hello", "200 OK", "X: y")
                    if r.startswith(b"GET") else
                    web.reply(b"", "200 OK", "X: y")) as server:
        code, out, _ = get("-I", server.url())
        tap.equal((code, out),
                  (0, "HTTP/1.1 200 OK\nContent-Length: 0\nX: y\n\n")
                  if "\r" not in out else
                  (0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: y\r\n\r\n"))
        code, out, _ = get("-i", server.url())
        tap.true(out.endswith("X: y\r\n\r\nhello"), out)


@tap.case
def redirects():
    """-L follows, keeps secrets at home, and -i shows each head"""
    with web.server(hello) as other:
        def answer(request, conn):
            return web.reply(b"", "302 X", "Location: " + other.url("/end"))
        with web.server(answer) as server:
            tap.equal(get(server.url())[:2], (0, ""))
            code, out, _ = get("-L", "-i", "-u", "me", "-H", "Cookie: a=b",
                               server.url(), env={"TENON_PASSWORD": "x"})
            tap.equal(code, 0)
            tap.equal(out.count("HTTP/1.1 "), 2)
            tap.true(web.field(server.requests[1], "Authorization"), "sent")
            for name in ("Authorization", "Cookie"):
                tap.equal(web.field(other.requests[0], name), None, name)


@tap.case
def timing():
    """--timing and -v speak on stderr only"""
    with web.server(hello) as server:
        code, out, err = get("-v", "--timing", server.url())
        tap.equal((code, out), (0, "hello"))
        for word in ("> GET / HTTP/1.1\n", "< HTTP/1.1 200 OK\n",
                     "* connected to", "connect ", "answer ", "body "):
            tap.true(word in err, f"{word!r} in {err}")


@tap.case
def limits():
    """-m ends with 3, --max-filesize with 1"""
    with web.server(lambda r, c: c.recv(1) and None) as server:
        code, _, err = get("-m", "100ms", server.url())
        tap.equal(code, 3, err)
        tap.true("timed out" in err, err)
    with web.server(hello) as server:
        tap.equal(get("--max-filesize", "5", server.url())[:2], (0, "hello"))
        tap.equal(get("--max-filesize", "4", server.url())[0], 1)


@tap.case
def interrupted():
    """Ctrl-C: 130, and the part is kept"""
    ready = threading.Event()

    def answer(request, conn):
        conn.sendall(web.reply(DATA)[:-1])
        ready.set()
        conn.recv(1)
    with web.server(answer) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        program = tap.Tenon("get", "-o", path, server.url())
        tap.true(ready.wait(tap.LIMIT), "the request came")
        while not os.path.exists(path + ".part") or \
                os.path.getsize(path + ".part") < len(DATA) - 1:
            tap.true(program.process.poll() is None, "it runs")
        program.signal(signal.SIGINT)
        tap.equal(program.wait(), 130)
        tap.equal(sorted(os.listdir(folder)), ["f.part", "f.part.tag"])
        tap.equal(content(path + ".part"), DATA[:-1])


@tap.case
def events():
    """--events: a line of JSON each"""
    with web.server(hello) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        code, out, err = get("--events", "-o", path, server.url())
        tap.equal((code, err), (0, ""))
        lines = [json.loads(line) for line in out.splitlines()]
        tap.equal([line["event"] for line in lines], ["answer", "done"])
        tap.equal(lines[1]["bytes"], 5)


# --- files ----------------------------------------------------------------------

class Files:
    """A server of DATA that understands Range, with ways to misbehave."""

    def __init__(self, data=DATA, cut=None, ranges=True, tag='"one"'):
        self.data, self.cut, self.ranges, self.tag = data, cut, ranges, tag
        self.fail = 0

    def __call__(self, request, conn):
        if self.fail:
            self.fail -= 1
            return web.reply(b"later", "503 X", "Retry-After: 0")
        asked = web.field(request, "Range") if self.ranges else None
        fits = web.field(request, "If-Range") in (None, self.tag)
        fields = ["ETag: " + self.tag] if self.tag else []
        total = len(self.data)
        if asked and fits:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            if first >= total:
                return web.reply(b"", "416 X", f"Content-Range: bytes */{total}")
            fields.append(f"Content-Range: bytes {first}-{total - 1}/{total}")
            answer = web.reply(self.data[first:], "206 X", *fields)
        else:
            answer = web.reply(self.data, "200 OK", *fields)
        if self.cut:
            conn.sendall(answer[:self.cut])
            self.cut = None
            return None
        return answer


def resumed(files, wanted_code, wanted, starts, before=None):
    """Cut once, then -C -: the code, the file, the ranges asked for."""
    with web.server(files) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        files.cut = 100000
        tap.equal(get("-o", path, server.url())[0], 1)
        tap.true(not os.path.exists(path), "no partial file under the name")
        kept = os.path.getsize(path + ".part")
        tap.true(0 < kept < 100000, f"{kept} kept")
        if before:
            before(files)
        code, _, err = get("-C", "-", "-o", path, server.url())
        tap.equal(code, wanted_code, err)
        if wanted is not None:
            tap.equal(os.listdir(folder), ["f"])
            tap.true(content(path) == wanted, "the content")
        asked = [web.field(r, "Range") for r in server.requests]
        tap.equal([a and (a == f"bytes={kept}-") for a in asked], starts)


tap.add("-C - asks for the rest", resumed, Files(), 0, DATA, [None, True])
tap.add("-C - without a tag, too", resumed, Files(tag=""), 0, DATA,
        [None, True])
tap.add("-C - of another file begins anew", resumed, Files(), 0, b"x" * 9000,
        [None, True], lambda f: f.__init__(b"x" * 9000, tag='"two"'))
tap.add("-C - of a server that knows no ranges begins anew", resumed,
        Files(ranges=False), 0, DATA, [None, True])
tap.add("-C - of a file that became shorter begins anew", resumed,
        Files(tag=""), 0, b"short", [None, True, None],
        lambda f: f.__init__(b"short", tag=""))


# --- a range ---------------------------------------------------------------------

TEN = b"0123456789"
RANGES = {  # -r: the answer's Content-Range and body, what is got, Range
    "0-3": ("bytes 0-3/10", b"0123"),
    "4-": ("bytes 4-9/10", b"456789"),
    "-3": ("bytes 7-9/10", b"789"),
    "-30": ("bytes 0-9/10", TEN),
    "8-20": ("bytes 8-9/10", b"89"),
    "2-4": ("bytes 2-4/*", b"234"),
}


def ranged(text, value, body):
    def answer(request, conn):
        return web.reply(body, "206 X", f"Content-Range: {value}")
    with web.server(answer) as server:
        tap.equal(get("-r", text, server.url()), (0, body.decode(), ""))
        tap.equal(web.field(server.requests[0], "Range"), "bytes=" + text)


for text, (value, body) in RANGES.items():
    tap.add(f"-r {text} gets {body}", ranged, text, value, body)


@tap.case
def other_ranges():
    """-r takes no other range than the one asked for, nor all of it"""
    for text, status, value, why in (
            ("0-3", "206 X", "bytes 0-2/10", "another range"),
            ("0-3", "206 X", "bytes 1-3/10", "another range"),
            ("0-3", "206 X", "bytes 0-4/10", "another range"),
            ("4-", "206 X", "bytes 4-8/10", "another range"),
            ("-3", "206 X", "bytes 6-8/10", "another range"),
            ("-3", "206 X", "bytes 6-9/10", "another range"),
            ("0-3", "206 X", "lines 0-3/10", "good Content-Range"),
            ("0-3", "200 OK", "", "all of it, not the range")):
        def answer(request, conn, status=status, value=value):
            first, last = value[6:].split("/")[0].split("-") if value \
                else (0, 9)
            return web.reply(TEN[int(first):int(last) + 1], status,
                             f"Content-Range: {value}")
        with web.server(answer) as server:
            code, out, err = get("-r", text, server.url())
            tap.equal((code, out), (1, ""), f"{text} {value}")
            tap.true(why in err, err)
    with web.server(lambda *_: web.reply(b"", "416 X")) as server:
        tap.equal(get("-r", "90-", server.url())[0], 4)


WRONG = {
    "another start": "bytes 0-9/10",
    "no range at all": None,
    "no numbers": "bytes x-y/z",
    "a short one": "bytes 5-6/10",
    "one beyond the end": "bytes 5-10/10",
    "another unit": "lines 5-9/10",
    "a last before the first": "bytes 5-4/10",
}


def wrong_range(value):
    """The part stays as it is."""
    def answer(request, conn):
        fields = [f"Content-Range: {value}"] if value else []
        return web.reply(b"wrong", "206 X", *fields)
    with web.server(answer) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        with open(path + ".part", "wb") as file:
            file.write(b"12345")
        code, _, err = get("-C", "-", "-o", path, server.url())
        tap.equal(code, 1, err)
        tap.equal(os.listdir(folder), ["f.part"])
        tap.equal(content(path + ".part"), b"12345")


for name, value in WRONG.items():
    tap.add("-C - refuses a 206 with " + name, wrong_range, value)


@tap.case
def complete():
    """-C - of what is there already is done"""
    with web.server(Files()) as server, tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        tap.equal(get("-o", path, server.url())[0], 0)
        tap.equal(get("-C", "-", "-o", path, server.url())[::2], (0, ""))
        tap.equal(os.listdir(folder), ["f"])
        tap.true(content(path) == DATA, "the content")
        os.rename(path, path + ".part")
        tap.equal(get("-C", "-", "-o", path, server.url())[::2], (0, ""))
        tap.equal(os.listdir(folder), ["f"])
        with open(path, "r+b") as file:
            file.truncate(1000)
        tap.equal(get("-C", "-", "-o", path, server.url())[0], 0)
        tap.true(content(path) == DATA, "what another program began")


@tap.case
def no_connection():
    """a file that is there stays there when nobody answers"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        with open(path, "wb") as file:
            file.write(b"old")
        tap.equal(get("-C", "-", "-o", path, "http://127.0.0.1:1/")[0], 1)
        tap.equal(get("-o", path, "http://127.0.0.1:1/")[0], 1)
        tap.equal((os.listdir(folder), content(path)), (["f"], b"old"))


@tap.case
def retries():
    """--retry goes on with what it has, in a file and on stdout"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "f")
        for words in (["-o", path], []):
            with web.server(Files(cut=100000)) as server:
                code, out, err = raw("--retry", "2", *words, server.url())
                tap.equal(code, 0, err)
                tap.true((content(path) if words else out) == DATA, "content")
                tap.true(web.field(server.requests[1], "Range"), "the rest")
        with web.server(Files(cut=100000, ranges=False)) as server:
            code, out, err = raw("--retry", "2", server.url())
            tap.equal(code, 1, err)
            tap.true(DATA.startswith(out), "nothing twice")
        files = Files()
        files.fail = 1
        with web.server(files) as server:
            tap.equal(get("-s", "--retry", "1", "-o", path, server.url())[0],
                      0)
            tap.true(content(path) == DATA, "after a 503")
            files.fail = 1
            tap.true(raw("-s", "--retry", "1", server.url())[:2] == (0, DATA),
                     "the page of the 503 is not in front")
            files.fail = 5
            tap.equal(get("-s", "--retry", "1", "-f", server.url())[0], 5)
            tap.equal(files.fail, 3)


@tap.case
def names():
    """-O and -J: plain names only, nothing replaced"""
    disposition = 'attachment; filename="../../evil"'

    def answer(request, conn):
        return web.reply(b"x", "200 OK", "Content-Disposition: " + disposition)
    with web.server(answer) as server, tap.temp_dir() as folder:
        def run(*words):
            program = tap.Tenon("get", *words, cwd=folder)
            return program.wait()
        tap.equal(run("-O", server.url("/d/a%20b?q")), 0)
        tap.equal(run("-O", server.url("/d/a%20b")), 1)
        tap.equal(run("-O", "-J", server.url("/c")), 0)
        tap.equal(sorted(os.listdir(folder)), ["a b", "c"])
        for disposition, name in (
                ('attachment; filename="n.txt"', "n.txt"),
                ("attachment; filename=m.txt; x=y", "m.txt"),
                ("attachment; filename=\"x\"; filename*=UTF-8''%C3%BC", "ü"),
                ('inline; filename=".hidden"', "u1"),
                ("inline; filename*=UTF-8''a%2Fb", "u2"),
                ("inline; filename*=UTF-8''a%0ab", "u3"),
                ('inline; filename="-rf"', "u4"),
                ('inline; x="filename=no"', "u5")):
            tap.equal(run("-OJ", server.url("/" + (
                name if name[0] == "u" else "other"))), 0, disposition)
            tap.true(os.path.exists(os.path.join(folder, name)), disposition)


@tap.case
def devices():
    """-o of a device or a pipe is written to as it is"""
    with web.server(hello) as server, tap.temp_dir() as folder:
        tap.equal(get("-o", "/dev/null", server.url()), (0, "", ""))
        path = os.path.join(folder, "p")
        os.mkfifo(path)
        program = tap.Tenon("get", "-o", path, server.url())
        with open(path, "rb") as file:
            tap.equal(file.read(), b"hello")
        tap.equal(program.wait(), 0)
        tap.equal(get("-o", os.path.join(folder, "no", "f"), server.url())[0],
                  1)
        os.symlink("/etc/passwd", os.path.join(folder, "f.part"))
        code, _, err = get("-o", os.path.join(folder, "f"), server.url())
        tap.equal(code, 1, err)


@tap.case
def full():
    """a full disk is an error"""
    with web.server(hello) as server:
        code, _, err = get("-o", "/dev/full", server.url())
        tap.equal(code, 1)
        tap.true("no space left" in err, err)
        with open("/dev/full", "wb") as sink:
            program = tap.Tenon("get", server.url(), stdout=sink)
            tap.equal(program.wait(), 1)


tap.run()
