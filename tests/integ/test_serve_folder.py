#!/usr/bin/env python3
"""tenon serve: folders, listings, archives."""

import io
import json
import os
import re
import subprocess
import tarfile

import tap
from serve_kit import FOLDERS, served


@tap.case
def folders():
    """A folder has its slash, its index.html, its listing"""
    with served(files=FOLDERS) as s:
        got = s.ask("/docs")
        tap.equal((got.status, got.get("Location")), (301, "/docs/"))
        tap.equal(s.ask("//docs").get("Location"), "/docs/", "another host")
        tap.equal(s.ask("/x/../docs").get("Location"), "/docs/")
        tap.equal(s.ask("/docs?json&a=%0a").get("Location"),
                  "/docs/?json&a=%0a")
        tap.equal(s.ask("/page/").body, b"<p>index</p>")
        got = s.ask("/docs/")
        tap.equal(got.get("Content-Type"), "text/html; charset=utf-8")
        page = got.body.decode()
        order = [page.index(n) for n in
                 ('href="sub/"', 'href="file9"', 'href="file10"')]
        tap.equal(order, sorted(order), "folders first, then as one counts")
        tap.true("&lt;b&gt;&amp;&quot;&#39;.txt" in page, "escaped")
        tap.true("<b>" not in page and "<script" not in page, "markup")
        tap.true('href="%E4%B8%AD.txt"' in page, "links are coded")
        tap.true("default-src 'none'" in
                 got.get("Content-Security-Policy"), "CSP")
        turned = s.ask("/docs/?sort=-name").body.decode()
        tap.true(turned.index('href="file10"') < turned.index('href="file9"'),
                 "sorted the other way")
        tap.true(turned.index('href="sub/"') < turned.index('href="file10"'),
                 "folders stay first")
    with served("--no-listing", files=FOLDERS) as s:
        tap.equal(s.ask("/docs/").status, 403)
        tap.equal(s.ask("/docs/?json").status, 403)
        tap.equal(s.ask("/docs/?tar").status, 403)
        tap.equal(s.ask("/page/").status, 200)


@tap.case
def listing_for_programs():
    """The listing as JSON"""
    with served(files=FOLDERS) as s:
        for target, fields in (("/docs/?json", {}),
                               ("/docs/", {"Accept": "application/json"})):
            got = s.ask(target, **fields)
            tap.equal(got.get("Content-Type"), "application/json")
            entries = json.loads(got.body)["entries"]
            tap.equal([e["name"] for e in entries],
                      ["sub", "<b>&\"'.txt", "file9", "file10", "\u4e2d.txt"])
            tap.equal(entries[3], {"name": "file10", "href": "file10",
                                   "folder": False, "size": 2,
                                   "time": 1700000000})


@tap.case
def strange_names():
    """Names that are no text, or would harm a page or a terminal"""
    with tap.temp_dir() as folder:
        names = [b"\xff\xfe", b"a\x1b[31m", b"a\nb", b"tab\there", b"?#%41",
                 b"javascript:alert(1)", b"\xe2\x80\xaetxt.exe", b"n" * 255]
        for name in names:
            with open(os.path.join(folder.encode(), name), "wb") as file:
                file.write(name)
        with served(folder=folder) as s:
            page = s.ask("/").body
            tap.true(b"\x1b" not in page and b"\xff" not in page, "raw bytes")
            entries = json.loads(s.ask("/?json").body)["entries"]
            tap.equal(len(entries), len(names))
            for entry in entries:
                body = s.ask("/" + entry["href"]).body
                tap.true(body in names, entry)
            for link in re.findall(rb'<td class=e><a href="([^"]*)"', page):
                tap.true(b":" not in link, link)


@tap.case
def archive():
    """A folder as an archive that tar reads, long names included"""
    long = "/".join(["n" * 100] * 4) + "/" + "m" * 200 + ".txt"
    files = {**FOLDERS, long: b"long", "big.bin": os.urandom(3000000)}
    with served(files=files) as s:
        os.symlink("docs", s.path("loop"))
        os.symlink("/etc/passwd", s.path("outside"))
        os.symlink("a.txt", s.path("inside"))
        os.mkfifo(s.path("fifo"))
        got = s.ask("/?tar")
        tap.equal(got.get("Content-Type"), "application/x-tar")
        with tarfile.open(fileobj=io.BytesIO(got.body)) as tar:
            found = {m.name: tar.extractfile(m).read() for m in tar
                     if m.isfile()}
        wanted = {n: c for n, c in files.items() if "/." not in "/" + n}
        wanted["inside"] = b"hello\n"
        tap.equal(sorted(found), sorted(wanted))
        for name, content in wanted.items():
            tap.true(found[name] == content, name)
        done = subprocess.run(["tar", "-t"], input=got.body, check=True,
                              capture_output=True, timeout=tap.LIMIT)
        tap.equal(len(done.stdout.splitlines()),
                  len(wanted) + len({os.path.dirname(n[:i + 1])
                                     for n in wanted
                                     for i, c in enumerate(n) if c == "/"}))
        sub = s.ask("/docs/?tar").body
        with tarfile.open(fileobj=io.BytesIO(sub)) as tar:
            tap.true("sub/deep.txt" in tar.getnames(), tar.getnames())


tap.run()
