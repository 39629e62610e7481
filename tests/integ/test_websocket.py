#!/usr/bin/env python3
"""WebSockets between our examples and the libraries of others, and opening
handshakes that nobody should accept."""

import base64
import os
import socket
import subprocess
import sys

import tap
from tap import BUILD, LIMIT, SOURCE, equal, need, started, true

sys.path.insert(0, os.path.join(SOURCE, "tests", "conform"))
from ws_wire import Wire, accept_of, read_head  # pylint: disable=C0413

SYSTEM_PYTHON = "/usr/bin/python3"
PEERS = os.path.join(SOURCE, "tests", "peers", "ws_peers.py")
KEY = base64.b64encode(b"0123456789abcdef")


def example(name):
    return os.path.join(BUILD, "examples", name)


def echo_server():
    process = started(subprocess.Popen(
        [example("ws_echo"), "127.0.0.1:0"], stderr=subprocess.PIPE))
    return process.stderr.readline().decode().strip()


def peer(*args):
    """A peer of theirs; a case without their library is skipped."""
    have = subprocess.run([SYSTEM_PYTHON, "-c", f"import {args[0]}"],
                          capture_output=True, check=False)
    if have.returncode != 0:
        raise tap.Skip(f"python3-{args[0]} is not installed")
    return started(subprocess.Popen([SYSTEM_PYTHON, PEERS, *args],
                                    stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE))


def finish(process):
    out, err = process.communicate(timeout=3 * LIMIT)
    equal((process.returncode, out.decode().split()[-1:]), (0, ["good"]),
          err.decode()[-2000:])


def run_client(*args, env=None):
    done = subprocess.run([example("ws_client"), *args], capture_output=True,
                          timeout=3 * LIMIT, check=False,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- libraries of others -----------------------------------------------------

def their_client(library):
    finish(peer(library, "client", f"ws://{echo_server()}/"))


def their_server(library):
    server = peer(library, "server")
    port = int(server.stdout.readline())
    equal(run_client(f"ws://127.0.0.1:{port}/"), (0, "", ""))
    finish(server)


for name in ("websockets", "autobahn"):
    tap.add(f"a client of python3-{name} at our server", their_client, name)
    tap.add(f"our client at a server of python3-{name}", their_server, name)


@tap.case
def over_tls():
    """wss:// to a server of python3-websockets: trusted, and not"""
    need("openssl")
    with tap.temp_dir() as folder:
        cert, key = os.path.join(folder, "c"), os.path.join(folder, "k")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", key, "-out", cert], check=True, capture_output=True)
        server = peer("websockets", "server", cert, key)
        url = f"wss://localhost:{int(server.stdout.readline())}/"
        code, _, why = run_client(url)
        equal(code, 1)
        true("certificate" in why, why)
        equal(run_client(url, env={"SSL_CERT_FILE": cert}), (0, "", ""))
        finish(server)


@tap.case
def words():
    """The client says words and prints what comes back"""
    where = echo_server()
    equal(run_client(f"ws://{where}/", "hello", "", "wörld"),
          (0, "hello\n\nwörld\n", ""))


# --- opening handshakes ------------------------------------------------------

GOOD = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY.decode(),
}

REQUESTS = [  # name, method and version, fields that differ, status
    ("as usual", "GET / HTTP/1.1", {}, 101),
    ("any case", "GET / HTTP/1.1",
     {"Upgrade": "WebSocket", "Connection": "keep-alive, upgrade"}, 101),
    ("an extension that we do not know", "GET / HTTP/1.1",
     {"Sec-WebSocket-Extensions": "permessage-deflate"}, 101),
    ("no upgrade", "GET / HTTP/1.1", {"Upgrade": None, "Connection": None},
     426),
    ("another protocol", "GET / HTTP/1.1", {"Upgrade": "h2c"}, 426),
    ("Connection says nothing", "GET / HTTP/1.1", {"Connection": None}, 426),
    ("no version", "GET / HTTP/1.1", {"Sec-WebSocket-Version": None}, 426),
    ("version 8", "GET / HTTP/1.1", {"Sec-WebSocket-Version": "8"}, 426),
    ("version 130", "GET / HTTP/1.1", {"Sec-WebSocket-Version": "130"}, 426),
    ("HTTP/1.0", "GET / HTTP/1.0", {}, 400),
    ("no key", "GET / HTTP/1.1", {"Sec-WebSocket-Key": None}, 400),
    ("a short key", "GET / HTTP/1.1", {"Sec-WebSocket-Key": "YWJj"}, 400),
    ("a long key", "GET / HTTP/1.1",
     {"Sec-WebSocket-Key": base64.b64encode(b"x" * 17).decode()}, 400),
    ("a key of 18 bytes", "GET / HTTP/1.1",
     {"Sec-WebSocket-Key": base64.b64encode(b"x" * 18).decode()}, 400),
    ("a key that is no base64", "GET / HTTP/1.1",
     {"Sec-WebSocket-Key": "!!" + KEY.decode()[2:]}, 400),
    ("two keys", "GET / HTTP/1.1",
     {"Sec-WebSocket-Key": [KEY.decode(), KEY.decode()]}, 400),
]


