#!/usr/bin/env python3
"""tools/embed.py: files become a C table, byte for byte."""

import gzip
import hashlib
import os
import re
import subprocess
import sys

import tap

EMBED = os.path.join(tap.SOURCE, "tools", "embed.py")
HEADER = os.path.join(tap.SOURCE, "web")
# Prints the table: path, type, tag and both forms in hexadecimal digits.
SHOW = r"""
#include <assets.h>
#include <stdio.h>

static void
hex(const unsigned char *data, size_t size)
{
    putchar(' ');
    for (size_t i = 0; data && i < size; i++) {
        printf("%02x", data[i]);
    }
    putchar(data ? '.' : '-');
}

int
main(void)
{
    for (const struct web_asset *a = web_assets; a->path; a++) {
        printf("%s|%s|%s", a->path, a->type, a->etag);
        hex(a->data, a->size);
        hex(a->gzip, a->gzip_size);
        putchar('\n');
    }
    return 0;
}
"""


def write(folder, files):
    paths = []
    for name, data in files.items():
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "wb") as file:
            file.write(data)
    return paths


def embed(folder, paths):
    out = os.path.join(folder, "assets.c")
    subprocess.run([sys.executable, EMBED, out, *paths], check=True,
                   timeout=tap.LIMIT)
    with open(out, "rb") as file:
        return file.read()


@tap.case
def everything_is_there():
    """Every file is there, as it is and compressed if that is smaller."""
    files = {
        "index.html": b"<!doctype html>" + b"<p>hello</p>" * 40,
        "bytes.js": bytes(range(256)),
        "quote.css": b'"\\\n\0?\?/' * 3,
        "icon.svg": b"x",
    }
    compiler = tap.need("cc")
    with tap.temp_dir() as folder:
        embed(folder, write(folder, files))
        write(folder, {"show.c": SHOW.encode()})
        subprocess.run([compiler, "-Wall", "-Werror", "-I", HEADER, "-o",
                        "show", "show.c", "assets.c"], cwd=folder, check=True)
        shown = subprocess.run([folder + "/show"], capture_output=True,
                               check=True).stdout.decode()
    types = {"html": "text/html; charset=utf-8", "css": "text/css;",
             "js": "text/javascript;", "svg": "image/svg+xml"}
    tap.equal(shown.count("\n"), len(files), "lines")
    for (name, data), line in zip(files.items(), shown.splitlines()):
        about, plain, packed = line.rsplit(" ", 2)
        path, kind, etag = about.split("|")
        tap.equal(path, "/" if name == "index.html" else "/" + name)
        tap.true(kind.startswith(types[name.split(".")[1]]), kind)
        tap.equal(etag, f'W/"{hashlib.sha256(data).hexdigest()[:32]}"')
        tap.equal(bytes.fromhex(plain[:-1]), data, name)
        if packed == "-":
            tap.true(len(gzip.compress(data, 9)) >= len(data), name)
        else:
            packed = bytes.fromhex(packed[:-1])
            tap.equal(gzip.decompress(packed), data, name)
            tap.true(len(packed) < len(data), "smaller")


@tap.case
def same_twice():
    """The same files make the same bytes, whenever that is."""
    with tap.temp_dir() as folder:
        paths = write(folder, {"a.js": b"let a = 1;\n" * 50})
        first = embed(folder, paths)
        os.utime(paths[0], (1, 1))
        tap.equal(embed(folder, paths), first)


@tap.case
def mistakes():
    """A type that nobody knows, and an empty file, stop the build."""
    with tap.temp_dir() as folder:
        for name, data in (("a.exe", b"x"), ("a.js", b"")):
            path, = write(folder, {name: data})
            done = subprocess.run(
                [sys.executable, EMBED, folder + "/out.c", path],
                capture_output=True, check=False, timeout=tap.LIMIT)
            tap.equal(done.returncode, 1, name)
            tap.true(name.encode() in done.stderr, done.stderr)


@tap.case
def page():
    """What index.html and the modules name is part of the table."""
    web = os.path.join(tap.SOURCE, "web")
    with open(web + "/meson.build", encoding="utf-8") as file:
        listed = set(re.findall(r"^  '([\w.]+)',$", file.read(), re.M))
    named = {"index.html"}
    for name in listed:
        with open(os.path.join(web, name), encoding="utf-8") as file:
            text = file.read()
        if name == "index.html":
            named |= set(re.findall(r'(?:href|src)="([\w.]+)"', text))
        named |= set(re.findall(r'from "\./([\w.]+)"', text))
    tap.equal(listed, named)


tap.run()
