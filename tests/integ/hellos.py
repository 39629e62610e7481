"""TLS, byte by byte: what no library would send, and what came back."""

import os
import struct

import tap

ALERT, HANDSHAKE, CHANGE, HEARTBEAT = 21, 22, 20, 24

# The alerts of RFC 8446 section 6 that are met here.
CLOSE, UNEXPECTED, OVERFLOW, FAILURE, ILLEGAL, DECODE, VERSION, FALLBACK, \
    MISSING, NO_PROTOCOL = 0, 10, 22, 40, 47, 50, 70, 86, 109, 120

# An ordinary client's.
GOOD = (0xc02f, 0xc02b, 0xc030, 0xc02c, 0xcca8, 0xcca9)
GOOD13 = (0x1301, 0x1302, 0x1303)
GROUPS = (29, 23, 24)
SIGNATURES = (0x0403, 0x0503, 0x0804, 0x0401, 0x0807)


def vector(width, data):
    """Data with its length in front."""
    return len(data).to_bytes(width, "big") + data


def words(*values):
    return b"".join(struct.pack(">H", v) for v in values)


def extension(number, data=b""):
    return struct.pack(">H", number) + vector(2, data)


def server_name(name, kind=0):
    return extension(0, vector(2, bytes([kind]) + vector(2, name)))


def alpn(*names):
    return extension(16, vector(2, b"".join(vector(1, n) for n in names)))


def record(kind, data, version=0x0301):
    return struct.pack(">BH", kind, version) + vector(2, data)


def client_hello(version=0x0303, ciphers=GOOD, groups=GROUPS,
                 signatures=SIGNATURES, compression=b"\0", more=b"",
                 session=b""):
    """The message."""
    extensions = more
    if groups:
        extensions += extension(10, vector(2, words(*groups)))
        extensions += extension(11, vector(1, b"\0"))
    if signatures:
        extensions += extension(13, vector(2, words(*signatures)))
    body = (struct.pack(">H", version) + os.urandom(32) +
            vector(1, session) + vector(2, words(*ciphers)) +
            vector(1, compression) + vector(2, extensions))
    return b"\x01" + vector(3, body)


def hello(**how):
    """The message in its record."""
    version = min(how.get("version", 0x0303), 0x0301)
    return record(HANDSHAKE, client_hello(**how), version)


def tls13(share=bytes(range(1, 33)), group=29, ciphers=GOOD13, **how):
    """A hello of TLS 1.3."""
    more = (extension(43, vector(1, words(0x0304))) +
            extension(51, vector(2, struct.pack(">H", group) +
                                 vector(2, share))) + how.pop("more", b""))
    return hello(ciphers=ciphers, more=more, session=os.urandom(32), **how)


class Heard:
    """What a server said, until it waited or closed."""

    def __init__(self, data, ended):
        self.data = data
        self.ended = ended
        self.records = []
        while len(data) >= 5:
            kind, _, size = struct.unpack(">BHH", data[:5])
            if len(data) < 5 + size:
                break
            self.records.append((kind, data[5:5 + size]))
            data = data[5 + size:]

    @property
    def alert(self):
        """The number of its alert; None: there is none."""
        for kind, data in self.records:
            if kind == ALERT and len(data) == 2:
                return data[1]
        return None

    @property
    def refused(self):
        """An alert, or the end, and nothing else."""
        return self.ended and all(k == ALERT for k, _ in self.records)

    def messages(self):
        """Its handshake messages: type and body."""
        data = b"".join(d for k, d in self.records if k == HANDSHAKE)
        found = []
        while len(data) >= 4:
            size = int.from_bytes(data[1:4], "big")
            found.append((data[0], data[4:4 + size]))
            data = data[4 + size:]
        return found

    def hello(self):
        """Its hello: version, cipher, compression, extensions."""
        kinds = dict(reversed(self.messages()))
        tap.true(2 in kinds, f"no ServerHello but {self.data[:80].hex()}")
        data = kinds[2]
        version = int.from_bytes(data[:2], "big")
        data = data[35 + data[34]:]
        cipher, compression = struct.unpack(">HB", data[:3])
        data, extensions = data[5:], {}
        while data:
            number, size = struct.unpack(">HH", data[:4])
            extensions[number] = data[4:4 + size]
            data = data[4 + size:]
        return version, cipher, compression, extensions

    def is_done(self):
        """Has its turn ended: is it ours?"""
        return any(kind == 14 for kind, _ in self.messages())


def hear(sock, enough=Heard.is_done):
    """Read until the end, or until it is enough."""
    data = b""
    while True:
        try:
            more = tap.read_some(sock)
        except ConnectionError:
            more = b""
        data += more
        heard = Heard(data, not more)
        if not more or enough(heard):
            return heard
