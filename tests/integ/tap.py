"""What the integration tests share: TAP lines, the program, bounded waits.

A case is a function; its doc string is its name. Nothing here sleeps: what
must have happened is read from a pipe or a socket, each wait has a limit.
"""

import atexit
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import traceback

SCALE = float(os.environ.get("TENON_TEST_TIMEOUT_SCALE", "1"))
LIMIT = 10 * SCALE  # seconds that one wait may take
CASE_LIMIT = int(60 * SCALE)
SOURCE = os.environ.get("TENON_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TENON_BUILD") or os.path.join(SOURCE, "build")
PROGRAM = os.environ.get("TENON_PROGRAM") or os.path.join(BUILD, "tenon")
COURSE = os.path.join(SOURCE, "..", "shared", "course")

cases = []
_started = []


class Skip(Exception):
    """This case cannot run here; the text says why."""


def case(function):
    """Register a function as a case."""
    cases.append((function.__doc__.strip().splitlines()[0].rstrip("."),
                  function))
    return function


def add(name, function, *args):
    """Register a call as a case."""
    cases.append((name, lambda: function(*args)))


def need(program):
    """Skip the case if a program is not installed."""
    found = shutil.which(program)
    if not found:
        raise Skip(f"{program} is not installed")
    return found


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what or 'value'}: got {got!r}, "
                             f"wanted {wanted!r}")


def true(value, what):
    if not value:
        raise AssertionError(what)


def _out_of_time(signo, frame):
    raise AssertionError(f"the case took longer than {CASE_LIMIT} s")


def _run_one(function):
    signal.alarm(CASE_LIMIT)
    try:
        function()
        return "ok", "", ""
    except Skip as why:
        return "ok", f" # SKIP {why}", ""
    except Exception:  # pylint: disable=broad-except
        return "not ok", "", traceback.format_exc()
    finally:
        signal.alarm(0)
        Tenon.end_all()
        while _started:
            process = _started.pop()
            process.kill()
            process.wait()


def started(process):
    """Have a process ended with the case that started it."""
    _started.append(process)
    return process


def run():
    """Run what was registered; a word in argv chooses by name, all of it if
    the word begins with "="."""
    chosen = [c for c in cases
              if all(w[1:] == c[0] if w.startswith("=") else w in c[0]
                     for w in sys.argv[1:])]
    signal.signal(signal.SIGALRM, _out_of_time)
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(chosen, 1):
        result, note, detail = _run_one(function)
        print(f"{result} {number} - {name}{note}", flush=True)
        for line in detail.splitlines():
            print(f"#   {line}", flush=True)
        failed += result != "ok"
    sys.exit(failed > 0)


# --- waiting ----------------------------------------------------------------

def readable(thing, limit=None):
    """Wait until there is something to read; false when time is up."""
    limit = LIMIT if limit is None else limit
    return bool(select.select([thing], [], [], limit)[0])


def read_some(thing, cap=65536):
    """One read of a descriptor or a socket, within the limit."""
    if not readable(thing):
        raise AssertionError("nothing to read within the limit")
    if isinstance(thing, socket.socket):
        return thing.recv(cap)
    try:
        return os.read(thing if isinstance(thing, int) else thing.fileno(),
                       cap)
    except OSError:  # a terminal whose other side is closed
        return b""


def read_exactly(thing, count):
    """Read that many bytes; fewer is a failure."""
    data = b""
    while len(data) < count:
        more = read_some(thing, count - len(data))
        if not more:
            raise AssertionError(f"ended after {data!r}")
        data += more
    return data


def read_until(thing, wanted):
    """Read until a text has come; returns all."""
    data = b""
    while wanted not in data:
        more = read_some(thing)
        if not more:
            raise AssertionError(f"no {wanted!r} in {data!r}")
        data += more
    return data


def read_all(thing):
    """Read to the end."""
    data = b""
    while True:
        more = read_some(thing)
        if not more:
            return data
        data += more


def write_until_full(fd, byte=b"x"):
    """Write without waiting until nothing goes any more; returns how much."""
    fd = fd if isinstance(fd, int) else fd.fileno()
    os.set_blocking(fd, False)
    total = 0
    while select.select([], [fd], [], min(0.3 * SCALE, 1))[1]:
        try:
            total += os.write(fd, byte * 65536)
        except BlockingIOError:
            try:  # a pipe is ready for less than that
                total += os.write(fd, byte * 4096)
            except BlockingIOError:
                break
    os.set_blocking(fd, True)
    return total


# --- faults -----------------------------------------------------------------

