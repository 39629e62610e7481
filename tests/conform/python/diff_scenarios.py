"""The steps of the differential test, as data: TCP, options, time-outs.

{name: [(thing, verb, *arguments), ...]}; see diff_world.py for the verbs.
"""

from socket import *

from diff_world import At, Fd, Path

POLLOUT = 4


def connection(family=AF_INET):
    """A listener L, a client C and the accepted S."""
    return [
        ("L", "listening", family),
        ("C", "connected", "L"),
        ("S", "accept", "L"),
    ]


def both_families(make):
    """The same steps over IPv4 and IPv6."""
    return {"inet": make(AF_INET), "inet6": make(AF_INET6)}


def tcp_echo(family):
    return connection(family) + [
        ("C", "what"), ("S", "what"),
        ("C", "sendall", b"hello"),
        ("S", "recv", 100),
        ("S", "send", b"HELLO"),
        ("C", "recv", 2), ("C", "recv", 2), ("C", "recv", 2),
        ("C", "getsockname"), ("C", "getpeername"),
        ("S", "getsockname"), ("S", "getpeername"),
        ("L", "getsockname"), ("L", "getpeername"),
        ("C", "close"), ("S", "recv", 100), ("S", "recv", 100),
    ]


def tcp_half_close(family):
    return connection(family) + [
        ("C", "sendall", b"question"),
        ("C", "shutdown", SHUT_WR),
        ("S", "recv", 100), ("S", "recv", 100),
        ("C", "send", b"more"),
        ("S", "sendall", b"answer"),
        ("C", "recv", 100),
        ("S", "close"),
        ("C", "recv", 100), ("C", "recv", 100),
        ("C", "shutdown", SHUT_RDWR), ("C", "shutdown", SHUT_WR),
    ]


def tcp_refused(family):
    host = "::1" if family == AF_INET6 else "127.0.0.1"
    return [
        # A port that was just free, bound but not listening.
        ("B", "bound", family, SOCK_STREAM, (host, 0)),
        ("C", "new", family, SOCK_STREAM),
        ("C", "connect", At("B")),
        ("D", "new", family, SOCK_STREAM),
        ("D", "settimeout", 5.0), ("D", "connect", At("B")),
        ("E", "new", family, SOCK_STREAM),
        ("E", "connect_ex", At("B")),
        ("F", "new", family, SOCK_STREAM),
        ("F", "settimeout", None), ("F", "connect", At("B")),
        ("F", "getpeername"),
    ]


def tcp_not_waiting(family):
    return [
        ("L", "listening", family),
        ("L", "setblocking", False),
        ("L", "accept"),
        ("C", "new", family, SOCK_STREAM),
        ("C", "setblocking", False),
        ("C", "connect_ex", At("L")),
        ("C", "ready", POLLOUT),
        ("C", "getsockopt", SOL_SOCKET, SO_ERROR),
        ("C", "connect_ex", At("L")), ("C", "connect_ex", At("L")),
        ("L", "ready"),
        ("S", "accept", "L"),
        ("S", "flags"), ("C", "flags"), ("L", "flags"),
        ("S", "settimeout", 0), ("S", "recv", 10),
        ("C", "recv", 10), ("C", "recvfrom", 10), ("C", "into", 10),
        ("C", "recvmsg", 10),
        ("S", "send", b"x"), ("C", "ready"), ("C", "recv", 10),
    ]


TCP = {}
for _make in (tcp_echo, tcp_half_close, tcp_refused, tcp_not_waiting):
    for _label, _steps in both_families(_make).items():
        TCP[f"{_make.__name__.replace('_', ' ')}, {_label}"] = _steps

