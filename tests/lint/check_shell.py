"""shellcheck has nothing to say about our shell scripts."""

import os
import re
import shutil
import subprocess
import sys

import source


def is_shell(path):
    if path.endswith(".sh"):
        return True
    if not os.access(os.path.join(source.ROOT, path), os.X_OK):
        return False
    with open(os.path.join(source.ROOT, path), "rb") as file:
        return bool(re.match(rb"#!.*\b(ba|da)?sh\b", file.readline()))


def main():
    if not shutil.which("shellcheck"):
        source.skip("no shellcheck")
    paths = [path for path in source.files() if is_shell(path)]
    if not paths:
        source.skip("no shell scripts")
    sys.exit(subprocess.run(["shellcheck", "-f", "gcc", *paths],
                            cwd=source.ROOT, check=False).returncode)


main()
