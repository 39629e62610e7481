#!/usr/bin/env python3
"""Two that type at each other in turn; q ends. No delimiter on the wire."""

import peer


def turn(conn, line):
    """Send a line and show what comes; false at the end."""
    if line == "q":
        return False
    conn.send(line.encode())
    data = conn.recv(1024)
    peer.say("got", data.decode())
    return bool(data)


def client(where):
    conn = peer.connected(where)
    for line in peer.lines():
        if not turn(conn, line):
            break
    conn.close()


def server():
    conn, _ = peer.bound().accept()
    peer.say("got", conn.recv(1024).decode())
    for line in peer.lines():
        if not turn(conn, line):
            break
    conn.close()


peer.main(client, server)
