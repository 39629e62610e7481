"""goto only forward, to out or fail; always braces."""

import re

import source

LABEL = re.compile(r"^[ \t]*([A-Za-z_]\w*):(?!:)", re.M)
GOTO = re.compile(r"\bgoto\s+(\w+)\s*;")
CONTROL = re.compile(r"\b(if|for|while|switch)\s*\(")


def check_goto(report, path, function):
    labels = {found.group(1): found.start()
              for found in LABEL.finditer(function.body)}
    for found in GOTO.finditer(function.body):
        line = function.open_line + function.body.count(
            "\n", 0, found.start())
        label = found.group(1)
        if label not in ("out", "fail"):
            report.add("goto", path, line, f"goto {label}: only out or fail",
                       function.name)
        elif labels.get(label, -1) < found.start():
            report.add("goto", path, line, f"goto {label} goes backward",
                       function.name)


def ends_do(body, position):
    """Is the while at `position` the end of a do loop?"""
    return body[:position].rstrip().endswith("}") and \
        re.match(r"[^;{]*;", body[position:]) is not None


def check_braces(report, path, function):
    body = function.body
    for found in CONTROL.finditer(body):
        end = source.match_paren(body, found.end() - 1)
        rest = body[end + 1:].lstrip()
        if rest.startswith("{"):
            continue
        if found.group(1) == "while" and ends_do(body, found.start()):
            continue
        line = function.open_line + body.count("\n", 0, found.start())
        report.add("braces", path, line, f"{found.group(1)} without braces",
                   function.name)
    for found in re.finditer(r"\b(else|do)\b(?!\s*(\{|if\b))", body):
        line = function.open_line + body.count("\n", 0, found.start())
        report.add("braces", path, line, f"{found.group(1)} without braces",
                   function.name)


def main():
    report = source.Report("goto", "braces")
    for path in source.files((".c", ".h")):
        for function in source.functions(path):
            check_goto(report, path, function)
            check_braces(report, path, function)
    report.end()


main()
