#!/usr/bin/env python3
"""tenon get over TLS, whom it trusts; and by way of proxies."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile

import tap
import web

FOLDER = tempfile.mkdtemp(prefix="tenon-")
NAMES = ["DNS:localhost", "IP:127.0.0.1"]
CERTS = {
    "good": {"names": NAMES},
    "expired": {"names": NAMES, "days": (-30, -1)},
    "not yet valid": {"names": NAMES, "days": (1, 30)},
    "wrong host": {"names": ["DNS:example.org", "IP:127.0.0.9"]},
    "no host": {"names": []},
}


def hello(request, conn):
    return web.reply(b"hello")


def setup():
    """An authority, what it signs, and one that signs itself."""
    made = {"ca": web.certificate(FOLDER, "ca", [], days=(-40, 40), ca=True)}
    for name, how in CERTS.items():
        made[name] = web.certificate(FOLDER, name.replace(" ", "-"),
                                     issuer=made["ca"], **how)
    made["self-signed"] = web.certificate(FOLDER, "self", NAMES)
    return made


def context(name):
    how = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    how.load_cert_chain(MADE[name] + ".pem")
    return how


def get(*words, **more):
    return tap.tenon("get", *words, **more)


# --- certificates -----------------------------------------------------------------

@tap.case
def good():
    """a good certificate is trusted, by name and by number"""
    with web.server(hello, context("good")) as server:
        for host in ("localhost", "127.0.0.1"):
            tap.equal(get("--ca", MADE["ca"] + ".crt", server.url("/", host)),
                      (0, "hello", ""))
        err = get("-v", "--ca", MADE["ca"] + ".crt", server.url())[2]
        tap.true("TLSv1.3" in err, err)


def bad(name, words):
    """Refused with 1 and no byte of the request sent; taken with --insecure."""
    with web.server(hello, context(name)) as server:
        for ca in (["--ca", MADE["ca"] + ".crt"], []):
            code, out, err = get(*ca, server.url("/", "localhost"))
            tap.equal((code, out), (1, ""), err)
            tap.true(err.count("\n") == 1, err)
            if ca:
                tap.true(any(w in err for w in words), err)
        tap.equal(server.requests, [])
        tap.equal(get("--insecure", server.url())[:2], (0, "hello"))


for name, words in (("expired", ["expired"]),
                    ("not yet valid", ["not valid before"]),
                    ("wrong host", ["for example.org"]),
                    ("no host", ["not for localhost"]),
                    ("self-signed", ["self", "issuer", "signed"])):
    tap.add(f"{name}: refused in good words", bad, name, words)


@tap.case
def by_number():
    """the number, too, has to be in the certificate"""
    with web.server(hello, context("wrong host")) as server:
        tap.equal(get("--ca", MADE["ca"] + ".crt", server.url())[0], 1)


@tap.case
def pinned():
    """--pin trusts one certificate, and no other"""
    with web.server(hello, context("self-signed")) as server:
        done = subprocess.run(
            ["openssl", "x509", "-in", MADE["self-signed"] + ".crt", "-noout",
             "-fingerprint", "-sha256"], capture_output=True, check=True)
        pin = done.stdout.decode().strip().split("=")[1]
        tap.equal(get("--pin", pin, server.url())[:2], (0, "hello"))
        other = "00" + pin[2:] if pin[:2] != "00" else "11" + pin[2:]
        tap.equal(get("--pin", other, server.url())[0], 1)


@tap.case
def no_tls():
    """https to what speaks http, and http to what speaks TLS"""
    with tap.listener() as sock:
        port = sock.getsockname()[1]
        program = tap.Tenon("get", f"https://127.0.0.1:{port}/")
        with tap.accept(sock) as conn:
            conn.recv(10000)
            conn.sendall(b"HTTP/1.1 400 X\r\n\r\n")
            tap.equal(program.wait(), 1)
        err = program.stderr.read().decode()
        tap.true("does not speak TLS" in err, err)
    with web.server(hello, context("good")) as server:
        tap.equal(get(f"http://127.0.0.1:{server.port}/")[0], 1)


def cut(request, conn):
    """The answer has no length, and TLS is cut instead of ended."""
    conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
    raw = socket.socket(fileno=os.dup(conn.fileno()))
    raw.shutdown(socket.SHUT_RDWR)
    raw.close()


@tap.case
def no_close_notify():
    """a body that ends with a cut of TLS is no whole one"""
    with web.server(cut, context("good")) as server:
        code, out, err = get("--insecure", server.url())
        tap.equal((code, out), (1, "hello"), err)
        tap.true("cut" in err, err)

    def ended(request, conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
        conn.unwrap()
    with web.server(ended, context("good")) as server:
        tap.equal(get("--insecure", server.url()), (0, "hello", ""))


@tap.case
def downgrade():
    """from https to http go no secrets"""
    with web.server(hello) as plain:
        def answer(request, conn):
            return web.reply(b"", "302 X", "Location: " + plain.url())
        with web.server(answer, context("good")) as server:
            code, _, err = get("-L", "--insecure", "-H", "Authorization: x",
                               "-H", "Cookie: y", server.url())
            tap.equal(code, 0, err)
            tap.equal(web.field(plain.requests[0], "Authorization"), None)
            tap.equal(web.field(plain.requests[0], "Cookie"), None)


@tap.case
def kept():
    """a TLS connection is used again"""
    with web.server(hello, context("good")) as server:
        tap.equal(get("--insecure", server.url(), server.url())[:2],
                  (0, "hellohello"))
        tap.equal((server.connections, len(server.requests)), (1, 2))


@tap.case
def s_server():
    """openssl s_server -WWW"""
    program = tap.need("openssl")
    with tap.temp_dir() as folder:
        with open(os.path.join(folder, "f"), "wb") as file:
            file.write(b"x" * 300000)
        server = tap.started(subprocess.Popen(
            [program, "s_server", "-WWW", "-accept", "127.0.0.1:0", "-cert",
             MADE["good"] + ".crt", "-key", MADE["good"] + ".key"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.PIPE))
        line = tap.read_until(server.stdout, b"ACCEPT ").decode()
        if "\n" not in line[line.rindex("ACCEPT "):]:
            line += tap.read_until(server.stdout, b"\n").decode()
        port = line[line.rindex("ACCEPT "):].strip().rsplit(":", 1)[1]
        code, out, err = get("--ca", MADE["ca"] + ".crt",
                             f"https://localhost:{port}/f")
        tap.equal((code, len(out)), (0, 300000), err)


# --- proxies ----------------------------------------------------------------------

def connect_proxy(seen, status="200 OK", secret=None):
    """An HTTP proxy: CONNECT, and http with the whole URL."""
    def answer(request, conn):
        seen.append(web.path_of(request))
        if secret and web.field(request, "Proxy-Authorization") != secret:
            return web.reply(b"", "407 X")
        if not request.startswith(b"CONNECT "):
            return web.reply(b"by proxy")
        if not status.startswith("2"):
            return web.reply(b"no", status)
        host, port = web.path_of(request).rsplit(":", 1)
        with socket.create_connection((host, int(port)), tap.LIMIT) as far:
            conn.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
            web.splice(conn, far)
        return None
    return answer


@tap.case
def http_proxy():
    """an HTTP proxy: the whole URL for http, CONNECT for https"""
    seen = []
    secret = "Basic dTpw"
    with web.server(hello, context("good")) as server, \
            web.server(connect_proxy(seen, secret=secret)) as proxy:
        where = f"http://u:p@127.0.0.1:{proxy.port}"
        tap.equal(get("-x", where, "http://nowhere.invalid/a")[:2],
                  (0, "by proxy"))
        tap.equal(get("-x", where, "--ca", MADE["ca"] + ".crt",
                      server.url("/", "localhost")), (0, "hello", ""))
        tap.equal(seen, ["http://nowhere.invalid/a",
                         f"localhost:{server.port}"])
        tap.equal(web.field(server.requests[0], "Proxy-Authorization"), None)
        code, _, err = get("-x", f"127.0.0.1:{proxy.port}", server.url())
        tap.equal(code, 1)
        tap.true("407" in err, err)


@tap.case
def surroundings():
    """http_proxy, https_proxy, all_proxy, no_proxy"""
    with web.server(connect_proxy([])) as proxy, web.server(hello) as server:
        here = f"127.0.0.1:{proxy.port}"
        env = {"NO_PROXY": "", "no_proxy": ""}
        url = server.url()
        for more, wanted in (({"http_proxy": here}, "by proxy"),
                             ({"HTTP_PROXY": here}, "hello"),
                             ({"https_proxy": here}, "hello"),
                             ({"ALL_PROXY": here}, "by proxy"),
                             ({"http_proxy": here, "no_proxy": "127.0.0.0/8"},
                              "hello"),
                             ({"http_proxy": here, "no_proxy": "*"},
                              "hello")):
            tap.equal(get(url, env={**env, **more})[:2], (0, wanted), more)
        env["http_proxy"] = here
        tap.equal(get("-x", "", url, env=env)[:2], (0, "hello"))
        tap.equal(get("--noproxy", "127.0.0.1", url, env=env)[:2],
                  (0, "hello"))


class Socks:
    """A small SOCKS 5 proxy; names are kept in `asked`."""

    def __init__(self, user=None):
        self.user = user
        self.asked = []
        self.server = web.Server(None)
        self.server._serve = self.serve
        self.where = f"127.0.0.1:{self.server.port}"

    def serve(self, conn):
        conn.settimeout(tap.LIMIT)
        with contextlib.suppress(OSError, AssertionError), conn:
            methods = tap.read_exactly(conn, tap.read_exactly(conn, 2)[1])
            if self.user:
                conn.sendall(b"\5\2" if 2 in methods else b"\5\xff")
                size = tap.read_exactly(conn, 2)[1]
                name = tap.read_exactly(conn, size)
                word = tap.read_exactly(conn, tap.read_exactly(conn, 1)[0])
                fits = (name + b":" + word).decode() == self.user
                conn.sendall(b"\1\0" if fits else b"\1\1")
            else:
                conn.sendall(b"\5\0")
            kind = tap.read_exactly(conn, 4)[3]
            if kind == 1:
                host = socket.inet_ntoa(tap.read_exactly(conn, 4))
            elif kind == 4:
                host = socket.inet_ntop(socket.AF_INET6,
                                        tap.read_exactly(conn, 16))
            else:
                size = tap.read_exactly(conn, 1)[0]
                host = tap.read_exactly(conn, size).decode()
            port = int.from_bytes(tap.read_exactly(conn, 2), "big")
            self.asked.append((kind, host))
            self.join(conn, host, port)

    @staticmethod
    def join(conn, host, port):
        try:
            far = socket.create_connection((host, port), tap.LIMIT)
        except OSError:
            conn.sendall(b"\5\5\0\1" + bytes(6))
            return
        with far:
            # A name in the reply, which is rare, and has to be skipped.
            conn.sendall(b"\5\0\0\3\4name\0\0")
            web.splice(conn, far)


@tap.case
def socks():
    """SOCKS 5: names looked up here or there, a password, a refusal"""
    with web.server(hello, context("good")) as server:
        proxy = Socks()
        ca = ["--ca", MADE["ca"] + ".crt"]
        url = server.url("/", "localhost")
        tap.equal(get("-x", "socks5h://" + proxy.where, *ca, url)[:2],
                  (0, "hello"))
        tap.equal(get("-4", "-x", "socks5://" + proxy.where, *ca, url)[:2],
                  (0, "hello"))
        tap.equal(proxy.asked, [(3, "localhost"), (1, "127.0.0.1")])
        code, _, err = get("-x", "socks5h://" + proxy.where,
                           "http://127.0.0.1:1/")
        tap.equal(code, 1)
        tap.true("connection refused" in err, err)
        proxy.server.stop()
        proxy = Socks("me:pw")
        tap.equal(get("-x", "socks5h://me:pw@" + proxy.where, *ca, url)[:2],
                  (0, "hello"))
        for secret in ("", "me:no@"):
            code, _, err = get("-x", f"socks5h://{secret}{proxy.where}", *ca,
                               url)
            tap.equal(code, 1)
            tap.true("proxy" in err and "pw" not in err, err)
        proxy.server.stop()


def no_socks(answer):
    with tap.listener() as sock:
        port = sock.getsockname()[1]
        program = tap.Tenon("get", "-x", f"socks5://127.0.0.1:{port}",
                            "http://127.0.0.1/")
        conn = tap.accept(sock)
        conn.recv(100)
        conn.sendall(answer)
        with contextlib.suppress(OSError):
            conn.recv(100 if len(answer) > 1 else 0)
        conn.close()
        tap.equal(program.wait(), 1)
        tap.true("proxy" in program.stderr.read().decode(), "the words")


for answer in (b"", b"\5", b"\4\0", b"\5\xff", b"HTTP/1.1 400 X\r\n",
               b"\5\0\5\1\0\1\0\0\0\0\0\0", b"\5\0\4\0\0\1\0\0\0\0\0\0",
               b"\5\0\5\0\0\7\0\0\0\0\0\0", b"\5\0\5\0\0\1\0"):
    tap.add(f"a proxy that answers {answer!r}", no_socks, answer)


try:
    MADE = setup()
    tap.run()
finally:
    shutil.rmtree(FOLDER)
