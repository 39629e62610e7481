"""A source that no meson.build names is not built, a test of it never run."""

import os
import re

import source

UNDER = ("src/", "hub/", "parcel/", "cli/", "examples/", "tests/", "bench/")


def names_in(folder):
    """Every quoted word of the meson.build in this folder and above it."""
    names = set()
    while True:
        path = os.path.join(folder, "meson.build")
        if os.path.exists(os.path.join(source.ROOT, path)):
            text = re.sub(r"#.*", "", source.read(path))
            for word in re.findall(r"'([^']*)'", text):
                names.add(os.path.normpath(os.path.join(folder, word)))
        if not folder:
            return names
        folder = os.path.dirname(folder)


def main():
    report = source.Report("listed")
    for path in source.files((".c",), UNDER):
        folder, name = os.path.split(path)
        stem = name[:-len(".c")]
        short = re.sub(r"^(test|fuzz|bench)_", "", stem)
        known = names_in(folder)
        if not any(os.path.join(folder, word) in known
                   for word in (name, stem, short)):
            report.add("listed", path, 1, "no meson.build names it")
    report.end()


main()
