"""The sources are as clang-format 14 leaves them."""

import os
import shutil
import subprocess
import sys

import source


def main():
    if not shutil.which("clang-format"):
        source.skip("no clang-format")
    version = subprocess.run(["clang-format", "--version"],
                             capture_output=True, check=False).stdout
    if b"version 14." not in version:
        source.skip("clang-format is not 14, others format differently")
    paths = source.files((".c", ".h"))
    style = os.path.join(source.ROOT, ".clang-format")
    if not paths or not os.path.exists(style):
        source.skip("nothing to format")
    done = subprocess.run(
        ["clang-format", "--dry-run", "--Werror", "--ferror-limit=3",
         "--style=file", *paths],
        cwd=source.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False)
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").split("\n")
        print("\n".join(line for line in lines if ": error: " in line))
        print("make format mends it")
    sys.exit(done.returncode)


main()
