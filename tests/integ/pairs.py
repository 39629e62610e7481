"""One side is ours, the other a small Python program: what must happen.

test_peers.py runs each with the project's own peers, test_course.py with the
programs of the course, whose ports and prompts are what they are.
"""

import signal

import room
import tap


def own_client(name, *args):
    """Start a client of tests/peers against a server of ours."""
    return lambda port: room.Peer(name, "client", "127.0.0.1", port, *args)


def echo_client(start, port=0):
    """Clients type at our echo in any order; one that is killed disturbs none.
    """
    echo = tap.Tenon("echo", f"127.0.0.1:{port}", ready=True)
    with start(echo.port) as a, start(echo.port) as b, \
            start(echo.port) as c:
        for peer, text in ((b, "from b"), (c, "from c"), (a, "from a"),
                           (b, "b again")):
            peer.type(text)
            tap.read_until(peer.stdout, text.upper().encode())
        c.process.kill()
        c.process.wait()
        for peer, text in ((a, "one"), (b, "two"), (a, "three")):
            peer.type(text)
            tap.read_until(peer.stdout, text.upper().encode())


def busy_client(start, port=0):
    """Clients that never pause share our echo; killed ones disturb none"""
    echo = tap.Tenon("echo", f"127.0.0.1:{port}", ready=True)
    with start(echo.port) as a, start(echo.port) as b:
        for peer in (a, b):
            for _ in range(20):
                tap.read_until(peer.stdout, b"HELLO WORLD")
        a.process.kill()
        a.process.wait()
        for _ in range(20):
            tap.read_until(b.stdout, b"HELLO WORLD")
    echo.signal(signal.SIGINT)
    tap.equal(echo.wait(), 0, "exit code")


def sticky_client(start, port=0):
    """Two sends that stick: our talk prints all bytes, then ends"""
    talk = tap.Tenon("talk", "-l", f"127.0.0.1:{port}", ready=True)
    talk.stdin.close()
    with start(talk.port):
        tap.equal(tap.read_all(talk.stdout), b"hello world", "stdout")
    tap.equal(talk.wait(), 0, "exit code")


def sticky_shown(start, port=0):
    """The microscope shows every byte of two sends that stick"""
    echo = tap.Tenon("echo", "--show", f"127.0.0.1:{port}", ready=True)
    with start(echo.port):
        seen = tap.read_until(echo.stdout, b"world").decode()
    tap.true("hello" in seen, seen)


def prefix_client(start, port=0):
    """Native 4-byte prefixes: our talk prints a line for each message"""
    talk = tap.Tenon("talk", "-l", "--frame", "i32ne", f"127.0.0.1:{port}",
                     ready=True)
    talk.stdin.close()
    with start(talk.port):
        tap.equal(tap.read_all(talk.stdout), b"hello\n world\n", "stdout")
    tap.equal(talk.wait(), 0, "exit code")


def plain_client(start, text, port=0):
    """A client that sends and goes: our talk has it all"""
    talk = tap.Tenon("talk", "-l", f"127.0.0.1:{port}", ready=True)
    talk.stdin.close()
    with start(talk.port):
        tap.equal(tap.read_all(talk.stdout), text, "stdout")
    tap.equal(talk.wait(), 0, "exit code")


def talk_client(start, port=0):
    """Turn by turn with our talk -l: bytes without newline, at once"""
    talk = tap.Tenon("talk", "-l", "--bare", f"127.0.0.1:{port}", ready=True)
    with start(talk.port) as peer:
        for out, back in (("hello", "hello yourself"), ("你好", "再见")):
            peer.type(out)
            tap.equal(tap.read_exactly(talk.stdout, len(out.encode()) + 1),
                      out.encode() + b"\n", "stdout")
            talk.stdin.write(back.encode() + b"\n")
            tap.read_until(peer.stdout, back.encode())
        peer.type("q")
        tap.equal(peer.process.wait(tap.LIMIT), 0, "the peer's exit code")
        tap.equal(tap.read_all(talk.stdout), b"", "the end")
    talk.stdin.close()
    tap.equal(talk.wait(), 0, "exit code")


def chat_client(start, port=0):
    """Chat clients in our room; prompts may get between a text and its newline
    """
    h = room.hub(port=port)
    ann, = room.join(h, "ann")
    with start(h.port, "鲍勃") as bob:
        ann.hears("鲍勃: 加入了群聊")
        with start(h.port, "eve") as eve:
            tap.read_until(bob.stdout, "eve: 加入了群聊".encode())
            bob.type("你好")
            tap.read_until(eve.stdout, "鲍勃:你好".encode())
            eve.type("q")
            tap.read_until(bob.stdout, "eve：离开了聊天室".encode())
            tap.equal(eve.process.wait(tap.LIMIT), 0, "eve's exit code")
        ann.hears("eve: 加入了群聊", "鲍勃:你好", "eve：离开了聊天室")
        bob.process.kill()
        bob.process.wait()
        ann.say("bob?")
        ann.hears("鲍勃：离开了聊天室")


# --- their server, our client -------------------------------------------------

def our_talk(port, *args):
    return tap.Tenon("talk", *args, f"127.0.0.1:{port}")


def upper_server(server, port):
    """Our talk against an upper-case server, with another client beside it"""
    with server:
        quiet = our_talk(port)
        for number in range(2):
            talk = our_talk(port)
            text = f"hello {number}, ä"
            talk.stdin.write(text.encode())
            tap.equal(tap.read_exactly(talk.stdout, len(text.encode())),
                      text.encode().upper(), "the answer")
            talk.stdin.close()
            tap.equal(tap.read_all(talk.stdout), b"", "the end")
            tap.equal(talk.wait(), 0, "exit code")
        quiet.stdin.write(b"patient")
        tap.equal(tap.read_exactly(quiet.stdout, 7), b"PATIENT")


def reading_server(server, port, text, *args):
    """Our talk sends; what the server prints is this"""
    with server:
        talk = our_talk(port, *args)
        talk.stdin.write(text)
        talk.stdin.close()
        tap.equal(talk.wait(), 0, "exit code")
        return tap.read_all(server.stdout).decode()


def talk_server(server, port):
    """Turn by turn with their server: a line is sent without its newline"""
    with server:
        talk = our_talk(port, "--bare")
        talk.stdin.write(b"hello 1\n")  # one of the servers upper-cases it
        tap.read_until(server.stdout, b" 1")
        server.type("你好")
        tap.equal(tap.read_exactly(talk.stdout, 7), "你好\n".encode())
        talk.stdin.write("ä 2\n".encode())
        tap.read_until(server.stdout, b" 2")
        server.type("q")
        tap.equal(tap.read_all(talk.stdout), b"", "the end, at once")
        tap.equal(server.process.wait(tap.LIMIT), 0, "the server's exit code")
        talk.stdin.close()
        tap.equal(talk.wait(), 0, "exit code")
