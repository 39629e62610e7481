"""What the tests of hub and chat share: a room, members, a network of one's own.
"""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys

import tap

PEERS = os.path.join(tap.SOURCE, "tests", "peers")


def hub(*args, bind="127.0.0.1", port=0, **how):
    """An open room; where and port are set."""
    return tap.Tenon("hub", "-p", str(port), "--bind", bind, *args,
                     ready=True, **how)


class Member:
    """A member made of a bare socket, as the course's clients are."""

    def __init__(self, room, name=None, host="127.0.0.1", newline=""):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.settimeout(tap.LIMIT)
        self.sock.connect((host, room.port))
        self.name = name
        self.newline = newline
        if name:
            self.send(name)

    def send(self, text):
        data = text if isinstance(text, bytes) else \
            (text + self.newline).encode()
        self.sock.send(data)

    def say(self, text):
        self.send(f"{self.name}:{text}")

    def hear(self):
        return self.sock.recv(65536).decode()

    def hears(self, *texts):
        """Exactly these come next."""
        for text in texts:
            tap.equal(self.hear(), text + self.newline, self.name)

    def waiting(self):
        """What has come and was not heard yet."""
        texts = []
        while tap.readable(self.sock, 0):
            texts.append(self.hear())
        return texts

    def silent(self):
        tap.equal(self.waiting(), [], f"{self.name} heard")

    def close(self):
        self.sock.close()


def join(room, *names, **how):
    """Members, one after the other; what they hear of it is read."""
    members = []
    for name in names:
        members.append(Member(room, name, **how))
        for other in members[:-1]:
            other.hears(f"{name}: 加入了群聊")
        # Nobody tells the first one, so its being in is told by the hub.
        line = tap.read_until(room.stdout, b"\n").decode()
        tap.equal(line, f"{name}: 加入了群聊\n", "the hub shows")
    return members


def settle(room, *members):
    """All that was sent before has been heeded: a witness comes and goes, and
    everybody hears of it. Returns what each heard before."""
    witness = Member(room, "witness")
    witness.send("q")
    heard = []
    for member in members:
        texts = []
        while not (texts and texts[-1].startswith("witness：")):
            texts.append(member.hear())
        heard.append([t for t in texts if not t.startswith("witness")])
    witness.close()
    return heard


class Peer:
    """A Python program: one of tests/peers, or any other."""

    def __init__(self, path, *args, stderr=None):
        if not os.path.isabs(path):
            path = os.path.join(PEERS, path + ".py")
        self.process = subprocess.Popen(
            [sys.executable, "-u", path, *map(str, args)], bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def line(self):
        data = b""
        while not data.endswith(b"\n"):
            more = tap.read_exactly(self.stdout, 1)
            data += more
        return data.decode()[:-1]

    def type(self, text):
        self.stdin.write((text + "\n").encode())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stdin.close()
        self.stdout.close()


# --- a network of one's own ---------------------------------------------------

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def private_network():
    """From here on this process and its children have a network with nothing
    but a loopback: every port is free. Skips where the kernel says no."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Who may not, may do it as the root of a user namespace; once in there he
    # may.
    if libc.unshare(CLONE_NEWNET) != 0 and \
            libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise tap.Skip("no network namespace: " +
                       os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh22x", b"lo", 0)
        request = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
        now = struct.unpack("16sh22x", request)[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS,
                    struct.pack("16sh22x", b"lo", now | IFF_UP))
