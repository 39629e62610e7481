"""What the tests of tenon serve share: a server in a folder, raw requests."""

import contextlib
import os
import signal
import socket

import tap

# Folders with and without an index, with names to escape and to hide.
FOLDERS = {
    "a.txt": b"hello\n",
    "page/index.html": b"<p>index</p>",
    "docs/file10": b"10",
    "docs/file9": b"9",
    "docs/<b>&\"'.txt": b"x",
    "docs/\u4e2d.txt": b"z",
    "docs/sub/deep.txt": b"deep",
    ".secret": b"no",
    "docs/.secret": b"no",
}


class Answer:
    """One answer, read strictly."""

    def __init__(self, status, fields, body, interim=()):
        self.status = status
        self.fields = fields
        self.body = body
        self.interim = list(interim)

    def get(self, name):
        """The value of a field; fields of the same name are joined."""
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:200]!r}"


class Reader:
    """Reads answers off a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""
        self.ended = False

    def more(self):
        got = self.sock.recv(1 << 16)
        if not got:
            self.ended = True
        self.data += got
        return bool(got)

    def until(self, mark):
        while mark not in self.data:
            if not self.more():
                raise EOFError(f"ended after {self.data[:200]!r}")
        head, self.data = self.data.split(mark, 1)
        return head

    def exactly(self, count):
        pieces, have = [self.data], len(self.data)
        while have < count:
            got = self.sock.recv(1 << 16)
            if not got:
                raise EOFError(f"{count - have} bytes are missing")
            pieces.append(got)
            have += len(got)
        data = b"".join(pieces)
        body, self.data = data[:count], data[count:]
        return body

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            body += self.exactly(size)
            if size == 0:
                while self.until(b"\r\n"):
                    pass
                return body
            tap.equal(self.exactly(2), b"\r\n", "end of a chunk")

    def answer(self, method="GET"):
        interim = []
        while True:
            lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            if status >= 200 or status == 101:
                break
            interim.append(status)
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        answer = Answer(status, fields, b"", interim)
        length = answer.get("Content-Length")
        if method == "HEAD" or status in (204, 304):
            return answer
        if answer.get("Transfer-Encoding") == "chunked":
            answer.body = self.chunks()
        elif length is not None:
            answer.body = self.exactly(int(length))
        else:
            while self.more():
                pass
            answer.body, self.data = self.data, b""
        return answer


class Server:
    """tenon serve in a folder of its own."""

    def __init__(self, folder, *options, env=None):
        self.folder = folder
        where = () if "--echo" in options else (folder,)
        self.tenon = tap.Tenon("serve", "-p", "0", "--bind", "127.0.0.1",
                               *options, *where, ready=True, env=env)
        self.url = "http://" + self.tenon.where

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.tenon.port))
        sock.settimeout(tap.LIMIT)
        return sock

    def ask(self, target, method="GET", body=None, **fields):
        """One request on a connection of its own; fields have _ for -."""
        with self.connect() as sock:
            sock.sendall(request(target, method, body, **fields))
            return Reader(sock).answer(method)

    def put(self, target, body, **fields):
        return self.ask(target, "PUT", body, **fields)


def request(target, method="GET", body=None, **fields):
    host = fields.pop("Host", "localhost")
    lines = [f"{method} {target} HTTP/1.1", "Host: " + host]
    if body is not None and "Transfer_Encoding" not in fields:
        fields.setdefault("Content_Length", str(len(body)))
    lines += [f"{n.replace('_', '-')}: {v}" for n, v in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


@contextlib.contextmanager
def served(*options, files=None, folder=None):
    """A server, ended by Ctrl-C, which must be a good end."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tap.temp_dir())
        for name, content in (files or {}).items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
            os.utime(path, (1700000000, 1700000000))
        server = Server(folder, *options)
        yield server
        server.tenon.signal(signal.SIGINT)
        tap.equal(server.tenon.wait(), 0, "exit code after Ctrl-C")


def listed(folder):
    """What is in a folder, without the server's own."""
    return sorted(n for n in os.listdir(folder) if n != ".tenon-parts")


def waiting(folder):
    """The unfinished uploads on the disk."""
    return [name for name in parts_of(folder) if not name.startswith("done-")]


def finished(folder):
    """The marks of finished uploads."""
    return [name for name in parts_of(folder) if name.startswith("done-")]


def parts_of(folder):
    parts = os.path.join(folder, ".tenon-parts")
    return sorted(os.listdir(parts)) if os.path.isdir(parts) else []


def part(name, ident, start, size):
    """The target of a part that begins there."""
    return f"/{name}?upload={ident}&offset={start}&size={size}"


def offset(s, name, ident):
    """How much of an upload the server says it has."""
    got = s.ask(f"/{name}?upload={ident}", "HEAD")
    tap.equal(got.status, 204)
    return int(got.get("Upload-Offset"))
