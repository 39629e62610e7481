"""The cases of the Autobahn test suite for WebSocket, as a table.

The numbers are the suite's, so that results can be compared; what it has for
compression (12, 13) is left out. A case is what the tester sends, which events
it wants to see, and who has to close how.
"""

TEXT, BINARY, CLOSE, PING, PONG, MORE = 1, 2, 8, 9, 10, 0
FIN = 0x80
SYNC = "sync"  # each frame in a send of its own


class Case:
    """One case. `steps` are tuples, the first word says what to do:

    send    first byte, payload, chop: a frame, cut into pieces of `chop` bytes
            (0: as it comes, SYNC: by itself)
    begin   first byte, length: the head of a frame only
    data    payload: of that frame
    quiet   tag: nothing may come for a while
    fast    tag: now the peer has to close, at once
    close   payload: a close frame

    `good` is what has to come, `also` what may come instead (NON-STRICT), each
    a list of events: ("message", payload, is_text), ("pong", payload),
    ("timeout", tag). `codes` are those that the close frame may have; None: any.
    """

    def __init__(self, number, steps, good, **more):
        self.number = number
        self.steps = steps
        self.good = good
        self.also = more.get("also")
        self.by_peer = more.get("by_peer", False)
        self.codes = more.get("codes", [1000])
        self.clean = more.get("clean", not self.by_peer)
        self.strict_code = more.get("strict_code", False)
        self.informal = more.get("informal", False)
        self.rounds = more.get("rounds", 1)
        self.heavy = more.get("heavy", False)


cases = []


def add(number, steps, good, **more):
    cases.append(Case(number, steps, good, **more))


def send(opcode, payload=b"", fin=True, rsv=0, chop=0):
    return ("send", (FIN if fin else 0) | rsv << 4 | opcode, payload, chop)


def close(code=None, reason=b""):
    head = b"" if code is None else code.to_bytes(2, "big")
    return ("close", head + reason)


def text(payload):
    return ("message", payload, True)


def binary(payload):
    return ("message", payload, False)


def refused(number, steps, good=(), code=1002, **more):
    """The peer has to fail the connection; having echoed `good` first is the
    strict reading, not having done so the other."""
    also = [] if good else None
    add(number, steps, list(good), also=also, by_peer=True, codes=[code],
        **more)


# --- 1 framing ---------------------------------------------------------------

SIZES = [0, 125, 126, 127, 128, 65535, 65536]

for part, opcode, char, event in ((1, TEXT, b"*", text),
                                  (2, BINARY, b"\xfe", binary)):
    for i, size in enumerate(SIZES, 1):
        add(f"1.{part}.{i}", [send(opcode, char * size)], [event(char * size)])
    add(f"1.{part}.8", [send(opcode, char * 65536, chop=997)],
        [event(char * 65536)])

# --- 2 pings and pongs -------------------------------------------------------

OCTETS = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"

for number, payload, chop in (("2.1", b"", 0), ("2.2", b"Hello, world!", 0),
                              ("2.3", OCTETS, 0), ("2.4", b"\xfe" * 125, 0),
                              ("2.6", b"\xfe" * 125, 1)):
    add(number, [send(PING, payload, chop=chop)], [("pong", payload)])
refused("2.5", [send(PING, b"\xfe" * 126)])
add("2.7", [send(PONG)], [])
add("2.8", [send(PONG, b"nobody asked")], [])
add("2.9", [send(PONG, b"nobody asked"), send(PING, b"I ask")],
    [("pong", b"I ask")])
for number, chop in (("2.10", 0), ("2.11", 1)):
    asked = [b"payload-%d" % i for i in range(10)]
    add(number, [send(PING, p, chop=chop) for p in asked],
        [("pong", p) for p in asked])

# --- 3 reserved bits, 4 reserved opcodes -------------------------------------

HELLO = b"Hello, world!"


def hello_then(number, *bad, chop=0):
    refused(number, [send(TEXT, HELLO, chop=chop),
                     ("send", *bad, chop), send(PING, chop=chop)],
            [text(HELLO)])


refused("3.1", [send(TEXT, HELLO, rsv=1)])
hello_then("3.2", FIN | 0x20 | TEXT, HELLO)
hello_then("3.3", FIN | 0x30 | TEXT, HELLO, chop=SYNC)
hello_then("3.4", FIN | 0x40 | TEXT, HELLO, chop=1)
refused("3.5", [send(BINARY, OCTETS, rsv=5)])
refused("3.6", [send(PING, HELLO, rsv=6)])
refused("3.7", [send(CLOSE, rsv=7)])

for part, first in ((1, 3), (2, 11)):
    refused(f"4.{part}.1", [send(first)])
    refused(f"4.{part}.2", [send(first + 1, b"reserved opcode")])
    hello_then(f"4.{part}.3", FIN | first + 2, b"")
    hello_then(f"4.{part}.4", FIN | first + 3, HELLO)
    hello_then(f"4.{part}.5", FIN | first + 4, HELLO, chop=1)