def preload(name, **env):
    """The environment in which the program has a fault of tests/support."""
    module = os.path.join(BUILD, "tests", "support", name + ".so")
    if not os.path.exists(module):
        raise Skip(f"{name}.so is not built")
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return {"LD_PRELOAD": module, "ASAN_OPTIONS": options, **env}


# --- the program ------------------------------------------------------------

# What a program keeps for its user, it shall not keep for the one who tests.
HOME = tempfile.mkdtemp(prefix="tenon-home-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["XDG_DATA_HOME"] = HOME
os.environ["XDG_STATE_HOME"] = HOME
# Nothing here leaves the machine: a proxy of the person's is not asked.
for _name in [n for n in os.environ if n.lower().endswith("_proxy")]:
    del os.environ[_name]


def new_home():
    """A folder for the data of one more program, removed at the end."""
    return tempfile.mkdtemp(dir=HOME)


class Tenon:
    """The program under test, with pipes on all three descriptors. `inside`
    makes the command line that runs it elsewhere: see lan.py."""

    running = []

    def __init__(self, *args, ready=False, env=None, inside=None, **popen):
        write_end = None
        args = [PROGRAM, *args]
        if ready:
            read_end, write_end = os.pipe()
            args[2:2] = ["--ready-fd", str(write_end)]
        for name in ("stdin", "stdout", "stderr"):
            popen.setdefault(name, subprocess.PIPE)
        if "hub" in args[1:2] and "XDG_DATA_HOME" not in (env or {}):
            env = {**(env or {}), "XDG_DATA_HOME": new_home()}
        self.process = subprocess.Popen(
            inside(args) if inside else args, env={**os.environ, **(env or {})}, bufsize=0,
            pass_fds=[write_end] if ready else [], **popen)
        Tenon.running.append(self)
        self.stdin = self.process.stdin
        self.stdout = self.process.stdout
        self.stderr = self.process.stderr
        self.where = None
        if ready:
            os.close(write_end)
            self.where = self._ready(read_end)

    def _ready(self, fd):
        try:
            line = read_some(fd).decode().strip()
        finally:
            os.close(fd)
        if not line:
            self.process.wait(LIMIT)
            raise AssertionError("not ready: " +
                                 self.process.stderr.read().decode())
        return line

    @property
    def port(self):
        return int(self.where.rsplit(":", 1)[1])

    def signal(self, signo):
        self.process.send_signal(signo)

    def wait(self):
        """The exit code, as a shell shows it."""
        code = self.process.wait(LIMIT)
        return code if code >= 0 else 128 - code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for file in (self.stdin, self.stdout, self.stderr):
            if file:
                try:
                    file.close()
                except OSError:
                    pass

    @classmethod
    def end_all(cls):
        while cls.running:
            cls.running.pop().end()


def tenon(*args, stdin=b"", env=None, limit=None):
    """Run to the end: exit code, stdout, stderr."""
    done = subprocess.run([PROGRAM, *args], input=stdin, capture_output=True,
                          timeout=limit or LIMIT, check=False,
                          env={**os.environ, **(env or {})})
    code = done.returncode
    return (code if code >= 0 else 128 - code, done.stdout.decode(),
            done.stderr.decode())


def terminal():
    """A pseudo terminal that does not echo: our side, the program's."""
    master, slave = pty.openpty()
    mode = termios.tcgetattr(slave)
    mode[3] &= ~termios.ECHO
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    return master, slave


# --- peers ------------------------------------------------------------------

def listener(family=socket.AF_INET, kind=socket.SOCK_STREAM, path=None):
    """A listening (or bound) socket of ours."""
    sock = socket.socket(family, kind)
    sock.settimeout(LIMIT)
    sock.bind(path if path else
              ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen(5)
    return sock


def accept(sock):
    conn, _ = sock.accept()
    conn.settimeout(LIMIT)
    return conn


def connect(where):
    """Connect to what --ready-fd told: 127.0.0.1:80, udp://[::1]:80,
    unix:/path, unixgram:/path."""
    kind = socket.SOCK_STREAM
    if where.startswith(("udp://", "unixgram:")):
        kind = socket.SOCK_DGRAM
    if where.startswith("unix"):
        sock = socket.socket(socket.AF_UNIX, kind)
        target = where.split(":", 1)[1]
    else:
        host, port = where.removeprefix("udp://").rsplit(":", 1)
        six = host.startswith("[")
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
        target = (host.strip("[]"), int(port))
    sock.settimeout(LIMIT)
    sock.connect(target)
    return sock


def temp_dir():
    """A folder of its own; the caller removes it by `with`."""
    return tempfile.TemporaryDirectory(prefix="tenon-")


def now():
    return time.monotonic()
