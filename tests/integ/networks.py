"""Hosts of a test's own: namespaces, joined by wires that the test plugs in.

The test itself runs in a network of its own (room.private_network); nothing of
the machine's networks is touched.
"""

import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import threading

import room
import tap

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def begin():
    """Once, before any case: skips where the kernel or a tool is missing."""
    for tool in ("ip", "unshare"):
        tap.need(tool)
    user, group = os.getuid(), os.getgid()
    room.private_network()
    if os.geteuid() != 0 or user != 0:  # root of a user namespace, by name too
        for name, text in (("uid_map", f"0 {user} 1"), ("setgroups", "deny"),
                           ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    probe = Host()
    done = subprocess.run(["ip", "link", "add", "v0", "type", "veth", "peer",
                           "name", "v1"], capture_output=True, check=False)
    probe.end()
    if done.returncode != 0:
        raise tap.Skip("no veth: " + done.stderr.decode().strip())
    subprocess.run(["ip", "link", "del", "v0"], check=True)


def run():
    """The cases, where there can be networks."""
    try:
        begin()
    except tap.Skip as why:
        print(f"1..0 # SKIP {why}")
    else:
        tap.run()


def enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Host:
    """A namespace with a loopback; it ends with the case."""

    wires = 0

    def __init__(self, loopback=True):
        self.process = tap.started(subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo; exec sleep 600"],
            stdout=subprocess.PIPE))
        tap.read_until(self.process.stdout, b"\n")
        self.process.stdout.close()
        self.space = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)
        if loopback:
            self.ip("link set lo up")

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.space)

    def inside(self):
        """For subprocess: the child is of this host."""
        return lambda: enter(self.space)

    def run(self, *words, check=True):
        return subprocess.run(words, check=check, capture_output=True,
                              preexec_fn=self.inside())

    def ip(self, words):
        return self.run("ip", *words.split())

    def tenon(self, *args, env=None):
        """Run to the end: exit code, stdout, stderr."""
        done = subprocess.run([tap.PROGRAM, *args], capture_output=True,
                              timeout=tap.LIMIT, check=False,
                              preexec_fn=self.inside(),
                              env={**os.environ, **(env or {})})
        return (done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *args, **how):
        return tap.Tenon(*args, preexec_fn=self.inside(), **how)

    def hub(self, *args):
        """A room for all of this host's networks."""
        return self.start("hub", "-p", "0", "--no-history", "--no-files",
                          "--quiet", *args, ready=True)

    def socket(self, *kind):
        """A Python socket of this host."""
        made = []

        def make():
            enter(self.space)
            made.append(socket.socket(*kind))
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        made[0].settimeout(tap.LIMIT)
        return made[0]

    def plug(self, name, address=None):
        """One end of a new wire; the other is in our network, its name
        returned."""
        Host.wires += 1
        other = f"w{Host.wires}"
        subprocess.run(["ip", "link", "add", other, "type", "veth", "peer",
                        "name", name, "netns", str(self.process.pid)],
                       check=True)
        if address:
            late = " nodad" if ":" in address else ""
            self.ip(f"addr add {address} dev {name}{late}")
        self.ip(f"link set {name} up")
        return other


def segment(*ends):
    """A switch in our network, and what is plugged into it."""
    Host.wires += 1
    bridge = f"b{Host.wires}"
    subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
    for end in ends:
        subprocess.run(["ip", "link", "set", end, "master", bridge, "up"],
                       check=True)
    subprocess.run(["ip", "link", "set", bridge, "up"], check=True)
    return bridge


def join(bridge, end):
    subprocess.run(["ip", "link", "set", end, "master", bridge, "up"],
                   check=True)


class Tunnel:
    """Two hosts joined by a link that knows no broadcast (tun)."""

    def __init__(self, a, b):
        self.ends, self.why = [], None
        for host in (a, b):
            thread = threading.Thread(target=self.open, args=(host,))
            thread.start()
            thread.join()
        if self.why:
            for fd in self.ends:
                os.close(fd)
            raise tap.Skip(f"no tunnel: {self.why}")
        self.stop = os.pipe()
        self.thread = threading.Thread(target=self.pump, daemon=True)
        self.thread.start()

    def open(self, host):
        try:
            enter(host.space)
            self.ends.append(os.open("/dev/net/tun", os.O_RDWR))
            fcntl.ioctl(self.ends[-1], TUNSETIFF,
                        struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
        except OSError as why:
            self.why = why

    def pump(self):
        one, two = self.ends
        while True:
            for fd in select.select([one, two, self.stop[0]], [], [])[0]:
                if fd == self.stop[0]:
                    return
                try:
                    os.write(two if fd == one else one, os.read(fd, 2000))
                except OSError:  # the other end is not up
                    pass

    def end(self):
        os.write(self.stop[1], b"x")
        self.thread.join()
        for fd in (*self.ends, *self.stop):
            os.close(fd)


# --- tenon find on them -------------------------------------------------------

PORT = 8001


def find(host, *args, found=None):
    """What is found, as JSON; the exit code must fit."""
    code, out, err = host.tenon("find", "--json", *args)
    events = [json.loads(line) for line in out.splitlines()]
    tap.equal(code, 0 if events else 1, err)
    if found is not None:
        tap.equal(sorted(e["name"] for e in events), sorted(found), err)
    return events


def doctor(host, *args):
    """What the doctor finds: {code: event}, and the interfaces by name."""
    code, out, err = host.tenon("find", "--doctor", "--json", *args)
    events = [json.loads(line) for line in out.splitlines()]
    tap.equal(err, "")
    end = events[-1]
    tap.equal(end["event"], "end")
    tap.equal(code, 0 if end["found"] else 1, "exit code")
    return ({e["code"]: e for e in events if e["event"] == "finding"},
            {e["name"]: e for e in events if e["event"] == "interface"})


def asker(host):
    sock = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return sock


def two_hosts(*, a="10.1.0.1/24", b="10.1.0.2/24"):
    """A network of two, without a default route."""
    one, two = Host(), Host()
    segment(one.plug("eth0", a), two.plug("eth0", b))
    return one, two
