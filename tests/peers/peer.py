"""What the small peers share: an address, a port that is told, lines.

Each peer is run as "NAME.py client HOST PORT" or "NAME.py server", which
listens on 127.0.0.1, port 0, and prints the port as its first line. They speak
what a first course on sockets teaches, as plainly as its readers would.
"""

import socket
import sys


def say(*words):
    print(*words, flush=True)


def lines():
    """Lines of input without their newlines, each as soon as it is there."""
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        yield line.rstrip("\n")


def bound(kind=socket.SOCK_STREAM):
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen(5)
    say(sock.getsockname()[1])
    return sock


def connected(where):
    sock = socket.socket()
    sock.connect(where)
    return sock


def main(client, server):
    role = sys.argv[1]
    if role == "client":
        client((sys.argv[2], int(sys.argv[3])), *sys.argv[4:])
    else:
        server(*sys.argv[2:])
