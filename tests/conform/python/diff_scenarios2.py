"""More steps of the differential test: datagrams, Unix, files, servers."""

from socket import *

from diff_scenarios import connection
from diff_world import At, Fd, Path

EMPTY_HOST = {AF_INET: "127.0.0.1", AF_INET6: "::1"}


def datagrams(family=AF_INET):
    """Two bound sockets, A and B."""
    host = EMPTY_HOST[family]
    return [
        ("A", "bound", family, SOCK_DGRAM, (host, 0)),
        ("B", "bound", family, SOCK_DGRAM, (host, 0)),
    ]


def udp_exchange(family):
    return datagrams(family) + [
        ("A", "sendto", b"one", At("B")), ("A", "sendto", b"", At("B")),
        ("A", "sendto", b"three", 0, At("B")),
        ("B", "recvfrom", 100), ("B", "recvfrom", 100),
        ("B", "recvmsg", 100), ("A", "getpeername"),
        ("B", "sendmsg", [b"a", b"b"], [], 0, At("A")),
        ("A", "from_into", 10),
    ]


def udp_connected(family):
    return datagrams(family) + [
        ("A", "connect", At("B")), ("A", "getpeername"),
        ("A", "send", b"x"), ("B", "recvfrom", 10),
        ("A", "sendall", b"yy"), ("B", "recv", 10),
        ("B", "sendto", b"back", At("A")), ("A", "recv", 10),
        ("C", "bound", family, SOCK_DGRAM, (EMPTY_HOST[family], 0)),
        # What others send does not get in.
        ("C", "sendto", b"stranger", At("A")),
        ("A", "settimeout", 0), ("A", "recv", 10),
        ("A", "sendto", b"z", At("C")), ("C", "recvfrom", 10),
        ("A", "shutdown", SHUT_RDWR), ("A", "send", b"x"),
    ]


def udp_truncated(family):
    message = b"0123456789"
    send = ("A", "sendto", message, At("B"))
    return datagrams(family) + [
        send, ("B", "recv", 4), send, ("B", "recvfrom", 4),
        send, ("B", "recvmsg", 4), send, ("B", "into", 4),
        send, ("B", "into", 4, 0, MSG_TRUNC), send, ("B", "recv", 0),
        send, ("B", "from_into", 4),
        send, ("B", "recv", 4, MSG_PEEK), ("B", "recv", 100, MSG_PEEK),
        ("B", "recvmsg", 4, 0, MSG_PEEK), ("B", "recvmsg", 100),
        send, ("B", "msg_into", [3, 3]), send, ("B", "msg_into", [3, 30]),
        send, ("B", "recv", 100),
    ]


DATAGRAMS = {}
for _make in (udp_exchange, udp_connected, udp_truncated):
    for _label, _family in (("inet", AF_INET), ("inet6", AF_INET6)):
        DATAGRAMS[f"{_make.__name__.replace('_', ' ')}, {_label}"] = (
            _make(_family))

