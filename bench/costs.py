"""The parts of the benchmark that are not about echoes per second."""

import os
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile

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


def fetch(port):
    """Get /big from s_server and throw it away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 60) as plain, \
            context.wrap_socket(plain) as sock:
        sock.sendall(b"GET /big HTTP/1.0\r\n\r\n")
        while sock.recv(1 << 16):
            pass


def s_server_cost(mib):
    """CPU ns that `openssl s_server -WWW` takes to send a MiB of a file."""
    with tempfile.TemporaryDirectory() as folder:
        pem = os.path.join(folder, "pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=localhost", "-keyout", pem, "-out",
                        pem + ".crt"], check=True, capture_output=True)
        with open(os.path.join(folder, "big"), "wb") as big:
            big.truncate(mib << 20)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(
                ["openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept",
                 "1", "-tls1_3", "-cert", pem + ".crt", "-key", pem, "-WWW"],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                preexec_fn=pinned(SERVER_CPU)) as server:
            line = b""
            while not line.startswith(b"ACCEPT "):
                line = server.stdout.readline()
            fetch(int(line.rsplit(b":", 1)[1]))
            server.stdout.close()
            server.wait(10)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime -
            before.ru_stime) * 1e9 / mib


def tls_part(build, _there, plan):
    """Moving bytes through TLS 1.3."""
    program = f"{build}/bench/tls"
    rounds, mib = (3, 128) if plan.quick else (15, 512)
    if not os.access(program, os.X_OK):
        raise Failed("tls was not built")
    yield "## TLS 1.3, bulk, AES-256-GCM"
    yield ""
    yield ("Against a loop of `SSL_read()` or `SSL_write()` on a blocking "
           f"socket; {mib} MiB each, {rounds} rounds, CPU of one side.")
    yield ""
    yield "| side | us/MiB tenon | us/MiB bare loop | ratio (quartiles) |"
    yield "| --- | ---: | ---: | --- |"
    for what, text in (("send", "send"), ("recv", "receive"),
                       ("file", "send a file, not by kTLS")):
        pairs = [[number([program, what, who, str(mib)])
                  for who in ("tenon", "bare")] for _ in range(rounds)]
        ours, bare = (statistics.median(p[i] for p in pairs) / 1000
                      for i in (0, 1))
        low, mid, high = quartiles([a / b for a, b in pairs])
        yield (f"| {text} | {ours:.0f} | {bare:.0f} | "
               f"{mid:.2f} ({low:.2f} to {high:.2f}) |")
    if shutil.which("openssl"):
        costs = [s_server_cost(mib) / 1000 for _ in range(3)]
        yield (f"| `openssl s_server -WWW`, a file | | {statistics.median(costs):.0f} "
               "| |")


def seal_part(build, _there, plan):
    """Sealing a datagram; a key of a code."""
    program = f"{build}/bench/seal"
    rounds = 3 if plan.quick else 9
    if not os.access(program, os.X_OK):
        raise Failed("seal was not built")
    yield "## Sealing: ChaCha20-Poly1305, 1,200 bytes; a key of a code"
    yield ""
    yield "| what | us of CPU, median (quartiles) |"
    yield "| --- | --- |"
    for which, text in (
            ("tenon", "`tn_seal()` and `tn_unseal()`"),
            ("sodium", "libsodium alone"),
            ("openssl", "OpenSSL, contexts made once"),
            ("pake", "`tn_pake_new()` to `tn_pake_finish()`, both sides")):
        low, mid, high = (ns / 1000 for ns in quartiles(
            [number([program, which]) for _ in range(rounds)]))
        yield f"| {text} | {mid:.2f} ({low:.2f} to {high:.2f}) |"


def parcel_once(program, way, source, folder):
    """Wall time, CPU of the receiver, CPU of the sender, in ns."""
    target = os.path.join(folder, "to")
    shutil.rmtree(target, ignore_errors=True)
    os.mkdir(target)
    done = subprocess.run([program, way, source, target], capture_output=True,
                          text=True, timeout=120)
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or "parcel failed")
    return [float(word) for word in done.stdout.split()]


def parcel_pair(run, rounds, ours, bare):
    """Medians of GB/s and the paired ratios of wall time and both CPUs."""
    pairs = [(run(ours), run(bare)) for _ in range(rounds)]
    ratios = [quartiles([a[i] / b[i] for a, b in pairs]) for i in range(3)]
    walls = [statistics.median(p[i][0] for p in pairs) for i in (0, 1)]
    return walls, ratios


def small_files(folder, count):
    """A folder of that many files of up to 4 KB."""
    for number in range(count):
        where = os.path.join(folder, str(number // 500))
        os.makedirs(where, exist_ok=True)
        with open(os.path.join(where, str(number)), "wb") as file:
            file.write(b"x" * (number * 37 % 4000))


def parcel_part(build, _there, plan):
    """A file from here to there."""
    program = f"{build}/bench/parcel"
    rounds, mib = (3, 256) if plan.quick else (11, 1024)
    if not os.access(program, os.X_OK):
        raise Failed("parcel was not built")
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        source = os.path.join(folder, "file")
        with open(source, "wb") as file:
            for _ in range(mib):
                file.write(os.urandom(1 << 20))
        yield "## A file over loopback into another file"
        yield ""
        yield (f"{mib} MiB, {rounds} rounds, both files "
               f"{'in memory' if memory else 'on a disk'}, each side on a "
               "processor of its own. The bare loops neither hash nor name "
               "nor resume. Ratios are ours to theirs, in brackets the "
               "quartiles.")
        yield ""
        yield ("| against | GB/s ours | GB/s bare | wall | receiver's CPU | "
               "sender's CPU |")
        yield "| --- | ---: | ---: | --- | --- | --- |"
        for text, ours, bare in (
                ("in the clear: sendfile(), recv(), write()", "clear",
                 "plain"),
                ("TLS 1.3: SSL_write(), SSL_read(), write()", "code", "bare")):
            walls, ratios = parcel_pair(
                lambda way: parcel_once(program, way, source, folder), rounds,
                ours, bare)
            cells = " | ".join(f"{mid:.2f} ({low:.2f} to {high:.2f})"
                               for low, mid, high in ratios)
            rates = " | ".join(f"{mib * 1.048576e6 / wall:.2f}"
                               for wall in walls)
            yield f"| {text} | {rates} | {cells} |"
        os.unlink(source)
        count = 2000 if plan.quick else 100000
        many = os.path.join(folder, "many")
        small_files(many, count)
        walls = [parcel_once(program, "many", many, folder)[0]
                 for _ in range(3)]
        yield ""
        yield (f"{count:,} files of up to 4 KB: "
               f"{statistics.median(walls) / count / 1000:.0f} us each.")


def room_part(build, _there, plan):
    """Telling a thousand members of a room one thing."""
    program = f"{build}/bench/room"
    rounds = 3 if plan.quick else 9
    if not os.access(program, os.X_OK):
        raise Failed("room was not built")
    ways = ("tenon", "sealed", "sendto", "sendmmsg")
    took = [{way: number([program, way]) for way in ways}
            for _ in range(rounds)]
    yield "## UDP room, one message to 1,000 members"
    yield ""
    yield ("Members of the native dialect in one other process; the hub's CPU is "
           "with all that comes back, an acknowledgement of each. The bare "
           f"loops get no answers. {rounds} rounds; ratios within a round.")
    yield ""
    yield ("| what | ns of CPU a message and member | to `sendto()` "
           "(quartiles) | to `sendmmsg()` |")
    yield "| --- | ---: | --- | --- |"
    for way, text in zip(ways, ("hub", "hub, with a room code",
                                "bare loop of `sendto()`",
                                "bare loop of `sendmmsg()`")):
        cells = []
        for base in ("sendto", "sendmmsg"):
            low, mid, high = quartiles([t[way] / t[base] for t in took])
            cells.append(f"{mid:.2f} ({low:.2f} to {high:.2f})")
        mid = statistics.median(t[way] for t in took)
        yield f"| {text} | {mid:,.0f} | {' | '.join(cells)} |"


PARTS = {"memory": memory_part, "task": task_part, "decode": decode_part,
         "heads": heads_part, "parcel": parcel_part, "room": room_part,
         "seal": seal_part, "start": start_part, "tls": tls_part}

if __name__ == "__main__":
    sys.exit("run bench/run instead")
