#!/usr/bin/env python3
"""tenon serve --tls and those who try its doors: old versions, weak ciphers,
downgrades, broken messages. docs/hostile.md has the table."""

import os
import re
import ssl
import subprocess

import certs
import room
import tap
from hellos import (ALERT, CHANGE, DECODE, FAILURE, FALLBACK, GOOD, GOOD13,
                    HANDSHAKE, HEARTBEAT, ILLEGAL, MISSING, NO_PROTOCOL,
                    OVERFLOW, UNEXPECTED, VERSION, Heard, alpn, client_hello,
                    extension, hear, hello, record, server_name, tls13,
                    vector, words)
from hostile_kit import Cost, figure, until
from serve_kit import Reader, request, served

folder = tap.temp_dir()
ca = certs.Authority(folder.name)
NAMES = "DNS:localhost,IP:127.0.0.1"
good = ca.sign("good", NAMES)


def rsa_certificate():
    """One with an RSA key, which vouches for itself."""
    base = os.path.join(folder.name, "rsa")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "30", "-subj", "/CN=rsa", "-addext", f"subjectAltName={NAMES}",
         "-keyout", base + ".key", "-out", base + ".crt"], check=True,
        capture_output=True)
    join(base + ".pem", base + ".crt", base + ".key")
    join(trusted, ca.path, base + ".crt")
    return base + ".pem"


def join(path, *parts):
    with open(path, "w", encoding="ascii") as out:
        for part in parts:
            with open(part, encoding="ascii") as text:
                out.write(text.read())


trusted = os.path.join(folder.name, "trusted")
good_rsa = rsa_certificate()
FILES = {"a.txt": b"hello\n"}


def started(*options, cert=good):
    return served("--quiet", "--tls", "--cert", cert, *options, files=FILES)


def trusting(alpn_names=None, cert=None, version=None):
    context = ssl.create_default_context(cafile=trusted)
    if alpn_names:
        context.set_alpn_protocols(alpn_names)
    if cert:
        context.load_cert_chain(cert)
    if version:
        context.maximum_version = version
    return context


def fine(s, **how):
    """A good client is served: its TLS."""
    with s.connect() as plain, trusting(**how).wrap_socket(
            plain, server_hostname="localhost") as sock:
        sock.sendall(request("/a.txt"))
        got = Reader(sock).answer()
        tap.equal((got.status, got.body), (200, b"hello\n"), "a good client")
        return sock.version(), sock.cipher()[0], sock.selected_alpn_protocol()


def probe(s, *pieces, enough=Heard.is_done):
    """Send that, and say what came."""
    with s.connect() as sock:
        for piece in pieces:
            sock.sendall(piece)
        return hear(sock, enough)


def refused(s, name, alerts, *pieces):
    """An alert, one of these; no more; and the next is served."""
    heard = probe(s, *pieces)
    tap.true(heard.refused, f"{name}: {heard.data[:80].hex()}")
    alerts = alerts if isinstance(alerts, tuple) else (alerts,)
    tap.true(heard.alert in alerts, f"{name}: alert {heard.alert}")
    fine(s)
    figure(f"{name}: alert {heard.alert}")


# --- versions and ciphers ---------------------------------------------------

@tap.case
def versions():
    """SSL 2 and 3, TLS 1.0 and 1.1 are refused; 1.2 and 1.3 spoken"""
    with started() as s:
        ssl2 = b"\x01\x00\x02" + words(3, 0, 16) + b"\x01\x00\x80" + bytes(16)
        refused(s, "SSL 2", (None, VERSION, FAILURE),
                (0x8000 | len(ssl2)).to_bytes(2, "big") + ssl2)
        for version, name in ((0x0300, "SSL 3"), (0x0301, "TLS 1.0"),
                              (0x0302, "TLS 1.1")):
            refused(s, name, (VERSION, FAILURE), hello(version=version))
        refused(s, "TLS 1.3 that names only 1.1", VERSION, hello(
            more=extension(43, vector(1, words(0x0302)))))
        refused(s, "TLS 0.0", (None, VERSION), hello(version=0))
        tap.equal(probe(s, hello()).hello()[0], 0x0303)
        tap.equal(probe(s, hello(version=0x03ff)).hello()[0], 0x0303)
        tap.equal(fine(s)[0], "TLSv1.3")
        tap.equal(fine(s, version=ssl.TLSVersion.TLSv1_2)[0], "TLSv1.2")


