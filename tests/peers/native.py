#!/usr/bin/env python3
"""A guest of a room without a code, by the native dialect.

Written from docs/wire/chat.md and nothing else, to show that this suffices.

    native.py client HOST PORT NAME [lose]

Lines of input are said; what happens in the room is printed, as is the fate of
what was said. With `lose` a fifth of all datagrams is lost, in both directions.
"""

import os
import random
import select
import socket
import struct
import sys
import time

import peer

HELLO, COOKIE, ENTER, ANSWER, REFUSE, RESET, PACKET = range(1, 8)
ACK, DATA, PING, CHALLENGE, RESPONSE = range(1, 6)
JOIN, SAY, NICK, LEAVE = range(1, 5)
WELCOME, REFUSED, PEOPLE, EVENT, FATE, PRESENCE = range(16, 22)
WHATS = ["joined", "says", "left", "note", "bye", "file", "gone", "does",
         "is now", "whispers"]


def text8(text):
    data = text.encode()
    return bytes([len(data)]) + data


def text16(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


class Reader:
    """Takes fields from the front of some bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def __bool__(self):
        return self.at < len(self.data)

    def bytes(self, n):
        self.at += n
        if self.at > len(self.data):
            raise ValueError("cut off")
        return self.data[self.at - n:self.at]

    def number(self, size):
        return int.from_bytes(self.bytes(size), "big")

    def text(self, size):
        return self.bytes(self.number(size)).decode()


class Link:
    """Section 12: messages over packets."""

    def __init__(self):
        self.packets = 0
        self.parts = {}  # number: [flags, bytes, when it was sent]
        self.next_part, self.fresh = 1, []
        self.heard = set()
        self.want, self.held, self.whole = 1, {}, b""
        self.echo, self.echo_at, self.owe = 0, 0.0, False
        self.extra = b""

    def queue(self, message):
        pieces = [message[i:i + 1024] for i in range(0, len(message), 1024)]
        for i, piece in enumerate(pieces):
            flags = (i == 0) + 2 * (i == len(pieces) - 1)
            self.parts[self.next_part] = [flags, piece, 0.0]
            self.next_part += 1

    def write(self, now):
        """The number and payload of the next packet, or None."""
        due = [n for n, p in sorted(self.parts.items())[:32]
               if now - p[2] > 0.3][:1]
        if not due and not self.owe and not self.extra:
            return None
        self.packets += 1
        mask = sum(1 << (n - self.want - 1) for n in self.held)
        delay = min(65535, int((now - self.echo_at) * 10000))
        mask = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
        payload = struct.pack(">BIB", ACK, self.want, len(mask)) + mask
        payload += struct.pack(">QH", self.echo, delay)
        payload += self.extra
        for n in due:
            flags, piece, _ = self.parts[n]
            payload += struct.pack(">BIBH", DATA, n, flags, len(piece)) + piece
            self.parts[n][2] = now
        self.owe, self.extra = False, b""
        return self.packets, payload

    def read(self, number, payload, now):
        """The messages that are whole now."""
        if number in self.heard:
            self.owe = True
            return []
        self.heard.add(number)
        messages, r = [], Reader(payload)
        while r:
            item = r.number(1)
            if item == ACK:
                want, mask = r.number(4), r.bytes(r.number(1))
                self.acked(want, int.from_bytes(mask, "little"))
                r.bytes(10)
            elif item == DATA:
                part, flags = r.number(4), r.number(1)
                messages += self.came(part, flags, r.bytes(r.number(2)))
            elif item == CHALLENGE:
                self.extra += bytes([RESPONSE]) + r.bytes(8)
            if item in (DATA, PING):
                self.owe = True
                if number > self.echo:
                    self.echo, self.echo_at = number, now
        return messages

    def acked(self, want, mask):
        for n in list(self.parts):
            if n < want or (n > want and mask >> (n - want - 1) & 1):
                del self.parts[n]

    def came(self, part, flags, piece):
        if self.want <= part < self.want + 512:
            self.held[part] = (flags, piece)
        messages = []
        while self.want in self.held:
            flags, piece = self.held.pop(self.want)
            self.whole = piece if flags & 1 else self.whole + piece
            if flags & 2:
                messages.append(self.whole)
            self.want += 1
        return messages


class Guest:
    def __init__(self, where, name, lose):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(where)
        self.name, self.lose, self.dice = name, lose, random.Random(name)
        self.key, self.epoch, self.since = os.urandom(16), "", 0
        self.marks, self.unanswered = int.from_bytes(os.urandom(4), "big"), {}
        self.marks <<= 32
        self.over = False
        self.begin()

    def begin(self):
        self.nonce, self.cookie = os.urandom(16), None
        self.session, self.link, self.is_in = None, Link(), False
        self.asked = self.heard = 0.0

    def loses(self):
        return self.lose and self.dice.random() < 0.2

    def send(self, kind, rest):
        if not self.loses():
            self.sock.send(b"\xffT\x01" + bytes([kind]) + rest)

    # --- section 10

    def ask(self, now):
        if now - self.asked < 0.25:
            return
        self.asked = now
        if self.cookie is None:
            self.send(HELLO, self.nonce + bytes(44))
        else:
            self.send(ENTER, self.nonce + self.cookie + bytes(32))

    def answer(self, kind, r):
        if r.bytes(16) != self.nonce:
            return
        if kind == COOKIE and self.cookie is None:
            if r.number(1) & 1:
                raise SystemExit("the room has a code")
            self.cookie, self.asked = r.bytes(20), 0.0
        elif kind == ANSWER and self.session is None:
            self.session = r.bytes(8)
            self.link.queue(bytes([JOIN]) + self.key +
                            struct.pack(">Q", self.since) +
                            text8(self.epoch) + text8(self.name))
        elif kind == REFUSE:
            raise SystemExit(f"refused: {r.number(1)}")

    # --- sections 13 and 14

    def say(self, line):
        self.marks += 1
        how, to = 0, ""
        if line.startswith("/me "):
            how, line = 1, line[4:]
        elif line.startswith("/msg "):
            how, (to, line) = 2, line[5:].split(" ", 1)
        message = bytes([SAY]) + struct.pack(">QB", self.marks, how) + \
            text8(to) + text16(line)
        self.unanswered[self.marks] = message
        if self.is_in:
            self.link.queue(message)

    def settled(self, mark, what):
        if self.unanswered.pop(mark, None):
            peer.say(f"[{what}]")

    def obey(self, message):
        r = Reader(message)
        kind = r.number(1)
        if kind == WELCOME:
            r.bytes(17)
            epoch = r.text(1)
            if epoch != self.epoch:
                self.epoch, self.since = epoch, 0
            self.is_in = True
            peer.say("in as " + r.text(1))
            for message in self.unanswered.values():
                self.link.queue(message)
        elif kind == REFUSED:
            raise SystemExit(f"refused: {r.number(1)}")
        elif kind == EVENT:
            self.event(r)
        elif kind == FATE:
            mark, why = r.number(8), r.number(1)
            self.settled(mark, "delivered" if why == 0 else f"not: {why}")

    def event(self, r):
        number, _ = r.number(8), r.bytes(8)
        what, _, _ = r.number(1), r.number(1), r.number(1)
        r.bytes(24)
        mark, name, _, text = r.number(8), r.text(1), r.text(1), r.text(2)
        if number <= self.since:
            return
        self.since = number
        peer.say(f"{name} {WHATS[what]} {text}".rstrip())
        self.settled(mark, "delivered")
        self.over = self.over or what == 4

    # --- datagrams and time

    def datagram(self, now):
        try:
            data = self.sock.recv(2000)
        except ConnectionRefusedError:
            return
        if self.loses() or len(data) > 1200 or data[:3] != b"\xffT\x01":
            return
        r = Reader(data[4:])
        if data[3] == RESET:
            if r.bytes(8) == self.session:
                self.begin()
        elif data[3] == PACKET:
            if r.bytes(8) == self.session:
                self.heard = now
                for message in self.link.read(r.number(8), data[20:], now):
                    self.obey(message)
        else:
            self.answer(data[3], r)

    def work(self):
        now = time.monotonic()
        if self.session is None:
            self.ask(now)
            return
        if self.heard and now - self.heard > 15:
            self.begin()
        elif now - max(self.heard, self.asked) > 4:
            self.asked = now
            self.link.extra += bytes([PING])
        while self.session and (packet := self.link.write(now)):
            self.send(PACKET, self.session + struct.pack(">Q", packet[0]) +
                      packet[1])

    def leave(self):
        self.link.queue(bytes([LEAVE]))
        end = time.monotonic() + 2
        while self.link.parts and time.monotonic() < end:
            self.work()
            if select.select([self.sock], [], [], 0.05)[0]:
                self.datagram(time.monotonic())


def client(where, name, lose=""):
    guest = Guest(where, name, lose == "lose")
    inputs, typed = [guest.sock, sys.stdin], b""
    while not guest.over:
        guest.work()
        for ready in select.select(inputs, [], [], 0.02)[0]:
            if ready is guest.sock:
                guest.datagram(time.monotonic())
                continue
            data = os.read(sys.stdin.fileno(), 65536)
            *lines, typed = (typed + data).split(b"\n")
            for line in lines:
                guest.say(line.decode())
            guest.over = guest.over or not data
    guest.leave()


def server():
    raise SystemExit("tenon hub is one")


peer.main(client, server)
