"""What the lint checks share: the list of files, a scanner for C, a report.

The scanner leans on the format that clang-format keeps: the name of a function
starts in column 0, and so do the braces around its body, and no others.
"""

import os
import re
import subprocess
import sys

ROOT = os.environ.get("LINT_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXCEPTIONS = "tests/lint/exceptions.txt"
SKIP = 77

_COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.S | re.X)


def _listed_by_git():
    done = subprocess.run(
        ["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=ROOT,
        capture_output=True, check=False)
    return done.stdout.decode().split("\0") if done.returncode == 0 else None


def _listed_by_walk():
    for folder, dirs, names in os.walk(ROOT):
        dirs[:] = [d for d in dirs if d not in (".git", "__pycache__")
                   and not (folder == ROOT and d.startswith("build"))]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def files(suffixes=(), under=()):
    """Paths from the root, sorted; both filters are tuples of strings."""
    listed = None
    if os.path.exists(os.path.join(ROOT, ".git")):
        listed = _listed_by_git()
    if listed is None:
        listed = _listed_by_walk()
    return sorted(
        path for path in listed
        if path and os.path.isfile(os.path.join(ROOT, path))
        and (not suffixes or path.endswith(tuple(suffixes)))
        and (not under or path.startswith(tuple(under)))
        and not path.startswith("tests/fuzz/corpus/"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8",
              errors="replace") as file:
        return file.read()


def is_binary(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return b"\0" in file.read(8192)


def _blank(found):
    text = found.group()
    inner = re.sub(r"[^\n]", " ", text)
    return text[0] + inner[1:-1] + text[0] if text[0] in "\"'" else inner


def strip(text, keep_strings=False):
    """The text without comments and literals; every character keeps its place."""
    def replace(found):
        if keep_strings and found.group()[0] in "\"'":
            return found.group()
        return _blank(found)
    return _COMMENT_OR_LITERAL.sub(replace, text)


def strip_directives(text):
    """Blank preprocessor lines, continued ones too."""
    return re.sub(
        r"^[ \t]*#(?:\\\n|[^\n])*",
        lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.M)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def match_paren(text, position):
    """Where the bracket that opens at `position` closes; -1 if it does not."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opening, closing = text[position], pairs[text[position]]
    depth = 0
    for at in range(position, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
    return -1


def split_params(text):
    """Parameters of "(int a, void (*f)(int, int))", without the brackets."""
    params, depth, start = [], 0, 1
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth == 1 and char == "," or depth == 0 and char == ")":
            params.append(text[start:at].strip())
            start = at + 1
    return [p for p in params if p and p != "void"]


class Function:
    """One definition: its name, its lines, its text without comments."""

    def __init__(self, head, head_line, body, open_line):
        found = re.search(r"([A-Za-z_]\w*)\s*\(", head)
        self.name = found.group(1) if found else "?"
        self.params = []
        if found:
            start = found.end() - 1
            end = match_paren(head, start)
            self.params = split_params(head[start:end + 1])
            if self.name.isupper():
                self.name += "(" + ", ".join(self.params) + ")"
        self.line = head_line
        self.open_line = open_line
        self.body = body

    @property
    def lines(self):
        return self.body.count("\n")


def functions(path):
    """Every function that the file defines."""
    lines = strip_directives(strip(read(path))).split("\n")
    found = []
    for number, line in enumerate(lines):
        if not line.startswith("{"):
            continue
        first = number
        while first > 0 and re.match(r"\s*[^\s;}]", lines[first - 1]) and \
                not lines[first - 1].rstrip().endswith((";", "}")):
            first -= 1
        head = "\n".join(lines[first:number])
        last = number
        while last + 1 < len(lines) and not lines[last].startswith("}"):
            last += 1
        if "(" in head:
            found.append(Function(head, first + 1,
                                  "\n".join(lines[number:last + 1]),
                                  number + 1))
    return found


class Report:
    """Problems found, less those that exceptions.txt allows with a reason."""

    def __init__(self, *rules):
        self.problems = []
        self.allowed = {}
        if not os.path.exists(os.path.join(ROOT, EXCEPTIONS)):
            return
        for number, line in enumerate(read(EXCEPTIONS).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            words = line.split(None, 2)
            if len(words) < 3:
                self.problems.append(f"{EXCEPTIONS}:{number}: no reason given")
            elif words[0] in rules:
                self.allowed[words[0], words[1]] = [number, False]

    def add(self, rule, path, line, message, name=None):
        where = f"{path}:{name}" if name else path
        entry = self.allowed.get((rule, where))
        if entry:
            entry[1] = True
        else:
            self.problems.append(f"{path}:{line}: {message} [{rule}]")

    def end(self):
        """Print and leave: 0 if the tree is clean."""
        for (rule, where), (number, used) in self.allowed.items():
            if not used:
                self.problems.append(
                    f"{EXCEPTIONS}:{number}: not needed: {rule} {where}")
        print("\n".join(self.problems))
        sys.exit(1 if self.problems else 0)


def skip(reason):
    print(reason)
    sys.exit(SKIP)
