#!/usr/bin/env python3
"""What tenon tells people and scripts: addresses that can be used again, and
what went wrong in words that help."""

import os
import socket
import subprocess

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


# --- what went wrong ----------------------------------------------------------

@tap.case
def own_address():
    """a source that is not ours is blamed, not the target"""
    target = "127.0.0.1:%d" % tap.listener().getsockname()[1]
    for where in (target, "udp://" + target):
        tap.equal(tap.tenon("talk", "-s", "192.0.2.99", where),
                  (1, "", "tenon talk: -s 192.0.2.99: not an address of this "
                          "machine\n"))


@tap.case
def chat_closed_stdin():
    """chat without stdin says so"""
    hub = tap.Tenon("hub", "--quiet", "--bind", "127.0.0.1", "-p", "0",
                    ready=True)
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" chat -n ann "$1" <&-', tap.PROGRAM, hub.where],
        capture_output=True, timeout=tap.LIMIT, check=False)
    tap.equal((done.returncode, done.stderr),
              (1, b"tenon chat: read stdin: it is not open\n"))


@tap.case
def few_descriptors():
    """out of descriptors: what could not be had is named"""
    for limit in range(4, 8):
        done = subprocess.run(
            ["sh", "-c", 'ulimit -n $1; exec "$0" talk 127.0.0.1:1',
             tap.PROGRAM, str(limit)], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=tap.LIMIT, check=False)
        err = done.stderr.decode()
        tap.equal(done.returncode, 1)
        tap.true("out of file descriptors (see ulimit -n)" in err and
                 "wrap:" not in err and "no failure" not in err, err)


@tap.case
def install_refused():
    """an install that cannot write says so in a line, and changes nothing"""
    done = subprocess.run(
        [os.path.join(tap.SOURCE, "tools", "install"), "/nonexistent",
         "/dev/null/tenon"],
        capture_output=True, timeout=tap.LIMIT, check=False)
    tap.equal((done.returncode, done.stdout, done.stderr.decode()),
              (1, b"", "make install: cannot write to /dev/null; use sudo make "
                       "install, or PREFIX=$HOME/.local\n"))


# --- messages -----------------------------------------------------------------

def unsent(codec, line, why):
    """A line that is no message: the reason."""
    with tap.listener() as sock:
        talk = tap.Tenon("talk", "-f", codec,
                         "127.0.0.1:%d" % sock.getsockname()[1])
        with tap.accept(sock):
            talk.stdin.write(line)
            tap.equal(said(talk), f"tenon talk: --frame {codec}: {why}\n")
            tap.equal(talk.wait(), 1)


for words in (("nul", b"a\0b\n", "the line contains the delimiter"),
              ("fixed:4", b"123456789\n", "the line has 9 bytes, not 4"),
              ("u32be,max=3", b"1234\n", "the line has 4 bytes, the limit is 3"),
              ("u8", b"x" * 300 + b"\n", "the line has 300 bytes, more than a "
               "length of 8 bits can say")):
    tap.add("not a message of " + words[0], unsent, *words)


@tap.case
def unsent_to_many():
    """not a message, for many clients"""
    talk = tap.Tenon("talk", "-lk", "-f", "nul", "127.0.0.1:0", ready=True)
    with tap.connect(talk.where):
        talk.stdin.write(b"a\0b\n")
        tap.equal(said(talk), "tenon talk: --frame nul: the line contains the "
                              "delimiter\n")
        tap.equal(talk.wait(), 1)


def unread(codec, data, why):
    """What comes is no message: the reason."""
    with tap.listener() as sock:
        talk = tap.Tenon("talk", "-f", codec,
                         "127.0.0.1:%d" % sock.getsockname()[1])
        with tap.accept(sock) as conn:
            conn.sendall(data)
            tap.equal(said(talk), f"tenon talk: --frame {codec}: {why}\n")
            tap.equal(talk.wait(), 1)


tap.add("a message that claims too much", unread, "u32be,max=100",
        b"\0\0\1\0", "a message of 260 bytes on the wire, the limit is 100")
tap.add("a line without end", unread, "line,max=5", b"1234567",
        "a message above the limit of 5 bytes")


@tap.case
def microscope():
    """echo --show says which message ends a connection"""
    server = tap.Tenon("echo", "--show", "-f", "u32be,max=100", "127.0.0.1:0",
                       ready=True)
    with tap.connect(server.where) as sock:
        sock.sendall(b"\0\0\1\0")
        line = tap.read_until(server.stdout, b"\n").decode()
        tap.true(line.endswith(
            " begins +0: a message of 260 bytes on the wire, the limit is 100; "
            "the connection ends\n"), line)
        tap.equal(tap.read_all(sock), b"")


if __name__ == "__main__":
    tap.run()
