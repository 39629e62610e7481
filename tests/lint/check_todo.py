"""Unfinished business has an issue number: TODO(#12)."""

import re

import source

MARK = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)")


def main():
    report = source.Report("todo")
    for path in source.files():
        if path.startswith("tests/lint/") or source.is_binary(path):
            continue
        for number, line in enumerate(source.read(path).split("\n"), 1):
            for found in MARK.finditer(line):
                report.add("todo", path, number,
                           f"{found.group(1)} without an issue number")
    report.end()


main()
