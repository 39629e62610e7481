#!/usr/bin/env python3
"""seal.h and pake.h against other implementations, on cases from a fixed seed.

ChaCha20-Poly1305 (RFC 8439), ristretto255 (RFC 9496) and CPace
(draft-irtf-cfrg-cpace) are written down here with Python's integers; SHA-512
and BLAKE2b are hashlib's.
"""

import hashlib
import os
import random
import struct
import subprocess
import sys

SEED = 20261121
SEALED = 200
HASHED = 100
EXCHANGES = 60
HELPER = sys.argv[1]

# --- RFC 8439 -----------------------------------------------------------------


def rotate(word, bits):
    return (word << bits | word >> (32 - bits)) & 0xffffffff


def quarter_round(s, a, b, c, d):
    for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8),
                          (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xffffffff
        s[z] = rotate(s[z] ^ s[x], bits)


def chacha20_block(key, counter, nonce):
    start = [*struct.unpack("<4I", b"expand 32-byte k"),
             *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    s = list(start)
    for _ in range(10):
        for i in range(4):
            quarter_round(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter_round(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4,
                          12 + (i + 3) % 4)
    return struct.pack("<16I", *((x + y) & 0xffffffff
                                 for x, y in zip(s, start)))


def poly1305(key, text):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for at in range(0, len(text), 16):
        total += int.from_bytes(text[at:at + 16] + b"\1", "little")
        total = total * r % (2**130 - 5)
    total += int.from_bytes(key[16:], "little")
    return (total % 2**128).to_bytes(16, "little")


def seal(key, number, ad, text):
    nonce = bytes(4) + struct.pack(">Q", number)
    stream = b"".join(chacha20_block(key, 1 + i, nonce)
                      for i in range(len(text) // 64 + 1))
    sealed = bytes(x ^ y for x, y in zip(text, stream))
    said = (ad + bytes(-len(ad) % 16) + sealed + bytes(-len(sealed) % 16)
            + struct.pack("<QQ", len(ad), len(sealed)))
    return sealed + poly1305(chacha20_block(key, 0, nonce)[:32], said)


# --- RFC 9496 -----------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def is_negative(x):
    return x % P & 1


def absolute(x):
    return -x % P if is_negative(x) else x % P


def sqrt_ratio_m1(u, v):
    """Whether u/v is a square; the root of it, or of it times sqrt(-1)."""
    r = u * v**3 * pow(u * v**7 % P, (P - 5) // 8, P) % P
    check = v * r * r % P
    flipped = check == -u % P
    if flipped or check == -u * SQRT_M1 % P:
        r = r * SQRT_M1 % P
    return check == u % P or flipped, absolute(r)


ONE_MINUS_D_SQ = (1 - D * D) % P
D_MINUS_ONE_SQ = (D - 1)**2 % P
INVSQRT_A_MINUS_D = sqrt_ratio_m1(1, -1 - D)[1]
# Of the two roots the RFC takes the odd one.
SQRT_AD_MINUS_ONE = -sqrt_ratio_m1(-D - 1, 1)[1] % P


def add(p, q):
    """Points as X, Y, Z, T of twisted Edwards coordinates, a = -1."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, p):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, p)
        p = add(p, p)
        scalar >>= 1
    return result


def decode(data):
    """A point, or None."""
    s = int.from_bytes(data, "little")
    if s >= P or is_negative(s):
        return None
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    square, root = sqrt_ratio_m1(1, v * u2 * u2)
    den_x, den_y = root * u2, root * root * u2 * v
    x = absolute(2 * s * den_x)
    y = u1 * den_y % P
    t = x * y % P
    if not square or is_negative(t) or y == 0:
        return None
    return x, y, 1, t


def encode(p):
    x, y, z, t = p
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    root = sqrt_ratio_m1(1, u1 * u2 * u2)[1]
    den1, den2 = root * u1, root * u2
    z_inv = den1 * den2 * t
    inverse = den2
    if is_negative(t * z_inv):
        x, y = y * SQRT_M1, x * SQRT_M1
        inverse = den1 * INVSQRT_A_MINUS_D
    if is_negative(x * z_inv):
        y = -y
    return absolute(inverse * (z - y)).to_bytes(32, "little")


def map_to_point(data):
    r = SQRT_M1 * (int.from_bytes(data, "little") % 2**255)**2 % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    square, s = sqrt_ratio_m1(u, v)
    c = -1
    if not square:
        t = int.from_bytes(data, "little") % 2**255
        s, c = -absolute(s * t) % P, r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w = (2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s)
    return (w[0] * w[3] % P, w[2] * w[1] % P, w[1] * w[3] % P,
            w[0] * w[2] % P)


# --- CPace ---------------------------------------------------------------------


def prepend_len(data):
    n, head = len(data), b""
    while n >= 128:
        head += bytes([n & 127 | 128])
        n >>= 7
    return head + bytes([n]) + data


def lv_cat(*strings):
    return b"".join(map(prepend_len, strings))


def generator(code, ci, sid):
    dsi = b"CPaceRistretto255"
    pad = max(0, 128 - len(prepend_len(code)) - len(prepend_len(dsi)) - 1)
    digest = hashlib.sha512(lv_cat(dsi, code, bytes(pad), ci, sid)).digest()
    return add(map_to_point(digest[:32]), map_to_point(digest[32:]))


def isk(sid, secret, first, second):
    """The two messages are share and associated data."""
    return hashlib.sha512(lv_cat(b"CPaceRistretto255_ISK", sid, secret)
                          + lv_cat(*first) + lv_cat(*second)).digest()


def key_of(session_key):
    return hashlib.blake2b(b"tenon pake key", key=session_key,
                           digest_size=32).digest()


# --- cases ----------------------------------------------------------------------

draw = random.Random(SEED)
requests = []  # (group, line, what says whether the answer is right)


def text(data):
    return "=" + data.hex()


def request(group, words, judge):
    requests.append((group, " ".join(map(str, words)), judge))


def exactly(wanted):
    return lambda got: got == wanted


def drawn(most):
    return draw.randbytes(draw.choice((0, 1, most, draw.randrange(most))))


def seals():
    for _ in range(SEALED):
        key, ad, plain = draw.randbytes(32), drawn(40), drawn(1300)
        number = draw.choice((0, 1, 255, 2**64 - 1, draw.randrange(2**64)))
        sealed = seal(key, number, ad, plain)
        request("seal", ["seal", text(key), number, text(ad), text(plain)],
                exactly(text(sealed)))
        request("unseal", ["unseal", text(key), number, text(ad),
                           text(sealed)], exactly(text(plain)))
        at = draw.randrange(8 * len(sealed))
        sealed = bytearray(sealed)
        sealed[at // 8] ^= 1 << at % 8
        request("unseal what was changed",
                ["unseal", text(key), number, text(ad), text(sealed)],
                exactly("EBADMSG"))


def hashes():
    for _ in range(HASHED):
        key, data = draw.randbytes(32), drawn(700)
        label = bytes(draw.choices(range(1, 256), k=draw.randrange(300)))
        for verb, what, size in (("derive", label, 32), ("mac", data, 16)):
            wanted = hashlib.blake2b(what, key=key, digest_size=size).digest()
            request(verb, [verb, text(key), text(what)], exactly(text(wanted)))


def agrees(side, scalar, ours, session, code, purpose):
    """Judge what the other implementation answered by what we arrive at."""
    def judge(got):
        share, key = (bytes.fromhex(word[1:]) for word in got.split())
        point = decode(share)
        secret = encode(multiply(scalar, point)) if point else b""
        said = [(share, b""), (ours, b"")]
        if side == 1:
            said.reverse()
        return point and key == key_of(isk(session, secret, *said))
    assert encode(multiply(scalar, generator(code, purpose, session))) == ours
    return judge


def exchanges():
    for number in range(EXCHANGES):
        side = number % 2
        code = draw.randbytes(draw.choice((1, 6, 108, 109, 128, 256)))
        purpose = bytes(draw.choices(range(1, 256),
                                     k=draw.choice((0, 5, 127, 128, 255))))
        session = draw.randbytes(draw.choice((0, 32)))
        scalar = draw.randrange(1, ORDER)
        ours = encode(multiply(scalar, generator(code, purpose, session)))
        request("pake", ["pake", side, text(code), text(purpose),
                         text(session), text(ours)],
                agrees(side, scalar, ours, session, code, purpose))


def refused(got):
    return got.split()[1] == "EBADMSG"


def shares_of_strangers():
    """What is no element here is none there, and the other way round."""
    some = [draw.randbytes(32) for _ in range(3 * EXCHANGES)]
    some += [i.to_bytes(32, "little") for i in range(4)]
    some += [(P + i).to_bytes(32, "little") for i in range(-3, 4)]
    for share in some:
        point = decode(share)
        good = point and encode(point) != bytes(32)
        request("pake with strangers",
                ["pake", 0, text(b"code"), text(b"p"), "=", text(share)],
                (lambda got: not refused(got)) if good else refused)


def draft():
    """Our own Python says what the draft's appendix says."""
    ci = b"\x0bA_initiator\x0bB_responder"
    sid = bytes.fromhex("7e4b4791d6a8ef019b936c79fb7f2c57")
    ya = bytes.fromhex("da3d23700a9e5699258aef94dc060dfd"
                       "a5ebb61f02a5ea77fad53f4ff0976d08")
    yb = bytes.fromhex("d2316b454718c35362d83d69df6320f3"
                       "8578ed5984651435e2949762d900b80d")
    point = generator(b"Password", ci, sid)
    a = encode(multiply(int.from_bytes(ya, "little"), point))
    b = encode(multiply(int.from_bytes(yb, "little"), point))
    secret = encode(multiply(int.from_bytes(ya, "little"), decode(b)))
    result = isk(sid, secret, (a, b"ADa"), (b, b"ADb"))
    return (encode(point).hex().startswith("222b6b195fe84b16")
            and a.hex().startswith("d6bac480f2c386c3")
            and b.hex().startswith("3ea7e0b19560d7c0")
            and secret.hex().startswith("80b69a8a76457ab6")
            and result.hex().startswith("b69effbf61b51d56"))


def main():
    for cases in (seals, hashes, exchanges, shares_of_strangers):
        cases()
    done = subprocess.run(
        [HELPER], input="".join(line + "\n" for _, line, _ in requests),
        capture_output=True, encoding="ascii", check=False,
        env={**os.environ, "LC_ALL": "C"})
    answers = done.stdout.splitlines()
    groups = {}
    for (group, line, judge), got in zip(requests, answers):
        groups.setdefault(group, []).append((line, got, judge(got)))
    good = done.returncode == 0 and len(answers) == len(requests)
    results = [(f"{len(answers)} of {len(requests)} requests answered", good,
                []), ("the draft's own values", draft(), [])]
    for group, cases in groups.items():
        results.append((f"{group}: {len(cases)} as in Python",
                        all(right for *_, right in cases),
                        [case[:2] for case in cases if not case[2]]))
    print(f"1..{len(results)}")
    for number, (name, good, wrong) in enumerate(results, 1):
        print(f"{'' if good else 'not '}ok {number} - {name}")
        for line, got in wrong[:5]:
            print(f"# {line}\n#   got {got}")
    sys.exit(not all(good for _, good, _ in results))


main()
