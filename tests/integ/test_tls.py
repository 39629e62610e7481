#!/usr/bin/env python3
"""tls://: tenon with itself, openssl's s_client and s_server, and Python."""

import hashlib
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import certs
import tap
from talk_kit import free_port

NAMES = "DNS:localhost,IP:127.0.0.1"
HINT = (" (--ca FILE trusts another authority, --pin SHA256 just this peer, "
        "--insecure anybody)\n")

folder = tap.temp_dir()
ca = certs.Authority(folder.name)
good = ca.sign("good", NAMES)


def echo(*options):
    """An echo server of ours."""
    return tap.Tenon("echo", "--mode", "echo", *options, "tls://127.0.0.1:0",
                     ready=True)


def python_server(work, cert=good, tls12=False):
    """One connection served in a thread: the address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    sock = tap.listener()

    def run():
        with sock, tap.accept(sock) as plain:
            try:
                with context.wrap_socket(plain, server_side=True) as conn:
                    work(conn)
            except OSError:
                pass  # the client did not like us, and says so itself
    threading.Thread(target=run, daemon=True).start()
    return f"tls://127.0.0.1:{sock.getsockname()[1]}"


def python_client(where, tls12=False, cert=None):
    context = ssl.create_default_context(cafile=ca.path)
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if cert:
        context.load_cert_chain(cert)
    plain = tap.connect(where.removeprefix("tls://"))
    return context.wrap_socket(plain, server_hostname="localhost")


def answer(conn):
    """Say everything again, then end as TLS wants it."""
    data = b""
    while not data.endswith(b"\n"):
        data += conn.recv(4096)
    conn.sendall(data)
    conn.unwrap()


# --- ourselves --------------------------------------------------------------

@tap.case
def large_both_ways():
    """8 MiB there and back at the same time, by its fingerprint"""
    server = echo()
    line = tap.read_until(server.stderr, b"\n").decode()
    pin = re.search(r"--pin ([0-9a-f]{64})\n", line).group(1)
    data = os.urandom(1 << 20) * 8
    code, out, err = 0, b"", b""
    done = subprocess.run([tap.PROGRAM, "talk", "--pin", pin, server.where],
                          input=data, capture_output=True, check=False,
                          timeout=60 * tap.SCALE)
    code, out, err = done.returncode, done.stdout, done.stderr
    tap.equal((code, err), (0, b""))
    tap.equal(hashlib.sha256(out).digest(), hashlib.sha256(data).digest())
    server.signal(signal.SIGINT)
    tap.equal(server.wait(), 0)


@tap.case
def talk_with_talk():
    """talk -l and talk, verified by --ca"""
    server = tap.Tenon("talk", "-l", "--cert", good, "tls://127.0.0.1:0",
                       ready=True)
    server.stdin.write(b"from the server\n")
    server.stdin.close()
    got = tap.tenon("talk", "--ca", ca.path, server.where,
                    stdin=b"from the client\n")
    tap.equal(got, (0, "from the server\n", ""))
    tap.equal(server.stdout.read(), b"from the client\n")
    tap.equal(server.wait(), 0)


@tap.case
def framed():
    """messages in TLS"""
    server = echo("--cert", good, "--frame", "u32be")
    got = tap.tenon("talk", "--ca", ca.path, "--frame", "u32be", server.where,
                    stdin=b"one\ntwo\n")
    tap.equal(got, (0, "one\ntwo\n", ""))


@tap.case
def client_certificates():
    """--client-cert require and any"""
    mine = ca.sign("mine", "DNS:mine")
    server = echo("--cert", good, "--ca", ca.path, "--client-cert", "require")
    got = tap.tenon("talk", "--ca", ca.path, "--cert", mine, server.where,
                    stdin=b"hello\n")
    tap.equal(got, (0, "hello\n", ""))
    code, out, err = tap.tenon("talk", "--ca", ca.path, server.where,
                               stdin=b"hello\n")
    tap.equal((code, out), (1, ""))
    tap.true("the peer wants a certificate of ours" in err, err)


# --- refusals ---------------------------------------------------------------

def refused(name, cert, words, host="127.0.0.1", trust=True):
    """talk refuses a server, in these words, with status 1."""
    server = echo("--cert", cert)
    where = f"tls://{host}:{server.port}"
    options = ["--ca", ca.path] if trust else []
    got = tap.tenon("talk", *options, where, stdin=b"secret\n")
    tap.equal(got, (1, "", f"tenon talk: tls {host}:{server.port}: "
                    f"the certificate {words}{HINT}"), name)
    got = tap.tenon("talk", "--insecure", where, stdin=b"hello\n")
    tap.equal(got, (0, "hello\n", ""), name + ", believed")


@tap.case
def expired():
    """an expired certificate is refused"""
    cert = ca.sign("expired", NAMES, -20, -10)
    refused("expired", cert, f"expired on {certs.day(-10)}")


@tap.case
def not_yet():
    """a certificate that is not valid yet is refused"""
    cert = ca.sign("future", NAMES, 10, 20)
    refused("future", cert, f"is not valid before {certs.day(10)}")


@tap.case
def wrong_host():
    """a certificate for somebody else is refused"""
    cert = ca.sign("other", "DNS:other.example")
    refused("name", cert, "is for other.example, not for localhost",
            host="localhost")
    refused("number", cert, "is for other.example, not for 127.0.0.1")


@tap.case
def self_signed():
    """a self-signed certificate is refused, unless it is trusted"""
    base = os.path.join(folder.name, "self")
    certs.self_signed(base + ".crt", base + ".key", "self", NAMES)
    with open(base, "w", encoding="ascii") as out:
        for part in (".crt", ".key"):
            with open(base + part, encoding="ascii") as text:
                out.write(text.read())
    refused("self-signed", base,
            "is self-signed: nobody we trust vouches for it")
    server = echo("--cert", base + ".crt", "--key", base + ".key")
    got = tap.tenon("talk", "--ca", base + ".crt", server.where, stdin=b"a\n")
    tap.equal(got, (0, "a\n", ""))


@tap.case
def unknown_authority():
    """an authority that the system does not know is refused"""
    refused("unknown", good, 'is vouched for by "test CA", whom we do not '
            "trust", trust=False)


@tap.case
def wrong_files():
    """files that are none are named"""
    nothing = os.path.join(folder.name, "nothing")
    with open(nothing, "w", encoding="ascii") as out:
        out.write("nothing\n")
    for option, words in (("--cert", "certificate"), ("--ca", "trust")):
        code, _, err = tap.tenon("talk", option, nothing, "tls://127.0.0.1:1")
        tap.equal(code, 1)
        tap.true(err.startswith(f"tenon talk: {words} {nothing}: "), err)
    missing = os.path.join(folder.name, "missing")
    got = tap.tenon("talk", "--cert", missing, "tls://127.0.0.1:1")
    tap.equal(got, (1, "", f"tenon talk: open {missing}: no such file or "
                    "directory\n"))


# --- Python -----------------------------------------------------------------

def python_talks(tls12):
    server = echo("--cert", good)
    with python_client(server.where, tls12) as conn:
        tap.equal(conn.version(), "TLSv1.2" if tls12 else "TLSv1.3")
        data = os.urandom(300000)
        feeder = threading.Thread(target=conn.sendall, args=(data,))
        feeder.start()
        got = b""
        while len(got) < len(data):
            got += conn.recv(65536)
        feeder.join()
        tap.equal(hashlib.sha256(got).digest(), hashlib.sha256(data).digest())
        conn.unwrap()


def python_serves(tls12):
    where = python_server(answer, tls12=tls12)
    got = tap.tenon("talk", "--ca", ca.path, where, stdin=b"hello\n")
    tap.equal(got, (0, "hello\n", ""))


for _tls12 in (False, True):
    _name = "TLS 1.2" if _tls12 else "TLS 1.3"
    tap.add(f"Python's client, {_name}", python_talks, _tls12)
    tap.add(f"Python's server, {_name}", python_serves, _tls12)


@tap.case
def resumed():
    """Python's client comes back with its ticket"""
    server = echo("--cert", good)
    context = ssl.create_default_context(cafile=ca.path)
    session = None
    for again in (False, True):
        plain = tap.connect(server.where.removeprefix("tls://"))
        with context.wrap_socket(plain, server_hostname="localhost",
                                 session=session) as conn:
            conn.sendall(b"x")
            tap.equal(conn.recv(1), b"x")
            tap.equal(conn.session_reused, again)
            session = conn.session
            conn.unwrap()


