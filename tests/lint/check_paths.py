"""No path of one machine gets into the tree."""

import re

import source

# Put together here, so that this file does not contain them.
FOLDERS = ("work", "root", "Users")
PATH = re.compile(r"(?:^|[\s\"'`=:(<@])/(?:" + "|".join(FOLDERS) + r")/")


def main():
    report = source.Report("machine-path")
    for path in source.files():
        if source.is_binary(path):
            continue
        for number, line in enumerate(source.read(path).split("\n"), 1):
            if PATH.search(line):
                report.add("machine-path", path, number,
                           "a path of one machine")
    report.end()


main()
