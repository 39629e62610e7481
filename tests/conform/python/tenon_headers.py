"""Reads include/tenon/*.h as a generator of bindings would.

There is no C compiler behind this: what this plain reader does not
understand, a binding for another language would stumble over as well.
"""

import ctypes
import os
import re

class Text(ctypes.Structure):
    """A tn_str: the one structure that goes by value, in two registers."""

    _fields_ = [("at", ctypes.c_void_p), ("len", ctypes.c_size_t)]


SCALARS = {
    "void": None,
    "tn_str": Text,
    "bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "int": ctypes.c_int,
    "unsigned": ctypes.c_uint,
    "unsigned int": ctypes.c_uint,
    "short": ctypes.c_short,
    "unsigned short": ctypes.c_ushort,
    "long": ctypes.c_long,
    "unsigned long": ctypes.c_ulong,
    "long long": ctypes.c_longlong,
    "unsigned long long": ctypes.c_ulonglong,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "ssize_t": ctypes.c_ssize_t,
    "socklen_t": ctypes.c_uint32,
    "int8_t": ctypes.c_int8,
    "uint8_t": ctypes.c_uint8,
    "int16_t": ctypes.c_int16,
    "uint16_t": ctypes.c_uint16,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
}

NOISE = re.compile(
    r"\bTN_(?:API|USE|PRINTF\s*\([^)]*\)|BEGIN_DECLS|END_DECLS)(?!\w)")


class Function:
    """One prototype: result and parameters as texts."""

    def __init__(self, name, result, params, inline):
        self.name = name
        self.result = result
        self.params = params
        self.inline = inline

    @property
    def variadic(self):
        return "..." in self.params

    def __repr__(self):
        return f"{self.result} {self.name}({', '.join(self.params)})"


class Header:
    """What one header declares."""

    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path, encoding="utf-8") as file:
            text = strip_comments(file.read())
        self.macros = re.findall(r"^#define (\w+)(\([^)]*\))?", text, re.M)
        self.errors = read_errors(text)
        self.constants = read_constants(text)
        text = re.sub(r"\\\n", " ", text)
        text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
        self.exported = re.findall(
            r"\bTN_API\b[^;{]*?\b(tn_\w+)\s*\(", text)
        text = NOISE.sub("", text)
        statements = split_statements(text)
        self.enums = set()
        self.structs = set()
        self.callables = set()
        self.functions = []
        for statement in statements:
            self._take(statement)

    def _take(self, statement):
        match = re.match(r"typedef enum \w* ?\{.*\} ?(\w+)$", statement)
        if match:
            self.enums.add(match[1])
            return
        match = re.match(r"typedef struct \w+ (\w+)$", statement)
        match = match or re.match(r"typedef struct .*\} ?(\w+)$", statement)
        if match:
            self.structs.add(match[1])
            return
        match = re.match(r"typedef [\w ]+ \**(\w+)\(.*\)$", statement)
        match = match or re.match(
            r"typedef [\w ]+\(\*(\w+)\)\(.*\)$", statement)
        if match:
            self.callables.add(match[1])
            return
        if statement.startswith(("typedef", "struct", "enum", "union")):
            return
        function = read_function(statement)
        if function:
            self.functions.append(function)


def strip_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def read_errors(text):
    """The rows of the error table: {name: value}."""
    rows = re.findall(r"\bX\((\w+),\s*(-\d+),", text)
    return {name: int(value) for name, value in rows}


def read_constants(text):
    """Enumerators of all enums that say or imply a number."""
    found = {}
    for body in re.findall(r"\benum\b\s*\w*\s*\{([^}]*)\}", text):
        value = -1
        for item in body.split(","):
            match = re.match(r"\s*(\w+)\s*(?:=\s*([^#]+?))?\s*$", item)
            if not match:
                continue
            value = value + 1 if match[2] is None else number(match[2])
            found[match[1]] = value
    return found


def number(text):
    """The value of a constant expression of digits and shifts."""
    if not re.fullmatch(r"[\d\sx<|+*()-]+", text):
        raise ValueError(f"not a plain constant: {text}")
    return eval(text, {"__builtins__": {}})


def split_statements(text):
    """Cut at semicolons and after inline bodies, outside of braces."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        body_ends = char == "}" and depth == 0 and is_body(text[start:at])
        if depth == 0 and (char == ";" or body_ends):
            parts.append(" ".join(text[start:at].split()))
            start = at + 1
    return [part for part in parts if part]


def is_body(text):
    return re.match(r"\s*static inline\b", text) is not None


def read_function(statement):
    inline = "inline" in statement
    statement = statement.split("{")[0].strip()
    match = re.match(r"([\w\s*]+?)\s*(\**)(tn_\w+)\s*\((.*)\)$", statement)
    if not match:
        return None
    result = (match[1] + " " + match[2]).strip()
    result = result.replace("static inline ", "").replace(" *", "*")
    params = [" ".join(p.split()) for p in split_params(match[4])]
    return Function(match[3], result, params, inline)


def split_params(text):
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return [] if parts == ["void"] else parts


def c_type(text, enums, function_types=()):
    """The ctypes type of a parameter or result; ValueError if none.

    Text passed in is bytes; every other pointer is an address.
    """
    if "va_list" in text:
        raise ValueError("va_list cannot be made outside of C")
    if re.fullmatch(r"const char ?\*\s*\w*", text):
        return ctypes.c_char_p
    if "*" in text or "[" in text:
        return ctypes.c_void_p
    bare = re.sub(r"\bconst\b", "", text).strip()
    bare = " ".join(bare.split())
    if re.match(r"enum \w+\b", bare):
        return ctypes.c_int
    for candidate in (bare, bare.rpartition(" ")[0]):
        if candidate in SCALARS:
            return SCALARS[candidate]
        if candidate in enums:
            return ctypes.c_int
        if candidate in function_types:
            return ctypes.c_void_p
    raise ValueError(f"no plain type: {text}")


def include_dir():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get(
        "TENON_INCLUDE", os.path.join(here, "..", "..", "..", "include"))


def read_all(folder=None):
    """Every public header, in the order of the names."""
    folder = os.path.join(folder or include_dir(), "tenon")
    names = sorted(n for n in os.listdir(folder) if n.endswith(".h"))
    return [Header(os.path.join(folder, name)) for name in names]