DATAGRAMS.update({
    "udp refused": [
        ("A", "bound", AF_INET, SOCK_DGRAM, ("127.0.0.1", 0)),
        ("B", "bound", AF_INET, SOCK_DGRAM, ("127.0.0.1", 0)),
        ("A", "connect", At("B")), ("B", "close"),
        ("A", "send", b"x"), ("A", "ready", 8),
        ("A", "recv", 10), ("A", "settimeout", 0), ("A", "recv", 10),
        ("A", "send", b"x"), ("A", "ready", 8), ("A", "send", b"x"),
        ("A", "send", b"x"), ("A", "ready", 8),
        ("A", "getsockopt", SOL_SOCKET, SO_ERROR),
    ],
    "udp without an address": [
        ("A", "new", AF_INET, SOCK_DGRAM),
        ("A", "send", b"x"), ("A", "sendmsg", [b"x"]),
        ("A", "sendall", b"x"),
        ("A", "sendto", b"x", None), ("A", "sendto", b"x"),
        ("A", "sendto", b"x", ("127.0.0.1", 0)),
        ("A", "getsockname"),
    ],
    "udp too large": datagrams() + [
        ("A", "sendto", b"x" * 65507, At("B")), ("B", "drain", 1),
        ("A", "sendto", b"x" * 65508, At("B")),
        ("A", "sendto", b"x" * 100000, At("B")),
        ("A", "sendmsg", [b"x" * 40000, b"x" * 40000], [], 0, At("B")),
    ],
    "udp broadcast needs leave": datagrams() + [
        ("A", "sendto", b"x", At("B", "<broadcast>")),
        ("A", "setsockopt", SOL_SOCKET, SO_BROADCAST, 1),
        ("A", "getsockopt", SOL_SOCKET, SO_BROADCAST),
        ("A", "sendto", b"x", At("B", "127.255.255.255")),
        ("C", "new", AF_INET6, SOCK_DGRAM),
        ("C", "sendto", b"x", ("<broadcast>", 9)),
    ],
    "udp hosts of sendto": datagrams() + [
        ("A", "sendto", b"1", At("B", "localhost")), ("B", "recv", 5),
        ("A", "sendto", b"2", At("B", b"127.0.0.1")), ("B", "recv", 5),
        ("A", "sendto", b"3", At("B", "127.1")), ("B", "recv", 5),
        ("A", "sendto", b"4", At("B", "")),
        ("A", "sendto", b"5", At("B", "::1")),
        ("A", "sendto", b"6", At("B", "256.1.1.1")),
        ("A", "sendto", b"7", ("127.0.0.1", 99999)),
        ("A", "sendto", "text", At("B")),
    ],
    "udp where it arrived": datagrams() + [
        ("B", "setsockopt", IPPROTO_IP, IP_RECVTOS, 1),
        ("A", "setsockopt", IPPROTO_IP, IP_TOS, 32),
        ("A", "sendto", b"x", At("B")), ("B", "recvmsg", 10, 100),
        ("A", "sendto", b"x", At("B")), ("B", "recvmsg", 10, 0),
        ("A", "sendto", b"x", At("B")), ("B", "recvmsg", 10, 5),
        ("A", "sendto", b"x", At("B")),
        ("B", "recvmsg", 10, CMSG_LEN(0)),
        ("A", "sendmsg", [b"x"], [(IPPROTO_IP, IP_TOS, b"\x08")], 0,
         At("B")),
        ("B", "recvmsg", 10, 100),
    ],
    "udp control messages that are wrong": datagrams() + [
        ("A", "sendmsg", [b"x"], [(IPPROTO_IP, 9999, b"abc")], 0, At("B")),
        ("A", "sendmsg", [b"x"], [(1, 2)], 0, At("B")),
        ("A", "sendmsg", [b"x"], [(1, 2, 3)], 0, At("B")),
        ("A", "sendmsg", b"x"), ("A", "sendmsg", [1]),
        ("A", "recvmsg", -1), ("A", "recvmsg", 1, -1),
    ],
    "udp of both families": [
        ("A", "new", AF_INET6, SOCK_DGRAM), ("A", "bind", ("::", 0)),
        ("B", "bound", AF_INET, SOCK_DGRAM, ("127.0.0.1", 0)),
        ("B", "sendto", b"x", ("127.0.0.1", 1)),
        ("A", "sendto", b"x", At("B", "::ffff:127.0.0.1")),
        ("B", "recv", 10),
    ],
    "udp shared port": [
        ("A", "new", AF_INET, SOCK_DGRAM),
        ("A", "setsockopt", SOL_SOCKET, SO_REUSEPORT, 1),
        ("A", "bind", ("127.0.0.1", 0)),
        ("B", "new", AF_INET, SOCK_DGRAM), ("B", "bind", At("A")),
        ("B", "setsockopt", SOL_SOCKET, SO_REUSEPORT, 1),
        ("B", "bind", At("A")),
    ],
})


def unix_pair(kind):
    return [(("A", "B"), "pair", AF_UNIX, kind)]


