"""Every `path.c:function` that a document names is defined in that file.

A definition has its name in column 0, which the format of this code keeps; in
assembly it is a label. So a function that was renamed or moved is noticed where
it is told about. The tour is made of such names: without one it is no tour.
"""

import os
import re

import source

HOP = re.compile(r"\b([\w./-]+\.[chS]):([A-Za-z_]\w*)\b")
TOUR = "docs/tour.md"


def defines(path, name):
    return re.search(rf"^{re.escape(name)}[(:]", source.read(path), re.M)


def check_hop(report, path, number, file, name):
    if not os.path.isfile(os.path.join(source.ROOT, file)):
        report.add("tour", path, number, f"there is no {file}")
    elif not defines(file, name):
        report.add("tour", path, number, f"{file} does not define {name}()")


def main():
    report = source.Report("tour")
    for path in source.files((".md",)):
        hops = 0
        for number, line in enumerate(source.read(path).split("\n"), 1):
            for file, name in HOP.findall(line):
                hops += 1
                check_hop(report, path, number, file, name)
        if path == TOUR and hops == 0:
            report.add("tour", path, 1, "names no function")
    report.end()


main()