TCP.update({
    "tcp end of stream stays the end": connection() + [
        ("S", "sendall", b"bye"), ("S", "close"),
        ("C", "recv", 100), ("C", "recv", 100), ("C", "recv", 100),
        ("C", "recvfrom", 100), ("C", "into", 5), ("C", "recvmsg", 5),
    ],
    "tcp peek, wait for all, do not wait": connection() + [
        ("C", "sendall", b"abcdef"), ("S", "ready"),
        ("S", "recv", 3, MSG_PEEK), ("S", "recv", 10, MSG_PEEK),
        ("S", "recv", 2), ("S", "settimeout", None),
        ("S", "recv", 10, MSG_DONTWAIT), ("S", "recv", 10, MSG_DONTWAIT),
        ("C", "later", 0.05, "sendall", b"67890"),
        ("C", "sendall", b"12345"),
        ("S", "recv", 10, MSG_WAITALL),
        ("C", "join"),
    ],
    "tcp urgent data": connection() + [
        ("C", "send", b"ab"), ("C", "send", b"!", MSG_OOB),
        ("C", "send", b"cd"), ("S", "ready", 2),
        ("S", "recv", 10, MSG_OOB), ("S", "recv", 10, MSG_OOB),
        ("S", "recv", 10), ("S", "recv", 10),
    ],
    "tcp send to a closed peer": connection() + [
        ("S", "close"),
        ("C", "recv", 10),
        ("C", "send", b"first"),
        # The peer's reset is an event of its own.
        ("C", "ready", 8),
        ("C", "send", b"second"), ("C", "send", b"third"),
        ("C", "sendall", b"fourth"),
        ("C", "recv", 10),
    ],
    "tcp reset by the peer": connection() + [
        ("S", "setsockopt", SOL_SOCKET, SO_LINGER,
         b"\1\0\0\0\0\0\0\0"),
        ("S", "close"), ("C", "ready", 8),
        ("C", "recv", 10), ("C", "recv", 10), ("C", "send", b"x"),
        ("C", "getpeername"),
    ],
    "tcp reset after data": connection() + [
        ("S", "sendall", b"data"), ("C", "ready"),
        ("S", "setsockopt", SOL_SOCKET, SO_LINGER,
         b"\1\0\0\0\0\0\0\0"),
        ("S", "close"), ("C", "ready", 8),
        ("C", "recv", 10), ("C", "recv", 10),
    ],
    "tcp pending error is told once": connection() + [
        ("S", "setsockopt", SOL_SOCKET, SO_LINGER,
         b"\1\0\0\0\0\0\0\0"),
        ("S", "close"), ("C", "ready", 8),
        ("C", "getsockopt", SOL_SOCKET, SO_ERROR),
        ("C", "getsockopt", SOL_SOCKET, SO_ERROR),
        ("C", "recv", 10),
    ],
    "tcp shutdown of reading": connection() + [
        ("C", "sendall", b"left"), ("S", "ready"),
        ("S", "shutdown", SHUT_RD),
        ("S", "recv", 10), ("S", "recv", 10),
        ("S", "sendall", b"still"), ("C", "recv", 10),
    ],
    "tcp shutdown of the unconnected": [
        ("C", "new", AF_INET, SOCK_STREAM),
        ("C", "shutdown", SHUT_RDWR), ("C", "shutdown", 77),
        ("L", "listening", AF_INET), ("L", "shutdown", SHUT_WR),
    ],
    "tcp shutdown wakes who reads": connection() + [
        ("S", "later", 0.05, "shutdown", SHUT_RDWR),
        ("S", "recv", 10), ("S", "join"),
    ],
    "tcp not connected": [
        ("C", "new", AF_INET, SOCK_STREAM),
        ("C", "send", b"x"), ("C", "sendall", b"x"), ("C", "recv", 1),
        ("C", "recvfrom", 1), ("C", "sendmsg", [b"x"]),
        ("C", "getpeername"), ("C", "getsockname"),
    ],
    "tcp connected twice": connection() + [
        ("C", "connect", At("L")), ("C", "connect_ex", At("L")),
        ("L", "connect", At("L")),
    ],
    "tcp bind": [
        ("L", "listening", AF_INET),
        ("A", "new", AF_INET, SOCK_STREAM),
        ("A", "bind", At("L")),
        ("A", "bind", ("192.0.2.1", 0)),
        ("A", "bind", ("127.0.0.1", 0)), ("A", "getsockname"),
        ("A", "bind", ("127.0.0.1", 0)),
        ("A", "bind", ("127.0.0.1", 70000)),
        ("A", "bind", ("127.0.0.1", -1)),
        ("A", "bind", ("127.0.0.1",)), ("A", "bind", "127.0.0.1"),
        ("A", "bind", ("127.0.0.1", "80")), ("A", "bind", (5, 80)),
    ],
    "tcp listen and accept where they cannot be": [
        ("A", "new", AF_INET, SOCK_STREAM),
        ("A", "accept"),
        ("A", "listen"), ("A", "getsockopt", SOL_SOCKET, SO_ACCEPTCONN),
        ("A", "listen", 1), ("A", "listen", -5),
        ("A", "settimeout", None), ("A", "recv", 1),
        ("A", "send", b"x"),
        ("B", "new", AF_INET, SOCK_DGRAM),
        ("B", "listen", 1), ("B", "accept"),
    ],
    "tcp what an accepted socket inherits": [
        ("L", "listening", AF_INET),
        ("L", "settimeout", 3.5),
        ("L", "setsockopt", IPPROTO_TCP, TCP_NODELAY, 1),
        ("L", "setsockopt", SOL_SOCKET, SO_KEEPALIVE, 1),
        ("C", "connected", "L"), ("S", "accept", "L"),
        ("S", "getsockopt", IPPROTO_TCP, TCP_NODELAY),
        ("S", "getsockopt", SOL_SOCKET, SO_KEEPALIVE),
        ("S", "getsockopt", SOL_SOCKET, SO_ACCEPTCONN),
        ("S", "what"), ("L", "gettimeout"),
    ],
    "tcp address reuse": [
        ("L", "listening", AF_INET), ("C", "connected", "L"),
        ("S", "accept", "L"),
        ("S", "shutdown", SHUT_WR), ("C", "recv", 1), ("C", "close"),
        ("S", "recv", 1), ("S", "close"),
        ("M", "new", AF_INET, SOCK_STREAM),
        ("M", "setsockopt", SOL_SOCKET, SO_REUSEADDR, 1),
        ("M", "bind", At("L")), ("M", "getsockopt", SOL_SOCKET,
                                 SO_REUSEADDR),
    ],
    "tcp hosts of bind": [
        ("A", "bound", AF_INET, SOCK_STREAM, ("", 0)),
        ("A", "getsockname"),
        ("B", "bound", AF_INET, SOCK_STREAM, ("localhost", 0)),
        ("B", "getsockname"),
        ("C", "bound", AF_INET, SOCK_STREAM, ("0.0.0.0", 0)),
        ("C", "getsockname"),
        ("D", "bound", AF_INET6, SOCK_STREAM, ("", 0)),
        ("D", "getsockname"),
        ("E", "bound", AF_INET6, SOCK_STREAM, ("::1", 0, 0, 0)),
        ("E", "getsockname"),
        ("F", "bound", AF_INET, SOCK_STREAM, (b"127.0.0.1", 0)),
        ("F", "getsockname"),
        ("G", "bound", AF_INET, SOCK_STREAM, ("127.1", 0)),
        ("G", "getsockname"),
        ("H", "bound", AF_INET, SOCK_STREAM, ("::1", 0)),
        ("I", "bound", AF_INET6, SOCK_STREAM, ("127.0.0.1", 0)),
        ("J", "bound", AF_INET, SOCK_STREAM, ("no..such", 0)),
        ("K", "bound", AF_INET, SOCK_STREAM, ("a\0b", 0)),
    ],
    "tcp connect to any address is to this host": [
        ("L", "listening", AF_INET, ("0.0.0.0", 0)),
        ("C", "new", AF_INET, SOCK_STREAM),
        ("C", "connect", At("L", "")), ("C", "getpeername"),
        ("D", "new", AF_INET, SOCK_STREAM),
        ("D", "connect", At("L", "localhost")), ("D", "getpeername"),
    ],
    "tcp both families on one socket": [
        ("L", "new", AF_INET6, SOCK_STREAM),
        ("L", "setsockopt", IPPROTO_IPV6, IPV6_V6ONLY, 0),
        ("L", "bind", ("::", 0)), ("L", "listen"),
        ("C", "new", AF_INET, SOCK_STREAM),
        ("C", "connect", ("127.0.0.1", 1)),
        ("D", "new", AF_INET6, SOCK_STREAM),
        ("D", "connect", At("L", "::ffff:127.0.0.1")),
        ("D", "getpeername"), ("S", "accept", "L"), ("S", "getsockname"),
    ],
    "tcp flow and scope of an address": [
        ("A", "new", AF_INET6, SOCK_STREAM),
        ("A", "bind", ("::1", 0, 0xFFFFF, 0)),
        ("A", "getsockname"),
        ("B", "new", AF_INET6, SOCK_STREAM),
        ("B", "bind", ("::1", 0, 0x100000)), ("B", "bind", ("::1", 0, -1)),
        ("B", "bind", ("::1", 0, 0, 0, 0)), ("B", "bind", ("::1",)),
    ],
    "tcp much data through a small pipe": connection() + [
        ("C", "setsockopt", SOL_SOCKET, SO_SNDBUF, 4096),
        ("C", "later", 0, "sendall", b"0123456789" * 200000),
        ("S", "drain", 2000000), ("C", "join"),
    ],
    "tcp full: would block": connection() + [
        ("C", "setblocking", False), ("C", "flood", 65536),
        ("C", "send", b"x"), ("C", "sendall", b"x"),
        ("C", "sendmsg", [b"x"]), ("C", "send", b""),
    ],
    "tcp full: times out": connection() + [
        ("C", "settimeout", 0.1), ("C", "flood", 65536),
        # Where Python polls first, tenon tries first: a byte may fit.
        ("C", "timed", 0.1, "sendall", b"x" * (16 << 20)),
        ("C", "timed", 0.1, "sendall", b"x" * (16 << 20)),
    ],
    "tcp sendall goes on after a failure": connection() + [
        ("C", "settimeout", 0.05),
        ("C", "sendall", b"y" * (8 << 20)),
        ("C", "sendall", b"y" * (8 << 20)),
        ("S", "swallow"),
        ("C", "settimeout", 5), ("C", "send", b"z"), ("S", "recv", 1),
    ],
    "tcp messages": connection() + [
        ("C", "sendmsg", [b"ab", b"", b"cdef"]),
        ("S", "recvmsg", 100), ("C", "sendmsg", []),
        ("C", "sendmsg", [b"0123456789"]), ("S", "ready"),
        ("S", "msg_into", [3, 0, 4]), ("S", "msg_into", [10], 64),
        ("C", "sendmsg", [b"x"], [], 0, None), ("S", "recvmsg", 10, 64),
        ("C", "sendmsg", [b"z"] * 1025),
        ("C", "close"), ("S", "recvmsg", 10, 64),
    ],
    "tcp into buffers": connection() + [
        ("C", "sendall", b"0123456789"), ("S", "ready"),
        ("S", "into", 4), ("S", "into", 4, 2), ("S", "into", 4, 5),
        ("S", "into", 0), ("S", "into", 4, -1),
        ("S", "from_into", 4), ("S", "from_into", 3, 4),
        ("C", "close"), ("S", "into", 4), ("S", "from_into", 4),
    ],
    "tcp sizes of nothing": connection() + [
        ("C", "send", b""), ("C", "sendall", b""),
        ("S", "recv", 0), ("S", "recv", -1), ("C", "send", b"x"),
        ("S", "recv", 0), ("S", "recvfrom", 0), ("S", "recvmsg", 0),
        ("S", "recv", 5),
    ],
    "tcp sendto with an address": connection() + [
        ("C", "sendto", b"x", At("L")), ("S", "recv", 10),
        ("C", "sendto", b"y", 0, At("L")), ("S", "recvfrom", 10),
        ("D", "new", AF_INET, SOCK_STREAM),
        ("D", "sendto", b"x", At("L")),
    ],
    "tcp a listener's end": connection() + [
        ("D", "connected", "L"), ("L", "close"),
        ("D", "ready", 8), ("D", "recv", 10), ("D", "recv", 10),
        ("C", "sendall", b"x"), ("S", "recv", 1),
    ],
    "tcp connect to itself": [
        ("C", "bound", AF_INET, SOCK_STREAM, ("127.0.0.1", 0)),
        ("C", "connect", At("C")),
        ("C", "sendall", b"me"), ("C", "recv", 10),
        ("C", "getpeername"),
    ],
})

