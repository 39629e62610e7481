"""What the tests of tenon talk share."""

import contextlib
import subprocess
import threading

import tap


def local(port):
    return f"127.0.0.1:{port}"


@contextlib.contextmanager
def client(*options, stdin=subprocess.PIPE, env=None):
    """talk as a client of ours: the program, our end of the connection."""
    with tap.listener() as sock:
        talk = tap.Tenon("talk", *options, local(sock.getsockname()[1]),
                         stdin=stdin, env=env)
        with tap.accept(sock) as conn:
            yield talk, conn


@contextlib.contextmanager
def server(*options, where="127.0.0.1:0", env=None):
    """talk as a server of ours: the program, our end of the connection."""
    talk = tap.Tenon("talk", "-l", *options, where, ready=True, env=env)
    with tap.connect(talk.where) as conn:
        yield talk, conn


def done(talk, code=0, err=b""):
    tap.equal(talk.wait(), code, "exit code")
    tap.equal(talk.stderr.read(), err, "stderr")


def free_port():
    with tap.listener() as sock:
        return sock.getsockname()[1]


def feed(thing, data):
    """Write everything in a thread and end it."""
    def work():
        with contextlib.suppress(OSError):
            thing.write(data)
            thing.close()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
