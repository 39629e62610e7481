"""A local network in a box, for tests: hosts that are network namespaces, and
a switch between them that loses, doubles, delays, overtakes, damages and
throttles by a seeded generator, and from which hosts are unplugged.

    with lan.Lan(3, seed=7, loss=20, jitter=100) as net:
        hub = net.start(0, [tap.PROGRAM, "hub"], stdout=subprocess.PIPE)
        net.cut(0)
        ...
        net.mend(0)
        net.counts()["lost"]

Host i has the address 10.77.S.(i + 1)/24 on the interface lanS for each
segment S, an IPv6 link-local one beside it, a loopback of its own, and no way
out. Percentages are per frame and receiver, times in milliseconds, the rate in
kbit/s per receiver. ARP and neighbour discovery are spared: they are not what
is under test. Needs root, or user namespaces, and /dev/net/tun.

The switch is a process of its own (this file run as a program), so a test that
computes does not hold the network up.
"""

import collections
import ctypes
import errno
import fcntl
import heapq
import json
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
HOSTS = 64  # of one network: descriptors and patience
SEGMENTS = 4
FRAMES = 50000  # on their way at once; a switch drops what is beyond
WEATHER = {"loss": 0, "dup": 0, "delay": 0, "jitter": 0, "reorder": 0,
           "corrupt": 0, "rate": 0}
# Bytes in front of what a damaged frame may be damaged in: Ethernet and IPv4.
HEADERS = 34


