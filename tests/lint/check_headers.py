"""Each public header compiles alone, twice, as C11 and as C++17."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import source

WARN = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
COMPILERS = [
    ["gcc", "-x", "c", "-std=c11"],
    ["clang", "-x", "c", "-std=c11", "-Wdocumentation",
     "-fcomment-block-commands=suspends,thread"],
    ["g++", "-x", "c++", "-std=c++17"],
]


def compile_alone(job):
    command, header = job
    line = f"#include <{header}>\n"
    done = subprocess.run(
        command + WARN + ["-I", source.ROOT + "/include", "-"],
        input=(line + line).encode(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0:
        return ""
    return f"{' '.join(command)}: {header} alone:\n" + done.stdout.decode()


def main():
    present = [c for c in COMPILERS if shutil.which(c[0])]
    headers = [path[len("include/"):]
               for path in source.files((".h",), ("include/tenon/",))]
    jobs = [(command, header) for header in headers for command in present]
    if not jobs:
        source.skip("no header or no compiler")
    with ThreadPoolExecutor(2) as pool:
        problems = [text for text in pool.map(compile_alone, jobs) if text]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


main()