UNIX = {
    "unix stream: by path": [
        ("L", "new", AF_UNIX, SOCK_STREAM), ("L", "bind", Path("s")),
        ("L", "listen"), ("L", "getsockname"),
        ("C", "new", AF_UNIX, SOCK_STREAM), ("C", "connect", Path("s")),
        ("S", "accept", "L"), ("C", "getsockname"), ("C", "getpeername"),
        ("S", "getpeername"), ("S", "getsockname"), ("S", "what"),
        ("C", "sendall", b"x"), ("S", "recvmsg", 0),
        ("S", "recvfrom", 10), ("C", "close"), ("S", "recv", 10),
    ],
    "unix stream: who may bind and connect": [
        ("L", "new", AF_UNIX, SOCK_STREAM),
        ("C", "new", AF_UNIX, SOCK_STREAM),
        ("C", "connect", Path("none")), ("C", "connect_ex", Path("none")),
        ("L", "bind", Path("s")), ("C", "connect", Path("s")),
        ("L", "bind", Path("t")),
        ("M", "new", AF_UNIX, SOCK_STREAM), ("M", "bind", Path("s")),
        ("M", "bind", Path("no/where")), ("M", "bind", Path("")),
        ("D", "new", AF_UNIX, SOCK_DGRAM), ("D", "connect", Path("s")),
        ("L", "listen"), ("L", "close"),
        ("E", "new", AF_UNIX, SOCK_STREAM), ("E", "connect", Path("s")),
    ],
    "unix stream: names": [
        ("A", "new", AF_UNIX, SOCK_STREAM), ("A", "getsockname"),
        ("A", "bind", Path("b", True)), ("A", "getsockname"),
        ("B", "new", AF_UNIX, SOCK_STREAM), ("B", "bind", ""),
        ("B", "getsockname"), ("B", "listen"),
        ("C", "new", AF_UNIX, SOCK_STREAM), ("C", "connect", At("B")),
        ("D", "new", AF_UNIX, SOCK_STREAM),
        ("D", "bind", "x" * 108), ("D", "bind", b"\0" + b"y" * 108),
        ("D", "bind", 5), ("D", "bind", ("a", 1)), ("D", "bind", None),
        ("D", "bind", b"\0tenon-" + b"y" * 101), ("D", "getsockname"),
    ],
    "unix stream: abstract names": [
        ("L", "new", AF_UNIX, SOCK_STREAM),
        ("L", "bind", b"\0tenon diff\0\1"), ("L", "listen"),
        ("L", "getsockname"),
        ("C", "new", AF_UNIX, SOCK_STREAM),
        ("C", "connect", b"\0tenon diff\0\1"), ("C", "getpeername"),
        ("D", "new", AF_UNIX, SOCK_STREAM),
        ("D", "connect", b"\0tenon diff"),
        ("E", "new", AF_UNIX, SOCK_STREAM),
        ("E", "connect", "\0tenon diff\0\1"), ("E", "getpeername"),
    ],
    "unix stream: a pair": unix_pair(SOCK_STREAM) + [
        ("A", "sendall", b"ab"), ("A", "sendall", b"cd"),
        ("B", "recv", 3), ("B", "recv", 3),
        ("A", "getsockname"), ("A", "getpeername"), ("A", "flags"),
        ("A", "shutdown", SHUT_WR), ("B", "recv", 1),
        ("B", "sendall", b"x"), ("A", "recv", 1), ("A", "close"),
        ("B", "send", b"x"), ("B", "send", b"x"), ("B", "recv", 1),
    ],
    "unix stream: unread input": unix_pair(SOCK_STREAM) + [
        ("A", "send", b"unread"), ("B", "close"),
        ("A", "recv", 1), ("A", "recv", 1), ("A", "send", b"x"),
    ],
    "unix stream: full": unix_pair(SOCK_STREAM) + [
        ("A", "settimeout", 0), ("A", "flood", 4096),
        ("A", "send", b"x"), ("A", "settimeout", 0.1),
        ("A", "timed", 0.1, "send", b"x" * 100000),
        ("B", "later", 0.05, "swallow"),
        ("A", "settimeout", 5), ("A", "sendall", b"y" * (1 << 20)),
        ("B", "join"),
    ],
    "unix datagram: a pair": unix_pair(SOCK_DGRAM) + [
        ("A", "send", b"one"), ("A", "send", b""), ("A", "send", b"two"),
        ("B", "recvfrom", 100), ("B", "recv", 100), ("B", "recv", 2),
        ("B", "settimeout", 0), ("B", "recv", 2),
        ("A", "close"), ("B", "recv", 2), ("B", "send", b"x"),
    ],
    "unix datagram: names": [
        ("A", "new", AF_UNIX, SOCK_DGRAM), ("A", "bind", Path("a")),
        ("B", "new", AF_UNIX, SOCK_DGRAM),
        ("B", "sendto", b"x", Path("a")), ("A", "recvfrom", 10),
        ("B", "bind", Path("b")), ("B", "sendto", b"y", Path("a")),
        ("A", "recvfrom", 10), ("A", "sendto", b"z", Path("b")),
        ("B", "recvmsg", 10), ("B", "connect", Path("a")),
        ("B", "send", b"w"), ("A", "recvfrom", 10),
        ("B", "sendto", b"x", Path("none")),
        ("A", "close"), ("B", "send", b"x"),
        ("B", "sendto", b"x", Path("a")),
    ],
    "unix datagram: full": unix_pair(SOCK_DGRAM) + [
        ("A", "settimeout", 0), ("A", "flood", 100), ("A", "send", b"x"),
        ("A", "settimeout", 0.1), ("A", "timed", 0.1, "send", b"x"),
        ("B", "swallow"), ("A", "send", b"x"),
    ],
    "unix datagram: truncated": unix_pair(SOCK_DGRAM) + [
        ("A", "send", b"0123456789"), ("B", "recvmsg", 4),
        ("A", "send", b"0123456789"), ("B", "into", 4, 0, MSG_TRUNC),
        ("A", "send", b"0123456789"), ("B", "recv", 4),
        ("A", "send", b"x" * 300000), ("B", "settimeout", 0),
        ("B", "recv", 4),
    ],
    "unix seqpacket: a pair": unix_pair(SOCK_SEQPACKET) + [
        ("A", "send", b"one"), ("A", "send", b"two"),
        ("B", "recv", 100), ("B", "recv", 2),
        ("A", "send", b"three"), ("B", "recvmsg", 2),
        ("A", "sendall", b"four"), ("B", "recvmsg", 100),
        ("A", "shutdown", SHUT_WR), ("B", "recv", 10),
        ("B", "send", b"x"), ("A", "recv", 10),
        ("B", "close"), ("A", "recv", 10), ("A", "send", b"x"),
    ],
    "unix seqpacket: by path": [
        ("L", "new", AF_UNIX, SOCK_SEQPACKET), ("L", "bind", Path("q")),
        ("L", "listen"), ("C", "new", AF_UNIX, SOCK_SEQPACKET),
        ("C", "connect", Path("q")), ("S", "accept", "L"), ("S", "what"),
        ("C", "send", b"a"), ("C", "send", b"b"),
        ("S", "recvfrom", 10), ("S", "recv", 10),
        ("D", "new", AF_UNIX, SOCK_STREAM), ("D", "connect", Path("q")),
        ("S", "settimeout", None), ("S", "recv", 10, MSG_DONTWAIT),
        ("C", "close"),
        ("S", "recv", 10),
    ],
    "pairs that do not exist": [
        (("A", "B"), "pair", AF_INET, SOCK_STREAM),
        (("A", "B"), "pair", AF_UNIX, 77),
        (("A", "B"), "pair", AF_UNIX, SOCK_STREAM, 99),
        (("A", "B"), "pair", 12345, SOCK_STREAM),
        (("A", "B"), "pair"), ("A", "what"),
        (("C", "D"), "pair", AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK),
        ("C", "flags"), ("C", "gettimeout"),
    ],
    "unix: who is there": unix_pair(SOCK_STREAM) + [
        ("B", "setsockopt", SOL_SOCKET, SO_PASSCRED, 1),
        ("A", "send", b"x"), ("B", "recvmsg", 10, 100),
        ("A", "getsockopt", SOL_SOCKET, SO_PEERCRED, 12),
    ],
    "unix: descriptors": unix_pair(SOCK_STREAM) + [
        ("F", "file", b"content"),
        ("A", "send_fds", b"x", [Fd("F"), Fd("A")]),
        ("B", "recv_fds", 10, 5),
        ("A", "send_fds", b"y", [Fd("F")]), ("B", "recvmsg_fds", 100),
        ("A", "sendmsg_fds", b"z", [Fd("F"), Fd("F")]),
        ("B", "recv_fds", 10, 2),
        ("A", "send", b"none"), ("B", "recv_fds", 10, 2),
        ("A", "sendmsg_fds", b"z", [Fd("F"), Fd("F")]),
        ("B", "recvmsg_fds", CMSG_LEN(4)),
        ("A", "sendmsg_fds", b"z", [Fd("F")]), ("B", "recv", 10),
        ("A", "send_fds", b"z", [9999]), ("A", "close"),
        ("B", "recv_fds", 10, 2),
    ],
    "unix: descriptors between datagrams": unix_pair(SOCK_DGRAM) + [
        ("F", "file", b"content"),
        ("A", "send_fds", b"x", [Fd("F")]), ("B", "recv_fds", 10, 1),
        ("A", "sendmsg_fds", b"y", [Fd("F")]), ("B", "recvmsg_fds", 64),
        ("A", "sendmsg_fds", b"y", [Fd("F")]), ("B", "recvmsg_fds", 0),
    ],
}

