"""Every public function says what it does, returns, and whether it waits."""

import re

import source

PROTOTYPE = re.compile(r"^TN_API\b[^;{]*;", re.M)


def comment_before(text, position):
    """The doc comment that ends right above; "" if there is none."""
    before = text[:position]
    if not re.search(r"\*/\n$", before):
        return ""
    start = before.rfind("/*")
    return before[start:] if before.startswith("/**", start) else ""


def summary(comment):
    lines = [line.strip(" */") for line in comment.split("\n")]
    lines = [line for line in lines if line]
    return lines[0] if lines else ""


def wants(prototype):
    """The tags that the comment of this prototype must have."""
    tags = ["@suspends", "@thread", "@see"]
    head = prototype[:prototype.index("(")]
    if not re.search(r"\bvoid\s+\w+\s*$", head):
        tags.append("@return")
    start = prototype.index("(", prototype.index(head.split()[-1]))
    for param in source.split_params(
            prototype[start:source.match_paren(prototype, start) + 1]):
        name = re.search(r"(\w+)\s*(?:\[\w*\])?$", param)
        if "*" in param and name and "(" not in param:
            tags.append("@param " + name.group(1))
    return tags


def check_prototype(report, path, text, found):
    name = re.search(r"(\w+)\s*\(", found.group()[len("TN_API"):])
    if not name:
        return  # a variable
    name = name.group(1)
    line = source.line_of(text, found.start())
    comment = comment_before(text, found.start())
    if not comment:
        report.add("doc", path, line, f"{name} has no /** comment above",
                   name)
        return
    first = summary(comment)
    if not re.match(r"[A-Z][\w'-]*[ .,;:]", first) or first.startswith("@"):
        report.add("doc", path, line, f"{name}: no sentence to begin with",
                   name)
    for tag in wants(source.strip(found.group())):
        if not re.search(re.escape(tag) + r"\s+\S", comment):
            report.add("doc", path, line, f"{name}: no {tag}", name)


def check_unmarked(report, path, text):
    """A prototype without TN_API would not be exported."""
    bare = source.strip_directives(source.strip(text))
    bare = re.sub(r"\{[^{}]*\}", lambda f: re.sub(r"[^\n]", " ", f.group()),
                  bare)
    bare = re.sub(r"^\s*TN_(BEGIN|END)_DECLS\s*$", "", bare, flags=re.M)
    for found in re.finditer(r"^(?!TN_API|typedef|static|extern)(\w[^;#]*"
                             r"\b(tn_\w+)\s*\([^;]*);", bare, re.M):
        report.add("doc", path, source.line_of(bare, found.start()),
                   f"{found.group(2)} is not marked TN_API", found.group(2))


def main():
    report = source.Report("doc")
    for path in source.files((".h",), ("include/tenon/",)):
        text = source.read(path)
        for found in PROTOTYPE.finditer(text):
            check_prototype(report, path, text, found)
        check_unmarked(report, path, text)
    report.end()


main()
