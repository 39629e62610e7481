#!/usr/bin/env python3
"""tenon hub at its UDP port and at the beacon's: handshakes that are left, and
strangers who would have more sent to somebody than they send. What is found
here is written down in docs/hostile.md."""

import os
import random
import socket
import struct

import networks
import tap
from hostile_kit import Cost, figure
from room import Peer, hub

HEAD = b"\xffT\x01"
HELLO, COOKIE, ENTER, ANSWER, REFUSE, RESET, PACKET = range(1, 8)
# The group's generator: an element that is as good as any.
SHARE = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f"
                      "58e30b6aa582dd8db6a65945e08d2d76")
HALVES = 10000
QUESTION = 224


def until(guest, wanted):
    """Lines up to this one."""
    while guest.line() != wanted:
        pass


def hello(nonce):
    return HEAD + bytes([HELLO]) + nonce + bytes(44)


def enter(nonce, cookie):
    return HEAD + bytes([ENTER]) + nonce + cookie + SHARE


class Stranger:
    """An address, and what went from and to it."""

    def __init__(self, sock=None):
        self.sock = sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent = self.got = 0
        self.proven = False

    def send(self, data, port, host="127.0.0.1"):
        self.sent += len(data)
        self.sock.sendto(data, (host, port))

    def hear(self):
        """What has come."""
        found = []
        while tap.readable(self.sock, 0):
            found.append(self.sock.recv(2000))
            self.got += len(found[-1])
        return found


def half(stranger, port):
    """A handshake up to ENTER; the types of the answers."""
    nonce = os.urandom(16)
    stranger.send(hello(nonce), port)
    tap.true(tap.readable(stranger.sock), "a cookie")
    answer = stranger.sock.recv(2000)
    tap.equal((answer[3], answer[4:20]), (COOKIE, nonce), "a cookie")
    stranger.send(enter(nonce, answer[21:41]), port)
    tap.true(tap.readable(stranger.sock), "an answer")
    return stranger.sock.recv(2000)


@tap.case
def half_handshakes():
    """Handshakes that are left take the seats there are, and nothing else"""
    h = hub("--no-history", "--quiet")
    cost = Cost(h.process.pid)
    found = {ANSWER: 0, REFUSE: 0}
    with Peer("native", "client", "127.0.0.1", h.port, "ann") as ann:
        until(ann, "in as ann")
        before, cpu = cost.memory(), cost.cpu()
        for i in range(HALVES // 4):
            stranger = Stranger()
            for _ in range(4):
                found[half(stranger, h.port)[3]] += 1
            if i % 250 == 0:
                ann.type(f"still here {i}")
                until(ann, "[delivered]")
            stranger.sock.close()
        grown, spent = cost.peak() - before, cost.cpu() - cpu
    figure(f"{HALVES} halves: {found[ANSWER]} sessions, {found[REFUSE]} "
           f"refused, +{grown} KiB, {spent / HALVES * 1e6:.0f} us each")
    tap.equal(sum(found.values()), HALVES, "each is answered")
    tap.true(found[REFUSE] > 1000, "there is a limit")
    if tap.SCALE == 1:
        tap.true(grown < 16 << 10, f"{grown} KiB")


@tap.case
def half_handshakes_with_a_code():
    """With a code a host has five at a time; the rest costs no key"""
    path = os.path.join(tap.new_home(), "code")
    with open(path, "w", encoding="ascii") as file:
        file.write("482913\n")
    h = hub("--no-history", "--quiet", "--code-file", path)
    cost = Cost(h.process.pid)
    found = {ANSWER: 0, REFUSE: 0}
    cpu = cost.cpu()
    for _ in range(100):
        stranger = Stranger()
        found[half(stranger, h.port)[3]] += 1
        stranger.sock.close()
    figure(f"100 halves with a code: {found[ANSWER]} sessions, "
           f"{found[REFUSE]} refused, {cost.cpu() - cpu:.2f} s")
    tap.true(1 <= found[ANSWER] <= 8, f"{found[ANSWER]} may guess at once")


def spoil(data, dice):
    """As it may come when somebody plays with it."""
    data = bytearray(data)
    way = dice.randrange(5)
    if way == 0:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif way == 1:
        del data[dice.randrange(len(data)):]
    elif way == 2:
        data += dice.randbytes(dice.randrange(100))
    elif way == 3:
        data[3] = dice.randrange(10)
    return bytes(data)


def frames(dice):
    nonce = dice.randbytes(16)
    return [hello(nonce), enter(nonce, dice.randbytes(20)),
            HEAD + bytes([PACKET]) + dice.randbytes(16 + dice.randrange(60)),
            HEAD + bytes([PACKET]) + dice.randbytes(16),
            HEAD + bytes([RESET]) + dice.randbytes(8),
            HEAD + bytes([REFUSE]) + nonce + b"\1",
            b"\xffT\x02" + hello(nonce)[3:]]


def questions(dice):
    ask = b"\xffB\x01\x02" + dice.randbytes(4) + struct.pack(
        ">HBBHH", 0, 1 + dice.randrange(255), 0, 0, 0)
    card = b"\xffB\x01" + bytes([dice.choice((1, 3, 4))]) + dice.randbytes(26)
    return [ask.ljust(QUESTION, b"\0"), ask.ljust(1200, b"\0"), ask, card]


def outweighs(port, make, host, people, turns):
    """Send what nobody should answer with more; datagrams that came back."""
    dice = random.Random(7)
    answers = 0
    for _ in range(turns):
        for one in people:
            data = dice.choice(make(dice))
            data = spoil(data, dice) if dice.randrange(2) else data
            if data[:1] == b"\xff":  # else it is text, and may be a name
                for _ in range(1 + dice.randrange(2)):
                    one.send(data, port, host)
        for one in people:
            answers += len(one.hear())
            tap.true(one.got <= one.sent,
                     f"{one.got} bytes came for {one.sent}")
    tap.true(tap.readable([one.sock for one in people][0], 1) or answers,
             "some are answered")
    for one in people:
        answers += len(one.hear())
        tap.true(one.got <= one.sent, f"{one.got} bytes came for {one.sent}")
    figure(f"{sum(o.sent for o in people)} bytes were sent, "
           f"{sum(o.got for o in people)} came back in {answers} datagrams")
    return answers


@tap.case
def no_more_than_was_sent():
    """Nobody is sent more than came from his address, bit by bit, at the
    hub's port and at the beacon's"""
    host = networks.Host()
    try:
        h = host.hub()
        cost = Cost(h.process.pid)
        before = cost.memory()
        for port, make, to in ((h.port, frames, "127.0.0.1"),
                               (8001, questions, "127.0.0.1"),
                               (8001, questions, "127.255.255.255")):
            people = []
            for _ in range(20):
                sock = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                people.append(Stranger(sock))
            tap.true(outweighs(port, make, to, people, 100) > 0, "answers")
            for one in people:
                one.sock.close()
        if tap.SCALE == 1:
            tap.true(cost.peak() - before < 2 << 10, "its memory")
        host.tenon("find", "--json")
        tap.true(h.process.poll() is None, "it is still there")
    finally:
        host.end()


networks.run()
