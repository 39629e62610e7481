"""Lines of at most 80 columns; no tabs, no blanks at the end."""

import re

import source

COLUMNS = 80
TEXT = (".c", ".h", ".S", ".py", ".sh", ".md", ".build", ".txt", ".js",
        ".css", ".html", ".map", ".toml", ".yml", ".json")


def check_line(report, path, number, line):
    is_c = path.endswith((".c", ".h"))
    if is_c and len(line) > COLUMNS and not re.search(r"https?://", line):
        report.add("layout", path, number, f"{len(line)} columns")
    if "\t" in line:
        report.add("layout", path, number, "a tab")
    if line.endswith((" ", "\r")):
        report.add("layout", path, number, "white space at the end")


def main():
    report = source.Report("layout")
    for path in source.files(TEXT):
        if source.is_binary(path) or "/data/" in path:
            continue
        text = source.read(path)
        for number, line in enumerate(text.split("\n"), 1):
            check_line(report, path, number, line)
        if text and not text.endswith("\n"):
            report.add("layout", path, text.count("\n") + 1,
                       "no newline at the end")
    report.end()


main()