# --- 5 fragmentation ---------------------------------------------------------

ONE, TWO = b"fragment1", b"fragment2"

refused("5.1", [send(PING, ONE, fin=False), send(MORE, TWO)])
refused("5.2", [send(PONG, ONE, fin=False), send(MORE, TWO)])
for i, chop in enumerate((0, SYNC, 1)):
    add(f"5.{3 + i}", [send(TEXT, ONE, fin=False, chop=chop),
                       send(MORE, TWO, chop=chop)], [text(ONE + TWO)])
    add(f"5.{6 + i}", [send(TEXT, ONE, fin=False, chop=chop),
                       send(PING, b"ping payload", chop=chop),
                       send(MORE, TWO, chop=chop)],
        [("pong", b"ping payload"), text(ONE + TWO)])
    for k, fin in ((9, True), (12, False)):
        refused(f"5.{k + i}",
                [send(MORE, b"continues nothing", fin=fin, chop=chop),
                 send(TEXT, HELLO, chop=chop)])
refused("5.15", [send(TEXT, ONE, fin=False), send(MORE, TWO),
                 send(MORE, b"fragment3", fin=False),
                 send(TEXT, b"fragment4")], [text(ONE + TWO)])
for number, fin in (("5.16", False), ("5.17", True)):
    refused(number, 2 * [send(MORE, ONE, fin=fin), send(TEXT, TWO, fin=False),
                         send(MORE, b"fragment3")])
refused("5.18", [send(TEXT, ONE, fin=False), send(TEXT, TWO)])
for number, chop in (("5.19", 0), ("5.20", SYNC)):
    parts = [b"fragment%d" % i for i in range(1, 6)]
    add(number,
        [send(TEXT, parts[0], fin=False, chop=chop),
         send(MORE, parts[1], fin=False, chop=chop),
         send(PING, b"first", chop=chop), ("see", ("pong", b"first")),
         send(MORE, parts[2], fin=False, chop=chop),
         send(MORE, parts[3], fin=False, chop=chop),
         send(PING, b"second", chop=chop), send(MORE, parts[4], chop=chop)],
        [("pong", b"first"), ("pong", b"second"), text(b"".join(parts))])

# --- 6 UTF-8 -----------------------------------------------------------------

KOSME = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
GERMAN = "Hello-µ@ßöäüàá-UTF-8!!".encode()


def pieces(payload, size):
    """A text in frames of that size."""
    cuts = [payload[i:i + size] for i in range(0, len(payload), size)] or [b""]
    return [send(MORE if i else TEXT, cut, fin=i == len(cuts) - 1)
            for i, cut in enumerate(cuts)]


add("6.1.1", [send(TEXT)], [text(b"")])
for number, middle in (("6.1.2", b""), ("6.1.3", b"middle frame payload")):
    add(number, [send(TEXT, b"", fin=False), send(MORE, middle, fin=False),
                 send(MORE)], [text(middle)])
add("6.2.1", [send(TEXT, GERMAN)], [text(GERMAN)])
add("6.2.2", [send(TEXT, GERMAN[:14], fin=False), send(MORE, GERMAN[14:])],
    [text(GERMAN)])
add("6.2.3", pieces(GERMAN, 1), [text(GERMAN)])
add("6.2.4", pieces(KOSME, 1), [text(KOSME)])

SURROGATE = KOSME + b"\xed\xa0\x80edited"
refused("6.3.1", [send(TEXT, SURROGATE)], code=1007)
refused("6.3.2", pieces(SURROGATE, 1), code=1007)

BEYOND = KOSME + b"\xf4\x90\x80\x80edited"
for i, (first, second) in enumerate(((11, 15), (12, 13))):
    parts = BEYOND[:first], BEYOND[first:second], BEYOND[second:]
    add(f"6.4.{1 + i}",
        [send(TEXT, parts[0], fin=False), ("quiet", "A"),
         send(MORE, parts[1], fin=False), ("fast", "B"),
         send(MORE, parts[2])],
        [("timeout", "A")], also=[("timeout", "A"), ("timeout", "B")],
        by_peer=True, codes=[1007])
    add(f"6.4.{3 + i}",
        [("begin", FIN | TEXT, len(BEYOND)), ("data", parts[0]),
         ("quiet", "A"), ("data", parts[1]), ("fast", "B"),
         ("data", parts[2])],
        [("timeout", "A")], also=[("timeout", "A"), ("timeout", "B")],
        by_peer=True, codes=[1007])


def is_text(payload):
    try:
        payload.decode()
        return True
    except UnicodeDecodeError:
        return False