# All that IANA's list has below 0x00ff, then the elliptic, ARIA, CCM, PSK,
# and ChaCha20 ones; among them NULL, anonymous, EXPORT, RC4, DES, 3DES, CBC.
SUITES = [*range(0x0000, 0x00c8), *range(0xc001, 0xc0b8),
          *range(0xcca8, 0xccaf), *range(0xd001, 0xd006),
          *range(0xff80, 0xff88), *range(0xfee0, 0xff00)]

# ECDHE with AES-GCM and ChaCha20: an EC key signs, an RSA key signs.
EC = {0xc02b, 0xc02c, 0xcca9}
RSA = {0xc02f, 0xc030, 0xcca8}


@tap.case
def ciphers():
    """Of all suites of TLS 1.2 just six are spoken, with EC and RSA keys"""
    for cert, wanted in ((good, EC), (good_rsa, RSA)):
        with started(cert=cert) as s:
            taken = set()
            for suite in SUITES:
                heard = probe(s, hello(ciphers=(suite,)))
                if heard.refused:
                    tap.equal(heard.alert, FAILURE, f"{suite:04x}")
                else:
                    taken.add(suite)
                    tap.equal(heard.hello()[1], suite)
            tap.equal(taken, wanted)
            figure(f"ciphers: {len(SUITES)} tried one by one, taken: " +
                   " ".join(f"{n:04x}" for n in sorted(taken)))
            fine(s)


@tap.case
def groups():
    """Weak and unknown curves are not used, nor is SHA-1"""
    with started(cert=good_rsa) as s:
        for group in (1, 15, 16, 17, 18, 19, 20, 21, 22, 0xff01, 0xff02,
                      0x0100):
            heard = probe(s, hello(groups=(group,)))
            tap.true(heard.refused, f"group {group:x}")
            tap.equal(heard.alert, FAILURE, f"group {group:x}")
            heard = probe(s, tls13(group=group, groups=(group,)))
            tap.true(heard.refused or group == 0x0100, f"group {group:x}, 1.3")
        for group in (29, 23, 24):
            probe(s, hello(groups=(group,))).hello()
        for signatures in ((0x0203, 0x0201), (0x0101,), (0x0001,)):
            refused(s, f"signatures {signatures[0]:04x}",
                    (FAILURE, ILLEGAL), hello(signatures=signatures))
        refused(s, "a point that is none", (ILLEGAL, DECODE, FAILURE),
                tls13(group=23, share=b"\4" + bytes(64)))
        refused(s, "a point of another curve", (ILLEGAL, DECODE, FAILURE),
                tls13(group=23, share=b"\4" + b"\1" * 64))
        refused(s, "X25519 with 0", (ILLEGAL, DECODE, FAILURE, 80),
                tls13(share=bytes(32)))


# --- what is negotiated -----------------------------------------------------

@tap.case
def compression():
    """Nothing is compressed (CRIME)"""
    with started() as s:
        heard = probe(s, hello(compression=b"\1\0"))
        tap.equal(heard.hello()[2], 0)
        refused(s, "nothing but DEFLATE", (DECODE, ILLEGAL, FAILURE),
                hello(compression=b"\1"))
        refused(s, "DEFLATE in TLS 1.3", ILLEGAL, tls13(compression=b"\1\0"))


@tap.case
def fallback():
    """A client that was talked into TLS 1.2 is told so (RFC 7507)"""
    with started() as s:
        refused(s, "fallback to TLS 1.2", FALLBACK,
                hello(ciphers=(*GOOD, 0x5600)))
        probe(s, tls13(ciphers=(*GOOD13, 0x5600)),
              enough=lambda h: h.records).hello()


@tap.case
def heartbeat():
    """Heartbeats are not known: Heartbleed gets no byte"""
    with started() as s:
        beat = record(HEARTBEAT, b"\1\x40\x00", 0x0303)
        first = hello(more=extension(15, b"\1"))
        heard = probe(s, first)
        tap.true(15 not in heard.hello()[3], "it is agreed upon")
        for after in (False, True):
            with s.connect() as sock:
                sock.sendall(first if after else first + beat)
                if after:
                    hear(sock)
                    sock.sendall(beat)
                heard = hear(sock, lambda h: h.ended)
            tap.true(all(k != HEARTBEAT for k, _ in heard.records), "it beats")
            tap.equal(heard.alert, UNEXPECTED)
        fine(s)


