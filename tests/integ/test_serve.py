#!/usr/bin/env python3
"""tenon serve: files, ranges, conditions, codings, listings, archives."""

import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tarfile

import tap
from serve_kit import Reader, request, served

TEXT = b"".join(b"%d\n" % n for n in range(20000))
FILES = {
    "a.txt": b"hello\n",
    "num.txt": TEXT,
    "pic.png": b"\x89PNG" + bytes(5000),
    "page/index.html": b"<p>index</p>",
    "docs/file10": b"10",
    "docs/file9": b"9",
    "docs/<b>&\"'.txt": b"x",
    "docs/\u4e2d.txt": b"z",
    "docs/sub/deep.txt": b"deep",
    ".secret": b"no",
    "docs/.secret": b"no",
}


# --- files ------------------------------------------------------------------

@tap.case
def a_file():
    """A file has type, length, validators; HEAD says the same"""
    with served(files=FILES) as s:
        got = s.ask("/a.txt")
        tap.equal((got.status, got.body), (200, b"hello\n"))
        tap.equal(got.get("Content-Type"), "text/plain; charset=utf-8")
        tap.equal(got.get("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT")
        tap.equal(got.get("X-Content-Type-Options"), "nosniff")
        tap.true(re.fullmatch(r'"[^"]+"', got.get("ETag")), got.get("ETag"))
        head = s.ask("/a.txt", "HEAD")
        for name in ("ETag", "Content-Type", "Content-Length", "Vary"):
            tap.equal(head.get(name), got.get(name), name)
        tap.equal(s.ask("/pic.png").get("Content-Type"), "image/png")
        tap.equal(s.ask("/nothing").status, 404)
        tap.equal(s.ask("/a.txt/").status, 404)
        tap.equal(s.ask("/a.txt?x=y").body, b"hello\n")


@tap.case
def methods():
    """What is not allowed is 405 with Allow, and OPTIONS tells before"""
    with served(files=FILES) as s:
        for method in ("PUT", "POST", "DELETE", "PATCH", "MKCOL"):
            got = s.ask("/a.txt", method, b"")
            tap.equal(got.status, 405, method)
            tap.equal(got.get("Allow"), "GET, HEAD, OPTIONS", method)
        tap.equal(s.ask("*", "OPTIONS").get("Allow"), "GET, HEAD, OPTIONS")
        tap.equal(s.ask("/", "OPTIONS").status, 204)
        tap.equal(s.ask("/a.txt", "TRACE").status, 405)
    with served("--writable", files=FILES) as s:
        tap.equal(s.ask("/", "OPTIONS").get("Allow"),
                  "GET, HEAD, OPTIONS, POST, DELETE")
        tap.equal(s.ask("/new", "OPTIONS").get("Allow"),
                  "GET, HEAD, OPTIONS, PUT, DELETE")


@tap.case
def hidden():
    """Names with a dot are not there, unless --hidden; ours never are"""
    with served(files={**FILES, ".tenon-parts/x": b"p"}) as s:
        for path in ("/.secret", "/docs/.secret", "/.tenon-parts/x",
                     "/docs/../.secret", "/%2esecret"):
            tap.equal(s.ask(path).status, 404, path)
        tap.true(b"secret" not in s.ask("/docs/").body, "listed")
    with served("--hidden", files={**FILES, ".tenon-parts/x": b"p"}) as s:
        tap.equal(s.ask("/.secret").body, b"no")
        tap.true(b"secret" in s.ask("/docs/").body, "not listed")
        tap.equal(s.ask("/.tenon-parts/x").status, 404)
        tap.true(b"tenon-" not in s.ask("/").body, "ours are listed")


@tap.case
def one_file():
    """One file is all there is"""
    with tap.temp_dir() as folder:
        for name in ("a b.html", "other"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(name.encode())
        with served(folder=os.path.join(folder, "a b.html")) as s:
            tap.equal(s.ask("/").body, b"a b.html")
            got = s.ask("/a%20b.html")
            tap.equal(got.body, b"a b.html")
            tap.equal(got.get("Content-Type"), "text/html; charset=utf-8")
            for path in ("/other", "/a%20b.html/", "/x/../other"):
                tap.equal(s.ask(path).status, 404, path)
            tap.equal(s.ask("/../other").status, 400)
            tap.true(s.url + "/a%20b.html" in
                     tap.read_until(s.tenon.stderr, b".html\n").decode(),
                     "the URL that is shown")


@tap.case
def attach():
    """--attach: files are saved, and a browser runs nothing of them"""
    files = {"x.html": b"<script>", "x.svg": b"<svg/>", "p.png": b"png",
             "index.html": b"<p>", "\u4e2d \".txt": b"t"}
    with served("--attach", files=files) as s:
        for name in ("x.html", "x.svg", "index.html"):
            got = s.ask("/" + name)
            tap.equal(got.get("Content-Type"), "application/octet-stream")
            tap.true(got.get("Content-Disposition").startswith(
                "attachment;"), name)
            tap.true("sandbox" in got.get("Content-Security-Policy"), name)
        tap.equal(s.ask("/p.png").get("Content-Type"), "image/png")
        tap.true(b"x.html" in s.ask("/").body, "the folder is listed")
        got = s.ask("/%E4%B8%AD%20%22.txt").get("Content-Disposition")
        tap.true("filename*=UTF-8''%E4%B8%AD%20%22.txt" in got, got)


# --- ranges and conditions --------------------------------------------------

@tap.case
def ranges():
    """One range, several, none that fits; If-Range"""
    with served(files=FILES) as s:
        got = s.ask("/num.txt", Range="bytes=10-19")
        tap.equal((got.status, got.body), (206, TEXT[10:20]))
        tap.equal(got.get("Content-Range"), f"bytes 10-19/{len(TEXT)}")
        tap.equal(s.ask("/num.txt", Range="bytes=-7").body, TEXT[-7:])
        tap.equal(s.ask("/num.txt", Range="bytes=100000-").body,
                  TEXT[100000:])
        got = s.ask("/num.txt", Range=f"bytes={len(TEXT)}-")
        tap.equal((got.status, got.get("Content-Range")),
                  (416, f"bytes */{len(TEXT)}"))
        tap.equal(s.ask("/num.txt", Range="bytes=9-1").status, 200)
        tap.equal(s.ask("/num.txt", "HEAD", Range="bytes=0-1").status, 200)
        tag = s.ask("/num.txt").get("ETag")
        tap.equal(s.ask("/num.txt", Range="bytes=0-1", If_Range=tag).status,
                  206)
        got = s.ask("/num.txt", Range="bytes=0-1", If_Range='"other"')
        tap.equal((got.status, got.body), (200, TEXT))
        got = s.ask("/num.txt", Range="bytes=0-1",
                    If_Range="Tue, 14 Nov 2023 22:13:20 GMT")
        tap.equal(got.status, 206)


@tap.case
def several_ranges():
    """Several ranges are a multipart message; what touches becomes one"""
    with served(files=FILES) as s:
        got = s.ask("/num.txt", Range="bytes=0-9,50000-50009,-5")
        tap.equal(got.status, 206)
        kind, mark = got.get("Content-Type").split("; boundary=")
        tap.equal(kind, "multipart/byteranges")
        parts = got.body.split(b"\r\n--" + mark.encode())
        tap.equal(parts[0], b"")
        tap.equal(parts[-1], b"--\r\n")
        wanted = [(0, 10), (50000, 50010), (len(TEXT) - 5, len(TEXT))]
        tap.equal(len(parts) - 2, len(wanted))
        for part, (start, end) in zip(parts[1:], wanted):
            head, body = part.split(b"\r\n\r\n", 1)
            tap.true(f"bytes {start}-{end - 1}/{len(TEXT)}".encode() in head,
                     head)
            tap.equal(body, TEXT[start:end])
        got = s.ask("/num.txt", Range="bytes=0-99,50-149,140-")
        tap.equal((got.status, got.body), (206, TEXT))
        many = ",".join(f"{n}-{n}" for n in range(0, 100000, 1000))
        got = s.ask("/num.txt", Range="bytes=" + many)
        tap.equal((got.status, got.body), (200, TEXT), "too many")


@tap.case
def conditions():
    """A browser asks again; all five fields, in the order of the RFC"""
    with served(files=FILES) as s:
        got = s.ask("/num.txt")
        tag, date = got.get("ETag"), got.get("Last-Modified")
        early, other = "Tue, 14 Nov 2023 22:13:19 GMT", '"x"'
        for fields, status in [
                ({"If_None_Match": tag}, 304),
                ({"If_None_Match": "W/" + tag}, 304),
                ({"If_None_Match": other + ", " + tag}, 304),
                ({"If_None_Match": "*"}, 304),
                ({"If_None_Match": other}, 200),
                ({"If_Modified_Since": date}, 304),
                ({"If_Modified_Since": early}, 200),
                ({"If_Modified_Since": date, "If_None_Match": other}, 200),
                ({"If_Match": tag}, 200),
                ({"If_Match": other}, 412),
                ({"If_Match": "*", "If_None_Match": tag}, 304),
                ({"If_Unmodified_Since": date}, 200),
                ({"If_Unmodified_Since": early}, 412),
                ({"If_Unmodified_Since": early, "If_Match": tag}, 200),
                ({"If_None_Match": tag, "Range": "bytes=0-1"}, 304),
                ({"If_Match": other, "Range": "bytes=0-1"}, 412)]:
            for method in ("GET", "HEAD"):
                got = s.ask("/num.txt", method, **fields)
                wanted = status
                tap.equal(got.status, wanted, f"{method} {fields}")
                if status == 304:
                    tap.equal(got.get("ETag"), tag)
                    tap.equal(got.get("Vary"), "Accept-Encoding")
        with open(s.path("num.txt"), "ab") as file:
            file.write(b"more")
        got = s.ask("/num.txt", If_None_Match=tag)
        tap.equal((got.status, got.body), (200, TEXT + b"more"))


# --- codings ----------------------------------------------------------------

@tap.case
def compressed_on_the_way():
    """Text is compressed for who accepts it, and nothing else"""
    with served(files=FILES) as s:
        plain = s.ask("/num.txt")
        tap.equal(plain.get("Content-Encoding"), None)
        got = s.ask("/num.txt", Accept_Encoding="gzip")
        tap.equal(got.get("Content-Encoding"), "gzip")
        tap.equal(got.get("Vary"), "Accept-Encoding")
        tap.equal(gzip.decompress(got.body), TEXT)
        tap.true(got.get("ETag") != plain.get("ETag"), "the same tag")
        tag = got.get("ETag")
        tap.equal(s.ask("/num.txt", Accept_Encoding="gzip",
                        If_None_Match=tag).status, 304)
        for accept, coding in [("zstd, gzip", "zstd"), ("br", None),
                               ("gzip;q=0.5, zstd;q=0.4", "gzip"),
                               ("gzip;q=0", None), ("*", "zstd"),
                               ("gzip;q=0.2, identity;q=0.9", None),
                               ("identity", None), ("", None)]:
            got = s.ask("/num.txt", Accept_Encoding=accept)
            tap.equal(got.get("Content-Encoding"), coding, accept)
        got = s.ask("/num.txt", Accept_Encoding="identity;q=0, br")
        tap.equal(got.status, 406)
        for path in ("/pic.png", "/a.txt"):
            got = s.ask(path, Accept_Encoding="gzip, zstd")
            tap.equal(got.get("Content-Encoding"), None, path)
        got = s.ask("/num.txt", Accept_Encoding="gzip", Range="bytes=0-1")
        tap.equal((got.status, got.body), (206, TEXT[:2]))
        head = s.ask("/num.txt", "HEAD", Accept_Encoding="gzip")
        tap.equal(head.get("Content-Length"), None)
    with served("--no-compress", files=FILES) as s:
        got = s.ask("/num.txt", Accept_Encoding="gzip, zstd")
        tap.equal(got.get("Content-Encoding"), None)


@tap.case
def zstd_is_whole():
    """What comes as zstd is the file"""
    zstd = tap.need("zstd")
    with served(files=FILES) as s:
        got = s.ask("/num.txt", Accept_Encoding="zstd")
        done = subprocess.run([zstd, "-dc"], input=got.body, check=True,
                              capture_output=True, timeout=tap.LIMIT)
        tap.equal(done.stdout, TEXT)


@tap.case
def compressed_beside():
    """file.gz is sent for file; not if it is older, or strangers may write"""
    packed = gzip.compress(b"hello from beside\n")
    files = {**FILES, "a.txt.gz": packed, "num.txt.br": b"brotli"}
    with served(files=files) as s:
        got = s.ask("/a.txt", Accept_Encoding="gzip")
        tap.equal((got.body, got.get("Content-Encoding")), (packed, "gzip"))
        tap.equal(got.get("Content-Type"), "text/plain; charset=utf-8")
        tap.equal(got.get("Content-Length"), str(len(packed)))
        tag = got.get("ETag")
        got = s.ask("/a.txt", Accept_Encoding="gzip", Range="bytes=2-5",
                    If_Range=tag)
        tap.equal((got.status, got.body), (206, packed[2:6]))
        tap.equal(s.ask("/a.txt").body, b"hello\n")
        got = s.ask("/num.txt", Accept_Encoding="br, zstd, gzip")
        tap.equal(got.body, b"brotli")
        os.utime(s.path("a.txt.gz"), (1600000000, 1600000000))
        got = s.ask("/a.txt", Accept_Encoding="gzip")
        tap.equal(got.body, b"hello\n")
    with served("--writable", files=files) as s:
        got = s.ask("/a.txt", Accept_Encoding="gzip")
        tap.equal(got.body, b"hello\n")


@tap.case
def digests():
    """Want-Repr-Digest is answered"""
    digest = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    with served(files=FILES) as s:
        for _ in range(2):
            got = s.ask("/num.txt", "HEAD", Want_Repr_Digest="sha-256=10")
            tap.equal(got.get("Repr-Digest"), f"sha-256=:{digest}:")
        got = s.ask("/num.txt", Range="bytes=0-1",
                    Want_Repr_Digest="sha-512=3, sha-256=1")
        tap.equal(got.get("Repr-Digest"), f"sha-256=:{digest}:")
        tap.equal(s.ask("/num.txt").get("Repr-Digest"), None)


@tap.case
def cut_short():
    """A file that shrinks while it is sent does not look whole"""
    with served(files={"big.txt": b"x" * (32 << 20)}) as s:
        for fields in ({}, {"Accept_Encoding": "gzip"}):
            with open(s.path("big.txt"), "wb") as file:
                for _ in range(32):
                    file.write(os.urandom(1 << 20))
            with s.connect() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.sendall(request("/big.txt", **fields))
                tap.read_some(sock, 1000)
                os.truncate(s.path("big.txt"), 1000)
                try:
                    reader = Reader(sock)
                    while reader.more():
                        pass
                    tap.true(not reader.data.endswith(b"0\r\n\r\n"),
                             "it ended well")
                    tap.true(len(reader.data) < 32 << 20, "all came")
                except ConnectionResetError:
                    pass


# --- folders ----------------------------------------------------------------

@tap.case
def folders():
    """A folder has its slash, its index.html, its listing"""
    with served(files=FILES) as s:
        got = s.ask("/docs")
        tap.equal((got.status, got.get("Location")), (301, "/docs/"))
        tap.equal(s.ask("//docs").get("Location"), "/docs/", "another host")
        tap.equal(s.ask("/x/../docs").get("Location"), "/docs/")
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
    with served("--no-listing", files=FILES) as s:
        tap.equal(s.ask("/docs/").status, 403)
        tap.equal(s.ask("/docs/?json").status, 403)
        tap.equal(s.ask("/docs/?tar").status, 403)
        tap.equal(s.ask("/page/").status, 200)


@tap.case
def listing_for_programs():
    """The listing as JSON"""
    with served(files=FILES) as s:
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
    files = {**FILES, long: b"long", "big.bin": os.urandom(3000000)}
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
                               ({"Origin": "http://test"}, 201),
                               ({}, 204)]:
            got = s.put("/new", b"x", **fields)
            tap.equal(got.status, status, fields)


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
            reader = Reader(sock)
            while reader.more():
                pass
            tap.true(len(reader.data) >= 20 << 20, len(reader.data))
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