@tap.case
def cut():
    """an end without close_notify is told"""
    def leave(conn):
        conn.recv(100)
        conn.sendall(b"half of it\n")
        os.close(conn.detach())
    where = python_server(leave)
    talk = tap.Tenon("talk", "--ca", ca.path, where)
    talk.stdin.write(b"hello\n")
    tap.equal(talk.stdout.read(), b"half of it\n")
    tap.equal(talk.wait(), 1)
    err = talk.stderr.read().decode()
    tap.true("the TLS stream was cut off without its end mark" in err, err)


# --- openssl ----------------------------------------------------------------

def s_client(server, *options):
    tap.need("openssl")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}",
         "-CAfile", ca.path, "-verify_return_error", *options],
        input=b"Q\n", capture_output=True, timeout=tap.LIMIT, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@tap.case
def s_client_versions():
    """s_client: TLS 1.3 and 1.2, none older, nothing weak"""
    server = echo("--cert", good)
    for option, wanted in (("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")):
        code, text = s_client(server, option)
        tap.equal(code, 0, text)
        tap.true(f"New, {wanted}, Cipher is" in text, text)
        tap.true("Compression: NONE" in text, text)
        tap.true("Verify return code: 0 (ok)" in text, text)
    weak = "@SECLEVEL=0"
    for options in (["-tls1_1", "-cipher", "ALL" + weak],
                    ["-tls1", "-cipher", "ALL" + weak],
                    ["-tls1_2", "-cipher", "AES128-SHA" + weak],
                    ["-tls1_2", "-cipher", "AES128-GCM-SHA256" + weak],
                    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA" + weak],
                    ["-tls1_2", "-cipher", "aNULL" + weak]):
        code, text = s_client(server, *options)
        tap.true(code != 0, " ".join(options) + text)


