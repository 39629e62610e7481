#!/usr/bin/env python3
"""tn_pack and tn_unpack against Python's struct, on cases from a fixed seed."""

import math
import os
import random
import struct
import subprocess
import sys

SEED = 20240229
RANDOM_CASES = 4000
HELPER = sys.argv[1]

INTEGERS = "bBhHiIlLqQnN"
BITS = {"b": 8, "h": 16, "i": 32, "l": 32, "q": 64, "n": 64}
ORDERS = ["", "@", "=", "<", ">", "!"]

requests = []  # (group, line, what must come back)


def request(group, verb, fmt, rest, wanted):
    fmt = "|" + fmt.replace(" ", "_")
    requests.append((group, " ".join([verb, fmt, *rest]), wanted))


def text_of(value):
    """A value as the helper reads and prints it."""
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, float):
        return "f" + value.hex()
    return ("u" if value > 2**63 - 1 else "i") + str(int(value))


def size(group, fmt):
    try:
        wanted = f"={struct.calcsize(fmt)}"
    except struct.error:
        wanted = "TN_EFORMAT"
    request(group, "size", fmt, [], wanted)


def pack(group, fmt, values):
    """Ask for bytes; and, if there are some, for the values back."""
    try:
        data = struct.pack(fmt, *values)
        wanted = "=" + data.hex()
    except (struct.error, OverflowError):
        data = None
        wanted = "TN_ERANGE"
    request(group, "pack", fmt, map(text_of, values), wanted)
    if data is not None:
        unpack(group, fmt, data)


def unpack(group, fmt, data):
    request(group, "unpack", fmt, [data.hex()],
            ["=", *map(same_text, struct.unpack(fmt, data))])


