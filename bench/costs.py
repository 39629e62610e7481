"""The parts of the benchmark that are not about echoes per second."""

import os
import statistics
import subprocess
import sys

from measure import (SERVER_CPU, Failed, Load, Server, instructions, pinned,
                     quartiles, rss_bytes, wall_seconds)


def number(argv, wrapper=(), seconds=60):
    """Run a program that prints one number."""
    name = os.path.basename(argv[0])
    if not os.access(argv[0], os.X_OK):
        raise Failed(f"{name} was not built")
    done = subprocess.run([*wrapper, *argv], capture_output=True, text=True,
                          timeout=seconds, preexec_fn=pinned(SERVER_CPU))
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or f"{name} failed")
    return float(done.stdout.split()[-1])


def idle_bytes(build, server, count):
    """Resident memory of a server per idle connection that echoed once."""
    _, argv, env = server
    with Server(argv, env=env) as started:
        with Load(build, started, 1) as load:
            load.ask("echo 10")
        before = rss_bytes(started.pid)
        with Load(build, started, count) as load:
            load.ask(f"echo {count}")
            return (rss_bytes(started.pid) - before) / count


def memory_part(build, there, plan):
    """Resident memory of whoever waits."""
    cost = f"{build}/bench/cost"
    idle = 400 if plan.quick else 4000
    yield "## Resident memory of whoever waits"
    yield ""
    yield "| what | how many | bytes each |"
    yield "| --- | ---: | ---: |"
    for text, mode, count in (
            ("task parked in tn_recv, with its two sockets", "parked",
             500 if plan.quick else 9000),
            ("task that sleeps", "asleep", 1000 if plan.quick else 100000)):
        each = number([cost, mode, str(count)])
        yield f"| {text} | {count:,} | {each:,.0f} |"
    for server in there:
        each = idle_bytes(build, server, idle)
        yield (f"| idle connection, {server[0]} | {idle:,} | "
               f"{each:,.0f} |")


def task_part(build, _there, plan):
    """The price of a task and of a switch."""
    cost = f"{build}/bench/cost"
    rounds = 3 if plan.quick else 9
    yield "## Tasks"
    yield ""
    yield "| what | ns, median (quartiles) of the best batches | instructions |"
    yield "| --- | --- | ---: |"
    for text, mode in (("start a task and wait for its end", "spawn"),
                       ("let another task run", "yield")):
        low, mid, high = quartiles(
            [number([cost, mode, "300000"]) for _ in range(rounds)])
        try:
            count = instructions(
                lambda wrapper, n, m=mode: number([cost, m, str(n)], wrapper),
                10000, 30000)
            work = f"{count:.0f}"
        except Failed as e:
            work = f"({e})"
        yield f"| {text} | {mid:.1f} ({low:.1f} to {high:.1f}) | {work} |"


def decode_part(build, _there, plan):
    """Cutting a buffer into messages."""
    decode = f"{build}/bench/decode"
    rounds = 3 if plan.quick else 9
    if not os.access(decode, os.X_OK):
        raise Failed("decode was not built")
    yield "## Framing: 64-byte payloads in a buffer of 64 KiB"
    yield ""
    yield "| codec | ns per message, median (quartiles) |"
    yield "| --- | --- |"
    for text, codec in (("4-byte length before each", "u32be"),
                        ("newline after each", "line"),
                        ("fixed size", "fixed:64")):
        low, mid, high = quartiles(
            [number([decode, codec]) for _ in range(rounds)])
        yield f"| {text} | {mid:.2f} ({low:.2f} to {high:.2f}) |"


def heads_part(build, _there, plan):
    """Reading the heads of requests, beside other parsers."""
    heads = f"{build}/bench/heads"
    rounds = 3 if plan.quick else 9
    if not os.access(heads, os.X_OK):
        raise Failed("heads was not built")
    times = {}
    for _ in range(rounds):
        done = subprocess.run([heads], capture_output=True, text=True,
                              timeout=120, preexec_fn=pinned(SERVER_CPU))
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        for line in done.stdout.splitlines():
            head, size, parser, ns = line.split()
            times.setdefault((head, int(size), parser), []).append(float(ns))
    yield "## HTTP: reading the head of a request"
    yield ""
    yield ("| head | bytes | parser | ns, median (quartiles) | GB/s | "
           "instructions a byte |")
    yield "| --- | ---: | --- | --- | ---: | ---: |"
    for (head, size, parser), values in times.items():
        low, mid, high = quartiles(values)
        try:
            count = instructions(
                lambda wrapper, n, which=(parser, head): number(
                    [heads, *which, str(n)], wrapper), 1000, 3000)
            work = f"{count / size:.2f}"
        except Failed:
            work = "(valgrind cannot run it)"
        yield (f"| {head} | {size:,} | {parser} | {mid:.0f} ({low:.0f} to "
               f"{high:.0f}) | {size / mid:.2f} | {work} |")


def start_part(build, _there, plan):
    """How long it takes to start and end."""
    program = f"{build}/tenon"
    rounds = 20 if plan.quick else 200
    if not os.access(program, os.X_OK):
        raise Failed("the program tenon was not built")
    argvs = [["/bin/true"], [program, "--version"]]
    times = [[], []]
    for _ in range(rounds):
        for argv, values in zip(argvs, times):
            values.append(wall_seconds(argv) * 1000)
    yield "## Start-up"
    yield ""
    yield "| command | ms, median (quartiles) | above `true` |"
    yield "| --- | --- | ---: |"
    base = statistics.median(times[0])
    for name, values in zip(("true", "tenon --version"), times):
        low, mid, high = quartiles(values)
        yield (f"| `{name}` | {mid:.2f} ({low:.2f} to {high:.2f}) | "
               f"{mid - base:.2f} |")


PARTS = {"memory": memory_part, "task": task_part, "decode": decode_part,
         "heads": heads_part, "start": start_part}

if __name__ == "__main__":
    sys.exit("run bench/run instead")
