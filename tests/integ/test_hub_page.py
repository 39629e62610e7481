#!/usr/bin/env python3
"""tenon hub in the browser: its page, its files, and whom it answers."""

import http.client
import json
import os
import pty
import signal
import socket

import room
import tap
from browser import Browser, join, request, short
from room import Member, hub


# --- files --------------------------------------------------------------------

@tap.case
def files():
    """A file that comes in parts is told to all, in their own words"""
    with tap.temp_dir() as folder:
        h = hub(folder)
        ann, = join(h, "ann")
        bob = Member(h, "bob")
        ann.hears("join bob")
        where = "/files/a%20%C3%A9.bin?upload=abcdefgh0123&size=300000"
        data = os.urandom(300000)
        status, _, _ = request(h, "PUT", where + "&offset=0", data[:200000],
                               Tenon_Name="ann")
        tap.equal(status, 202)
        status, fields, _ = request(h, "HEAD", where)
        tap.equal(fields["Upload-Offset"], "200000")
        status, fields, _ = request(h, "PUT", where + "&offset=200000",
                                    data[200000:], Tenon_Name="ann")
        tap.equal((status, fields["Location"]), (201, "/files/a%20%C3%A9.bin"))
        event = ann.event()
        tap.equal(short(event), "file ann:a é.bin 300000")
        tap.equal(event["you"], True)
        bob.hears("* ann 分享了文件 a é.bin (293.0 KiB) "
                  f"http://127.0.0.1:{h.port}/files/a%20%C3%A9.bin")
        with open(os.path.join(folder, "a é.bin"), "rb") as file:
            tap.equal(file.read() == data, True)
        status, fields, body = request(h, "GET", "/files/a%20%C3%A9.bin")
        tap.equal((status, body == data), (200, True))
        tap.true("attachment" in fields["Content-Disposition"], "attached")
        # The name of who is not here, or sits elsewhere, is not believed.
        request(h, "PUT", "/files/b.txt", b"b", Tenon_Name="bob")
        ann.hears("file :b.txt 1")
        bob.hears("* 有人分享了文件 b.txt (1 B) "
                  f"http://127.0.0.1:{h.port}/files/b.txt")
        eve = Browser(h)
        welcome, _ = eve.hello("eve")
        tap.equal([(f["name"], f["size"]) for f in welcome["files"]],
                  [("a é.bin", 300000), ("b.txt", 1)])
        tap.equal(welcome["share"], "write")


@tap.case
def port_taken():
    """A second hub at a port says so, and nothing of the first one's history"""
    with tap.temp_dir() as folder:
        h = hub(folder)
        where = f"127.0.0.1:{h.port}"
        got = tap.tenon("hub", "--bind", "127.0.0.1", "-p", str(h.port), folder)
        tap.equal(got, (1, "", f"tenon hub: bind tcp {where}: address already "
                        "in use (another program has this port)\n"))


@tap.case
def killed_in_an_upload():
    """An upload goes on after the hub was killed in the midst of it"""
    data = os.urandom(3000000)
    where = "/files/big.bin?upload=ABCDEFGH1234&size=3000000"
    home = tap.new_home()
    with tap.temp_dir() as folder:
        h = hub(folder, env={"XDG_DATA_HOME": home})
        part = http.client.HTTPConnection("127.0.0.1", h.port,
                                          timeout=tap.LIMIT)
        part.putrequest("PUT", where + "&offset=0")
        part.putheader("Content-Length", "3000000")
        part.endheaders(data[:2000000])
        offset = 0
        until = tap.now() + tap.LIMIT
        while offset == 0 and tap.now() < until:  # some of it has arrived
            offset = int(request(h, "HEAD", where)[1].get("Upload-Offset", 0))
        tap.true(offset > 0, "the part arrives")
        h.signal(signal.SIGKILL)
        h.wait()
        part.close()
        tap.true(not os.path.exists(os.path.join(folder, "big.bin")),
                 "no partial file has the name")
        h = hub(folder, env={"XDG_DATA_HOME": home})
        ann, = join(h, "ann")
        offset = int(request(h, "HEAD", where)[1]["Upload-Offset"])
        tap.true(0 < offset <= 2000000, f"{offset} bytes are safe")
        status, _, _ = request(h, "PUT", f"{where}&offset={offset + 1}",
                               data[offset + 1:])
        tap.equal(status, 409)
        status, _, _ = request(h, "PUT", f"{where}&offset={offset}",
                               data[offset:], Tenon_Name="ann")
        tap.equal(status, 201)
        ann.hears("file ann:big.bin 3000000")
        with open(os.path.join(folder, "big.bin"), "rb") as file:
            tap.true(file.read() == data, "it is whole")