_LINES = b"first\nsecond line\n\nlast without end"

FILES = {
    "makefile: lines": connection() + [
        ("F", "makefile", "C", "rb"), ("S", "sendall", _LINES),
        ("F", "readline"), ("F", "readline"), ("F", "readline"),
        ("S", "close"), ("F", "readline"), ("F", "readline"),
    ],
    "makefile: a long line": connection() + [
        ("F", "makefile", "C", "rb"),
        ("S", "sendall", b"x" * 20000 + b"\n" + b"y" * 10 + b"\n"),
        ("F", "readline"), ("F", "readline"),
    ],
    "makefile: lines in pieces": connection() + [
        ("F", "makefile", "C", "rb"),
        ("S", "send", b"ab"), ("S", "later", 0.05, "send", b"cd\nef\n"),
        ("F", "readline"), ("F", "readline"), ("S", "join"),
    ],
    "makefile: bytes": connection() + [
        ("F", "makefile", "C", "rb"), ("S", "sendall", b"0123456789"),
        ("F", "read", 4),
        ("F", "read", 4), ("S", "close"), ("F", "read", 4),
        ("F", "read", 4),
    ],
    "makefile: all lines": connection() + [
        ("F", "makefile", "C", "rb"), ("S", "sendall", _LINES),
        ("S", "close"), ("F", "readlines"),
    ],
    "makefile: writing": connection() + [
        ("W", "makefile", "C", "wb"), ("W", "write", b"hello "),
        ("S", "settimeout", 0), ("S", "recv", 100),
        ("S", "settimeout", 5), ("W", "write", b"world\n"),
        ("W", "flush"), ("S", "recv", 100),
        ("W", "write", b"x" * 100000), ("W", "flush"),
        ("S", "drain", 100000),
        ("W", "write", b"end"), ("W", "close"), ("S", "recv", 100),
        ("C", "send", b"open"), ("S", "recv", 100),
    ],
    "makefile: both directions": connection() + [
        ("F", "makefile", "C", "rwb"), ("G", "makefile", "S", "rwb"),
        ("F", "write", b"ask\n"), ("F", "flush"), ("G", "readline"),
        ("G", "write", b"answer\n"), ("G", "flush"), ("F", "readline"),
    ],
    "sendfile: whole": connection() + [
        ("F", "file", b"0123456789" * 10000), ("C", "sendfile", "F"),
        ("S", "drain", 100000),
    ],
    "sendfile: parts": connection() + [
        ("F", "file", b"0123456789" * 100),
        ("C", "sendfile", "F", 995), ("S", "recv", 100),
        ("C", "sendfile", "F", 3, 4), ("S", "recv", 100),
        ("C", "sendfile", "F", 990, 100), ("S", "recv", 100),
        ("E", "file", b""), ("C", "sendfile", "E"),
        ("C", "settimeout", 5), ("C", "sendfile", "F", 0, 10),
        ("S", "recv", 100),
    ],
    "sendfile: times out": connection() + [
        ("F", "file", b"x" * (24 << 20)), ("C", "settimeout", 0.2),
        ("C", "timed", 0.2, "sendfile", "F"),
    ],
}

