#!/usr/bin/env python3
"""The pipe matrix: data and end pass, whatever the other direction does.

{client, server} x {in, out} x {other direction quiet, full, already ended} x
{data, end of input}: 24 cells, none of which needs an option. "in" is from
the network to stdout, "out" from stdin to the network. The peer is a plain
Python socket, so that each state is exactly what it is called.
"""

import os
import socket

import tap


class Pipe:
    """talk between two pipes and a socket of ours."""

    def __init__(self, role, where, env):
        self.folder = tap.temp_dir()
        path = os.path.join(self.folder.name, "s")
        if role == "server":
            address = "127.0.0.1:0" if where == "tcp" else "unix:" + path
            self.talk = tap.Tenon("talk", "-l", address, ready=True, env=env)
            self.peer = tap.connect(self.talk.where)
            return
        family = socket.AF_INET if where == "tcp" else socket.AF_UNIX
        sock = tap.listener(family, path=path if where == "unix" else None)
        address = ("127.0.0.1:%d" % sock.getsockname()[1] if where == "tcp"
                   else "unix:" + path)
        self.talk = tap.Tenon("talk", address, env=env)
        self.peer = tap.accept(sock)
        sock.close()

    def close(self):
        self.peer.close()
        self.folder.cleanup()


def set_state(pipe, direction, state):
    """Bring one direction into a state; returns the bytes it holds."""
    if state == "quiet":
        return 0
    if direction == "in":
        if state == "full":  # nobody reads our stdout
            return tap.write_until_full(pipe.peer)
        pipe.peer.shutdown(socket.SHUT_WR)
        tap.equal(tap.read_some(pipe.talk.stdout), b"", "end of stdout")
        return 0
    if state == "full":  # the peer does not read
        return tap.write_until_full(pipe.talk.stdin)
    pipe.talk.stdin.close()
    tap.equal(pipe.peer.recv(1), b"", "end at the peer")
    return 0


def pass_data(pipe, direction, text):
    if direction == "out":
        pipe.talk.stdin.write(text)
        tap.equal(tap.read_exactly(pipe.peer, len(text)), text, "sent")
    else:
        pipe.peer.sendall(text)
        tap.equal(tap.read_exactly(pipe.talk.stdout, len(text)), text,
                  "printed")


def pass_end(pipe, direction):
    if direction == "out":
        pipe.talk.stdin.close()
        tap.equal(tap.read_all(pipe.peer), b"", "end at the peer")
    else:
        pipe.peer.shutdown(socket.SHUT_WR)
        tap.equal(tap.read_all(pipe.talk.stdout), b"", "end of stdout")


def finish(pipe, other, state, held):
    """End the other direction too: nothing was lost, and it exits 0."""
    if other == "in":
        if state != "ended":
            pipe.peer.shutdown(socket.SHUT_WR)
        got = tap.read_all(pipe.talk.stdout)
    else:
        if state != "ended":
            pipe.talk.stdin.close()
        got = tap.read_all(pipe.peer)
    tap.equal(len(got), held, "bytes that were held up")
    tap.equal(pipe.talk.wait(), 0, "exit code")
    tap.equal(pipe.talk.stderr.read(), b"", "stderr")


def cell(role, where, direction, state, what, env):
    other = "in" if direction == "out" else "out"
    pipe = Pipe(role, where, env)
    try:
        held = set_state(pipe, other, state)
        if state == "full":
            tap.true(held > 0, "nothing was held up")
        if what == "data":
            pass_data(pipe, direction, b"hello")
            pass_data(pipe, direction, b" w\xc3\xb6rld\x00\n")
        pass_end(pipe, direction)
        finish(pipe, other, state, held)
    finally:
        pipe.close()


def main():
    for where, backend in (("tcp", "epoll"), ("unix", "epoll"),
                           ("tcp", "poll")):
        for role in ("client", "server"):
            for direction in ("in", "out"):
                for state in ("quiet", "full", "ended"):
                    for what in ("data", "end"):
                        tap.add(f"{where} {backend} {role} {direction}, "
                                f"other {state}: {what} passes", cell, role,
                                where, direction, state, what,
                                {"TENON_BACKEND": backend})
    tap.run()


main()
