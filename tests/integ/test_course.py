#!/usr/bin/env python3
"""The course's own programs against ours, as they are.

Their ports are fixed and they set no SO_REUSEADDR, so each case has a network
of its own. In a clone without the course beside it all are skipped.
"""

import functools
import os

import pairs
import room
import tap


def program(name):
    return room.Peer(os.path.join(tap.COURSE, name + ".py"))


def server(name, port, kind="tcp"):
    """Start it and wait until it listens, without taking its connection."""
    peer = program(name)
    until = tap.now() + tap.LIMIT
    while not is_bound(port, kind):
        tap.true(peer.process.poll() is None, f"{name} runs")
        tap.true(tap.now() < until, f"{name} listens within the limit")
    return peer


def is_bound(port, kind):
    """Whether a socket of this network listens (TCP) or is bound (UDP)."""
    state = "0A" if kind == "tcp" else "07"
    with open(f"/proc/self/net/{kind}", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == state
               for row in rows)


def client(name):
    """Start it; the port is its own affair."""
    return lambda port: program(name)


def chat_client(_, name):
    peer = program("chat_client")
    peer.type(name)
    return peer


def course(name, function, *args):
    @functools.wraps(function)
    def run():
        if not os.path.isdir(tap.COURSE):
            raise tap.Skip("the course's programs are not beside this tree")
        room.private_network()
        function(*args)
    tap.add(name, run)


def upper(name, port):
    pairs.upper_server(server(name, port), port)


def prints(name, text, wanted, *args):
    tap.equal(pairs.reading_server(server(name, 8001), 8001, text, *args),
              wanted, "the server printed")


def talk_server():
    pairs.talk_server(server("talk_server_fixed", 8080), 8080)


def two_terminals():
    """Our chat twice in the course's room"""
    with server("chat_server_fixed", 8000, "udp") as theirs:
        theirs.port = 8000
        witness = room.Member(theirs, "witness")
        ann = tap.Tenon("chat", "--plain", "-n", "ann",
                        env={"NO_COLOR": "1"})
        witness.hears("ann: 加入了群聊")
        bob = tap.Tenon("chat", "--plain", "-n", "鲍勃")
        tap.equal(tap.read_until(ann.stdout, b"\n").decode(),
                  "鲍勃: 加入了群聊\n")
        bob.stdin.write("你好, ann\n".encode())
        tap.equal(tap.read_until(ann.stdout, b"\n").decode(),
                  "鲍勃:你好, ann\n")
        ann.stdin.write(b"hi\n")
        tap.equal(tap.read_until(bob.stdout, b"\n").decode(), "ann:hi\n")
        bob.stdin.write(b"q\n")
        tap.equal(tap.read_until(ann.stdout, b"\n").decode(),
                  "鲍勃：离开了聊天室\n")
        tap.equal(bob.wait(), 0, "exit code")


course("poll_client at our echo", pairs.echo_client,
       client("poll_client_fixed"), 8082)
course("select_client at our echo", pairs.busy_client,
       client("select_client"), 8001)
course("sticky_client at our talk -l", pairs.sticky_client,
       client("sticky_client"), 8001)
course("sticky_client under our microscope", pairs.sticky_shown,
       client("sticky_client"), 8001)
course("prefix_client at our talk -l", pairs.prefix_client,
       client("prefix_client"), 8001)
course("nonblock_client at our talk -l", pairs.plain_client,
       client("nonblock_client"), b"hello1 world", 8001)
course("talk_client at our talk -l", pairs.talk_client,
       client("talk_client_fixed"), 8080)
course("chat_client in our room", pairs.chat_client, chat_client, 8000)
course("our chat in chat_server", two_terminals)
course("our talk at poll_server", upper, "poll_server_fixed", 8082)
course("our talk at select_server", upper, "select_server_fixed", 8001)
course("our talk at sticky_server", prints, "sticky_server", b"hello world",
       "hello world\n")
course("our talk at prefix_server", prints, "prefix_server_fixed",
       b"hello\n world\n", "hello\n world\n", "--frame", "i32ne")
course("our talk at nonblock_server", prints, "nonblock_server_fixed",
       "你好".encode(), "你好\n")
course("our talk at talk_server", talk_server)
tap.run()
