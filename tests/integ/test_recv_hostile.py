#!/usr/bin/env python3
"""tenon recv among those who do not mean well: silent connections, offers of
more than there are numbers for."""

import contextlib
import os
import socket
import struct

import tap
from parcel_kit import names, receiver, write

MAGIC = b"\x89TNP\r\n\x1a\n"
HUGE = 1 << 62


def silent(stack, port, count, *addresses):
    """Connections that say nothing; the last has been accepted."""
    made = []
    for number in range(count):
        made.append(stack.enter_context(socket.create_connection(
            ("127.0.0.1", port),
            source_address=(addresses[number % len(addresses)], 0))))
    return made


def kept_out(count, *addresses):
    """A sender gets in at once, past those who are silent"""
    with tap.temp_dir() as folder, receiver() as r, \
            contextlib.ExitStack() as stack:
        path = os.path.join(folder, "a")
        write(path, b"abc")
        silent(stack, r.port, count, *addresses)
        began = tap.now()
        code, _, err = r.send("--retry-for", "0", path)
        tap.equal(code, 0, err)
        tap.true(tap.now() - began < 5 * tap.SCALE, "it had to wait")
        tap.equal(names(r.folder), ["a"])


tap.add("8 silent connections of the sender's own address", kept_out, 8,
        "127.0.0.1")
tap.add("40 of them", kept_out, 40, "127.0.0.1")
tap.add("16 of other addresses", kept_out, 16, "127.0.0.2", "127.0.0.3",
        "127.0.0.4")


def frame(kind, payload):
    return struct.pack(">BI", kind, len(payload)) + payload


@tap.case
def a_sum_of_too_much():
    """Files of 2^62 bytes: their sum is no number, and is not below zero"""
    offer = b"".join(struct.pack(">BHqqqH", 0, 0o644, HUGE, 0, 0, 1) + name
                     for name in (b"a", b"b", b"c"))
    with receiver("--insecure", code=None) as r:
        with socket.create_connection(("127.0.0.1", r.port)) as sock:
            sock.sendall(MAGIC + struct.pack(">BBHI", 1, 1, 0, 0) + bytes(16)
                         + frame(1, b"me") + frame(2, offer)
                         + frame(3, struct.pack(">IIq", 3, 0, (1 << 63) - 1)))
            tap.read_until(r.tenon.stderr, b"sends 3 files, 8.0E\n")


tap.run()