@tap.case
def protocols():
    """ALPN: http/1.1, and nothing that is spoken elsewhere (ALPACA)"""
    with started() as s:
        heard = probe(s, hello(more=alpn(b"h2", b"http/1.1")))
        tap.equal(heard.hello()[3].get(16), vector(2, vector(1, b"http/1.1")))
        for names in ((b"h2",), (b"smtp", b"ftp"), (b"http/1.0",), (b"\0",)):
            refused(s, f"ALPN {names}", NO_PROTOCOL, hello(more=alpn(*names)))
        for broken in (vector(2, b""), vector(2, b"\0"), b"\0", b"\0\5ab",
                       vector(2, b"\5h2")):
            refused(s, f"ALPN {broken}", DECODE,
                    hello(more=extension(16, broken)))
        tap.equal(fine(s, alpn_names=["h2", "http/1.1"])[2], "http/1.1")
        tap.equal(fine(s)[2], None)


@tap.case
def names():
    """SNI: any name gets the one certificate; broken ones get an alert"""
    with started() as s:
        for name in (b"localhost", b"other.example", b"x" * 255, b"..",
                     b"\xff\xfe", b""):
            probe(s, hello(more=server_name(name))).hello()
        for broken in (server_name(b"x" * 256), server_name(b"a\0b"), extension(0, b"\0"),
                       extension(0, vector(2, b"\0\xff\xffab")),
                       server_name(b"a") + server_name(b"b")):
            heard = probe(s, hello(more=broken))
            tap.true(heard.refused, broken[:20])
            figure(f"SNI {broken[:16].hex()}: alert {heard.alert}")
        fine(s)


def s_client(s, *options, stdin=b"Q\n"):
    tap.need("openssl")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{s.tenon.port}",
         "-CAfile", ca.path, *options],
        input=stdin, capture_output=True, timeout=tap.LIMIT, check=False)
    return (done.stdout + done.stderr).decode("latin-1")


@tap.case
def renegotiation():
    """Secure renegotiation is known, and none is done"""
    with started() as s:
        for how in ({"more": extension(0xff01, b"\0")},
                    {"ciphers": (*GOOD, 0x00ff)}):
            tap.equal(probe(s, hello(**how)).hello()[3].get(0xff01), b"\0")
        refused(s, "renegotiation that never began", (FAILURE,),
                hello(more=extension(0xff01, vector(1, bytes(12)))))
        for _ in range(3):
            text = s_client(s, "-tls1_2", stdin=b"R\n")
            tap.true("Secure Renegotiation IS supported" in text, text)
            tap.true("no renegotiation" in text, text)
        fine(s)


@tap.case
def sessions():
    """A session comes again by its ticket; a changed ticket by nothing"""
    with started() as s:
        path = os.path.join(folder.name, "session")
        for version in ("-tls1_2", "-tls1_3"):
            # The answer comes behind the ticket.
            ask = b"GET /a.txt HTTP/1.0\r\n\r\n"
            text = s_client(s, version, "-ign_eof", "-sess_out", path,
                            stdin=ask)
            tap.true("hello" in text, text)
            text = s_client(s, version, "-ign_eof", "-sess_in", path,
                            stdin=ask)
            tap.true("Reused, TLSv1" in text, text)
            tap.true("Early data was accepted" not in text, text)
        for ticket in (b"x", os.urandom(160), bytes(1000)):
            heard = probe(s, hello(more=extension(35, ticket),
                                   session=b"x" * 7))
            heard.hello()
            session = heard.messages()[0][1][34:]
            tap.true(session[:8] != b"\7" + b"x" * 7, "Ticketbleed")
        fine(s)


@tap.case
def early_data():
    """Nothing that was said before the handshake is heeded (0-RTT)"""
    with started("--writable") as s:
        heard = probe(s, tls13(more=extension(42)), record(23, bytes(100)),
                      enough=lambda h: len(h.records) > 2)
        heard.hello()
        flood = record(23, bytes(16000), 0x0303) * 64
        with s.connect() as sock:
            sock.sendall(tls13(more=extension(42)))
            try:
                for _ in range(1000):
                    sock.sendall(flood)
                ended = False
            except OSError:
                ended = True
        tap.true(ended, "1 GB of early data was taken")
        fine(s)


