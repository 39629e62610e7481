#!/usr/bin/env python3
"""tenon serve and the clients that people have."""

import http.client
import os
import re
import subprocess
import urllib.request

import tap
from serve_kit import served

BIG = os.urandom(3000000)
FILES = {"big.bin": BIG, "a.txt": b"hello\n", "docs/<x>.txt": b"x",
         "docs/\u4e2d.txt": b"z"}


def run(program, *args, **options):
    return subprocess.run([tap.need(program), *args], capture_output=True,
                          timeout=5 * tap.LIMIT, check=False, **options)


@tap.case
def curl_resumes():
    """curl fetches, resumes, uploads, asks for less the second time"""
    with served("--writable", files=FILES) as s, tap.temp_dir() as here:
        path = os.path.join(here, "got")
        with open(path, "wb") as file:
            file.write(BIG[:1000000])
        done = run("curl", "-sS", "-C", "-", "-o", path, s.url + "/big.bin")
        tap.equal((done.returncode, done.stderr), (0, b""))
        with open(path, "rb") as file:
            tap.true(file.read() == BIG, "another content")
        done = run("curl", "-sS", "--compressed", "-z", path, "-w",
                   "%{http_code}", s.url + "/big.bin")
        tap.equal(done.stdout, b"304")
        done = run("curl", "-sS", "-T", path, "-w", "%{http_code}",
                   s.url + "/new.bin")
        tap.equal(done.stdout, b"201")
        done = run("curl", "-sS", "-r", "0-3,2999996-", s.url + "/big.bin")
        tap.true(BIG[:4] in done.stdout and BIG[-4:] in done.stdout, "ranges")


@tap.case
def wget_resumes():
    """wget -c goes on where it was, and -r takes a folder"""
    with served(files=FILES) as s, tap.temp_dir() as here:
        with open(os.path.join(here, "big.bin"), "wb") as file:
            file.write(BIG[:1234567])
        done = run("wget", "-q", "-c", s.url + "/big.bin", cwd=here)
        tap.equal(done.returncode, 0)
        with open(os.path.join(here, "big.bin"), "rb") as file:
            tap.true(file.read() == BIG, "another content")
        done = run("wget", "-q", "-r", "-np", "-nH", s.url + "/docs/",
                   cwd=here, env={**os.environ, "LC_ALL": "C.UTF-8"})
        tap.equal(done.returncode, 0)
        with open(os.path.join(here, "docs", "\u4e2d.txt"), "rb") as file:
            tap.equal(file.read(), b"z")


@tap.case
def lynx_reads():
    """A terminal's browser shows the listing"""
    with served(files=FILES) as s:
        done = run("lynx", "-dump", "-nolist", "-display_charset=utf-8",
                   s.url + "/docs/")
        text = done.stdout.decode()
        tap.true(re.search(r"<x>\.txt +1 B +2023-11-14", text) and
                 "\u4e2d.txt" in text and "Files/docs" in text, text)


@tap.case
def chromium_shows():
    """A browser shows the listing, and runs a page's script"""
    page = b"<p id=x></p><script>x.textContent = 'it ' + 'ran'</script>"
    with served(files={**FILES, "page.html": page}) as s, \
            tap.temp_dir() as profile:
        for path, wanted in (("/docs/", "&lt;x&gt;.txt</a>"),
                             ("/docs/", "\u4e2d.txt</a>"),
                             ("/page.html", "it ran")):
            done = run("chromium", "--headless", "--no-sandbox",
                       "--disable-gpu", "--user-data-dir=" + profile,
                       "--dump-dom", s.url + path)
            tap.true(wanted in done.stdout.decode(), done.stdout[-500:])


@tap.case
def python_talks():
    """Python's client, on one connection"""
    with served("--writable", files=FILES) as s:
        conn = http.client.HTTPConnection("127.0.0.1", s.tenon.port,
                                          timeout=tap.LIMIT)
        for method, path, body, status in [
                ("GET", "/a.txt", None, 200), ("HEAD", "/big.bin", None, 200),
                ("PUT", "/p", b"data", 201), ("GET", "/p", None, 200),
                ("GET", "/none", None, 404), ("DELETE", "/p", None, 204),
                ("PUT", "/q", iter([b"in ", b"chunks"]), 201),
                ("GET", "/docs", None, 301), ("OPTIONS", "/", None, 204),
                ("GET", "/big.bin", None, 200)]:
            conn.request(method, path, body, encode_chunked=not isinstance(
                body, (bytes, type(None))))
            got = conn.getresponse()
            data = got.read()
            tap.equal(got.status, status, f"{method} {path}")
        tap.true(data == BIG, "another content")
        conn.close()
        with urllib.request.urlopen(s.url + "/docs", timeout=tap.LIMIT) as got:
            tap.equal(got.url, s.url + "/docs/")


@tap.case
def ab_measures():
    """ab -k, without one failure"""
    with served("--quiet", files=FILES) as s:
        done = run("ab", "-q", "-k", "-n", "2000", "-c", "20",
                   s.url + "/a.txt")
        text = done.stdout.decode()
        tap.true(re.search(r"Complete requests: +2000\b", text) and
                 re.search(r"Failed requests: +0\b", text) and
                 "Non-2xx" not in text, text + done.stderr.decode())


@tap.case
def wrk_measures():
    """wrk for a second, without one failure"""
    with served("--quiet", files=FILES) as s:
        done = run("wrk", "-t", "1", "-c", "20", "-d", "1", s.url + "/a.txt")
        text = done.stdout.decode()
        tap.true(re.search(r"Requests/sec: +[1-9]", text) and
                 "Non-2xx" not in text and "Socket errors" not in text, text)


tap.run()