TIMEOUTS = {
    "time-outs: what is set is told": [
        ("A", "raw_new", AF_INET, SOCK_STREAM), ("A", "flags"),
        ("A", "settimeout", 0), ("A", "gettimeout"), ("A", "getblocking"),
        ("A", "flags"),
        ("A", "settimeout", 0.0), ("A", "gettimeout"),
        ("A", "settimeout", 1), ("A", "gettimeout"), ("A", "getblocking"),
        ("A", "flags"),
        ("A", "settimeout", 7.25), ("A", "gettimeout"),
        ("A", "settimeout", 0.001), ("A", "gettimeout"),
        ("A", "settimeout", None), ("A", "gettimeout"),
        ("A", "getblocking"), ("A", "flags"),
        ("A", "setblocking", 0), ("A", "gettimeout"), ("A", "flags"),
        ("A", "setblocking", 1), ("A", "gettimeout"), ("A", "flags"),
        ("A", "settimeout", -1), ("A", "settimeout", float("nan")),
        ("A", "settimeout", float("inf")), ("A", "settimeout", "1"),
        ("A", "gettimeout"),
    ],
    "time-outs: recv": connection() + [
        ("C", "settimeout", 0.1),
        ("C", "timed", 0.1, "recv", 1),
        ("C", "timed", 0.1, "recvfrom", 1),
        ("C", "timed", 0.1, "into", 1),
        ("C", "timed", 0.1, "recvmsg", 1),
        ("C", "timed", 0.1, "recv", 1, MSG_PEEK),
        ("C", "settimeout", 0), ("C", "timed", 0, "recv", 1),
        ("C", "settimeout", None),
        ("C", "timed", 0, "recv", 1, MSG_DONTWAIT),
        ("S", "send", b"x"), ("C", "settimeout", 5),
        ("C", "recv", 1),
    ],
    "time-outs: a call told not to wait": connection() + [
        ("C", "settimeout", 0.1),
        ("C", "timed", 0.1, "recv", 1, MSG_DONTWAIT),
    ],
    "time-outs: recv that data ends": connection() + [
        ("C", "settimeout", 5),
        ("S", "later", 0.05, "send", b"now"),
        ("C", "timed", 0.03, "recv", 10), ("S", "join"),
        ("C", "settimeout", None),
        ("S", "later", 0.05, "send", b"now"),
        ("C", "timed", 0.03, "recv", 10), ("S", "join"),
        ("S", "later", 0.05, "close"),
        ("C", "timed", 0.03, "recv", 10), ("S", "join"),
    ],
    "time-outs: accept": [
        ("L", "listening", AF_INET),
        ("L", "settimeout", 0.1), ("L", "timed", 0.1, "accept"),
        ("L", "settimeout", 0), ("L", "timed", 0, "accept"),
        ("C", "new", AF_INET, SOCK_STREAM),
        ("L", "settimeout", 5),
        ("C", "later", 0.05, "connect", At("L")),
        ("S", "accept", "L"), ("C", "join"),
        ("L", "settimeout", None), ("D", "new", AF_INET, SOCK_STREAM),
        ("D", "later", 0.05, "connect", At("L")),
        ("T", "accept", "L"), ("D", "join"),
    ],
    "time-outs: connect to a full backlog": [
        ("L", "new", AF_UNIX, SOCK_STREAM), ("L", "bind", Path("full")),
        ("L", "listen", 0),
        ("A", "new", AF_UNIX, SOCK_STREAM), ("A", "connect", Path("full")),
        ("B", "new", AF_UNIX, SOCK_STREAM), ("B", "settimeout", 0),
        ("B", "connect", Path("full")), ("B", "connect_ex", Path("full")),
    ],
    "time-outs: datagrams": [
        ("A", "bound", AF_INET, SOCK_DGRAM, ("127.0.0.1", 0)),
        ("A", "settimeout", 0.1),
        ("A", "timed", 0.1, "recv", 1), ("A", "timed", 0.1, "recvfrom", 1),
        ("A", "settimeout", 0), ("A", "timed", 0, "recvfrom", 1),
        ("A", "settimeout", 5), ("A", "later", 0.05, "sendto", b"x",
                                 At("A")),
        ("A", "recvfrom", 10), ("A", "join"),
    ],
    "time-outs: a copy has its own": connection() + [
        ("C", "settimeout", 3), ("D", "dup", "C"), ("D", "gettimeout"),
        ("D", "settimeout", 0.1), ("C", "gettimeout"),
        ("D", "timed", 0.1, "recv", 1),
        ("S", "send", b"x"), ("C", "recv", 1),
    ],
    "time-outs: kinds that a type may carry": [
        ("A", "raw_new", AF_INET, SOCK_STREAM | SOCK_NONBLOCK),
        ("A", "what"), ("A", "flags"), ("A", "gettimeout"),
        ("B", "raw_new", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC),
        ("B", "what"), ("B", "flags"),
    ],
}

