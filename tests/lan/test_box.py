#!/usr/bin/env python3
"""The network in a box itself: what it promises to the other tests here, and
the plain room across it."""

import socket

from kit import Member, lan, tap, tenon

DATAGRAMS = 2000


def pair(net):
    """A socket on each of the first two hosts, the second one connected."""
    here, there = net.socket(0), net.socket(1)
    here.bind(("", 0))
    here.settimeout(0.5 * tap.SCALE)
    there.connect((lan.address(0), here.getsockname()[1]))
    return here, there


def arrived(here):
    """The numbers that came until nothing comes any more."""
    numbers = []
    try:
        while True:
            numbers.append(int(here.recv(64)))
    except TimeoutError:
        return numbers


def blast(net, count):
    """Datagrams with a number each, a few at a time; those that arrived."""
    here, there = pair(net)
    numbers = []
    with here, there:
        for first in range(0, count, 50):
            for number in range(first, first + 50):
                there.send(b"%d" % number)
            while tap.readable(here, 0):
                numbers.append(int(here.recv(64)))
        return numbers + arrived(here)


@tap.case
def a_calm_network():
    """box: a calm network delivers each datagram once"""
    with lan.Lan(2) as net:
        tap.equal(sorted(blast(net, 500)), list(range(500)), "numbers")


@tap.case
def a_bad_network():
    """box: loss, doubles and overtaking are what was asked for"""
    with lan.Lan(2, seed=3, loss=20, dup=10, delay=10, jitter=10,
                 reorder=10) as net:
        numbers = blast(net, DATAGRAMS)
        counts = net.counts()
    lost = DATAGRAMS - len(set(numbers))
    tap.true(0.15 < lost / DATAGRAMS < 0.25, f"lost {lost}")
    doubled = len(numbers) - len(set(numbers))
    tap.true(0.05 < doubled / len(numbers) < 0.15, f"doubled {doubled}")
    tap.true(numbers != sorted(numbers), "nothing overtook")
    tap.true(counts["lost"] >= lost, f"counted {counts}")


@tap.case
def damage():
    """box: a damaged datagram is dropped by the kernel's checksum"""
    with lan.Lan(2, corrupt=50) as net:
        numbers = blast(net, 500)
        tap.true(0 < len(numbers) < 400, f"{len(numbers)} arrived")
        tap.equal(sorted(set(numbers) - set(range(500))), [], "damaged ones")


@tap.case
def unplugged():
    """box: an unplugged host hears nothing until it is plugged in again"""
    with lan.Lan(2) as net:
        here, there = pair(net)
        with here, there:
            there.send(b"1")
            tap.equal(arrived(here), [1], "before")
            net.cut(1)
            there.send(b"2")
            tap.equal(arrived(here), [], "unplugged")
            net.mend(1)
            there.send(b"3")
            tap.equal(arrived(here), [3], "after")


@tap.case
def two_segments():
    """box: a host on two segments is reached on either, and routes nothing"""
    with lan.Lan(2, segments=2) as net:
        for segment in range(2):
            with net.socket(0, kind=socket.SOCK_STREAM) as listener:
                listener.bind((lan.address(0, segment), 0))
                listener.listen()
                with net.socket(1, kind=socket.SOCK_STREAM) as there:
                    there.settimeout(tap.LIMIT)
                    there.connect(listener.getsockname())
        with net.socket(1) as there:
            try:
                there.connect(("192.0.2.1", 9))
            except OSError:
                return
            raise AssertionError("there is a way out")


@tap.case
def the_plain_room():
    """box: members of plain text on three hosts share a room"""
    with lan.Lan(3) as net:
        hub = tenon(net, 0, "hub", "-p", "0", "--lang", "en", ready=True)
        where = (lan.address(0), hub.port)
        ann = Member(net, 1, where, "ann")
        ann.say("is anybody here?")
        tap.read_until(hub.stdout, b"is anybody here?")
        bob = Member(net, 2, where, "bob")
        ann.hears("bob: joined the chat")
        bob.say("hi")
        ann.hears("bob:hi")


if __name__ == "__main__":
    tap.run()
