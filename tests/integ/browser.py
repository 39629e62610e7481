"""What a browser does at the hub's web page, byte by byte: requests, and the
WebSocket as docs/wire/web.md has it. Its own frames are RFC 6455's, written
here, so that no library of ours or others stands between test and hub.
"""

import base64
import http.client
import json
import os
import socket
import struct

import tap

KEY = "0123456789abcdef"  # long enough; each member adds its name


def request(hub, method, path, body=None, host=None, **headers):
    """One request: status, headers, body. `_` in a header's name is `-`."""
    conn = http.client.HTTPConnection("127.0.0.1", hub.port,
                                      timeout=tap.LIMIT)
    fields = {name.replace("_", "-"): value
              for name, value in headers.items()}
    if host:
        fields["Host"] = host
    try:
        conn.request(method, path, body, fields)
        answer = conn.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        conn.close()


class Closed(Exception):
    """The hub closed the connection; `code` says why."""

    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class Browser:
    """A WebSocket to the hub."""

    def __init__(self, hub, headers=(), rcvbuf=None):
        self.sock = socket.socket()
        self.sock.settimeout(tap.LIMIT)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.connect(("127.0.0.1", hub.port))
        self.data = b""
        self.epoch, self.since, self.name = "", 0, None
        self.refs = 0
        lines = ["GET /ws HTTP/1.1", f"Host: 127.0.0.1:{hub.port}",
                 "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Protocol: tenon.room.1",
                 "Sec-WebSocket-Key: " +
                 base64.b64encode(os.urandom(16)).decode(), *headers]
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode())
        while b"\r\n\r\n" not in self.data:
            self.fill()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])

    def fill(self):
        more = self.sock.recv(65536)
        if not more:
            raise Closed(1006)
        self.data += more

    def take(self, count):
        while len(self.data) < count:
            self.fill()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def send_frame(self, code, payload):
        mask = os.urandom(4)
        head = bytes([0x80 | code])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        else:
            head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.sock.sendall(head + mask + masked)

    def send(self, **message):
        self.send_frame(1, json.dumps(message).encode())

    def frame(self):
        """The next frame: its code and its payload."""
        first, second = self.take(2)
        length = second & 0x7f
        if length == 126:
            length, = struct.unpack("!H", self.take(2))
        elif length == 127:
            length, = struct.unpack("!Q", self.take(8))
        return first & 0x0f, self.take(length)

    def hear(self):
        """The next message; "alive" is passed over."""
        while True:
            code, payload = self.frame()
            if code == 8:
                raise Closed(struct.unpack("!H", payload[:2])[0]
                             if payload else 1005)
            if code == 9:
                self.send_frame(10, payload)
            elif code == 1:
                message = json.loads(payload)
                if message["is"] != "alive":
                    return message

    def closed(self):
        """Read to the end; the code it was closed with."""
        try:
            while True:
                self.hear()
        except Closed as end:
            return end.code

    def hello(self, name, key=None, **more):
        """Come in: the welcome and the past."""
        self.name = name
        self.send(do="hello", name=name, key=key or name_key(name),
                  **{"epoch": self.epoch, "since": self.since, **more})
        welcome = self.hear()
        if welcome["is"] != "welcome":
            return welcome, None
        self.epoch = welcome["epoch"]
        past = self.hear()
        tap.equal(past["is"], "past")
        for event in past["events"]:
            tap.true(event["n"] > self.since, "numbers rise")
            self.since = event["n"]
        return welcome, past

    def say(self, text, ref=None):
        self.refs += 1
        ref = ref or f"r{self.refs}"
        self.send(do="say", ref=ref, text=text)
        return ref

    def event(self):
        """The next message, which is an event, without its time."""
        message = self.hear()
        tap.equal(message.pop("is"), "event", f"{message}")
        tap.true(message.pop("time") > 1600000000000, "it has a time")
        tap.true(message["n"] > self.since, "numbers rise")
        self.since = message["n"]
        return message

    def told(self):
        """The next event in short: "say ann:hi", "join bob"."""
        return short(self.event())

    def hears(self, *wanted):
        for text in wanted:
            tap.equal(self.told(), text, f"{self.name} is told")

    def close(self):
        self.sock.close()


def name_key(name):
    return KEY + name.encode().hex()


def short(event):
    """An event in a few words."""
    text = f":{event['text']}" if "text" in event else ""
    size = f" {event['size']}" if "size" in event else ""
    return f"{event['what']} {event['name']}{text}{size}"


def join(hub, *names):
    """Browsers, one after the other; each hears of those behind it."""
    members = []
    for name in names:
        member = Browser(hub)
        welcome, past = member.hello(name)
        tap.equal(welcome["you"], name)
        # Whether it is told before or after the welcome is the hub's choice.
        if f"join {name}" not in [short(e) for e in past["events"]]:
            member.hears(f"join {name}")
        for other in members:
            other.hears(f"join {name}")
        members.append(member)
    return members