_LEVELS = [
    (SOL_SOCKET, SO_REUSEADDR, 1), (SOL_SOCKET, SO_REUSEPORT, 1),
    (SOL_SOCKET, SO_KEEPALIVE, 1), (SOL_SOCKET, SO_BROADCAST, 1),
    (SOL_SOCKET, SO_OOBINLINE, 1), (SOL_SOCKET, SO_RCVLOWAT, 5),
    (SOL_SOCKET, SO_SNDBUF, 20000), (SOL_SOCKET, SO_RCVBUF, 20000),
    (SOL_SOCKET, SO_PRIORITY, 3), (IPPROTO_TCP, TCP_NODELAY, 1),
    (IPPROTO_TCP, TCP_CORK, 1), (IPPROTO_TCP, TCP_KEEPIDLE, 77),
    (IPPROTO_TCP, TCP_KEEPINTVL, 7), (IPPROTO_TCP, TCP_KEEPCNT, 3),
    (IPPROTO_TCP, TCP_USER_TIMEOUT, 5000), (IPPROTO_TCP, TCP_MAXSEG, 1000),
    (IPPROTO_IP, IP_TTL, 33), (IPPROTO_IP, IP_TOS, 16),
    (IPPROTO_IP, IP_MULTICAST_TTL, 9), (IPPROTO_IP, IP_MULTICAST_LOOP, 0),
]

