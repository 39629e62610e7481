"""Servers and load generators as processes, and what is read from them."""

import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import time

CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU = CPUS[0]
CLIENT_CPU = CPUS[-1]  # the same one on a machine with a single processor
START_S = 20  # a server under valgrind needs some of it


class Failed(Exception):
    """A program did not do what a measurement needs; the text says what."""


def pinned(cpu):
    """A preexec_fn that binds the new process to one processor."""
    return lambda: os.sched_setaffinity(0, {cpu})


def read_line(pipe, seconds, what):
    """Read one line that must come within so many seconds."""
    ready, _, _ = select.select([pipe], [], [], seconds)
    line = pipe.readline() if ready else ""
    if not line:
        raise Failed(f"{what}: no answer")
    return line


class Server:
    """An echo server that printed its address; ends with the block."""

    def __init__(self, argv, wrapper=(), env=None):
        self.name = os.path.basename(argv[0])
        self.process = subprocess.Popen(
            [*wrapper, *argv], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
            preexec_fn=pinned(SERVER_CPU))
        try:
            line = read_line(self.process.stdout, START_S, self.name)
            self.port = int(re.search(r":(\d+)\s*$", line).group(1))
        except (Failed, AttributeError):
            self.stop()
            raise Failed(f"{self.name} printed no address") from None

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Load:
    """A load generator with open connections to a server."""

    def __init__(self, build, server, count, timed=True):
        argv = [f"{build}/bench/load", str(server.port), str(count)]
        if timed:
            argv.append(str(server.pid))
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, preexec_fn=pinned(CLIENT_CPU))

    def pin(self, cpu):
        os.sched_setaffinity(self.process.pid, {cpu})

    def ask(self, command, seconds=60):
        """Give a command; return its answer as a dictionary."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            return json.loads(
                read_line(self.process.stdout, seconds, "load"))
        except (Failed, OSError) as e:
            self.process.kill()
            raise Failed(self.process.communicate()[1].strip()
                         or str(e)) from None

    def stop(self):
        if self.process.poll() is None:
            self.process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def rss_bytes(pid):
    """Resident memory of a process."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Rss:\s+(\d+) kB", f.read(), re.M)[1]) * 1024


def rotate(things, by):
    """The same things, a different one first each round."""
    by %= len(things)
    return things[by:] + things[:by]


def quartiles(values):
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values * 3
    low, middle, high = statistics.quantiles(values, method="inclusive")
    return low, middle, high


def best_tenth(values, highest=True):
    """Mean of the best tenth of many values."""
    ordered = sorted(values, reverse=highest)
    return statistics.mean(ordered[:max(1, len(ordered) // 10)])


def syscalls_per_echo(build, argv, env, count, echoes):
    """System calls of a server for each echo, counted by strace."""
    if shutil.which("strace") is None:
        raise Failed("no strace")
    with Server(argv, env=env) as server, \
            Load(build, server, count) as load:
        load.ask(f"echo {count * 4}")
        trace = subprocess.Popen(
            ["strace", "-c", "-f", "-p", str(server.pid)], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        read_line(trace.stderr, START_S, "strace")
        load.ask(f"echo {echoes}")
        trace.send_signal(signal.SIGINT)
        text = trace.communicate()[1]
    # Columns: per cent, seconds, us per call, calls, errors if any, "total".
    total = re.search(r"^.* total$", text, re.M)
    if total is None:
        raise Failed("strace may not attach here")
    return int(total[0].split()[3]) / echoes


def instructions(run, few, many):
    """User-space instructions of one step, counted by callgrind.

    run(wrapper, n) runs a program that takes n steps; what start-up costs
    falls out of the difference between two runs.
    """
    if shutil.which("valgrind") is None:
        raise Failed("no valgrind")
    counts = []
    for n in (few, many):
        out = f"/tmp/tenon-bench-{os.getpid()}.callgrind"
        run(["valgrind", "-q", "--tool=callgrind",
             f"--callgrind-out-file={out}"], n)
        with open(out, encoding="utf-8", errors="replace") as f:
            counts.append(int(re.search(
                r"^(?:summary|totals): (\d+)", f.read(), re.M)[1]))
        os.unlink(out)
    return (counts[1] - counts[0]) / (many - few)


def wall_seconds(argv):
    """How long a program takes from start to end."""
    begin = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise Failed(f"{argv[0]} failed")
    return time.perf_counter() - begin