SERVERS = {
    "create_server": [
        ("L", "create_server", ("127.0.0.1", 0)), ("L", "kind"),
        ("L", "getsockopt", SOL_SOCKET, SO_REUSEADDR),
        ("L", "getsockopt", SOL_SOCKET, SO_REUSEPORT),
        ("L", "getsockopt", SOL_SOCKET, SO_ACCEPTCONN),
        ("C", "connected", "L"), ("S", "accept", "L"),
        ("C", "sendall", b"x"), ("S", "recv", 1),
        ("M", "create_server", At("L")),
        ("N", "create_server", ("192.0.2.1", 0)),
    ],
    "create_server: options": [
        ("L", "server", ("127.0.0.1", 0), {"reuse_port": True}),
        ("L", "getsockopt", SOL_SOCKET, SO_REUSEPORT),
        ("M", "server", At("L"), {"reuse_port": True}),
        ("N", "create_server", At("L")),
        ("P", "server", ("127.0.0.1", 0), {"backlog": 1}),
    ],
    "create_server: IPv6": [
        ("L", "server", ("::1", 0), {"family": AF_INET6}),
        ("L", "getsockopt", IPPROTO_IPV6, IPV6_V6ONLY),
        ("L", "kind"), ("C", "connected", "L"),
        ("M", "server", ("::", 0), {"family": AF_INET6,
                                    "dualstack_ipv6": True}),
        ("M", "getsockopt", IPPROTO_IPV6, IPV6_V6ONLY),
        ("D", "new", AF_INET6, SOCK_STREAM),
        ("D", "connect", At("M", "::ffff:127.0.0.1")),
        ("N", "server", ("::", 0), {"family": AF_INET6}),
        ("N", "getsockopt", IPPROTO_IPV6, IPV6_V6ONLY),
        ("E", "new", AF_INET6, SOCK_STREAM),
        ("E", "connect", At("N", "::ffff:127.0.0.1")),
    ],
    "create_connection": [
        ("L", "create_server", ("127.0.0.1", 0)),
        ("C", "create_connection", At("L"), 5.0), ("C", "what"),
        ("C", "getpeername"), ("S", "accept", "L"),
        ("C", "sendall", b"x"), ("S", "recv", 1),
        ("D", "create_connection", At("L", "localhost"), None),
        ("T", "accept", "L"), ("D", "getpeername"),
        ("E", "create_connection", At("L"), 5.0, ("127.0.0.1", 0)),
    ],
    "create_connection: refused": [
        ("B", "bound", AF_INET, SOCK_STREAM, ("127.0.0.1", 0)),
        ("C", "create_connection", At("B"), 5.0),
        ("C", "create_connection", At("B", "localhost"), 5.0),
        ("C", "create_connection", At("B", b"no..such"), 5.0),
        ("L", "create_server", ("127.0.0.1", 0)),
        ("C", "create_connection", At("L"), 5.0, ("192.0.2.1", 0)),
    ],
}

_NAMES = ["127.0.0.1", "localhost", "127.1", "1", "0x7f.1", "::1", "::",
          "fe80::1", "::ffff:1.2.3.4", "0.0.0.0", "1.2.3.4.5", "256.1.1.1",
          b"no..such", "", "<broadcast>", "ff02::1%lo", "::1%nowhere",
          "[::1]", " 127.0.0.1", "127.0.0.1 ", "0177.0.0.1", "1.2.3"]

NAMES = {
    "names: both families": [
        ("N", "resolve", host, 80) for host in _NAMES
        if host != "<broadcast>"],
    "names: IPv4": [
        ("N", "resolve", host, 80, AF_INET) for host in _NAMES],
    "names: IPv6": [
        ("N", "resolve", host, 80, AF_INET6) for host in _NAMES],
    "names: numbers only": [
        ("N", "resolve", host, 0, 0, 0, 0, AI_NUMERICHOST)
        for host in _NAMES],
    "names: gethostbyname": [
        ("N", "hostbyname", host) for host in _NAMES
        if ":" not in str(host)],
}
