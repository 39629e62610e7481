#!/usr/bin/env python3
"""Calls that do not wait, asked again and again until there is something."""

import peer


def persist(call, *args):
    while True:
        try:
            return call(*args)
        except BlockingIOError:
            pass


def client(where, text):
    conn = peer.connected(where)
    conn.send(text.encode())
    conn.close()


def server():
    sock = peer.bound()
    sock.setblocking(False)
    conn, _ = persist(sock.accept)
    conn.setblocking(False)
    peer.say(persist(conn.recv, 1024).decode())
    conn.close()


peer.main(client, server)