CUT = [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80",
       b"\xfc\x80\x80\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf",
       b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"]
HIGH = [b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf"]
LOW = [b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf"]

# Sections 6.5 to 6.23, whether each is text is Python's verdict.
SEQUENCES = [
    [b"hello\x24world", b"hello\xc2\xa2world", b"hello\xe2\x82\xacworld",
     b"hello\xf0\xa4\xad\xa2world", KOSME],
    [KOSME[:i] for i in range(1, len(KOSME) + 1)],
    [b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"],
    [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"],
    [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd" + b"\xbf" * 5],
    [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf",
     b"\xf4\x90\x80\x80"],
    [b"\x80", b"\xbf"] + [(b"\x80\xbf" * 3)[:i] for i in range(2, 7)] +
    [bytes(range(0x80, 0xbf))],
    [b"".join(bytes((c, 0x20)) for c in range(a, b))
     for a, b in ((0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb),
                  (0xfc, 0xfd))],
    CUT,
    [b"".join(CUT)],
    [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",
     b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"],
    [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
     b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
    [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80",
     b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"],
    HIGH + LOW,
    [h + l for h in HIGH for l in (LOW[0], LOW[2])],
    [chr(c).encode() for c in (0xfffe, 0xffff)] +
    [chr(plane << 16 | low).encode() for plane in range(1, 17)
     for low in (0xfffe, 0xffff)],
    [chr(c).encode() for c in range(0xfff9, 0x10000)],
]

for part, group in enumerate(SEQUENCES, 5):
    for i, payload in enumerate(group, 1):
        number = f"6.{part}.{i}"
        if is_text(payload):
            add(number, [send(TEXT, payload)], [text(payload)])
        else:
            refused(number, [send(TEXT, payload)], code=1007)

# --- 7 closing ---------------------------------------------------------------

LONG = b"BAsd7&jh23" * 26215
NORMAL = close(1000)

add("7.1.1", [send(TEXT, HELLO)], [text(HELLO)])
add("7.1.2", [NORMAL, send(CLOSE)], [])
add("7.1.3", [NORMAL, send(PING)], [])
add("7.1.4", [NORMAL, send(TEXT, HELLO)], [])
add("7.1.5", [send(TEXT, ONE, fin=False), NORMAL, send(MORE, TWO)], [])
add("7.1.6", [send(TEXT, LONG[:256 << 10]), send(TEXT, HELLO), NORMAL,
              send(PING)], [text(LONG[:256 << 10]), text(HELLO)],
    informal=True)
add("7.3.1", [close()], [], strict_code=True)
add("7.3.2", [("close", b"a")], [], codes=[1002], clean=False)
add("7.3.3", [NORMAL], [])
add("7.3.4", [close(1000, b"Hello World!")], [])
add("7.3.5", [close(1000, b"*" * 123)], [])
add("7.3.6", [close(1000, b"*" * 124)], [], codes=[1002], clean=False,
    strict_code=True)
add("7.5.1", [close(1000, SURROGATE)], [], codes=[1002, 1007], clean=False,
    strict_code=True)
for i, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                          3000, 3999, 4000, 4999), 1):
    add(f"7.7.{i}", [close(code)], [], codes=[1000, code], strict_code=True)
for i, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999),
                         1):
    add(f"7.9.{i}", [close(code)], [], codes=[1002], clean=False,
        strict_code=True)
for i, code in enumerate((5000, 65535), 1):
    add(f"7.13.{i}", [close(code)], [], codes=[1000, 1002, code], clean=False,
        informal=True)

# --- 9 limits, 10 ------------------------------------------------------------

KI, MI = 1 << 10, 1 << 20


def filled(pattern, size):
    return (pattern * (size // len(pattern) + 1))[:size]


def fragments(opcode, payload, size):
    count = -(-len(payload) // size)
    return [send(MORE if i else opcode, payload[i * size:(i + 1) * size],
                 fin=i == count - 1) for i in range(count)]


for part, opcode, pattern, event in ((1, TEXT, b"BAsd7&jh23", text),
                                     (2, BINARY, b"\x00\xfe\x23\xfa\xf0",
                                      binary)):
    for i, size in enumerate((64 * KI, 256 * KI, MI, 4 * MI, 8 * MI, 16 * MI),
                             1):
        message = filled(pattern, size)
        add(f"9.{part}.{i}", [send(opcode, message)], [event(message)],
            heavy=i > 3)
    message = b"*" * (4 * MI)
    for i, size in enumerate((64, 256, KI, 4 * KI, 16 * KI, 64 * KI, 256 * KI,
                              MI, 4 * MI), 1):
        add(f"9.{part + 2}.{i}", fragments(opcode, message, size),
            [event(message)], heavy=i != 6)
    message = filled(pattern, MI)
    for i in range(6):
        add(f"9.{part + 4}.{i + 1}", [send(opcode, message, chop=64 << i)],
            [event(message)], heavy=i != 5)
    char = b"*" if part == 1 else b"\xfe"
    for i, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
        add(f"9.{part + 6}.{i}", [send(opcode, char * size)],
            [event(char * size)], rounds=1000, heavy=i != 4)

add("10.1.1", fragments(TEXT, b"*" * 65536, 1300), [text(b"*" * 65536)])
