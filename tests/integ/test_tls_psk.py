#!/usr/bin/env python3
"""tn_tls_psk() with openssl's s_client and s_server, and with none that has it."""

import os
import subprocess

import certs
import tap
from talk_kit import free_port

PEER = os.path.join(os.environ["TENON_BUILD"], "tests", "integ", "psk_peer")
KEY = bytes(range(32)).hex()
OTHER = bytes(range(1, 33)).hex()
IDENTITY = "tenon"
ANOTHER = "the other side has another key"
NO_KEY = "the other side does not know us by a key"

folder = tap.temp_dir()
good = certs.Authority(folder.name).sign("good", "DNS:localhost,IP:127.0.0.1")


def listening(count=1, key=KEY):
    """Our server: itself, its port."""
    peer = tap.started(subprocess.Popen(
        [PEER, "listen", key, str(count)], stdout=subprocess.PIPE, bufsize=0))
    return peer, tap.read_until(peer.stdout, b"\n").decode().strip()


def s_client(port, *options):
    tap.need("openssl")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof",
         *options], input=b"hello\nQ\n", capture_output=True,
        timeout=tap.LIMIT, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def refused_client(wanted, *options):
    """s_client fails, and our server says why."""
    peer, port = listening()
    code, text = s_client(port, *options)
    tap.true(code != 0, text)
    said = tap.read_until(peer.stdout, b"\n").decode()
    tap.true(said.startswith("TN_ECERT: tls 127.0.0.1:") and wanted in said,
             said)
    tap.equal(peer.wait(tap.LIMIT), 0)
    return text


def s_server(*options):
    tap.need("openssl")
    port = free_port()
    theirs = tap.started(subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept",
         "1", "-rev", *options], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0))
    tap.read_until(theirs.stdout, b"ACCEPT")
    return port


def dial(port, key=KEY):
    done = subprocess.run([PEER, "dial", key, str(port)], capture_output=True,
                          timeout=tap.LIMIT, check=False)
    return done.returncode, done.stdout.decode()


def refused_by_us(port, wanted):
    code, said = dial(port)
    tap.equal(code, 1, said)
    tap.true(said.startswith("TN_ECERT: tls ") and wanted in said, said)


# --- ourselves --------------------------------------------------------------

@tap.case
def with_ourselves():
    """two processes, with the same key and with others"""
    peer, port = listening(2)
    tap.equal(dial(port), (0, "hello\n"))
    tap.equal(tap.read_until(peer.stdout, b"\n"), b"served\n")
    code, said = dial(port, OTHER)
    tap.equal(code, 1)
    tap.true(said.startswith("TN_ECERT: ") and ANOTHER in said, said)
    said = tap.read_until(peer.stdout, b"\n").decode()
    tap.true(said.startswith("TN_ECERT: ") and ANOTHER in said, said)
    tap.equal(peer.wait(tap.LIMIT), 0)


# --- openssl ----------------------------------------------------------------

@tap.case
def s_client_with_the_key():
    """s_client -psk: agreed, without certificate or ticket"""
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
        peer, port = listening()
        tap.need("openssl")
        client = tap.started(subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
             "-tls1_3", "-psk", KEY, "-psk_identity", IDENTITY,
             "-ciphersuites", suite], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0))
        client.stdin.write(b"hello\n")
        text = tap.read_until(client.stdout, b"\nhello\n").decode()
        client.stdin.write(b"Q\n")
        tap.equal(client.wait(tap.LIMIT), 0)
        tap.true(f"Reused, TLSv1.3, Cipher is {suite}" in text, text)
        tap.true("no peer certificate available" in text, text)
        tap.true("Session Ticket arrived" not in text, text)
        tap.equal(tap.read_until(peer.stdout, b"\n"), b"served\n")
        tap.equal(peer.wait(tap.LIMIT), 0)


@tap.case
def s_client_with_another():
    """s_client: another key, another name of it"""
    refused_client(ANOTHER, "-tls1_3", "-psk", OTHER, "-psk_identity",
                   IDENTITY)
    refused_client(NO_KEY, "-tls1_3", "-psk", KEY, "-psk_identity", "tenom")


@tap.case
def s_client_without():
    """s_client: no key, TLS 1.2 with one, a certificate of its own"""
    refused_client(NO_KEY, "-tls1_3")
    refused_client(NO_KEY, "-tls1_2")
    refused_client(NO_KEY, "-tls1_2", "-psk", KEY, "-psk_identity", IDENTITY)
    refused_client(NO_KEY, "-tls1_3", "-cert", good)


@tap.case
def s_server_with_the_key():
    """s_server -psk: also if it has a certificate besides"""
    for more in (["-nocert"], ["-cert", good]):
        port = s_server("-tls1_3", "-psk", KEY, "-psk_identity", IDENTITY,
                        *more)
        tap.equal(dial(port), (0, "olleh\n"))


@tap.case
def s_server_with_another():
    """s_server: another key, another name of it"""
    port = s_server("-tls1_3", "-psk", OTHER, "-psk_identity", IDENTITY,
                    "-nocert")
    refused_by_us(port, ANOTHER)


@tap.case
def s_server_without():
    """s_server: a certificate only, in 1.3 and in 1.2"""
    for option in ("-tls1_3", "-tls1_2"):
        port = s_server(option, "-cert", good)
        refused_by_us(port, NO_KEY)
    # A key of another name, and then it shows its certificate.
    port = s_server("-tls1_3", "-psk", KEY, "-psk_identity", "other", "-cert",
                    good)
    refused_by_us(port, NO_KEY)


tap.run()