# --- broken messages --------------------------------------------------------

def broken():
    """Name, alerts, pieces."""
    first = client_hello()
    huge = b"\x01\xff\xff\xff" + first[4:]
    yield "HTTP", (None, VERSION, 80), request("/a.txt")
    yield "noise", (None, VERSION, UNEXPECTED), b"\x80\x7f\0\1" * 64
    yield "a record of 65535", (OVERFLOW, UNEXPECTED), \
        b"\x16\x03\x01\xff\xff" + bytes(65535)
    yield "a hello of 16 MiB", (ILLEGAL, DECODE, OVERFLOW, UNEXPECTED), \
        record(HANDSHAKE, huge)
    yield "half a hello, then data", UNEXPECTED, \
        record(HANDSHAKE, first[:50]) + record(23, b"data", 0x0303)
    yield "no hello but Finished", UNEXPECTED, \
        record(HANDSHAKE, b"\x14" + vector(3, bytes(12)))
    yield "data first", UNEXPECTED, record(23, b"GET / HTTP/1.1\r\n\r\n")
    yield "ChangeCipherSpec first", UNEXPECTED, record(CHANGE, b"\1")
    yield "an alert first", (None, UNEXPECTED), record(ALERT, b"\2\x28")
    yield "an unknown record", UNEXPECTED, record(99, b"x" * 100)
    yield "a hello without ciphers", (DECODE, ILLEGAL, FAILURE), \
        hello(ciphers=())
    yield "half a cipher", (DECODE, ILLEGAL), record(
        HANDSHAKE, b"\x01" + vector(3, b"\3\3" + bytes(33) +
                                    vector(2, b"\xc0") + b"\1\0"))
    yield "a session of 33", (DECODE, ILLEGAL), hello(session=bytes(33))
    yield "no compression", (DECODE, ILLEGAL), hello(compression=b"")
    yield "an extension twice", (DECODE, ILLEGAL), hello(
        more=extension(23) * 2)
    yield "an extension beyond the end", DECODE, hello(
        more=words(99, 60000) + b"x")
    yield "TLS 1.3 without key share", MISSING, hello(
        ciphers=GOOD13, session=bytes(32),
        more=extension(43, vector(1, words(0x0304))))


def broken_hello(name, alerts, pieces):
    with started() as s:
        cost = Cost(s.tenon.process.pid)
        fine(s)
        before = cost.memory()
        refused(s, name, alerts, pieces)
        grown = cost.peak() - before
        tap.true(grown < 2048 * tap.SCALE, f"{grown} KiB more")


for _name, _alerts, _pieces in broken():
    tap.add(f"Broken: {_name}", broken_hello, _name, _alerts, _pieces)


@tap.case
def in_pieces():
    """A hello that comes a byte a record, or is 60 KB long, is one all the same"""
    with started() as s:
        data = client_hello()
        heard = probe(s, b"".join(record(HANDSHAKE, data[n:n + 1])
                                  for n in range(len(data))))
        heard.hello()
        data = client_hello(more=extension(0x7a7a) * 15000)
        heard = probe(s, b"".join(record(HANDSHAKE, data[n:n + 16384])
                                  for n in range(0, len(data), 16384)))
        heard.hello()  # 60 KB of what nobody knows
        empty = record(HANDSHAKE, b"") * 1000
        heard = probe(s, empty)
        tap.true(heard.refused, "a thousand empty records")
        fine(s)