@tap.case
def nothing_is_lost():
    """No file is deleted or replaced through the page"""
    with tap.temp_dir() as folder:
        h = hub(folder)
        for text in (b"one", b"two"):
            status, _, _ = request(h, "PUT", "/files/a.txt", text)
            tap.equal(status, 201)
        tap.equal(sorted(os.listdir(folder)), [".tenon-parts", "a (2).txt",
                                                "a.txt"])
        tap.true(request(h, "DELETE", "/files/a.txt")[0] in (403, 405), "no")
        for path in ("/files/../../etc/passwd", "/files/%2e%2e/x",
                     "/files/.hidden"):
            tap.true(request(h, "PUT", path, b"x")[0] >= 400, path)
        tap.equal(len(os.listdir(folder)), 3)


@tap.case
def fewer_files():
    """--read-only takes none, --no-files has none, --no-web no page"""
    with tap.temp_dir() as folder:
        with open(os.path.join(folder, "a"), "w", encoding="ascii") as file:
            file.write("x")
        h = hub(folder, "--read-only")
        tap.equal(request(h, "PUT", "/files/b", b"x")[0], 403)
        tap.equal(request(h, "GET", "/files/a")[2], b"x")
        ann = Browser(h)
        tap.equal(ann.hello("ann")[0]["share"], "read")
    h = hub("--no-files")
    tap.equal(request(h, "GET", "/files/?json")[0], 404)
    tap.equal(request(h, "PUT", "/files/b", b"x")[0], 403)
    ann = Browser(h)
    tap.equal(ann.hello("ann")[0]["share"], "no")
    h = hub("--no-web")
    room.join(h, "ann")
    sock = socket.socket()
    tap.true(sock.connect_ex(("127.0.0.1", h.port)) != 0, "no TCP")
    sock.close()


@tap.case
def own_folder():
    """Without DIR the files are kept with the user's data"""
    home = tap.new_home()
    h = hub(env={"XDG_DATA_HOME": home})
    tap.equal(request(h, "PUT", "/files/a", b"x")[0], 201)
    path = os.path.join(home, "tenon", "hub", "files", "a")
    with open(path, "rb") as file:
        tap.equal(file.read(), b"x")


@tap.case
def listing():
    """The folder's own page has its own policy, and no name misleads"""
    folder = tap.new_home()
    for name in ("a\nb", "\u202egpj.exe", "good"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"x")
    h = hub(folder)
    status, fields, _ = request(h, "GET", "/files/")
    tap.equal(status, 200)
    tap.equal(len(fields.get_all("Content-Security-Policy")), 1)
    tap.true("style-src 'unsafe-inline'" in fields["Content-Security-Policy"]
             and "script" not in fields["Content-Security-Policy"], fields)
    tap.equal(fields.get_all("X-Content-Type-Options"), ["nosniff"])
    tap.equal(request(h, "GET", "/files/good")[1].get_all(
        "Content-Security-Policy"), ["default-src 'none'; sandbox"])
    for name in ("%E2%80%AEgpj.exe", "a%E2%81%A6b", "a%C2%85b", "a%09b"):
        tap.equal(request(h, "PUT", "/files/" + name, b"x")[0], 403, name)
    welcome, _ = Browser(h).hello("ann")
    tap.equal([f["name"] for f in welcome["files"]], ["good"])


