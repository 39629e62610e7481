#!/usr/bin/env python3
"""What tenon tells people and scripts: addresses that can be used again, and
what went wrong in words that help."""

import os
import socket

import tap


def said(program):
    """Its next line on stderr."""
    return tap.read_until(program.stderr, b"\n").decode()


# --- addresses ----------------------------------------------------------------

def ready_scheme(*command):
    """--ready-fd tells an address that tenon talk understands."""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "s")
        for scheme, where in (("udp://", "udp://127.0.0.1:0"),
                              ("udp://", "udp://[::1]:0"),
                              ("unixgram:", "unixgram:" + path)):
            server = tap.Tenon(*command, where, ready=True)
            tap.true(server.where.startswith(scheme), server.where)
            talk = tap.Tenon("talk", server.where)
            talk.stdin.write(b"x")
            if command[0] == "talk":
                tap.equal(tap.read_exactly(server.stdout, 1), b"x")
            else:
                tap.equal(tap.read_exactly(talk.stdout, 1), b"X")
            talk.end()
            server.end()


tap.add("talk -l tells its scheme", ready_scheme, "talk", "-l")
tap.add("echo tells its scheme", ready_scheme, "echo")


def mapped(*command):
    """An IPv4 peer of a socket for both families looks like one."""
    server = tap.Tenon(*command, "-v", ":0", ready=True)
    if not server.where.startswith("["):
        raise tap.Skip("no IPv6")
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        text = f" 127.0.0.1:{sock.getsockname()[1]}"
        while text not in (line := said(server)):
            tap.true("ffff" not in line, line)


tap.add("talk shows an IPv4 peer as one", mapped, "talk", "-l")
tap.add("talk -k shows an IPv4 peer as one", mapped, "talk", "-lk")
tap.add("echo shows an IPv4 peer as one", mapped, "echo")


@tap.case
def mapped_hub():
    """the hub shows an IPv4 peer as one"""
    hub = tap.Tenon("hub", "-v", "--quiet", "-p", "0", ready=True)
    if not hub.where.startswith("["):
        raise tap.Skip("no IPv6")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", hub.port))
        sock.send(b"\xff\xfe")
        line = said(hub)
        tap.true(line.startswith("tenon hub: 127.0.0.1:"), line)


if __name__ == "__main__":
    tap.run()