def ask(where, first, fields):
    lines = [first]
    for name, value in {**GOOD, **fields}.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {v}" for v in values if v is not None]
    sock = socket.create_connection(("127.0.0.1", int(where.split(":")[1])),
                                    LIMIT)
    sock.sendall("\r\n".join(lines + ["", ""]).encode())
    return sock, *read_head(sock)[:3]


def opening(first, fields, status):
    sock, line, got, head = ask(echo_server(), first, fields)
    sock.close()
    equal(line.split()[1], str(status), line)
    if status == 101:
        true(accept_of(KEY) in head, head)
        equal((got["upgrade"], got["connection"]), ("websocket", "upgrade"))
        true("sec-websocket-extensions" not in got, "an extension was agreed")
        equal(head.lower().count(b"connection:"), 1)
    if status == 426:
        equal((got["sec-websocket-version"], got["upgrade"]),
              ("13", "websocket"))


for name, first, fields, status in REQUESTS:
    tap.add(f"a request: {name}: {status}", opening, first, fields, status)


ANSWERS = [  # name, status line, fields that differ, what ws_client says
    ("200", "200 OK", {"Content-Length": "0"}, "answered 200"),
    ("403", "403 Forbidden", {"Content-Length": "0"}, "answered 403"),
    ("a redirect", "302 Found", {"Location": "/", "Content-Length": "0"},
     "answered 302"),
    ("the wrong hash", "101 x", {"Sec-WebSocket-Accept": "x" * 28},
     "does not fit"),
    ("no hash", "101 x", {"Sec-WebSocket-Accept": None}, "does not fit"),
    ("another protocol", "101 x", {"Upgrade": "h2c"}, "names no WebSocket"),
    ("no Upgrade", "101 x", {"Upgrade": None}, ""),
    ("no Connection", "101 x", {"Connection": None}, "names no WebSocket"),
    ("an extension", "101 x",
     {"Sec-WebSocket-Extensions": "permessage-deflate"}, "extension"),
    ("a subprotocol", "101 x", {"Sec-WebSocket-Protocol": "chat"},
     "subprotocol"),
    ("no HTTP", "hello", {}, ""),
]


def answering(status, fields, why):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(LIMIT)
    client = started(subprocess.Popen(
        [example("ws_client"),
         f"ws://127.0.0.1:{listener.getsockname()[1]}/a?b"],
        stderr=subprocess.PIPE))
    conn = listener.accept()[0]
    conn.settimeout(LIMIT)
    head = read_head(conn)[2]
    true(head.startswith(b"GET /a?b HTTP/1.1\r\n"), head)
    key = [line.split(b": ", 1)[1] for line in head.split(b"\r\n")
           if line.lower().startswith(b"sec-websocket-key")][0]
    answer = {"Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Accept": accept_of(key).decode(), **fields}
    lines = [f"HTTP/1.1 {status}"] + [
        f"{n}: {v}" for n, v in answer.items() if v is not None]
    conn.sendall("\r\n".join(lines + ["", ""]).encode())
    err = client.communicate(timeout=LIMIT)[1].decode()
    conn.close()
    listener.close()
    equal(client.returncode, 1, err)
    true(why in err and err.startswith("ws_client: "), err)


for name, status, fields, why in ANSWERS:
    tap.add(f"an answer: {name}", answering, status, fields, why)


@tap.case
def with_the_head():
    """Frames that come in one packet with the handshake, either side"""
    where = echo_server()
    sock = socket.create_connection(("127.0.0.1", int(where.split(":")[1])),
                                    LIMIT)
    wire = Wire(sock, True)
    lines = ["GET / HTTP/1.1"] + [f"{n}: {v}" for n, v in GOOD.items()]
    sock.sendall("\r\n".join(lines + ["", ""]).encode() +
                 wire.frame(0x81, b"early") + wire.frame(0x88, b"\x03\xe8"))
    wire.buf += read_head(sock)[3]
    wire.until(lambda: wire.got_close)
    equal(wire.events, [("message", b"early", True)])
    equal(wire.code, 1000)
    wire.end()


if __name__ == "__main__":
    tap.run()