@tap.case
def in_the_middle():
    """What does not belong there ends the handshake (CCS injection)"""
    with started() as s:
        for name, wrong in (
                ("ChangeCipherSpec", record(CHANGE, b"\1", 0x0303)),
                ("data", record(23, b"GET / HTTP/1.1\r\n\r\n", 0x0303)),
                ("Finished", record(HANDSHAKE, b"\x14" +
                                    vector(3, bytes(12)), 0x0303)),
                ("a second hello", hello()),
                ("a key of 0 bytes", record(HANDSHAKE, b"\x10" +
                                            vector(3, b"\0"), 0x0303)),
                ("a key that is none", record(
                    HANDSHAKE, b"\x10" + vector(3, vector(1, bytes(32))),
                    0x0303)),
                ("a key, then noise", record(
                    HANDSHAKE, b"\x10" + vector(3, vector(
                        1, b"\x09" + bytes(31))), 0x0303) +
                 record(CHANGE, b"\1", 0x0303) +
                 record(HANDSHAKE, os.urandom(40), 0x0303))):
            with s.connect() as sock:
                sock.sendall(hello())
                tap.true(hear(sock).is_done(), "its turn ends")
                sock.sendall(wrong)
                heard = hear(sock, lambda h: h.ended)
            tap.true(heard.alert is not None, name)
            tap.true(all(k == ALERT for k, _ in heard.records), name)
            figure(f"in the handshake, {name}: alert {heard.alert}")
            fine(s)


# --- certificates of clients ------------------------------------------------

@tap.case
def client_certificates():
    """Certificates that are noise, expired, or of strangers are refused"""
    mine = ca.sign("mine", "DNS:mine")
    old = ca.sign("old", "DNS:old", -20, -10)
    with served("--quiet", "--tls", "--cert", good, "--ca", ca.path,
                "--client-cert", "require", files=FILES) as s:
        for cert in (None, old, good_rsa):
            try:
                fine(s, cert=cert)
                raise AssertionError(f"{cert} was taken")
            except (ssl.SSLError, ConnectionError, EOFError):
                pass
        der = bytes.fromhex("3082ffff") + os.urandom(400)
        for name, body in (
                ("none", vector(3, b"")),
                ("noise", vector(3, vector(3, os.urandom(500)))),
                ("half of one", vector(3, vector(3, der))),
                ("one of 0 bytes", vector(3, vector(3, b""))),
                ("a length beyond the end", vector(3, b"\xff\xff\xff" + der)),
                ("1,000 of them", vector(3, vector(3, der[:12]) * 1000))):
            with s.connect() as sock:
                sock.sendall(hello())
                heard = hear(sock)
                tap.true(13 in dict(heard.messages()), "it asks for one")
                sock.sendall(record(HANDSHAKE, b"\x0b" + vector(3, body),
                                    0x0303))
                heard = hear(sock, lambda h: h.ended)
            tap.true(heard.alert is not None, name)
            figure(f"a client's certificate, {name}: alert {heard.alert}")
        fine(s, cert=mine)
        fine(s, cert=mine, version=ssl.TLSVersion.TLSv1_2)


# --- the hub, and what a flood costs ----------------------------------------

@tap.case
def the_hub():
    """The hub's door is the same"""
    with tap.temp_dir() as files:
        h = room.hub("--tls", "--cert", good, files)
        for name, what in (("TLS 1.0", hello(version=0x0301)),
                           ("RC4", hello(ciphers=(5, 0xc011))),
                           ("h2", hello(more=alpn(b"h2"))),
                           ("fallback", hello(ciphers=(*GOOD, 0x5600)))):
            with tap.connect(f"127.0.0.1:{h.port}") as sock:
                sock.sendall(what)
                tap.true(hear(sock).refused, name)
        with tap.connect(f"127.0.0.1:{h.port}") as plain, trusting(
                ["http/1.1"]).wrap_socket(
                plain, server_hostname="localhost") as sock:
            tap.equal(sock.selected_alpn_protocol(), "http/1.1")


@tap.case
def flood():
    """500 handshakes that break off after the costly part leave nothing"""
    with started() as s:
        cost = Cost(s.tenon.process.pid)
        fine(s)
        count, before, cpu = cost.descriptors(), cost.memory(), cost.cpu()
        for _ in range(500):
            probe(s, tls13(), enough=lambda h: h.records)
        until("they are closed", lambda: cost.descriptors() <= count)
        spent = (cost.cpu() - cpu) / 500
        grown = cost.memory() - before
        if tap.SCALE == 1:  # a sanitizer keeps what was freed
            tap.true(grown < 4096, f"{grown} KiB more")
        figure(f"handshakes that break off: {spent * 1000:.2f} ms of CPU "
               f"each, +{grown} KiB after 500")
        fine(s)


tap.run()
