"""What the documents name is there: commands, options, targets, files, calls.

Looked at is what stands in code, between backticks or in a fence. A C program
is one that an example holds, or it compiles; a quoted piece stands in an
example line by line. The two READMEs name the same things.
"""

import glob
import os
import re
import shutil
import subprocess

import source

LINES = 200
READMES = ("README.md", "README.zh.md")
# Others give patterns, not names; of them only the links are looked at.
CHECKED = READMES + ("docs/", "CHANGELOG.md")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
SPAN = re.compile(r"`((?:[^`\n]|\n(?!\n))+)`")
LINK = re.compile(r"\[[^]\n]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?<![\w./-])(?:build/)?tenon ([a-z]+)(?=[\s`<]|$)")
TARGET = re.compile(r"(?:^|[;&|]\s*|\$ )make ([a-z][\w-]*)", re.M)
NAME = re.compile(r"\b(?:tn|TN)_[A-Za-z0-9]\w*\b")
FOLDERS = ("src", "hub", "parcel", "cli", "include", "docs", "tests", "tools",
           "examples", "bench", "man")
PATH = re.compile(r"(?<![\w./-])((?:" + "|".join(FOLDERS) +
                  r")/[\w./-]*[\w/])(?![\w*{<])")
PROGRAM = re.compile(
    r"(?<![\w.-])(?:build/)?examples/(?!NAME\b)(\w+)(?![\w./])")
SECTION = re.compile(r"^#+ ", re.M)


def exists(path):
    return os.path.exists(os.path.join(source.ROOT, path))


def text_of(pattern):
    """The text of all files that a pattern names."""
    paths = sorted(glob.glob(os.path.join(source.ROOT, pattern)))
    return "\n".join(source.read(os.path.relpath(path, source.ROOT))
                     for path in paths)


class Known:
    """What there is to be named."""

    def __init__(self):
        listed = re.search(r"#define COMMANDS\(X\)((?:.*\\\n)*.*)",
                           text_of("cli/cmd.h"))
        self.commands = set(re.findall(r"X\((\w+)\)",
                                       listed[1] if listed else ""))
        self.commands.add("help")
        make = text_of("Makefile")
        self.targets = set()
        for names in re.findall(r"^([a-z][a-z0-9 -]*):", make, re.M):
            self.targets.update(names.split())
        headers = text_of("include/tenon/*.h") + text_of("src/base/limits.h")
        self.names = set(NAME.findall(headers)) | {"TN_BACKEND"}
        self.common = text_of("cli/opt.h") + text_of("cli/main.c")
        self.examples = text_of("examples/*.c")
        self.lines = {line.strip() for line in self.examples.split("\n")}

    def has_option(self, command, option):
        rows = text_of(f"cli/cmd_{command}.c") + self.common
        if option.startswith("--"):
            return f'"{option[2:]}"' in rows or option == "--help"
        return all(f"'{letter}'" in rows for letter in option[1:])


def code_of(text):
    """(position, language, code) of everything in backticks and fences."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group())
    for found in FENCE.finditer(text):
        yield found.start(3), found[2], found[3]
    for found in SPAN.finditer(FENCE.sub(blank, text)):
        yield found.start(1), "", found[1].replace("\n", " ")


def compiles(code):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        return True
    done = subprocess.run(
        [compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
         "-I" + os.path.join(source.ROOT, "include"), "-x", "c", "-",
         "-fsyntax-only"], input=code.encode(), capture_output=True,
        check=False)
    return done.returncode == 0


class Document:
    """One file and the complaints about it."""

    def __init__(self, report, known, path):
        self.report, self.known, self.path = report, known, path
        self.text = source.read(path)
        self.named = set()

    def complain(self, position, message):
        self.report.add("readme", self.path,
                        source.line_of(self.text, position), message)

    def check_c(self, position, code):
        if "main(" in code:
            if code not in self.known.examples and not compiles(code):
                self.complain(position, "does not compile")
            return
        for line in code.split("\n"):
            if line.strip() not in self.known.lines:
                self.complain(position, f"no example holds: {line.strip()}")

    def check_commands(self, position, code):
        for found in COMMAND.finditer(code):
            name = found[1]
            self.named.add("tenon " + name)
            if name not in self.known.commands:
                self.complain(position + found.start(), f"no command {name}")
                continue
            rest = re.split(r"[\n|;>#`]", code[found.end():])[0]
            for option in re.findall(r"(?<=\s)(--?[a-zA-Z][\w-]*)", rest):
                if not self.known.has_option(name, option):
                    self.complain(position + found.start(),
                                  f"{name} has no {option}")

    def check_code(self, position, language, code):
        if language == "c":
            self.check_c(position, code)
        self.check_commands(position, code)
        for found in TARGET.finditer(code):
            self.named.add("make " + found[1])
            if found[1] not in self.known.targets:
                self.complain(position + found.start(),
                              f"no target {found[1]}")
        for found in NAME.finditer(code):
            self.named.add(found[0])
            if found[0] not in self.known.names:
                self.complain(position + found.start(), f"no {found[0]}")
        for found in PATH.finditer(code):
            if not exists(found[1]) and not PROGRAM.fullmatch(found[1]):
                self.complain(position + found.start(), f"no {found[1]}")
        for found in PROGRAM.finditer(code):
            if not exists(f"examples/{found[1]}.c"):
                self.complain(position + found.start(),
                              f"no example {found[1]}")

    def check_links(self):
        for found in LINK.finditer(self.text):
            target = found[1].split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            full = os.path.normpath(
                os.path.join(os.path.dirname(self.path), target))
            if not exists(full):
                self.complain(found.start(), f"links to {target}: nothing")

    def check(self):
        if self.path.startswith(CHECKED):
            for position, language, code in code_of(self.text):
                self.check_code(position, language, code)
        self.check_links()
        lines = self.text.count("\n")
        if self.path in READMES and lines > LINES:
            self.report.add("readme", self.path, lines,
                            f"{lines} lines, limit {LINES}")


def check_twins(report, documents):
    """What one README names, the other one names too."""
    twins = [documents[path] for path in READMES if path in documents]
    if len(twins) < 2:
        return
    for one, other in (twins, twins[::-1]):
        for name in sorted(one.named - other.named):
            report.add("readme", other.path, 1,
                       f"does not name {name}, as {one.path} does")
    counts = [len(SECTION.findall(twin.text)) for twin in twins]
    if counts[0] != counts[1]:
        report.add("readme", READMES[1], 1, f"{counts[1]} headings, "
                   f"{READMES[0]} has {counts[0]}")


def main():
    report = source.Report("readme")
    known = Known()
    documents = {}
    for path in source.files((".md",)):
        documents[path] = Document(report, known, path)
        documents[path].check()
    check_twins(report, documents)
    report.end()


main()
