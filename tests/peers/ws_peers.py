#!/usr/bin/python3
"""WebSocket peers of others: python3-websockets and python3-autobahn.

usage: ws_peers.py websockets|autobahn client URL
       ws_peers.py websockets|autobahn server [CERTIFICATE KEY]

A client sends a list of messages, compares the echoes, and prints "good". A
server prints its port, does the same to one client, and prints "good".
"""

import asyncio
import os
import ssl
import sys

LIMIT = 20 * float(os.environ.get("TENON_TEST_TIMEOUT_SCALE", "1"))
LARGE = 10 << 20

MESSAGES = ["", "short", "üñí" * 40, "x" * 126, "y" * 65536, b"", b"\x00\xff",
            os.urandom(65535), os.urandom(LARGE), "z" * 1000000]


# --- websockets --------------------------------------------------------------

async def bounce(ws):
    """Messages, one in fragments, pings in between."""
    for message in MESSAGES:
        await ws.send(message)
        assert await ws.recv() == message, f"echo of {message[:20]!r}"
    await ws.send(["in ", "", "three ", "pieces"])
    assert await ws.recv() == "in three pieces"
    for payload in (b"", b"a", b"p" * 125):
        await (await ws.ping(payload))
    await ws.close(4321, "enough")
    assert (ws.close_rcvd.code, ws.close_sent.code) == (4321, 4321)
    print("good", flush=True)


def options():
    return {"max_size": 2 * LARGE, "compression": None, "ping_interval": None,
            "close_timeout": LIMIT}


async def websockets_client(url):
    import websockets
    async with websockets.connect(url, **options()) as ws:
        await bounce(ws)


async def websockets_server(certificate=None, key=None):
    import websockets
    done = asyncio.get_running_loop().create_future()
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)

    async def handler(ws):
        try:
            await bounce(ws)
            done.set_result(None)
        except Exception as e:  # pylint: disable=broad-except
            done.set_exception(e)

    async with websockets.serve(handler, "127.0.0.1", 0, ssl=tls,
                                **options()) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await done


# --- autobahn ----------------------------------------------------------------

def bouncer(base, done):
    """A protocol class of theirs that does what bounce() does."""

    class Bouncer(base):
        left = list(MESSAGES)
        pongs = 0

        def onOpen(self):
            self.next()

        def next(self):
            message = self.left[0]
            data = message.encode() if isinstance(message, str) else message
            self.sendMessage(data, isBinary=isinstance(message, bytes),
                             fragmentSize=100000)

        def onMessage(self, payload, isBinary):
            message = self.left.pop(0)
            data = message.encode() if isinstance(message, str) else message
            assert payload == data, f"echo of {message[:20]!r}"
            assert isBinary == isinstance(message, bytes)
            if self.left:
                self.next()
            else:
                self.sendPing(b"still there?")

        def onPong(self, payload):
            assert payload == b"still there?"
            self.pongs += 1
            self.sendClose(3333, "enough")

        def onClose(self, wasClean, code, reason):
            if wasClean and code == 3333 and self.pongs == 1:
                done.set_result(None)
            else:
                done.set_exception(AssertionError(f"{code} {reason}"))

    return Bouncer


async def autobahn_client(url):
    from autobahn.asyncio import websocket as theirs
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    factory = theirs.WebSocketClientFactory(url)
    factory.protocol = bouncer(theirs.WebSocketClientProtocol, done)
    host, port = url.split("/")[2].rsplit(":", 1)
    await loop.create_connection(factory, host, int(port))
    await done
    print("good", flush=True)


async def autobahn_server():
    from autobahn.asyncio import websocket as theirs
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    factory = theirs.WebSocketServerFactory()
    factory.protocol = bouncer(theirs.WebSocketServerProtocol, done)
    server = await loop.create_server(factory, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done
    print("good", flush=True)


def main():
    peer = globals()[f"{sys.argv[1]}_{sys.argv[2]}"]
    asyncio.run(asyncio.wait_for(peer(*sys.argv[3:]), LIMIT))


if __name__ == "__main__":
    main()