OPTIONS = {
    "options: set and told": [("A", "new", AF_INET, SOCK_STREAM)] + [
        step for level, name, value in _LEVELS for step in (
            ("A", "getsockopt", level, name),
            ("A", "setsockopt", level, name, value),
            ("A", "getsockopt", level, name),
        )],
    "options: set and told for datagrams": [
        ("A", "new", AF_INET, SOCK_DGRAM)] + [
        step for level, name, value in _LEVELS for step in (
            ("A", "setsockopt", level, name, value),
            ("A", "getsockopt", level, name),
        )],
    "options: raw values": [
        ("A", "new", AF_INET, SOCK_STREAM),
        ("A", "getsockopt", SOL_SOCKET, SO_LINGER, 8),
        ("A", "setsockopt", SOL_SOCKET, SO_LINGER, b"\1\0\0\0\5\0\0\0"),
        ("A", "getsockopt", SOL_SOCKET, SO_LINGER, 8),
        ("A", "getsockopt", SOL_SOCKET, SO_LINGER, 4),
        ("A", "getsockopt", SOL_SOCKET, SO_LINGER, 100),
        ("A", "getsockopt", SOL_SOCKET, SO_RCVTIMEO, 16),
        ("A", "getsockopt", SOL_SOCKET, SO_REUSEADDR, 1),
        ("A", "getsockopt", SOL_SOCKET, SO_REUSEADDR, 2),
        ("A", "getsockopt", SOL_SOCKET, SO_REUSEADDR, 0),
        ("A", "getsockopt", SOL_SOCKET, SO_REUSEADDR, -1),
        ("A", "getsockopt", SOL_SOCKET, SO_REUSEADDR, 2000),
        ("A", "setsockopt", SOL_SOCKET, SO_REUSEADDR, b"\1\0\0\0"),
        ("A", "getsockopt", SOL_SOCKET, SO_REUSEADDR, 4),
    ],
    "options: wrong ones": [
        ("A", "new", AF_INET, SOCK_STREAM),
        ("A", "getsockopt", SOL_SOCKET, 9999),
        ("A", "setsockopt", SOL_SOCKET, 9999, 1),
        ("A", "getsockopt", 9999, 1), ("A", "setsockopt", 9999, 1, 1),
        ("A", "setsockopt", SOL_SOCKET, SO_REUSEADDR, b""),
        ("A", "setsockopt", SOL_SOCKET, SO_LINGER, b"\1"),
        ("A", "setsockopt", IPPROTO_IP, IP_TTL, 999),
        ("A", "setsockopt", IPPROTO_TCP, TCP_KEEPCNT, 100000),
        ("A", "setsockopt", SOL_SOCKET, SO_REUSEADDR, None, 4),
        ("A", "setsockopt", SOL_SOCKET, SO_REUSEADDR, "1"),
        ("A", "setsockopt", SOL_SOCKET, SO_REUSEADDR, 1 << 40),
        ("U", "new", AF_UNIX, SOCK_STREAM),
        ("U", "setsockopt", IPPROTO_TCP, TCP_NODELAY, 1),
    ],
    "options: read only": connection() + [
        ("C", "getsockopt", SOL_SOCKET, SO_TYPE),
        ("C", "getsockopt", SOL_SOCKET, SO_DOMAIN),
        ("C", "getsockopt", SOL_SOCKET, SO_PROTOCOL),
        ("C", "getsockopt", SOL_SOCKET, SO_ACCEPTCONN),
        ("L", "getsockopt", SOL_SOCKET, SO_ACCEPTCONN),
        ("C", "getsockopt", SOL_SOCKET, SO_ERROR),
        ("C", "setsockopt", SOL_SOCKET, SO_TYPE, 2),
    ],
    "options: IPv6": [
        ("A", "new", AF_INET6, SOCK_STREAM),
        ("A", "getsockopt", IPPROTO_IPV6, IPV6_V6ONLY),
        ("A", "setsockopt", IPPROTO_IPV6, IPV6_V6ONLY, 1),
        ("A", "getsockopt", IPPROTO_IPV6, IPV6_V6ONLY),
        ("A", "setsockopt", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9),
        ("A", "getsockopt", IPPROTO_IPV6, IPV6_UNICAST_HOPS),
        ("A", "setsockopt", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 300),
        ("B", "new", AF_INET, SOCK_STREAM),
        ("B", "setsockopt", IPPROTO_IPV6, IPV6_V6ONLY, 1),
    ],
}

