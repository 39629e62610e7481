"""RFC 6455 by hand: a connection of the tester, as client or as server."""

import base64
import hashlib
import os
import select
import socket
import time

LIMIT = 10 * float(os.environ.get("TENON_TEST_TIMEOUT_SCALE", "1"))
QUIET = 0.1  # nothing has to come for that long; a slow machine passes, too
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG, MORE = 1, 2, 8, 9, 10, 0


class Broken(Exception):
    """The peer itself broke a rule."""


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def masked(payload, key):
    """Exclusive or, at the speed of large integers."""
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(pad, "little")
    return number.to_bytes(size, "little")


def head_of(first, size, key):
    bit = 0x80 if key else 0
    if size < 126:
        return bytes((first, bit | size)) + key
    if size < 65536:
        return bytes((first, bit | 126)) + size.to_bytes(2, "big") + key
    return bytes((first, bit | 127)) + size.to_bytes(8, "big") + key


def read_head(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(4096)
        if not more:
            raise Broken(f"ended in the handshake: {data!r}")
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return lines[0], fields, head, rest


class Wire:
    """Frames both ways, and how the connection ended."""

    octets = False  # everything goes byte by byte, long things by thousands

    def __init__(self, sock, is_client):
        self.sock = sock
        self.is_client = is_client
        self.buf = bytearray()
        self.events = []
        self.kind = None
        self.message = []
        self.closed_by = None   # who sent the first close frame
        self.sent_close = self.got_close = self.ended = False
        self.code = None
        self.mask = b""
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # --- the handshake -------------------------------------------------------

    def shake_as_client(self, host):
        key = base64.b64encode(os.urandom(16))
        self.sock.sendall(
            b"GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: %s\r\n\r\n" % (host.encode(), key))
        status, fields, head, rest = read_head(self.sock)
        if not status.startswith("HTTP/1.1 101 "):
            raise Broken(f"answered {status}")
        if accept_of(key) not in head or "upgrade" not in fields["connection"]:
            raise Broken(f"answered {head}")
        self.buf += rest

    def shake_as_server(self):
        _, fields, head, rest = read_head(self.sock)
        for name, value in (("upgrade", "websocket"),
                            ("connection", "upgrade"),
                            ("sec-websocket-version", "13")):
            if fields.get(name) != value:
                raise Broken(f"asked {head}")
        key = [line.split(b": ", 1)[1] for line in head.split(b"\r\n")
               if line.lower().startswith(b"sec-websocket-key")][0]
        if len(base64.b64decode(key)) != 16:
            raise Broken(f"the key {key}")
        self.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
            % accept_of(key))
        self.buf += rest

    # --- sending -------------------------------------------------------------

    def put(self, data, chop=0):
        """Send; a peer that has closed meanwhile is no failure here."""
        view = memoryview(data)
        if self.octets:
            chop = chop or (1 if len(view) < 5000 else 1000)
        try:
            for i in range(0, len(view), chop or len(view) or 1):
                self.sock.sendall(view[i:i + (chop or len(view))])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def frame(self, first, payload):
        if not self.is_client:
            return head_of(first, len(payload), b"") + payload
        key = os.urandom(4)
        return head_of(first, len(payload), key) + masked(payload, key)

    def begin(self, first, size):
        self.mask = os.urandom(4) if self.is_client else b""
        self.put(head_of(first, size, self.mask))

    def data(self, payload):
        if self.mask:
            self.put(masked(payload, self.mask))
            turn = len(payload) % 4
            self.mask = self.mask[turn:] + self.mask[:turn]
        else:
            self.put(payload)

    def send_close(self, payload):
        self.closed_by = self.closed_by or "us"
        self.sent_close = True
        self.put(self.frame(0x80 | CLOSE, payload))

    # --- receiving -----------------------------------------------------------

    def pump(self, limit):
        """Take what comes within the limit; false if nothing did."""
        if self.ended or not select.select([self.sock], [], [], limit)[0]:
            return False
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.buf += data
        while self.take_frame():
            pass
        return True

    def until(self, condition, limit=None):
        """Pump until it holds; false when time is up or the stream ended."""
        last = time.monotonic() + (LIMIT if limit is None else limit)
        while not condition() and not self.ended:
            left = last - time.monotonic()
            if left <= 0 or not self.pump(left):
                break
        return condition()

    def take_frame(self):
        buf = self.buf
        if len(buf) < 2:
            return False
        size, at = buf[1] & 0x7f, 2
        if size > 125:
            at += 2 if size == 126 else 8
            if len(buf) < at:
                return False
            size = int.from_bytes(buf[2:at], "big")
        has_mask = buf[1] >= 0x80
        key = bytes(buf[at:at + 4]) if has_mask else b""
        at += len(key) if has_mask else 0
        if len(buf) < at + size or (has_mask and len(key) < 4):
            return False
        payload = bytes(buf[at:at + size])
        first = buf[0]
        del buf[:at + size]
        self.judge(first, size, has_mask)
        self.take(first & 0x0f, first >= 0x80,
                  masked(payload, key) if has_mask else payload)
        return True

    def judge(self, first, size, has_mask):
        opcode = first & 0x0f
        if first & 0x70 or opcode not in (0, 1, 2, 8, 9, 10):
            raise Broken(f"a frame that begins with {first:#x}")
        if has_mask == self.is_client:
            raise Broken("the mask bit is wrong")
        if opcode >= 8 and (size > 125 or first < 0x80):
            raise Broken("a control frame that is long or in fragments")
        if opcode < 8 and (opcode == MORE) == (self.kind is None):
            raise Broken("fragments in disorder")
        if self.got_close:
            raise Broken("a frame behind the close frame")

    def take(self, opcode, fin, payload):
        if opcode == PING:
            self.events.append(("ping", payload))
        elif opcode == PONG:
            self.events.append(("pong", payload))
        elif opcode == CLOSE:
            self.take_close(payload)
        else:
            self.kind = opcode or self.kind
            self.message.append(payload)
            if fin:
                whole = b"".join(self.message)
                is_text = self.kind == TEXT
                if is_text:
                    whole.decode()
                self.events.append(("message", whole, is_text))
                self.kind, self.message = None, []

    def take_close(self, payload):
        self.got_close = True
        if len(payload) == 1:
            raise Broken("a close frame of one byte")
        payload[2:].decode()
        self.code = int.from_bytes(payload[:2], "big") if payload else None
        if not self.sent_close:
            self.closed_by = self.closed_by or "peer"
            self.sent_close = True
            self.put(self.frame(0x80 | CLOSE, payload[:2]))

    def end(self):
        self.sock.close()
