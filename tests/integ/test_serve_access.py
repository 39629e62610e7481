#!/usr/bin/env python3
"""tenon serve: who may come in, the log, TLS, limits."""

import base64
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess

import tap
from serve_kit import Reader, request, served

TEXT = b"".join(b"%d\n" % n for n in range(20000))
FILES = {"a.txt": b"hello\n", "num.txt": TEXT}


# --- who may come in --------------------------------------------------------

def secret_file(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


@tap.case
def auth():
    """Passwords and tokens from files that nobody else can read"""
    with tap.temp_dir() as folder:
        users = secret_file(folder, "users", "# people\nann:p:w\nb\u00f6:x\n")
        tokens = secret_file(folder, "tokens", "s3cret\n")
        with served("--auth", users, "--token-file", tokens,
                    files=FILES) as s:
            got = s.ask("/a.txt")
            tap.equal(got.status, 401)
            tap.true("Basic realm=" in got.get("WWW-Authenticate") and
                     "Bearer realm=" in got.get("WWW-Authenticate"), got)
            for text, status in [("ann:p:w", 200), ("b\u00f6:x", 200),
                                 ("ann:p", 401), ("ann:p:w2", 401),
                                 ("ann", 401), ("", 401)]:
                word = base64.b64encode(text.encode()).decode()
                got = s.ask("/a.txt", Authorization="Basic " + word)
                tap.equal(got.status, status, text)
            for word, status in [("Bearer s3cret", 200), ("bearer s3cret", 200),
                                 ("Bearer s3cre", 401), ("Basic !!!!", 401),
                                 ("Bearer " + "x" * 500, 401)]:
                got = s.ask("/a.txt", Authorization=word)
                tap.equal(got.status, status, word)
            log = tap.read_until(s.tenon.stdout, b"ann [").decode()
            tap.true("p:w" not in log, "a password in the log")
        open_file = secret_file(folder, "open", "a:b\n", 0o644)
        code, _, err = tap.tenon("serve", "--auth", open_file, folder)
        tap.equal(code, 2)
        tap.true("chmod 600" in err, err)


@tap.case
def other_sites():
    """Another site's page changes nothing"""
    with served("--writable", files=FILES) as s:
        for fields, status in [({"Origin": "http://evil.example"}, 403),
                               ({"Origin": "null"}, 403),
                               ({"Sec_Fetch_Site": "cross-site"}, 403),
                               ({"Origin": "https://" + s.tenon.where}, 403),
                               ({"Origin": "http://" + s.tenon.where}, 201),
                               ({}, 204)]:
            got = s.put("/new", b"x", Host=s.tenon.where, **fields)
            tap.equal(got.status, status, fields)


@tap.case
def other_names():
    """A page whose name was made to point here sees and changes nothing"""
    with served("--writable", "--host", "Mine.example,c", "--host", "b",
                files=FILES) as s:
        for host, status in [("evil.example", 421), ("evil.example:8000", 421),
                             ("localhost", 201), ("[::1]:80", 201),
                             ("mine.example:80", 201), ("b", 201),
                             ("xmine.example", 421)]:
            for field in ({"Origin": "http://" + host},
                          {"Sec_Fetch_Site": "same-origin"}):
                got = s.put("/new", b"x", Host=host, **field)
                tap.true(got.status == status or
                         (got.status, status) == (204, 201), (host, got))
            got = s.ask("/a.txt", Host=host)
            tap.equal(got.status, 421 if status == 421 else 200, host)
            tap.true((b"hello" in got.body) == (status != 421), got)
        got = s.put("/new", b"x", Host="evil.example")
        tap.equal((got.status, b"--host NAME" in got.body), (421, True))
        # HTTP/1.0 without a Host is no browser.
        with s.connect() as sock:
            sock.sendall(b"GET /a.txt HTTP/1.0\r\n\r\n")
            tap.equal(Reader(sock).answer().status, 200)
        # An absolute target overrules nothing: both have to be the same.
        with s.connect() as sock:
            sock.sendall(b"GET http://evil.example/a.txt HTTP/1.1\r\n"
                         b"Host: evil.example\r\n\r\n")
            tap.equal(Reader(sock).answer().status, 421)
    with served("--echo") as s:
        tap.equal(s.ask("/", "POST", b"x", Host="evil.example").status, 200)
    with tap.temp_dir() as folder:
        users = secret_file(folder, "users", "ann:w\n")
        word = "Basic " + base64.b64encode(b"ann:w").decode()
        with served("--writable", "--auth", users) as s:
            fields = {"Host": "any.example", "Origin": "http://any.example"}
            tap.equal(s.put("/n", b"x", **fields).status, 401)
            tap.equal(s.put("/n", b"x", Authorization=word, **fields).status,
                      201)
    for words, said in [(["--host", ",".join("abcdefghijklmnopqrst")],
                         "too many names"),
                        (["--writable", "--host", "a/b"], "--host a/b: not"),
                        (["--writable", "--host", "x" * 300], "not a host")]:
        code, _, err = tap.tenon("serve", *words)
        tap.equal(code, 2)
        tap.true(said in err, err)


# --- the log ----------------------------------------------------------------

@tap.case
def log_lines():
    """The log has a line for each answer, and nobody can forge one"""
    with served("-v", files=FILES) as s:
        s.ask("/a.txt", User_Agent='x" y\xc2\x9b31m\\', Referer="http://r/")
        line = tap.read_until(s.tenon.stdout, b"\n").decode()
        tap.true(re.fullmatch(
            r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:[\d:]{8} '
            r'[+-]\d{4}\] "GET /a\.txt HTTP/1\.1" 200 6 "http://r/" '
            r'"x\\" y\\xc2\\x9b31m\\\\"\n', line), line)
        with s.connect() as sock:
            sock.sendall(b"\x1b[2Jrubbish\r\n\r\n")
            tap.equal(Reader(sock).answer().status, 400)
        line = tap.read_until(s.tenon.stdout, b"\n")
        tap.true(b"\x1b" not in line and b" 400 " in line, line)
    with served("--json", files=FILES) as s:
        s.ask("/a.txt?q=\\%0a")
        event = json.loads(tap.read_until(s.tenon.stdout, b"\n"))
        tap.equal((event["method"], event["status"], event["bytes"]),
                  ("GET", 200, 6))
    with served("--quiet", files=FILES) as s:
        s.ask("/a.txt")
        s.tenon.signal(signal.SIGINT)
        tap.equal(tap.read_all(s.tenon.stdout), b"")
        tap.equal(tap.read_all(s.tenon.stderr), b"")
        tap.equal(s.tenon.wait(), 0)


@tap.case
def nobody_reads_the_log():
    """A log that nobody reads stops nothing"""
    with served(files=FILES) as s:
        with s.connect() as sock:
            reader = Reader(sock)
            for _ in range(300):
                sock.sendall(request("/a.txt?" + "x" * 400) * 10)
                for _ in range(10):
                    tap.equal(reader.answer().status, 200)
        s.tenon.stdout.close()
        tap.equal(s.ask("/a.txt").status, 200)
        tap.equal(s.ask("/a.txt").status, 200)


# --- TLS --------------------------------------------------------------------

@tap.case
def tls():
    """https:// with a certificate made on the spot"""
    with served("--tls", files=FILES) as s:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        conn = http.client.HTTPSConnection("127.0.0.1", s.tenon.port,
                                           context=context, timeout=tap.LIMIT)
        conn.request("GET", "/num.txt")
        tap.equal(conn.getresponse().read(), TEXT)
        shown = tap.read_until(s.tenon.stderr, b"https://")
        seen = hashlib.sha256(conn.sock.getpeercert(True)).hexdigest()
        tap.true(seen in shown.decode().replace(":", "").lower(), shown)
        conn.close()


@tap.case
def hangup():
    """SIGHUP reads the certificate again; without one nothing happens"""
    openssl = tap.need("openssl")
    with tap.temp_dir() as folder:
        pem = os.path.join(folder, "pem")

        def make():
            made = subprocess.run(
                [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                 "-keyout", "-", "-days", "2"], check=True, timeout=tap.LIMIT,
                capture_output=True).stdout
            with open(pem, "wb") as file:
                file.write(made)

        def seen(port):
            return ssl.get_server_certificate(("127.0.0.1", port))

        make()
        with served("--tls", "--cert", pem, files=FILES) as s:
            first = seen(s.tenon.port)
            make()
            s.tenon.signal(signal.SIGHUP)
            tap.read_until(s.tenon.stderr, b"read again")
            tap.true(seen(s.tenon.port) != first, "the same certificate")
    with served(files=FILES) as s:
        s.tenon.signal(signal.SIGHUP)
        tap.equal(s.ask("/a.txt").status, 200)


# --- limits -----------------------------------------------------------------

@tap.case
def too_many_clients():
    """--max-clients: others are told to come back"""
    with served("--max-clients", "2", files=FILES) as s:
        held = [s.connect() for _ in range(2)]
        for sock in held:
            sock.sendall(request("/a.txt"))
            tap.equal(Reader(sock).answer().status, 200)
        got = s.ask("/a.txt")
        tap.equal(got.status, 503)
        tap.true(got.get("Retry-After"), got)
        held.pop().close()
        status = 503
        end = tap.now() + tap.LIMIT
        while status == 503 and tap.now() < end:
            status = s.ask("/a.txt").status
        tap.equal(status, 200)
        held.pop().close()


@tap.case
def draining():
    """Ctrl-C lets an answer under way come to its end"""
    with served(files={"big": bytes(20 << 20)}) as s:
        with s.connect() as sock:
            sock.sendall(request("/big"))
            tap.read_some(sock, 1)
            s.tenon.signal(signal.SIGINT)
            count = 0
            while got := sock.recv(1 << 20):
                count += len(got)
            tap.true(count >= 20 << 20, count)
        tap.equal(s.tenon.wait(), 0)


@tap.case
def tunnels():
    """--proxy-to: CONNECT to what is allowed, and nothing else"""
    with tap.listener() as there:
        port = there.getsockname()[1]
        with served("--proxy-to", f"127.0.0.1:{port}", files=FILES) as s:
            with s.connect() as sock:
                sock.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n"
                             f"Host: 127.0.0.1:{port}\r\n\r\n".encode())
                with tap.accept(there) as far:
                    tap.true(tap.read_until(sock, b"\r\n\r\n").startswith(
                        b"HTTP/1.1 200"), "no tunnel")
                    sock.sendall(b"ping")
                    tap.equal(tap.read_exactly(far, 4), b"ping")
                    far.sendall(b"pong")
                    tap.equal(tap.read_exactly(sock, 4), b"pong")
            with s.connect() as sock:
                sock.sendall(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n"
                             b"Host: 127.0.0.1:1\r\n\r\n")
                tap.equal(Reader(sock).answer().status, 403)


@tap.case
def usage():
    """Wrong uses are told"""
    for args, word in [(["/no/such/folder"], "no such file"),
                       (["/dev/null"], "share"),
                       (["--keep", "."], "--writable"),
                       (["--echo", "--writable"], "--echo"),
                       (["--proxy-to", "nonsense"], "--proxy-to"),
                       (["--cert", "x", "."], "tls"),
                       (["--bind", "udp://x"], "--bind"),
                       (["a", "b"], "one word")]:
        code, out, err = tap.tenon("serve", *args)
        tap.true(code in (1, 2), args)
        tap.equal(out, "")
        tap.true(word in err.lower(), err)


tap.run()
