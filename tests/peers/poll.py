#!/usr/bin/env python3
"""Upper case for many, by asking each in turn: no call ever waits."""

import time

import peer


def client(where):
    conn = peer.connected(where)
    for line in peer.lines():
        conn.send(line.encode())
        peer.say(conn.recv(1024).decode())
    conn.close()


def answer(conn):
    """False when that client is gone."""
    try:
        data = conn.recv(1024)
        if data:
            conn.send(data.upper())
            return True
    except BlockingIOError:
        return True
    except OSError:
        pass
    conn.close()
    return False


def server():
    sock = peer.bound()
    sock.setblocking(False)
    conns = []
    while True:
        try:
            conn, _ = sock.accept()
            conn.setblocking(False)
            conns.append(conn)
        except BlockingIOError:
            conns = [conn for conn in conns if answer(conn)]
            time.sleep(0.002)


peer.main(client, server)
