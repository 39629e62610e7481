#!/usr/bin/env python3
"""The cure: four bytes of length, in this machine's order, before each."""

import struct

import peer


def exactly(conn, count):
    data = b""
    while len(data) < count:
        more = conn.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def client(where, *texts):
    conn = peer.connected(where)
    for text in texts:
        data = text.encode()
        conn.send(struct.pack("i", len(data)))
        conn.send(data)
    conn.close()


def server():
    conn, _ = peer.bound().accept()
    while True:
        head = exactly(conn, 4)
        if not head:
            break
        peer.say(exactly(conn, struct.unpack("i", head)[0]).decode())


peer.main(client, server)
