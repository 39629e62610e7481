"""What the tests of hostile clients share: what a server costs, crowds, a
disk that is full, and figures for docs/hostile.md."""

import contextlib
import os
import re
import resource
import select
import subprocess

import tap

SLOW = bool(os.environ.get("TENON_TEST_SLOW"))
if SLOW:
    tap.CASE_LIMIT = int(180 * tap.SCALE)
TICKS = os.sysconf("SC_CLK_TCK")

# The one who runs the tests may have malloc() write to all it gives out: then
# memory that was never used would count.
os.environ.pop("MALLOC_PERTURB_", None)


def figure(text):
    """A line for docs/hostile.md, shown among the test's results."""
    print(f"# {text}", flush=True)


class Cost:
    """What a process holds."""

    def __init__(self, pid):
        self.pid = pid

    def kib(self, name):
        """A line of /proc/PID/status, as VmRSS, in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(name + r":\s+(\d+)", file.read()).group(1))

    def memory(self):
        return self.kib("VmRSS")

    def peak(self):
        """The highest since forget_peak()."""
        return self.kib("VmHWM")

    def forget_peak(self):
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.pid}/clear_refs", "w",
                      encoding="ascii") as file:
                file.write("5")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def limit(self, room):
        """The RLIMIT_NOFILE that leaves it so many descriptors more."""
        used = {int(n) for n in os.listdir(f"/proc/{self.pid}/fd")}
        number = 0
        while room > 0 or number in used:
            room -= number not in used
            number += 1
        return number

    def cpu(self):
        """Seconds."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            words = file.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICKS


def until(what, happens, limit=None):
    """Look again and again until it has happened."""
    end = tap.now() + (limit or tap.LIMIT)
    while not happens():
        if tap.now() > end:
            raise AssertionError(f"not within the limit: {what}")
        select.select([], [], [], 0.02)


@contextlib.contextmanager
def descriptors(count):
    """May we, and who we start, have so many?"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (max(soft, count), max(hard, count)))
    except (ValueError, OSError) as err:
        raise tap.Skip(f"{count} descriptors are wanted, {hard} are "
                       "allowed") from err
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def small_disk(kilobytes):
    """A folder with a file system of its own."""
    with tap.temp_dir() as folder:
        if os.geteuid() != 0:
            raise tap.Skip("only root can mount")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o",
                               f"size={kilobytes}k", "none", folder],
                              check=False, capture_output=True,
                              timeout=tap.LIMIT)
        if done.returncode != 0:
            raise tap.Skip("no tmpfs may be mounted here")
        try:
            yield folder
        finally:
            tap.Tenon.end_all()  # who is left there after a failure
            subprocess.run(["umount", folder], check=True, timeout=tap.LIMIT)


def fill(path):
    """A file that takes what the disk has left."""
    with open(path, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            for size in (65536, 1):
                while file.write(bytes(size)) == size:
                    pass


class Crowd:
    """Connections that are watched together: who was closed, what came."""

    def __init__(self):
        self.open = {}
        self.gone = []  # kept, so that no number comes twice
        self.heard = {}
        self.at = {}
        self.poll = select.poll()

    def add(self, sock):
        sock.setblocking(False)
        self.open[sock.fileno()] = sock
        self.heard[sock.fileno()] = b""
        self.poll.register(sock, select.POLLIN)

    def _hear(self, number):
        try:
            data = self.open[number].recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.heard[number] += data
        if not data:
            self.at[number] = tap.now()
            self.poll.unregister(number)
            self.gone.append(self.open.pop(number))

    def listen(self, seconds):
        """Take what comes, until that time is over or all are closed."""
        end = tap.now() + seconds
        while self.open and (left := end - tap.now()) > 0:
            for number, _ in self.poll.poll(left * 1000):
                self._hear(number)

    def say(self, data):
        """All that are open send this."""
        for sock in list(self.open.values()):
            with contextlib.suppress(OSError):
                sock.send(data)

    def close(self):
        """We leave."""
        for sock in [*self.open.values(), *self.gone]:
            sock.close()

    def statuses(self):
        """How often which status line was heard, and silence."""
        counts = {}
        for data in self.heard.values():
            status = data[9:12].decode() if data else "nothing"
            counts[status] = counts.get(status, 0) + 1
        return counts