@tap.case
def private_places():
    """What the hub keeps is its user's alone; not with others is it kept"""
    home = tap.new_home()
    env = {"XDG_DATA_HOME": home}
    h = hub(env=env)
    top = os.path.join(home, "tenon", "hub")
    place = os.path.join(top, "port-0")
    tap.equal({os.stat(path).st_mode & 0o777
               for path in (top, place, os.path.join(top, "files"))}, {0o700})
    tap.equal({os.stat(os.path.join(place, name)).st_mode & 0o777
               for name in os.listdir(place)}, {0o600})
    h.signal(signal.SIGINT)
    tap.equal(h.wait(), 0)

    def refused(path, why):
        code, _, err = tap.tenon("hub", "-p", "0", "--bind", "127.0.0.1",
                                 env={**os.environ, **env})
        tap.equal(code, 1)
        tap.true(f"{path}: {why}" in err, err)

    for path in (top, place):
        os.chmod(path, 0o770)
        refused(path, "others can write there")
        os.chmod(path, 0o700)
    moved = os.path.join(home, "moved")
    os.rename(place, moved)
    os.symlink(moved, place)
    h = hub(env=env)  # a link of one's own to a folder of one's own
    h.signal(signal.SIGINT)
    tap.equal(h.wait(), 0)
    if os.geteuid() == 0:
        os.chown(moved, 12345, 12345)
        refused(place, "somebody else's")
    os.unlink(place)
    with open(place, "wb"):
        pass
    refused(place, "not a folder")


# --- the guard ----------------------------------------------------------------

@tap.case
def page():
    """The page is there, asked for anew, compressed, and may do little"""
    h = hub("--name", "Room <7>")
    status, fields, body = request(h, "GET", "/")
    tap.equal(status, 200)
    tap.true(b"<!doctype html>" in body.lower(), "a page")
    policy = fields["Content-Security-Policy"]
    tap.true("default-src 'none'" in policy and "unsafe" not in policy,
             policy)
    for name, value in (("X-Content-Type-Options", "nosniff"),
                        ("Referrer-Policy", "no-referrer"),
                        ("Cross-Origin-Opener-Policy", "same-origin"),
                        ("Cross-Origin-Resource-Policy", "same-origin")):
        tap.equal(fields[name], value, name)
    tap.equal(request(h, "GET", "/", If_None_Match=fields["ETag"])[0], 304)
    _, packed, _ = request(h, "GET", "/", Accept_Encoding="gzip")
    tap.equal(packed["Content-Encoding"], "gzip")
    tap.equal(request(h, "GET", "/nope")[0], 404)
    tap.equal(request(h, "POST", "/")[0], 405)
    status, fields, body = request(h, "GET", "/info")
    info = json.loads(body)
    tap.equal((info["name"], info["room"], info["code"]),
              ("tenon", "Room <7>", False))


@tap.case
def host():
    """A name that is not the hub's gets 421"""
    h = hub("--host", "Hub.example", "--host", "b,other.example")
    good = [f"127.0.0.1:{h.port}", "127.0.0.1", "localhost", "LOCALHOST:1",
            "[::1]:80", "10.1.2.3", "hub.example", "hub.example:80",
            "hub.example.", "other.example", socket.gethostname()]
    for name in good:
        tap.equal(request(h, "GET", "/info", host=name)[0], 200, name)
    for name in ("evil.example", "hub.example.evil.example",
                 "127.0.0.1.evil.example", "xhub.example",
                 "localhost.evil.example"):
        for path in ("/", "/info", "/files/", "/ws", "/nope"):
            tap.equal(request(h, "GET", path, host=name)[0], 421, name)
    sock = socket.create_connection(("127.0.0.1", h.port), tap.LIMIT)
    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    tap.true(tap.read_all(sock).startswith(b"HTTP/1.1 421 "), "no Host")
    sock.close()


@tap.case
def origin():
    """Another page's requests get 403"""
    h = hub()
    here = f"http://127.0.0.1:{h.port}"
    for value in ("http://evil.example", "null", f"https://127.0.0.1:{h.port}",
                  "http://127.0.0.1", here + "0", here + "/"):
        tap.equal(request(h, "PUT", "/files/x", b"x", Origin=value)[0], 403,
                  value)
        tap.equal(request(h, "POST", "/enter", b"{}", Origin=value)[0], 403)
        tap.equal(Browser(h, [f"Origin: {value}"]).status, 403, value)
    tap.equal(request(h, "GET", "/info", Origin="http://evil.example")[0],
              200, "it cannot read the answer")
    tap.equal(request(h, "PUT", "/files/x", b"x", Origin=here)[0], 201)
    tap.equal(Browser(h, [f"Origin: {here}"]).status, 101)


def coded_hub(folder, *args, **how):
    path = os.path.join(folder, "code")
    with open(path, "w", encoding="utf-8") as file:
        file.write("öffne dich\n")
    return hub("--code-file", path, *args, **how)


def enter(h, code):
    return request(h, "POST", "/enter", json.dumps({"code": code}).encode())


