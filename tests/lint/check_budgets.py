"""Limits of size: files, functions, parameters, levels, branches."""

import re

import source

FILE_LINES = 600
EXAMPLE_LINES = 60
FUNCTION_LINES = 60
PARAMS = 6
LEVELS = 4  # the function's own included
BRANCHES = 15


def file_limit(path):
    if path.startswith("examples/") and path.endswith(".c"):
        return EXAMPLE_LINES
    return FILE_LINES


def opens_block(text, at):
    """Does the brace at `at` open statements, not an initialiser?"""
    before = text[:at].rstrip()
    if not before or before[-1] in ";{}:":
        return True
    if re.search(r"\b(else|do)$", before):
        return True
    if not before.endswith(")"):
        return False
    depth, start = 0, len(before) - 1
    while start >= 0:
        depth += (before[start] == ")") - (before[start] == "(")
        if depth == 0:
            break
        start -= 1
    word = re.search(r"(\w+)\s*$", before[:start])
    return bool(word) and word.group(1) not in ("return", "sizeof")


def levels(body):
    """How deep blocks are nested, the function's own counted."""
    depth = deepest = 0
    kinds = []
    for at, char in enumerate(body):
        if char == "{":
            block = not kinds or kinds[-1] and opens_block(body, at)
            kinds.append(block)
            depth += block
            deepest = max(deepest, depth)
        elif char == "}" and kinds:
            depth -= kinds.pop()
    return deepest


def branches(body):
    """McCabe's number; labels that share one statement count once."""
    body = re.sub(r"(\bcase\b[^;{}?]*?:\s*)+(?=\bcase\b|\bdefault\b)", "",
                  body)
    return 1 + len(re.findall(r"\b(?:if|for|while|case)\b|&&|\|\||\?", body))


def check_function(report, path, function):
    for rule, value, limit, what in (
            ("function-lines", function.lines, FUNCTION_LINES, "lines"),
            ("params", len(function.params), PARAMS, "parameters"),
            ("levels", levels(function.body), LEVELS, "levels"),
            ("branches", branches(function.body), BRANCHES, "branches")):
        if value > limit:
            report.add(rule, path, function.line,
                       f"{function.name} has {value} {what}, limit {limit}",
                       function.name)


def main():
    report = source.Report("file-lines", "function-lines", "params", "levels",
                           "branches")
    for path in source.files((".c", ".h", ".S", ".py", ".sh", ".js", ".css")):
        count = source.read(path).count("\n")
        limit = file_limit(path)
        if count > limit:
            report.add("file-lines", path, 1, f"{count} lines, limit {limit}")
        if path.endswith((".c", ".h")):
            for function in source.functions(path):
                check_function(report, path, function)
    report.end()


main()
