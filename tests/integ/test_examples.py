#!/usr/bin/env python3
"""Every example with known input; its output and its traffic are compared."""

import contextlib
import glob
import http.client
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TENON_SOURCE", os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("TENON_BUILD", os.path.join(SOURCE, "build"))
SECONDS = 20 * int(os.environ.get("TENON_TEST_TIMEOUT_SCALE", "1"))
ELSEWHERE = {"frame_upper", "ws_client", "ws_echo"}  # have their own tests

ENV = {k: v for k, v in os.environ.items() if k != "TN_BACKEND"}
socket.setdefaulttimeout(SECONDS)


def path(name):
    return os.path.join(BUILD, "examples", name)


def run(name, *args, text=None):
    """Run an example to its end; return what it printed."""
    done = subprocess.run(
        [path(name), *map(str, args)], input=text, capture_output=True,
        encoding="utf-8", timeout=SECONDS, env=ENV, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def started(name, *args):
    """An example that goes on running; killed at the end of the block."""
    process = subprocess.Popen(
        [path(name), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8", env=ENV)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def server(name, *args):
    """A server that prints its address; yields the process and the address."""
    with started(name, *args) as process:
        line = process.stderr.readline()
        found = re.fullmatch(r"(127\.0\.0\.1):(\d+)\n", line)
        assert found, f"{name} printed {line!r}"
        yield process, (found[1], int(found[2]))


def listener():
    return socket.create_server(("127.0.0.1", 0))


def read_all(sock):
    pieces = []
    while pieces[-1:] != [b""]:
        pieces.append(sock.recv(65536))
    return b"".join(pieces)


def same(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def like(got, pattern):
    assert re.fullmatch(pattern, got), f"got {got!r}, wanted {pattern}"


def test_echo():
    with server("echo") as (_, addr):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(addr))
                       for _ in range(5)]
            for number, client in enumerate(clients):
                client.sendall(bytes([number]) * 5000)
                client.shutdown(socket.SHUT_WR)
            for number, client in reversed(list(enumerate(clients))):
                same(read_all(client), bytes([number]) * 5000)


def test_talk_client():
    with listener() as listening:
        port = listening.getsockname()[1]
        with started("talk_client", f"127.0.0.1:{port}") as client:
            client.stdin.write("hello\n")
            client.stdin.flush()
            conn = listening.accept()[0]
            same(conn.recv(100), b"hello")
            conn.sendall("你\x1b[31mB".encode())
            client.stdin.write("again\n")
            client.stdin.flush()
            same(conn.recv(100), b"again")
            conn.close()
            same(client.stdout.read(), "你[31mB\n")
            same(client.wait(SECONDS), 0)


def test_talk_server():
    with server("talk_server") as (process, addr):
        with socket.create_connection(addr) as client:
            process.stdin.write("first\n")
            process.stdin.flush()
            same(client.recv(100), b"first\n")
            client.sendall("zweite Zeile\n".encode())
            same(process.stdout.readline(), "zweite Zeile\n")
            process.stdin.write("third\n")
            process.stdin.flush()
            same(client.recv(100), b"third\n")
        same(process.stdout.read(), "")
        same(process.wait(SECONDS), 0)


def test_chat_room():
    with server("chat_room", "udp://127.0.0.1:0") as (_, addr):
        with contextlib.ExitStack() as stack:
            people = [stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                for _ in range(3)]
            for person in people:
                person.connect(addr)
            ann, bob, eve = people
            ann.send("安".encode())
            bob.send(b"bob")
            same(ann.recv(2000).decode(), "bob: 加入了群聊")
            eve.send(b"eve")
            same(ann.recv(2000).decode(), "eve: 加入了群聊")
            same(bob.recv(2000).decode(), "eve: 加入了群聊")
            ann.send("安:你好: 1".encode())
            same(bob.recv(2000).decode(), "安:你好: 1")
            bob.send(b"bob:q")
            same(ann.recv(2000).decode(), "bob：离开了聊天室")
            same(eve.recv(2000).decode(), "安:你好: 1")
            same(eve.recv(2000).decode(), "bob：离开了聊天室")
            eve.send(b"mallory:mine")
            same(ann.recv(2000).decode(), "eve:mine")


def test_broadcast():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hearer:
        hearer.bind(("127.255.255.255", 0))
        port = hearer.getsockname()[1]
        out = run("broadcast", port, "who is here", "127.255.255.255")
        same(out, "not allowed yet\nsent 11 bytes\n")
        same(hearer.recv(100), b"who is here")


def test_nonblock_client():
    with listener() as listening:
        port = str(listening.getsockname()[1])
        with started("nonblock_client", "127.0.0.1", port) as client:
            conn = listening.accept()[0]
            same(conn.recv(100), b"hello")
            conn.sendall(b"HELLO")
            like(client.stdout.read(),
                 r"connecting\n(nothing yet\n)*HELLO\n")
            same(client.wait(SECONDS), 0)
            conn.close()


def test_readline_client():
    with listener() as listening:
        port = listening.getsockname()[1]
        with started("readline_client", f"127.0.0.1:{port}") as client:
            client.stdin.write("a\nb\n")
            client.stdin.close()
            conn = listening.accept()[0]
            same(read_all(conn), b"a\nb\n")
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in (b"one\ntw", b"o\n\nlast", b" line"):
                conn.sendall(piece)
            conn.close()
            same(client.stdout.read(), "1: one\n2: two\n3: \n4: last line\n")
            same(client.wait(SECONDS), 0)
            client.stdin = None


def test_socketpair():
    same(run("socketpair", "hello", "World"),
         "hello -> HELLO\nWorld -> WORLD\n")


def test_many_tasks():
    like(run("many_tasks", 5000),
         r"5000 tasks, sum 12502500, \d+\.\d s\n")


def test_dial():
    with listener() as listening:
        port = listening.getsockname()[1]
        like(run("dial", "localhost", port),
             rf"(candidate \S+\n)+connected 127\.0\.0\.1:{port}\n")
    done = subprocess.run([path("dial"), "127.0.0.1", str(port)], env=ENV,
                          capture_output=True, encoding="utf-8",
                          timeout=SECONDS, check=False)
    same(done.returncode, 1)
    like(done.stderr, r"dial: .*connection refused\n")


def test_timeout():
    same(run("timeout"), "0: EAGAIN\n50 ms: ETIME\nforever: 4 bytes\n")


def test_sticky():
    same(run("sticky"), "one receive: helloworld\n"
         "one message: hello\none message: world\n")


def test_messages():
    def messages(codec, data):
        done = subprocess.run([path("messages"), codec], input=data,
                              capture_output=True, encoding="utf-8",
                              timeout=SECONDS, env=ENV, check=False)
        return done.returncode, done.stdout + done.stderr
    same(messages("line", "a\nbc\n"), (0, "1: a\n2: bc\n"))
    same(messages("u8,max=4", "\2ab\3cd"),
         (1, "2: ab\nthe stream ended inside a message; left: \3cd\n"))
    same(messages("netstring,max=4", "1:a,5:"),
         (1, "1: a\nthe message is larger than the limit; left: 5:\n"))
    same(messages("netstring", "01:a,")[0], 1)
    same(messages("lines", ""),
         (1, "messages: frame codec lines: invalid argument\n"))


def test_datagram():
    same(run("datagram"),
         "receive a message of 11 bytes into 4: message too long\n"
         "4 of 11 bytes: hell\n")


def test_pack():
    same(run("pack"), "c7 00 00 00\nas <i: 199, as !I: 3338665984\n"
         "00 07 00 10 00 00 61 62 63 64\n7 1048576 abcd\n"
         "70000 as !H: the value does not fit its format\n")


def test_deadline():
    like(run("deadline"), r"recvall: ETIME after \d+ bytes\n"
         r"recv: 1 byte, \d+ times, then ETIME\nagain: ETIME\n"
         r"it was the scope\noutside: 1 byte\n")


def test_upper_server():
    for backend in ("epoll", "poll"):
        with server("upper_server", backend) as (process, addr):
            same(process.stdout.readline(), f"waiting with {backend}\n")
            with socket.create_connection(addr), \
                    socket.create_connection(addr) as first, \
                    socket.create_connection(addr) as second:
                second.sendall(b"two")
                same(second.recv(100), b"TWO")
                first.sendall(b"one")
                same(first.recv(100), b"ONE")


def test_take_file():
    with tempfile.TemporaryDirectory() as folder:
        with server("take_file", folder) as (process, addr):
            for name, data, sent, told in (
                    (b"a.bin", b"x" * 100000, 100000, "it is here"),
                    (b"cut", b"x" * 10, 100,
                     "the stream ended inside a message"),
                    (b"../up", b"x", 1, "permission denied"),
                    (b"", b"", 0, None)):
                with socket.create_connection(addr) as sock:
                    if told:
                        sock.sendall(struct.pack("i", len(name)) + name +
                                     struct.pack("i", sent) + data)
                if told:
                    same(process.stdout.readline().lower(),
                         f"{name.decode()}: {told}\n")
        same(os.listdir(folder), ["a.bin"])


def test_web_server():
    with server("web_server") as (_, addr):
        client = http.client.HTTPConnection(*addr)
        client.request("GET", "/")
        answer = client.getresponse()
        same(answer.status, 200)
        assert b"/upper" in answer.read()
        client.request("POST", "/upper", b"abc" * 10000)
        same(client.getresponse().read(), b"ABC" * 10000)
        client.request("GET", "/no")
        same(client.getresponse().status, 404)
        client.close()


def test_web_client():
    with server("web_server") as (_, addr):
        url = f"http://127.0.0.1:{addr[1]}"
        assert "/upper" in run("web_client", url)
        for where, wanted in ((url + "/no", ""), ("http://127.0.0.1:1/",
                              "connection refused")):
            with started("web_client", where) as process:
                _, err = process.communicate(timeout=SECONDS)
                same(process.returncode, 1)
                assert wanted in err, err


def all_are_tested():
    """A new example needs a test here."""
    names = {os.path.basename(p)[:-2]
             for p in glob.glob(os.path.join(SOURCE, "examples", "*.c"))}
    missing = [n for n in sorted(names - ELSEWHERE)
               if f"test_{n}" not in globals()]
    assert not missing, f"no test for {', '.join(missing)}"


def main():
    tests = [(name[5:], test) for name, test in globals().items()
             if name.startswith("test_")]
    tests.append(("every example has a test", all_are_tested))
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}")
        except (AssertionError, OSError, subprocess.SubprocessError) as e:
            failed += 1
            print(f"not ok {number} - {name}")
            print("# " + str(e).replace("\n", "\n# "))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
