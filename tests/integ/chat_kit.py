"""What the tests of tenon chat share: visits by pipe and by terminal."""

import contextlib
import json
import os
import pty

import tap
from screen import Screen


def state_home():
    """A place of its own for what a visit keeps."""
    return {"XDG_STATE_HOME": tap.new_home()}


def chat(h, name, *args, env=None, dash=False, **how):
    """tenon chat in the room, under a name, with pipes."""
    return tap.Tenon("chat", "-n", name, *args, f"127.0.0.1:{h.port}",
                     *(["-"] if dash else []),
                     env={"LC_ALL": "C.UTF-8", **state_home(), **(env or {})},
                     **how)


def talk(h, name, text, *args, env=None):
    """Say this by a pipe and leave: exit code, stdout, stderr."""
    c = chat(h, name, "-q", "0", *args, env=env)
    with contextlib.suppress(BrokenPipeError):  # it may have ended already
        c.stdin.write(text.encode())
        c.stdin.close()
    code = c.wait()
    return (code, tap.read_all(c.stdout).decode(),
            tap.read_all(c.stderr).decode())


def events(c, count):
    """The next events that --json shows."""
    lines = []
    while len(lines) < count:
        lines += tap.read_until(c.stdout, b"\n").decode().splitlines()
    return [json.loads(line) for line in lines]


def on_terminal(h, name, *args, columns=80, env=None):
    """tenon chat on a terminal: its process, and what the screen shows."""
    wanted = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
              **state_home(), **(env or {})}
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(wanted)
        os.execv(tap.PROGRAM, [tap.PROGRAM, "chat", "-n", name, *args,
                               f"127.0.0.1:{h.port}"])
    screen = Screen(fd, columns)
    screen.pid = pid
    return screen


def leave(screen, code=0):
    """Read to the end; the exit code must be this, the terminal as before."""
    while True:
        more = tap.read_some(screen.fd)
        if not more:
            break
        screen.raw += more
    screen.draw()
    _, status = os.waitpid(screen.pid, 0)
    tap.true(screen.is_cooked(), "the terminal is given back")
    os.close(screen.fd)
    tap.equal(os.waitstatus_to_exitcode(status), code, "exit code")
