#!/usr/bin/env python3
"""Upper case for many, by select: wait until any has something."""

import select

import peer


def client(where, count):
    conn = peer.connected(where)
    for _ in range(int(count)):
        conn.send(b"hello world")
        peer.say(conn.recv(1024).decode())
    conn.close()


def server():
    sock = peer.bound()
    watched = [sock]
    while True:
        for ready in select.select(watched, [], [])[0]:
            if ready is sock:
                watched.append(sock.accept()[0])
                continue
            try:
                data = ready.recv(1024)
                ready.send(data.upper())
            except OSError:
                data = b""
            if not data:
                watched.remove(ready)
                ready.close()


peer.main(client, server)