@tap.case
def code():
    """With a code nobody sees anything but the page before giving it"""
    with tap.temp_dir() as folder:
        h = coded_hub(folder)
        for path in ("/files/", "/files/?json", "/ws"):
            tap.equal(request(h, "GET", path)[0], 401, path)
        tap.equal(request(h, "PUT", "/files/x", b"x")[0], 401)
        tap.equal(request(h, "GET", "/")[0], 200)
        tap.equal(json.loads(request(h, "GET", "/info")[2])["code"], True)
        for wrong in ("x", "", "öffne dich ", "Öffne dich"):
            tap.equal(enter(h, wrong)[0], 403, wrong)
        tap.equal(request(h, "POST", "/enter", b"{")[0], 400)
        status, fields, _ = enter(h, "öffne dich")
        tap.equal(status, 204)
        cookie = fields["Set-Cookie"]
        tap.true("HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie)
        value = cookie.split(";")[0]
        tap.equal(request(h, "GET", "/files/?json",
                          Cookie=f"a=b; {value}; c=d")[0], 200)
        tap.equal(json.loads(request(h, "GET", "/info",
                                     Cookie=value)[2])["code"], False)
        tap.equal(Browser(h, [f"Cookie: {value}"]).status, 101)
        for bad in (value[:-1] + ("0" if value[-1] != "0" else "1"),
                    value[:-2], value + "0", value.replace("=", "=x", 1),
                    "tenon_room=" + "0" * 64):
            tap.equal(request(h, "GET", "/files/", Cookie=bad)[0], 401, bad)
        # Plain text has no place for a code.
        bob = Member(h, "bob")
        bob.send(b"\xffT\x01\x01" + bytes(60))
        tap.equal(bob.sock.recv(2000)[:4], b"\xffT\x01\x02",
                  "the native dialect alone answers")


@tap.case
def asked_code():
    """--code asks on the terminal, and shows nothing of what is typed"""
    ready, told = os.pipe()
    os.set_inheritable(told, True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(tap.PROGRAM, [
            tap.PROGRAM, "hub", "-p", "0", "--bind", "127.0.0.1", "--code",
            "--ready-fd", str(told)],
            {**os.environ, "XDG_DATA_HOME": tap.new_home()})
    os.close(told)
    try:
        shown = tap.read_until(terminal, b"Room code: ")
        os.write(terminal, b"sesame\n")
        port = int(tap.read_some(ready).decode().rsplit(":", 1)[1])
        here = type("Hub", (), {"port": port})
        tap.equal(enter(here, "sesam")[0], 403)
        tap.equal(enter(here, "sesame")[0], 204)
        os.kill(pid, signal.SIGINT)
        shown += tap.read_all(terminal)
        tap.true(b"sesame" not in shown, "it is not shown")
        tap.true("\u2584".encode() in shown, "but as a picture")
        tap.true(b"--plain does" in shown, f"{shown}")
        tap.equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)
        os.close(ready)


@tap.case
def wrong_codes():
    """Too many wrong codes get 429, the right one then too"""
    with tap.temp_dir() as folder:
        h = coded_hub(folder)
        got = [enter(h, "wrong")[0] for _ in range(8)]
        tap.equal(got[:5], [403] * 5)
        tap.true(429 in got[5:], f"{got}")
        status, fields, _ = enter(h, "öffne dich")
        if status == 429:
            tap.true(fields["Retry-After"], "when to try again")


@tap.case
def cookie_stays():
    """Who gave the code need not give it again after a restart"""
    with tap.temp_dir() as folder:
        home = tap.new_home()
        env = {"XDG_DATA_HOME": home}
        h = coded_hub(folder, "--plain", env=env)
        room.join(h, "ann")  # --plain opens the other door
        value = enter(h, "öffne dich")[1]["Set-Cookie"].split(";")[0]
        h.signal(signal.SIGKILL)
        h.wait()
        h = coded_hub(folder, env=env)
        tap.equal(request(h, "GET", "/files/", Cookie=value)[0], 200)
        h.signal(signal.SIGINT)
        h.wait()
        path = os.path.join(folder, "other")
        with open(path, "w", encoding="ascii") as file:
            file.write("another code")
        h = hub("--code-file", path, env=env)
        tap.equal(request(h, "GET", "/files/", Cookie=value)[0], 401)


tap.run()
