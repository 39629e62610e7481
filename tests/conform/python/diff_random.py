"""Scenarios drawn from fixed seeds: many verbs in orders nobody thought of."""

import random
from socket import *

SEEDS = range(1, 41)
LENGTH = 60
SMALL = (0, 1, 2, 3, 7, 100, 1000)

OPENINGS = {
    "tcp": [
        ("L", "listening", AF_INET),
        ("A", "connected", "L"),
        ("B", "accept", "L"),
    ],
    "tcp6": [
        ("L", "listening", AF_INET6),
        ("A", "connected", "L"),
        ("B", "accept", "L"),
    ],
    "udp": [
        ("A", "bound", AF_INET, SOCK_DGRAM, ("127.0.0.1", 0)),
        ("B", "bound", AF_INET, SOCK_DGRAM, ("127.0.0.1", 0)),
    ],
    "unix stream": [(("A", "B"), "pair", AF_UNIX, SOCK_STREAM)],
    "unix datagram": [(("A", "B"), "pair", AF_UNIX, SOCK_DGRAM)],
    "unix seqpacket": [(("A", "B"), "pair", AF_UNIX, SOCK_SEQPACKET)],
}

OPTIONS = [
    (SOL_SOCKET, SO_REUSEADDR), (SOL_SOCKET, SO_KEEPALIVE),
    (SOL_SOCKET, SO_BROADCAST), (IPPROTO_TCP, TCP_NODELAY),
    (SOL_SOCKET, SO_OOBINLINE), (SOL_SOCKET, SO_PRIORITY),
]

# A peek or a look at names and options may come at any time.
FLAGS = (0, 0, 0, MSG_PEEK, MSG_DONTWAIT, MSG_PEEK | MSG_DONTWAIT,
         MSG_TRUNC)


class Draw:
    """One scenario. Nothing in it waits: A and B have time-out 0."""

    def __init__(self, kind, seed):
        self.random = random.Random(f"{kind} {seed}")
        self.kind = kind
        self.open = ["A", "B"]
        self.alike = 0
        self.tcp = kind.startswith("tcp")

    def steps(self):
        found = list(OPENINGS[self.kind])
        if self.kind == "udp" and self.random.random() < 0.7:
            found += [("A", "connect_to", "B"), ("B", "connect_to", "A")]
        found += [("A", "settimeout", 0), ("B", "settimeout", 0)]
        while len(found) < LENGTH:
            found += self.step(self.random.choice(self.open))
        return found + self.ending()

    def step(self, name):
        choices = [self.send] * 5 + [self.receive] * 6 + [self.look] * 3
        choices += [self.rare]
        return self.random.choice(choices)(name)

    def other(self, name):
        return "B" if name == "A" else "A"

    def data(self):
        self.alike = (self.alike + 1) % 26
        return bytes([97 + self.alike]) * self.random.choice(SMALL)

    def send(self, name):
        data = self.data()
        ways = [
            (name, "send", data), (name, "sendall", data),
            (name, "sendmsg", [data, b"+", data]),
            (name, "send", data, MSG_DONTWAIT),
        ]
        if self.kind == "udp":
            ways.append((name, "send_to", self.other(name), data))
        return [self.random.choice(ways)]

    def receive(self, name):
        size = self.random.choice(SMALL)
        flags = self.random.choice(FLAGS)
        if self.tcp:
            # On TCP it would drop the bytes instead of telling a size.
            flags &= ~MSG_TRUNC
        settle = [(name, "settle")] if self.tcp else []
        return settle + [self.random.choice([
            (name, "recv", size, flags & ~MSG_TRUNC),
            (name, "recvfrom", size, flags & ~MSG_TRUNC),
            (name, "into", size, 0, flags),
            (name, "from_into", size + 1, 0, flags & ~MSG_TRUNC),
            (name, "recvmsg", size, self.random.choice((0, 20, 64)),
             flags & ~MSG_TRUNC),
            (name, "msg_into", [size, 3, size]),
        ])]

    def look(self, name):
        level, option = self.random.choice(OPTIONS)
        return [self.random.choice([
            (name, "getsockname"), (name, "getpeername"), (name, "what"),
            (name, "gettimeout"), (name, "flags"), (name, "getblocking"),
            (name, "getsockopt", level, option),
            (name, "setsockopt", level, option, self.random.randint(0, 1)),
            (name, "getsockopt", SOL_SOCKET, SO_ERROR),
            (name, "getsockopt", SOL_SOCKET, SO_TYPE, 4),
        ])]

    def rare(self, name):
        how = self.random.choice((SHUT_RD, SHUT_WR, SHUT_RDWR))
        return self.random.choice([
            [(name, "shutdown", how)],
            [(name, "listen")],
            [("D", "dup", name), ("D", "send", b"dup"), ("D", "close")],
            [(name, "settimeout", 0.01), (name, "recv", 4),
             (name, "settimeout", 0)],
            [("L", "accept")] if self.tcp else [(name, "accept")],
            [(name, "fileno_is_valid")],
        ])

    def ending(self):
        """Read what is there, so that no close meets unread input."""
        found = []
        for name in self.random.sample(self.open, 2):
            found += [(name, "settle"), (name, "empty"),
                      (self.other(name), "empty")]
            found += [(name, "close"), (self.other(name), "recv", 10),
                      (self.other(name), "send", b"late"),
                      (self.other(name), "send", b"later")]
        return found


def scenarios():
    kinds = list(OPENINGS)
    return {
        f"random {kind}, seed {seed}": Draw(kind, seed).steps()
        for seed in SEEDS for kind in [kinds[seed % len(kinds)]]}