def same_text(value):
    """A value that compares equal whatever its kind: 1, True, i1, u1."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return value


def value_of(word):
    kind, rest = word[0], word[1:]
    if kind == "b":
        return bytes.fromhex(rest)
    if kind == "f":
        value = float.fromhex(rest)
        return "nan" if math.isnan(value) else value
    return int(rest)


def agree(fmt, wanted, got):
    if isinstance(wanted, str):
        return wanted == got
    words = got.split(" ")
    values = [value_of(word) for word in words[1:]]
    if fmt and "c" in fmt:  # Python gives bytes of length one, C a number
        wanted = [w[0] if isinstance(w, bytes) and len(w) == 1
                  and not isinstance(v, bytes) else w
                  for w, v in zip(wanted, ["="] + values)]
    return words[0] == "=" and values == wanted[1:]


# --- the cases ---------------------------------------------------------------

def edges(bits, signed):
    low = -2**(bits - 1) if signed else 0
    high = 2**(bits - signed) - 1
    for value in (low - 1, low, low + 1, -1, 0, 1, high - 1, high, high + 1):
        if -2**63 <= value < 2**64:
            yield value


def integer_edges():
    for order in ORDERS:
        for kind in INTEGERS:
            if kind in "nN" and order not in ("", "@"):
                size("integers", order + kind)
                continue
            bits = 8 * struct.calcsize(order + kind)
            for value in edges(bits, kind.islower()):
                pack("integers", order + kind, [value])


def floats():
    specials = [0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 5e-324,
                2.2250738585072014e-308, 1e-45, 1.4e-45, 7e-46, 3.4028234e38,
                3.4028235677973366e38, 3.5e38, 1e39, -1e39, 65504.0, 65519.999,
                65520.0, -65520.0, 6.1e-5, 5.96e-8, 2.98e-8, 2.99e-8, 0.1]
    draw = random.Random(SEED)
    halves = [math.ldexp(draw.uniform(-1, 1), draw.randint(-26, 17))
              for _ in range(200)]
    # Exactly between two half floats, and a hair beside.
    ties = [math.ldexp(2 * draw.randrange(1024, 2048) + 1, e)
            for e in range(-27, 5) for _ in range(3)]
    beside = [math.nextafter(tie, to) for tie in ties for to in (0, math.inf)]
    for order in ORDERS:
        for kind in "efd":
            for value in specials + halves:
                pack("floats", order + kind, [value])
    for value in ties + beside:
        pack("floats", ">e", [value])
    for kind in "efd":
        for value in (0, 1, -7, 2**53 + 1, 2**64 - 1):
            pack("floats", "<" + kind, [value])


def every_half():
    for start in range(0, 0x10000, 128):
        data = struct.pack("<128H", *range(start, start + 128))
        unpack("half floats", "<128e", data)


def texts():
    for order in ORDERS:
        for count in ("", "0", "1", "2", "5", "256", "300"):
            for length in (0, 1, 4, 5, 6, 255, 256, 299, 300, 400):
                data = bytes(i % 251 for i in range(length))
                pack("strings", f"{order}{count}s", [data])
                if count != "0":  # Python 3.11 cannot unpack "0p"
                    pack("strings", f"{order}{count}p", [data])
        for value in (True, False, 0, 7, 0.0, 0.5):
            pack("strings", order + "?", [value])
        pack("strings", order + "3c", [b"a", b"\0", b"\xff"])
    for value in (0, 1, 2**64 - 1, -1):
        pack("strings", "P", [value])


def random_item(draw, native):
    kind = draw.choice("xcbB?hHiIlLqQefdsp" + ("nNP" if native else ""))
    count = draw.choice(["", "", "", "0", "1", "2", "3", "7"])
    if kind in "sp":
        if count == "0" and kind == "p":
            count = "1"
        n = draw.randrange(10)
        return count + kind, [bytes(draw.randrange(256) for _ in range(n))]
    repeat = 0 if kind == "x" else int(count or 1)
    return count + kind, [random_value(draw, kind, native)
                          for _ in range(repeat)]


def random_value(draw, kind, native):
    if kind == "c":
        return bytes([draw.randrange(256)])
    if kind == "?":
        return draw.random() < 0.5
    if kind in "efd":
        spread = {"e": 18, "f": 120, "d": 900}[kind]
        return math.ldexp(draw.uniform(-1, 1), draw.randint(-spread, spread))
    if kind in "NP":
        return draw.randrange(2**64)
    bits = BITS[kind.lower()] if not native or kind not in "lL" else 64
    signed = kind.islower()
    value = draw.randrange(2**bits) - (2**(bits - 1) if signed else 0)
    if draw.random() < 0.01 and bits < 64:
        value += 2**bits  # does not fit
    return value


def random_formats():
    draw = random.Random(SEED)
    for _ in range(RANDOM_CASES):
        order = draw.choice(ORDERS)
        native = order in ("", "@")
        fmt, values = order, []
        for _ in range(draw.randint(1, 8)):
            item, more = random_item(draw, native)
            fmt += item + draw.choice(["", "", " ", "  "])
            values += more
        size("random formats", fmt)
        pack("random formats", fmt, values)


def bad_formats():
    draw = random.Random(SEED)
    letters = "xcbB?hHiIlLqQnNefdspP@=<>!0123456789 yzZ#-"
    for _ in range(3000):
        fmt = "".join(draw.choice(letters) for _ in range(draw.randint(0, 6)))
        size("any formats", fmt)
    for count in (2**63 - 1, 2**63, 2**62, 2**61 - 1, 2**61, 2**60, 10**30):
        for kind in "bhiqsx":
            size("any formats", f"{count}{kind}")
            size("any formats", f"b{count}{kind}")
            size("any formats", f"<{count}{kind}x")


def main():
    for cases in (integer_edges, floats, every_half, texts, random_formats,
                  bad_formats):
        cases()
    done = subprocess.run(
        [HELPER], input="".join(line + "\n" for _, line, _ in requests),
        capture_output=True, encoding="ascii", check=False,
        env={**os.environ, "LC_ALL": "C"})
    answers = done.stdout.splitlines()
    groups = {}
    for (group, line, wanted), got in zip(requests, answers):
        groups.setdefault(group, []).append((line, wanted, got))
    print(f"1..{len(groups) + 1}")
    ended_well = done.returncode == 0 and len(answers) == len(requests)
    print(f"{'' if ended_well else 'not '}ok 1 - "
          f"{len(answers)} of {len(requests)} requests answered")
    failed = not ended_well
    for number, (group, cases) in enumerate(groups.items(), 2):
        wrong = [c for c in cases
                 if not agree(c[0].split(" ")[1], c[1], c[2])]
        print(f"{'not ' if wrong else ''}ok {number} - "
              f"{group}: {len(cases)} as in Python")
        for line, wanted, got in wrong[:5]:
            print(f"# {line}\n#   wanted {wanted}\n#   got    {got}")
        failed = failed or bool(wrong)
    sys.exit(failed)


main()
