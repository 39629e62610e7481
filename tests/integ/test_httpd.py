#!/usr/bin/env python3
"""examples/web_server and the clients that people have."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

import tap

BODY = bytes(range(97, 123)) * 20000  # 520,000 bytes, below max_body
socket.setdefaulttimeout(tap.LIMIT)


@contextlib.contextmanager
def web_server():
    """Yields host, port and the process."""
    process = tap.started(subprocess.Popen(
        [os.path.join(tap.BUILD, "examples", "web_server")],
        stderr=subprocess.PIPE, text=True))
    line = process.stderr.readline()
    found = re.fullmatch(r"(127\.0\.0\.1):(\d+)\n", line)
    tap.true(found, f"the server printed {line!r}")
    yield found[1], int(found[2]), process
    process.send_signal(signal.SIGTERM)
    process.wait()
    process.stderr.close()


def run(*argv, stdin=b""):
    """What a client printed; it must be content."""
    tap.need(argv[0])
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False,
                          timeout=tap.LIMIT * 3)
    tap.equal(done.returncode, 0, f"{argv[0]}: {done.stderr!r}")
    return done.stdout


@tap.case
def python():
    """Python's http.client, one connection for everything"""
    with web_server() as (host, port, _):
        client = http.client.HTTPConnection(host, port)
        for _ in range(3):
            client.request("POST", "/upper", BODY)
            tap.true(client.getresponse().read() == BODY.upper(), "the body")
            client.request("PUT", "/upper", iter([b"ab", b"", b"cd"]),
                           encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
            tap.equal(client.getresponse().read(), b"ABCD")
            client.request("HEAD", "/")
            answer = client.getresponse()
            tap.equal(answer.read(), b"")
            tap.true(int(answer.headers["Content-Length"]) > 0, "a length")
            client.request("OPTIONS", "/upper")
            answer = client.getresponse()
            tap.equal(answer.read(), b"")
            tap.equal(answer.headers["Allow"], "POST, PUT, OPTIONS")
        client.close()


@tap.case
def curl():
    """curl: 100-continue, chunks, HTTP/1.0, reuse"""
    with web_server() as (host, port, _):
        url = f"http://{host}:{port}"
        for more in (["-H", "Expect: 100-continue"], ["--http1.0"],
                     ["-H", "Transfer-Encoding: chunked"]):
            if more == ["--http1.0"]:
                more.append("-HExpect:")
            got = run("curl", "-sS", "--data-binary", "@-", *more,
                      f"{url}/upper", stdin=BODY)
            tap.true(got == BODY.upper(), f"the body with {more}")
        got = run("curl", "-sS", "-o", "/dev/null", "-o", "/dev/null", "-w",
                  "%{http_code} %{num_connects}\n", f"{url}/", f"{url}/no")
        tap.equal(got, b"200 1\n404 0\n")


@tap.case
def wget():
    """wget"""
    with web_server() as (host, port, _):
        got = run("wget", "-qO-", f"http://{host}:{port}/")
        tap.true(b"/upper" in got, "the page")


@tap.case
def ab():
    """ab, with and without -k"""
    with web_server() as (host, port, _), \
            tempfile.NamedTemporaryFile() as body:
        body.write(b"abc")
        body.flush()
        for more in (["-k"], [], ["-k", "-p", body.name, "-T", "text/plain"]):
            path = "/upper" if "-p" in more else "/"
            text = run("ab", "-q", "-n", "2000", "-c", "20", *more,
                       f"http://{host}:{port}{path}").decode()
            tap.true(re.search(r"Complete requests: +2000\n", text), text)
            tap.true(re.search(r"Failed requests: +0\n", text), text)
            tap.true("Non-2xx" not in text, text)


@tap.case
def wrk():
    """wrk, sixteen requests at once"""
    script = ("request = function() return "
              "string.rep(wrk.format('GET', '/'), 16) end")
    with web_server() as (host, port, _), \
            tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script)
        lua.flush()
        text = run("wrk", "-t1", "-c10", "-d1s", "-s", lua.name,
                   f"http://{host}:{port}/").decode()
        tap.true(re.search(r"\d+ requests in", text), text)
        tap.true("Non-2xx" not in text and "Socket errors" not in text, text)


@tap.case
def abrupt():
    """clients that leave in the middle do no harm"""
    with web_server() as (host, port, process):
        for i in range(200):
            with socket.create_connection((host, port)) as s:
                s.sendall(b"POST /upper HTTP/1.1\r\nHost: a\r\n"
                          b"Content-Length: 100000\r\n\r\n"[:20 + i])
        got = run("curl", "-sS", f"http://{host}:{port}/")
        tap.true(b"/upper" in got, "the page")
        tap.equal(process.poll(), None)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    tap.run()
