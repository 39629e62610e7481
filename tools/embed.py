#!/usr/bin/env python3
"""tools/embed.py OUT.c FILE...: the files of a web page as a C table.

The table is described in web/assets.h. index.html becomes "/", every other
file "/NAME". The same files always make the same bytes.
"""

import gzip
import hashlib
import os
import sys

# Only what the page is made of; another suffix is a mistake to be told of.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PER_LINE = 16  # bytes in a line of C


def array(name, data):
    """A C array of bytes; a string literal may not be longer than 4,095."""
    lines = []
    for at in range(0, len(data), PER_LINE):
        row = data[at:at + PER_LINE]
        lines.append("    " + " ".join(f"{byte}," for byte in row))
    return (f"static const unsigned char {name}[] = {{\n" +
            "\n".join(lines) + "\n};\n")


def compressed(data):
    """The gzip form, without a date; b"" if it is not smaller."""
    packed = gzip.compress(data, 9, mtime=0)
    return packed if len(packed) < len(data) else b""


class Asset:
    """One file: its arrays and its line of the table."""

    def __init__(self, number, path):
        with open(path, "rb") as file:
            self.data = file.read()
        name = os.path.basename(path)
        suffix = os.path.splitext(name)[1]
        if suffix not in TYPES:
            sys.exit(f"tools/embed.py: {path}: no type for {suffix!r}")
        if not self.data:
            sys.exit(f"tools/embed.py: {path}: is empty")
        self.number = number
        self.path = "/" if name == "index.html" else "/" + name
        self.type = TYPES[suffix]
        # Weak, as it names what is said and not its bytes: one tag serves
        # the plain and the compressed form (RFC 9110 section 8.8.1).
        digest = hashlib.sha256(self.data).hexdigest()[:32]
        self.etag = f'W/\\"{digest}\\"'
        self.gzip = compressed(self.data)

    def arrays(self):
        yield array(f"data_{self.number}", self.data)
        if self.gzip:
            yield array(f"gzip_{self.number}", self.gzip)

    def line(self):
        packed = f"gzip_{self.number}" if self.gzip else "NULL"
        return (f'    {{"{self.path}", "{self.type}", "{self.etag}",\n'
                f"     data_{self.number}, {len(self.data)}, {packed}, "
                f"{len(self.gzip)}}},\n")


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__.splitlines()[0])
    out, paths = arguments[0], arguments[1:]
    assets = [Asset(n, path) for n, path in enumerate(paths)]
    with open(out, "w", encoding="ascii") as file:
        file.write("/* Made by tools/embed.py. */\n#include \"assets.h\"\n\n")
        for asset in assets:
            file.write("\n".join(asset.arrays()) + "\n")
        file.write("const struct web_asset web_assets[] = {\n")
        file.writelines(asset.line() for asset in assets)
        file.write("    {NULL, NULL, NULL, NULL, 0, NULL, 0},\n};\n")


if __name__ == "__main__":
    main(sys.argv[1:])
