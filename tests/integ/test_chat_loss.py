#!/usr/bin/env python3
"""tenon chat over a network that loses, doubles and reorders datagrams."""

import random
import re
import select
import socket
import threading

import tap
from chat_kit import state_home
from room import hub


class BadNetwork:
    """A relay between chats and a hub that drops a share of what comes."""

    def __init__(self, port, loss, seed=1):
        self.random = random.Random(seed)
        self.loss = loss
        self.dropped = self.passed = 0
        self.hub = ("127.0.0.1", port)
        self.front = tap.listener(kind=socket.SOCK_DGRAM)
        self.port = self.front.getsockname()[1]
        self.backs = {}  # address of a chat: our socket for it
        self.late = None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            socks = [self.front, *self.backs.values()]
            for sock in select.select(socks, [], [], 0.05)[0]:
                try:
                    data, source = sock.recvfrom(65536)
                except OSError:
                    continue
                self.carry(sock, data, source)

    def carry(self, sock, data, source):
        if sock is self.front:
            if source not in self.backs:
                self.backs[source] = socket.socket(socket.AF_INET,
                                                   socket.SOCK_DGRAM)
            self.send(self.backs[source], data, self.hub)
        else:
            for chat, back in self.backs.items():
                if back is sock:
                    self.send(self.front, data, chat)

    def send(self, sock, data, target):
        if self.random.random() < self.loss:
            self.dropped += 1
            return
        self.passed += 1
        if self.random.random() < 0.1 and not self.late:
            self.late = (sock, data, target)  # behind the next one
            return
        sock.sendto(data, target)
        if self.random.random() < 0.1:
            sock.sendto(data, target)
        if self.late:
            late, self.late = self.late, None
            late[0].sendto(late[1], late[2])

    def kill(self):
        self.ended.set()

    def wait(self):
        self.thread.join()
        for sock in (self.front, *self.backs.values()):
            sock.close()


def talk_over(loss):
    """All that three say is heard once, and in one order"""
    h = hub("--lang", "en")
    network = BadNetwork(h.port, loss)
    tap.started(network)
    chats = []
    for name in ("ann", "bob", "eve"):
        c = tap.Tenon("chat", "-n", name, "--lang", "en", "--json",
                      "-q", "2s", f"127.0.0.1:{network.port}",
                      env=state_home())
        tap.read_until(c.stdout, b'"you":true}\n')  # its join
        chats.append(c)
    wanted = {}
    for c, name in zip(chats, ("ann", "bob", "eve")):
        wanted[name] = [f"{name} {n}" for n in range(15)]
        c.stdin.write("".join(t + "\n" for t in wanted[name]).encode())
        c.stdin.close()
    orders = []
    for c in chats:
        code = c.process.wait(tap.LIMIT + 30)
        tap.equal(code, 0, "exit code")
        text = tap.read_all(c.stdout).decode()
        orders.append(re.findall(r'"event":"say".*"text":"(.*?)"', text))
        tap.equal(text.count('"event":"delivered"'), 15)
    h.signal(2)
    shown = re.findall(r"^\w+:(\w+ \d+)$", tap.read_all(h.stdout).decode(),
                       re.M)
    for name, texts in wanted.items():
        tap.equal([t for t in shown if t.startswith(name)], texts, name)
    for order in orders:
        tap.equal(order, shown[:len(order)], "the order")
        tap.true(len(set(order)) == len(order), "each once")
    tap.true(network.dropped > 10, f"{network.dropped} dropped")


for percent in (20, 35):
    tap.add(f"all is heard once and in one order at {percent} % loss",
            talk_over, percent / 100)


tap.run()
