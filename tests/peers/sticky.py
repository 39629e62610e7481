#!/usr/bin/env python3
"""Two sends in a row, which one receive may return as one."""

import peer


def client(where):
    conn = peer.connected(where)
    conn.sendall(b"hello")
    conn.sendall(b" world")
    conn.close()


def server():
    conn, _ = peer.bound().accept()
    peer.say(conn.recv(1024).decode())
    conn.close()


peer.main(client, server)
