"""Can another language bind all of tenon? One test point per question.

Asked of each public header: every function takes and returns plain types,
none is inline or a macro, a variadic one has a twin that takes a vector,
and the shared library has each of them (where TENON_LIB names one).
"""

import ctypes
import re
import sys

import tap
import tenon_headers
import tenon_lib

# What may be a macro with arguments: tables and attributes, no verbs.
TABLES = re.compile(r"TN_(?:[A-Z0-9_]+_TABLE|[A-Z0-9_]+_ENUM|PRINTF)$")


def twin_names(name):
    """How the vector form of a variadic function may be called."""
    prefix, _, rest = name.partition("_")
    return {f"{name}v", f"{name}_v", f"{prefix}_v{rest}"}


def check_types(header, enums, callables):
    wrong = []
    for function in header.functions:
        if function.variadic:
            continue
        for text in [*function.params, function.result]:
            try:
                tenon_headers.c_type(text, enums, callables)
            except ValueError as error:
                wrong.append(f"{function.name}: {error}")
    return wrong


def check_variadic(header, functions):
    wrong = []
    for function in header.functions:
        twins = [functions[n] for n in twin_names(function.name)
                 if n in functions]
        good = [t for t in twins
                if not t.variadic and "va_list" not in repr(t)]
        if function.variadic and not good:
            wrong.append(f"{function.name} has no vector form")
    return wrong


def check_macros(header):
    wrong = [f"{name}{args} is a macro" for name, args in header.macros
             if args and not TABLES.match(name)]
    # An alias "#define tn_x tn_y" has no symbol either.
    wrong += [f"{name} is a macro" for name, args in header.macros
              if not args and name.startswith("tn_")]
    return wrong


def check_inline(header):
    return [f"{function.name} is inline" for function in header.functions
            if function.inline]


def check_unread(header):
    """Prototypes that the reader of headers did not understand."""
    seen = {function.name for function in header.functions}
    return [f"{name} was not understood" for name in header.exported
            if name not in seen]


def check_symbols(header, dll):
    return [f"{function.name} is not in the library"
            for function in header.functions
            if not function.inline and not hasattr(dll, function.name)]


def check_header(out, header, everything, dll):
    enums, callables, functions = everything
    questions = [
        ("can be read without a compiler", check_unread(header)),
        ("plain types only", check_types(header, enums, callables)),
        ("variadic functions have a twin",
         check_variadic(header, functions)),
        ("no macro is a verb", check_macros(header)),
        ("no function is inline", check_inline(header)),
    ]
    if dll is not None:
        questions.append(("every function is exported",
                          check_symbols(header, dll)))
    for question, wrong in questions:
        out.result(not wrong, f"{header.name}: {question}", wrong)


def main():
    out = tap.Tap()
    headers = tenon_headers.read_all()
    enums = set().union(*(h.enums for h in headers))
    callables = set().union(*(h.callables for h in headers))
    functions = {f.name: f for h in headers for f in h.functions}
    dll = None
    if tenon_lib.why_not() is None:
        dll = ctypes.CDLL(tenon_lib.library_path())
    else:
        out.skip("symbols of the library", tenon_lib.why_not())
    for header in headers:
        check_header(out, header, (enums, callables, functions), dll)
    return out.plan()


if __name__ == "__main__":
    sys.exit(main())
