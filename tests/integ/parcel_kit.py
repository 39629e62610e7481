"""What the tests of send and recv share: a receiver, files, a wire that breaks.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import select
import socket
import termios
import threading

import tap

CODE = "tenon-code 1"


class Receiver:
    """tenon recv into a folder of its own."""

    def __init__(self, stack, *options, port=0, code=CODE, folder=None,
                 yes=True, **how):
        self.folder = folder or stack.enter_context(tap.temp_dir())
        self.secret = os.path.join(stack.enter_context(tap.temp_dir()), "code")
        words = ["recv", "-p", str(port), "--bind", "127.0.0.1", *options]
        if yes:
            words.append("-y")
        if code:
            write(self.secret, code.encode() + b"\n")
            words += ["--code-file", self.secret]
        if not any(w in options for w in ("-o", "--output")):
            words.append(self.folder)
        self.tenon = tap.Tenon(*words, ready=True, **how)
        stack.callback(self.tenon.end)  # before its folder goes
        self.where = self.tenon.where
        self.port = self.tenon.port

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def read_code(self):
        """The code that is shown next."""
        text = tap.read_until(self.tenon.stderr, b"the code is ")
        while not text.endswith(b"\n"):
            text += tap.read_exactly(self.tenon.stderr, 1)
        return text.decode().rsplit("the code is ", 1)[1].strip()

    def give_code(self, code):
        """What --code-file of a sender shall be."""
        write(self.secret, code.encode() + b"\n")

    def send_words(self, *words, to=None):
        return ["send", "--code-file", self.secret, *words, "--to",
                to or self.where]

    def send(self, *words, to=None, **how):
        """Run a sender to its end."""
        return tap.tenon(*self.send_words(*words, to=to), **how)

    def start_send(self, *words, to=None, **how):
        return tap.Tenon(*self.send_words(*words, to=to), **how)


@contextlib.contextmanager
def receiver(*options, **how):
    with contextlib.ExitStack() as stack:
        yield Receiver(stack, *options, **how)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


def digest(path):
    return hashlib.sha256(read(path)).hexdigest()


def tree(folder, files):
    """Make files below a folder; those that end in a slash are folders."""
    for name, data in files.items():
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        if path.endswith(b"/"):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
    return folder


def listed(folder):
    """All that is below a folder: paths to contents, None for a folder."""
    found = {}
    for base, folders, files in os.walk(os.fsencode(folder)):
        for name in folders + files:
            path = os.path.join(base, name)
            short = os.path.relpath(path, os.fsencode(folder))
            found[short] = None if name in folders else read(path)
    return found


def names(folder):
    return sorted(os.fsdecode(n) for n in listed(folder))


def events(text, what=None):
    """JSON lines as objects; of one kind only."""
    if isinstance(text, bytes):
        text = text.decode()
    found = [json.loads(line) for line in text.splitlines()]
    return [e for e in found if what in (None, e["event"])]


def read_event(stream, what):
    """Read JSON lines until one of this kind."""
    line = b""
    while True:
        line += tap.read_exactly(stream, 1)
        if line.endswith(b"\n"):
            event = json.loads(line)
            if event["event"] == what:
                return event
            line = b""


class Wire:
    """What stands between two: it passes on so many bytes, then stops until it
    is told; or breaks."""

    def __init__(self, port):
        self.port = port
        self.listener = tap.listener()
        self.where = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.limit = None  # bytes to the receiver before it stops; None: all
        self.stopped = threading.Event()
        self.ends = []
        self.lock = threading.Lock()
        self.passed = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
                two = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            with self.lock:
                self.ends += [one, two]
            threading.Thread(target=self.pump, args=(one, two),
                             daemon=True).start()

    def pump(self, one, two):
        # There is room to stop in: what is on its way shall be little.
        two.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        with contextlib.suppress(OSError, ValueError):
            both = [one, two]
            while True:
                for sock in select.select(both, [], [])[0]:
                    room = 65536
                    if sock is one and self.limit is not None:
                        room = min(room, self.limit - self.passed)
                    if room <= 0:  # from here on the other direction only
                        self.stopped.set()
                        both = [two]
                        continue
                    data = sock.recv(room)
                    if sock is one:
                        self.passed += len(data)
                    other = two if sock is one else one
                    if not data:
                        other.shutdown(socket.SHUT_WR)
                        self.drain(other, sock)
                        return
                    other.sendall(data)

    def drain(self, sock, other):
        """One side has ended: pass on what the other one still says."""
        while True:
            data = sock.recv(65536)
            if not data:
                other.shutdown(socket.SHUT_WR)
                return
            other.sendall(data)

    def stop_after(self, count):
        self.passed, self.limit = 0, count
        self.stopped.clear()

    def wait_stopped(self):
        tap.true(self.stopped.wait(tap.LIMIT), "the wire was not filled")

    def cut(self):
        """Break what is connected; new connections get through."""
        self.limit = None
        with self.lock:
            for sock in self.ends:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            self.ends = []

    def end(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


@contextlib.contextmanager
def wire(port):
    made = Wire(port)
    try:
        yield made
    finally:
        made.end()


class Line:
    """Carries one connection at a time, counts what the sender says, and calls
    somebody at a byte, while all goes on."""

    def __init__(self, port):
        self.port = port
        self.listener = tap.listener()
        self.where = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.passed = 0  # bytes of all connections
        self.at = None
        self.then = None
        self.idle = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                try:
                    two = socket.create_connection(("127.0.0.1", self.port))
                except OSError:
                    one.close()
                    continue
                self.idle.clear()
                with one, two, contextlib.suppress(OSError):
                    self.carry(one, two)
                self.idle.set()

    def carry(self, one, two):
        other = {one: two, two: one}
        while True:
            for sock in select.select(list(other), [], [])[0]:
                data = sock.recv(16384)
                if not data:
                    return
                if sock is one:
                    self.passed += len(data)
                    if self.then and self.passed >= self.at:
                        self.then, then = None, self.then
                        then()
                other[sock].sendall(data)

    def end(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


# --- terminals --------------------------------------------------------------

class Sitting:
    """A program with somebody at its terminal."""

    def __init__(self, *words, ready=False, before=None):
        self.master, slave = tap.terminal()

        def begin():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if before:
                before()
        self.program = tap.Tenon(*words, ready=ready, stdin=slave,
                                 stdout=slave, stderr=slave,
                                 start_new_session=True, preexec_fn=begin)
        os.close(slave)
        self.text = b""

    def sees(self, *wanted):
        """Wait until the texts have come, one behind the other."""
        for text in wanted:
            data = text.encode()
            while data not in self.text:
                more = tap.read_some(self.master)
                tap.true(more, f"ended; no {text!r} in {self.text!r}")
                self.text += more
            seen, self.text = self.text.split(data, 1)
        return seen.decode()

    def code(self):
        self.sees("the code is ")
        while b"\n" not in self.text:
            self.text += tap.read_some(self.master)
        return self.text.split(b"\n")[0].decode()

    def type(self, text):
        os.write(self.master, text.encode())

    def rest(self):
        self.text += tap.read_all(self.master)
        return self.text.decode()

    def end(self):
        os.close(self.master)


@contextlib.contextmanager
def sitting(*words, **how):
    seat = Sitting(*words, **how)
    try:
        yield seat
    finally:
        seat.end()
