"""A layer includes only layers above it; the product includes only the API."""

import os
import re

import source

# Lower rank is further up; frame and tls stand beside each other.
PLACES = ("src/", "hub/", "parcel/", "cli/")
RANK = {"base": 0, "wait": 1, "task": 2, "sock": 3, "frame": 4, "tls": 4,
        "http": 5}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def target_layer(mark, name):
    """The public headers are everybody's: they are the contract."""
    folder = name.split("/")[0]
    return folder if mark == '"' and "/" in name else None


def check_library(report, path, line, mark, name):
    layer = path.split("/")[1]
    target = target_layer(mark, name)
    if mark == '"' and name.endswith("_int.h") and target not in (None, layer):
        report.add("layer", path, line, f"{name} is private to its folder")
    if target in (None, layer, "tenon"):
        return
    if target not in RANK:
        report.add("layer", path, line, f"{name} is in no layer")
    elif RANK[target] >= RANK[layer]:
        report.add("layer", path, line,
                   f"{layer} must not include {target} ({name})")


def check_product(report, path, line, mark, name):
    own = path.split("/")[0]
    if mark == "<" or name.startswith("tenon/"):
        return
    folder = os.path.dirname(path)
    for place in (folder, own):
        if os.path.exists(os.path.join(source.ROOT, place, name)):
            return
    # The program is one: its commands may call the hub and the parcel, and the
    # parcel asks the hub's folder which networks there are; never the reverse.
    below = {"cli": ("hub/", "parcel/"), "parcel": ("hub/",)}
    if name.startswith(below.get(own, ())):
        return
    # Made at build time: embedded pages and generated tables.
    if not os.path.exists(os.path.join(source.ROOT, "src", name)) \
            and "/" not in name:
        return
    report.add("layer", path, line,
               f"{own}/ includes <tenon/...> and its own headers only"
               f" ({name})")


def main():
    report = source.Report("layer")
    for path in source.files((".c", ".h", ".S"), PLACES):
        text = source.strip(source.read(path), keep_strings=True)
        for found in INCLUDE.finditer(text):
            line = source.line_of(text, found.start(1))
            check = check_library if path.startswith("src/") else check_product
            check(report, path, line, found.group(1), found.group(2))
    report.end()


main()