@tap.case
def no_renegotiation():
    """s_client may not renegotiate"""
    server = echo("--cert", good)
    tap.need("openssl")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}",
         "-tls1_2", "-CAfile", ca.path], input=b"R\n", capture_output=True,
        timeout=tap.LIMIT, check=False)
    tap.true(b"no renegotiation" in done.stderr, done.stderr)


@tap.case
def s_server():
    """s_server: both directions and its end"""
    tap.need("openssl")
    for option in ("-tls1_3", "-tls1_2"):
        port = free_port()
        theirs = tap.started(subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
             good, "-naccept", "1", "-rev", option], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0))
        tap.read_until(theirs.stdout, b"ACCEPT")
        talk = tap.Tenon("talk", "--ca", ca.path, f"tls://localhost:{port}")
        talk.stdin.write(b"hello\n")
        tap.equal(tap.read_exactly(talk.stdout, 6), b"olleh\n")
        talk.stdin.close()
        tap.equal((talk.wait(), talk.stderr.read()), (0, b""))


@tap.case
def plain_peer():
    """a peer without TLS is told"""
    with tap.listener() as sock:
        port = sock.getsockname()[1]
        talk = tap.Tenon("talk", f"tls://127.0.0.1:{port}")
        with tap.accept(sock) as conn:
            conn.sendall(b"SSH-2.0-example\r\n")
            tap.equal(talk.wait(), 1)
        err = talk.stderr.read().decode()
        tap.equal(err, f"tenon talk: tls 127.0.0.1:{port}: the peer does not "
                  "speak TLS\n")


@tap.case
def silent_peer():
    """a peer that says nothing costs no longer than -w"""
    with tap.listener() as sock:
        got = tap.tenon("talk", "-w", "200ms",
                        f"tls://127.0.0.1:{sock.getsockname()[1]}")
    tap.equal(got[:2], (3, ""))


@tap.case
def half_handshake():
    """a client that stops half-way holds up nobody else"""
    server = echo("--cert", good)
    with tap.connect(server.where.removeprefix("tls://")) as silent:
        silent.sendall(b"\x16\x03\x01")
        got = tap.tenon("talk", "--ca", ca.path, server.where, stdin=b"a\n")
        tap.equal(got, (0, "a\n", ""))
        silent.shutdown(socket.SHUT_WR)
        tap.equal(tap.read_all(silent)[:1], b"\x15", "an alert")


if __name__ == "__main__":
    tap.run()