_VERBS = [
    ("recv", 1), ("recvfrom", 1), ("into", 1), ("recvmsg", 1),
    ("send", b"x"), ("sendall", b"x"), ("sendmsg", [b"x"]),
    ("sendto", b"x", ("127.0.0.1", 9)), ("bind", ("127.0.0.1", 0)),
    ("listen", 1), ("accept",), ("connect", ("127.0.0.1", 9)),
    ("connect_ex", ("127.0.0.1", 9)), ("getsockname",), ("getpeername",),
    ("getsockopt", SOL_SOCKET, SO_TYPE),
    ("setsockopt", SOL_SOCKET, SO_REUSEADDR, 1),
    ("shutdown", SHUT_RDWR), ("settimeout", 1), ("setblocking", True),
    ("fileno",), ("detach",), ("close",),
]

LIFE = {
    "life: every verb of a closed socket": [
        ("A", "new", AF_INET, SOCK_STREAM), ("A", "close")] + [
        ("A", *verb) for verb in _VERBS] + [("A", "close"), ("A", "what")],
    "life: every verb of a detached socket": [
        ("A", "new", AF_INET, SOCK_DGRAM), ("B", "fromfd", "A")] + [
        ("A", *verb) for verb in _VERBS] + [("B", "getsockname")],
    "life: a copy shares the connection": connection() + [
        ("D", "dup", "C"), ("D", "what"), ("D", "flags"),
        ("C", "sendall", b"a"), ("D", "sendall", b"b"), ("S", "ready"),
        ("C", "close"), ("D", "sendall", b"c"),
        ("S", "recv", 3, MSG_WAITALL),
        ("S", "sendall", b"x"), ("D", "recv", 5),
        ("D", "close"), ("S", "recv", 5),
    ],
    "life: a copy keeps a shutdown connection": connection() + [
        ("D", "dup", "C"), ("D", "shutdown", SHUT_WR),
        ("C", "send", b"x"), ("S", "recv", 5),
    ],
    "life: from a descriptor and back": connection() + [
        ("D", "fromfd", "C"), ("D", "what"), ("D", "flags"),
        ("D", "gettimeout"), ("C", "fileno"), ("C", "what"),
        ("D", "sendall", b"x"), ("S", "recv", 5),
        ("D", "getpeername"),
    ],
    "life: closed with unread input": connection() + [
        ("C", "sendall", b"never read"), ("S", "ready"),
        ("S", "sendall", b"answer"), ("S", "later", 0, "close"),
        ("C", "recv", 100), ("C", "recv", 100), ("C", "close"),
        ("S", "join"),
    ],
    "life: handed over with unread input": connection() + [
        (("A", "B"), "pair", AF_UNIX, SOCK_STREAM),
        ("C", "sendall", b"question"), ("S", "ready"),
        ("A", "send_fds", b"x", [Fd("S")]), ("S", "later", 0, "close"),
        ("T", "recv_socket", "B"), ("S", "join"), ("T", "settimeout", 0.2),
        ("T", "recv", 100), ("T", "send", b"answer"), ("C", "recv", 100),
    ],
    "life: kinds that do not exist": [
        ("A", "new", AF_INET, SOCK_SEQPACKET),
        ("A", "new", AF_INET, SOCK_STREAM, IPPROTO_UDP),
        ("A", "new", AF_INET, SOCK_DGRAM, IPPROTO_TCP),
        ("A", "new", AF_INET, 77), ("A", "new", 12345, SOCK_STREAM),
        ("A", "new", AF_UNIX, SOCK_STREAM, 99),
        ("A", "new", AF_INET, SOCK_RAW),
        ("A", "new", AF_INET, SOCK_STREAM, -2),
        ("A", "new", AF_INET, SOCK_RDM),
        ("A", "new", AF_INET, 1 << 40),
    ],
    "life: kinds that exist": [
        step for n, kind in enumerate([
            (AF_INET, SOCK_STREAM), (AF_INET, SOCK_DGRAM),
            (AF_INET, SOCK_STREAM, IPPROTO_TCP),
            (AF_INET, SOCK_DGRAM, IPPROTO_UDP),
            (AF_INET6, SOCK_STREAM), (AF_INET6, SOCK_DGRAM),
            (AF_UNIX, SOCK_STREAM), (AF_UNIX, SOCK_DGRAM),
            (AF_UNIX, SOCK_SEQPACKET), (AF_INET, SOCK_RAW, IPPROTO_ICMP),
            (AF_INET6, SOCK_RAW, IPPROTO_ICMPV6),
            (AF_UNIX, SOCK_RAW),
        ]) for step in ((f"S{n}", "new", *kind), (f"S{n}", "what"),
                        (f"S{n}", "flags"))],
}