def why_not():
    """Why there can be no network in a box here; None if there can."""
    for program in ("ip", "nsenter", "unshare"):
        if not shutil.which(program):
            return program + " is not installed"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun cannot be opened"
    done = subprocess.run(
        ["unshare", *_flags(), "true"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return "no network namespaces" if done.returncode else None


def _flags():
    return ["--net"] if os.geteuid() == 0 else ["--net", "--user", "-r"]


def address(host, segment=0):
    """The IPv4 address of a host."""
    return f"10.77.{segment}.{host + 1}"


# --- a host ------------------------------------------------------------------

def _tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF,
                struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


def _configure(host, segments):
    for key in ("all", "default"):
        path = f"/proc/sys/net/ipv6/conf/{key}/"
        for knob, value in (("accept_dad", "0"), ("router_solicitations", "0")):
            try:
                with open(path + knob, "w", encoding="ascii") as file:
                    file.write(value)
            except OSError:
                pass  # no IPv6 in this kernel
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    fds = []
    for segment in range(segments):
        name = f"lan{segment}"
        fds.append(_tap(name))
        mac = f"02:00:00:00:{segment:02x}:{host + 1:02x}"
        for words in (f"link set {name} address {mac} txqueuelen 10000",
                      f"addr add {address(host, segment)}/24"
                      f" brd 10.77.{segment}.255 dev {name}",
                      f"link set {name} up"):
            subprocess.run(["ip", *words.split()], check=True)
    return fds


def _host_main(host, segments, channel):
    """Be a host: a namespace that lives until the channel is closed, and hands
    out sockets."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET | (0 if os.geteuid() == 0 else CLONE_NEWUSER)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if flags & CLONE_NEWUSER:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"),
                           ("gid_map", f"0 {gid} 1")):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    fds = _configure(host, segments)
    socket.send_fds(channel, [b"+"], fds)
    for fd in fds:
        os.close(fd)
    while True:
        wanted = channel.recv(64)
        if not wanted:
            return
        family, kind = map(int, wanted.split())
        with socket.socket(family, kind) as made:
            socket.send_fds(channel, [b"+"], [made.fileno()])


# --- the switch --------------------------------------------------------------

class _Switch:
    """One segment for each group of ports; runs until its control ends."""

    def __init__(self, seed, ports):
        self.random = random.Random(seed)
        self.ports = ports  # descriptor -> (host, segment)
        self.peers = {fd: [o for o in ports
                           if o != fd and ports[o][1] == ports[fd][1]]
                      for fd in ports}
        self.learnt = [{} for _ in range(SEGMENTS)]
        self.queue, self.serial = [], 0
        self.free_at = dict.fromkeys(ports, 0.0)
        self.weather = dict(WEATHER)
        self.unplugged = set()
        self.count = collections.Counter()

    def chance(self, what):
        percent = self.weather[what]
        return percent and self.random.random() * 100 < percent

    def damaged(self, frame):
        if len(frame) <= HEADERS:
            return frame
        bit = self.random.randrange(HEADERS * 8, len(frame) * 8)
        out = bytearray(frame)
        out[bit // 8] ^= 1 << bit % 8
        return bytes(out)

    def push(self, at, port, frame):
        if len(self.queue) >= FRAMES:
            self.count["dropped"] += 1
            return
        self.serial += 1
        heapq.heappush(self.queue, (at, self.serial, port, frame))

    def due(self, now, port, size):
        w = self.weather
        if self.chance("reorder"):
            self.count["overtook"] += 1
            return now
        at = now + max(0.0, w["delay"] +
                       self.random.uniform(-w["jitter"], w["jitter"])) / 1000
        if w["rate"]:
            at = max(at, self.free_at[port])
            self.free_at[port] = at + size * 8 / (w["rate"] * 1000)
        return at

    def deliver(self, frame, source, port, now):
        here, there = self.ports[source], self.ports[port]
        if here in self.unplugged or there in self.unplugged:
            self.count["cut"] += 1
            return
        kind = frame[12:14]
        neighbour = kind == b"\x86\xdd" and frame[20:21] == b"\x3a"
        if kind == b"\x08\x06" or neighbour:
            self.push(now, port, frame)
            return
        self.count["frames"] += 1
        if self.chance("loss"):
            self.count["lost"] += 1
            return
        copies = 1
        if self.chance("dup"):
            self.count["doubled"] += 1
            copies = 2
        for _ in range(copies):
            out = frame
            if self.chance("corrupt"):
                self.count["damaged"] += 1
                out = self.damaged(frame)
            self.push(self.due(now, port, len(out)), port, out)

    def take(self, source):
        for _ in range(64):
            try:
                frame = os.read(source, 65536)
            except OSError:
                return
            learnt = self.learnt[self.ports[source][1]]
            learnt[frame[6:12]] = source
            now = time.monotonic()
            known = None if frame[0] & 1 else learnt.get(frame[:6])
            for port in self.peers[source] if known is None else [known]:
                if port != source:
                    self.deliver(frame, source, port, now)

    def flush(self):
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now:
            _, _, port, frame = heapq.heappop(self.queue)
            try:
                os.write(port, frame)
            except OSError as why:
                if why.errno not in (errno.EAGAIN, errno.EIO, errno.EBADFD):
                    raise
                self.count["refused"] += 1

    def obey(self, order):
        self.weather.update(order.get("weather", {}))
        for host, segment in order.get("cut", []):
            self.unplugged.add((host, segment))
        for host, segment in order.get("mend", []):
            self.unplugged.discard((host, segment))
        return dict(self.count)

    def run(self, control):
        poll = select.poll()
        poll.register(control, select.POLLIN)
        for fd in self.ports:
            poll.register(fd, select.POLLIN)
        with control.makefile("rw", encoding="ascii") as lines:
            while True:
                self.flush()
                wait = 1000.0
                if self.queue:
                    wait = max(0.0, self.queue[0][0] - time.monotonic()) * 1000
                for fd, _ in poll.poll(wait):
                    if fd != control.fileno():
                        self.take(fd)
                        continue
                    line = lines.readline()
                    if not line:
                        return
                    lines.write(json.dumps(self.obey(json.loads(line))) + "\n")
                    lines.flush()


# --- the network, as a test has it -------------------------------------------

class Lan:
    """Hosts and a switch; leaves nothing behind."""

    def __init__(self, hosts, segments=1, seed=1, **weather):
        assert 1 <= hosts <= HOSTS and 1 <= segments <= SEGMENTS
        self.seed, self.segments, self.hosts = seed, segments, []
        self._processes, self._switch = [], None
        ports = {}
        try:
            for host in range(hosts):
                for segment, fd in enumerate(self._make_host(host)):
                    ports[fd] = (host, segment)
            self._make_switch(ports)
            self.weather(**weather)
        except BaseException:
            self.close()
            raise
        finally:
            for fd in ports:
                os.close(fd)

    def _spawn(self, words, channel, fds=()):
        return subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), *words],
            stdin=channel, stdout=subprocess.DEVNULL, pass_fds=fds)

    def _make_host(self, host):
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            process = self._spawn(["host", str(host), str(self.segments)],
                                  theirs)
        self.hosts.append((process, ours))
        _, fds, _, _ = socket.recv_fds(ours, 1, SEGMENTS)
        if len(fds) != self.segments:
            raise OSError(errno.ENETDOWN, "a host of the network did not come")
        return fds

    def _make_switch(self, ports):
        ours, theirs = socket.socketpair()
        words = [f"{fd}:{host}:{segment}"
                 for fd, (host, segment) in ports.items()]
        with theirs:
            process = self._spawn(["switch", str(self.seed), *words], theirs,
                                  tuple(ports))
        self._switch = (process, ours, ours.makefile("rw", encoding="ascii"))

    def _order(self, **order):
        lines = self._switch[2]
        lines.write(json.dumps(order) + "\n")
        lines.flush()
        return collections.Counter(json.loads(lines.readline()))

    def weather(self, **weather):
        """Change what the switch does to frames."""
        unknown = set(weather) - set(WEATHER)
        assert not unknown, unknown
        self._order(weather=weather)

    def cut(self, host, segment=0):
        """Unplug a host."""
        self._order(cut=[(host, segment)])

    def mend(self, host, segment=0):
        """Plug it in again."""
        self._order(mend=[(host, segment)])

    def counts(self):
        """What happened to how many frames."""
        return self._order()

    def inside(self, host, command):
        """The command line that runs a command on a host."""
        words = ["nsenter", f"--target={self.hosts[host][0].pid}", "--net"]
        if os.geteuid() != 0:
            words += ["--user", "--preserve-credentials"]
        return [*words, "--", *command]

    def socket(self, host, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
        """A socket of a host, in the hands of the test."""
        channel = self.hosts[host][1]
        channel.send(b"%d %d" % (family, kind))
        _, fds, _, _ = socket.recv_fds(channel, 1, 1)
        return socket.socket(fileno=fds[0])

    def start(self, host, command, **how):
        """Start a command on a host; killed at the end if it still runs."""
        process = subprocess.Popen(self.inside(host, command), **how)
        self._processes.append(process)
        return process

    def run(self, host, command, **how):
        """Run a command on a host to its end."""
        how.setdefault("check", True)
        how.setdefault("timeout", 60)
        return subprocess.run(self.inside(host, command), **how)

    def close(self):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        parts = list(self.hosts)
        if self._switch:
            self._switch[2].close()
            parts.append(self._switch[:2])
        for process, channel in parts:
            channel.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.hosts, self._switch, self._processes = [], None, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _main(words):
    channel = socket.socket(fileno=0)
    if words[0] == "host":
        _host_main(int(words[1]), int(words[2]), channel)
        return
    ports = {}
    for word in words[2:]:
        fd, host, segment = map(int, word.split(":"))
        os.set_blocking(fd, False)
        ports[fd] = (host, segment)
    _Switch(int(words[1]), ports).run(channel)


if __name__ == "__main__":
    _main(sys.argv[1:])
