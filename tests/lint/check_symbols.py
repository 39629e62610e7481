"""The shared library exports tn_* only, has its soname, and keeps quiet."""

import glob
import os
import re
import subprocess
import sys

import source

SONAME = "libtenon.so.0"
# A library that exits or prints takes a decision that is its user's.
NEVER = ("exit", "quick_exit", "printf", "puts", "putchar", "perror",
         "psignal", "signal")


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          check=True).stdout.decode()


def names(library, which):
    """Names in the dynamic table, without their versions."""
    for line in output("nm", "-D", which, library).splitlines():
        words = line.split()
        if words and words[-2] != "A":
            yield re.sub(r"@.*", "", words[-1])


def problems_of(library):
    exported = list(names(library, "--defined-only"))
    if not exported:
        yield "exports nothing"
    for name in exported:
        if not re.fullmatch(r"tn_[a-z]\w*", name):
            yield f"exports {name}"
    for name in names(library, "--undefined-only"):
        if re.sub(r"^__|_chk$", "", name) in NEVER:
            yield f"calls {name}()"
    if f"[{SONAME}]" not in output("readelf", "-d", library):
        yield f"its soname is not {SONAME}"


def main():
    build = os.environ.get("TENON_BUILD")
    if not build:
        source.skip("TENON_BUILD names no build folder")
    found = [path for path in glob.glob(build + "/src/libtenon.so.*")
             if os.path.isfile(path)]
    if not found:
        print(f"{build}: no shared library")
        sys.exit(1)
    problems = [f"libtenon.so: {text}" for text in problems_of(found[0])]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


main()
