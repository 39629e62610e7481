#!/usr/bin/env python3
"""tenon get and the servers of others."""

import http.server
import os
import socket
import subprocess
import threading

import tap

DATA = bytes(range(256)) * 2000  # half a megabyte


def get(*words, **more):
    return tap.tenon("get", *words, **more)


def raw(*words):
    """The same with stdout as bytes."""
    done = subprocess.run([tap.PROGRAM, "get", *words], capture_output=True,
                          timeout=tap.LIMIT, check=False,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr.decode()


def content(path):
    with open(path, "rb") as file:
        return file.read()


@tap.case
def python_server():
    """python's http.server"""
    with tap.temp_dir() as folder:
        with open(os.path.join(folder, "f"), "wb") as file:
            file.write(DATA)

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=folder)

            def log_message(self, *args):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        code, out, _ = raw(url + "/f")
        tap.true((code, out) == (0, DATA), "the file")
        tap.equal(get(url + "/none")[0], 4)
        tap.true("<li>" in get(url)[1], "the listing")
        server.shutdown()
        server.server_close()


@tap.case
def nginx():
    """nginx: ranges, gzip, a folder's redirect, methods"""
    program = "/usr/sbin/nginx"
    if not os.path.exists(program):
        raise tap.Skip("nginx is not installed")
    with tap.temp_dir() as folder, socket.socket() as free:
        os.makedirs(os.path.join(folder, "root", "sub"))
        text = b"line of text\n" * 10000
        for name, body in (("f", DATA), ("t.txt", text)):
            with open(os.path.join(folder, "root", name), "wb") as file:
                file.write(body)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        conf = os.path.join(folder, "conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(
                f"daemon off; master_process off; pid {folder}/pid;"
                f"error_log stderr; events {{}} http {{ access_log off;"
                f"client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;"
                f"fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;"
                f"scgi_temp_path {folder}/e; gzip on; gzip_types text/plain *;"
                f"gzip_min_length 1; server {{ listen 127.0.0.1:{port};"
                f"root {folder}/root; autoindex on; }} }}\n")
        tap.started(subprocess.Popen(
            [program, "-p", folder, "-c", conf], stderr=subprocess.DEVNULL))
        url = f"http://127.0.0.1:{port}"
        tap.equal(get("-s", "--retry", "5", "-o", "/dev/null", url)[0], 0)
        path = os.path.join(folder, "got")
        with open(path + ".part", "wb") as file:
            file.write(DATA[:12345])
        tap.equal(get("-C", "-", "-o", path, url + "/f")[::2], (0, ""))
        tap.true(content(path) == DATA, "resumed")
        tap.equal(get("-C", "-", "-o", path, url + "/f")[0], 0)
        code, out, _ = raw("--compressed", url + "/t.txt", url + "/f")
        tap.true((code, out) == (0, text + DATA), "two in one go")
        code, out, err = raw("-v", "--compressed", url + "/t.txt")
        tap.true((code, out) == (0, text), "unpacked")
        tap.true("Content-Encoding: gzip" in err, err)
        tap.equal(get(url + "/sub")[0], 0)
        tap.true("Index of /sub/" in get("-L", url + "/sub")[1], "redirected")
        tap.equal(get("-f", "-d", "a=b", url + "/f")[0], 4)


tap.run()
