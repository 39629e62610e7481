#!/usr/bin/env python3
"""The cases of the Autobahn suite, played at our server and at our client.

usage: test_ws_cases.py server|client whole|octets PROGRAM [NUMBER...]

Graded as the suite does: OK, NON-STRICT, FAILED, and INFORMATIONAL where
everything is allowed. Prints TAP; NON-STRICT passes and is said.
"""

import os
import socket
import subprocess
import sys

from ws_cases import SYNC, cases
from ws_wire import LIMIT, QUIET, Broken, Wire

SLOW = os.environ.get("TENON_TEST_SLOW")


# --- one case ----------------------------------------------------------------

def run_steps(wire, steps):
    """Send what the case says. False: it was cut short by the peer's end."""
    pending = bytearray()

    def flush():
        if pending:
            wire.put(bytes(pending))
            pending.clear()

    for step in steps:
        verb, args = step[0], step[1:]
        if verb == "send" and args[2] == 0 and len(args[1]) < 4096:
            pending += wire.frame(args[0], args[1])
            if len(pending) > 1 << 16:
                flush()
            continue
        flush()
        if verb == "send":
            chop = 0 if args[2] == SYNC else args[2]
            wire.put(wire.frame(args[0], args[1]), chop)
        elif verb == "begin":
            wire.begin(*args)
        elif verb == "data":
            wire.data(*args)
        elif verb == "close":
            wire.send_close(args[0])
        elif verb == "see":
            wire.until(lambda want=args[0]: want in wire.events)
        elif not wire.until(lambda: wire.got_close,
                            QUIET if verb == "quiet" else LIMIT / 4):
            if wire.ended:
                return
            wire.events.append(("timeout", args[0]))
        else:
            return
    flush()


def play(case, wire):
    for _ in range(case.rounds):
        wire.events.clear()
        run_steps(wire, case.steps)
        if not case.by_peer and not wire.sent_close:
            wire.until(lambda: len(wire.events) >= len(case.good)
                       or wire.got_close)
    if not case.by_peer and not wire.sent_close:
        if not case.good:
            wire.until(lambda: wire.got_close or wire.events, QUIET)
        wire.send_close((1000).to_bytes(2, "big"))
    wire.until(lambda: wire.got_close)
    if wire.is_client:  # the server ends TCP
        wire.until(lambda: wire.ended)


def grade(case, wire):
    """The grade, and what is wrong."""
    if wire.events == case.good:
        result = "OK"
    elif case.also is not None and wire.events == case.also:
        result = "NON-STRICT"
    else:
        return "FAILED", f"events {short(wire.events)}"
    who = "peer" if case.by_peer else "us"
    if wire.closed_by not in (who, None) or (wire.closed_by is None and
                                              not wire.ended):
        return "FAILED", f"closed by {wire.closed_by}"
    if case.clean and not (wire.sent_close and wire.got_close):
        return "FAILED", "UNCLEAN: no close handshake"
    if wire.code is not None and wire.code not in case.codes:
        return "FAILED", f"WRONG CODE {wire.code}"
    if wire.is_client and not wire.ended:
        return "FAILED", "the server leaves the end of TCP to the client"
    return result, ""


def short(events):
    return [tuple(v[:30] if isinstance(v, bytes) else v for v in e)
            for e in events]


def play_and_grade(case, wire):
    try:
        play(case, wire)
        result, why = grade(case, wire)
    except (Broken, UnicodeDecodeError, OSError) as e:
        result, why = "FAILED", f"{type(e).__name__}: {e}"
    wire.end()
    if case.informal:
        return "INFORMATIONAL", f"code {wire.code}, {len(wire.events)} events"
    return result, why


# --- the two roles -----------------------------------------------------------

class AtServer:
    """Our server in one process for all cases."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "127.0.0.1:0"],
                                        stderr=subprocess.PIPE)
        self.where = self.process.stderr.readline().decode().strip()

    def play(self, case):
        host, port = self.where.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), LIMIT)
        wire = Wire(sock, True)
        wire.shake_as_client(self.where)
        return play_and_grade(case, wire)

    def end(self):
        """It has to be alive, and to have said nothing."""
        alive = self.process.poll() is None
        self.process.kill()
        said = self.process.communicate()[1]
        return alive and not said, f"alive {alive}, said {said!r}"


class AtClient:
    """Our client, started for each case."""

    def __init__(self, program):
        self.program = program
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT)
        self.bad = []

    def play(self, case):
        port = self.listener.getsockname()[1]
        with subprocess.Popen(
                [self.program, f"ws://127.0.0.1:{port}/{case.number}"],
                stderr=subprocess.PIPE) as process:
            try:
                wire = Wire(self.listener.accept()[0], False)
                wire.shake_as_server()
                result = play_and_grade(case, wire)
                process.communicate(timeout=LIMIT)
            finally:
                process.kill()
        if process.returncode not in (0, 1):
            self.bad.append((case.number, process.returncode))
        return result

    def end(self):
        self.listener.close()
        return not self.bad, f"exit codes {self.bad}"


def main():
    role, how, program, *wanted = sys.argv[1:]
    Wire.octets = how == "octets"
    chosen = [c for c in cases
              if (c.number in wanted if wanted else SLOW or not c.heavy)]
    peer = AtServer(program) if role == "server" else AtClient(program)
    print(f"1..{len(chosen) + 1}", flush=True)
    failed, counts = 0, {}
    for i, case in enumerate(chosen, 1):
        try:
            result, why = peer.play(case)
        except (Broken, OSError, subprocess.SubprocessError) as e:
            result, why = "FAILED", f"{type(e).__name__}: {e}"
        counts[result] = counts.get(result, 0) + 1
        bad = result == "FAILED"
        failed += bad
        print(f"{'not ' if bad else ''}ok {i} - {role} {case.number} {result}"
              f"{' (' + why + ')' if why else ''}", flush=True)
    good, why = peer.end()
    print(f"{'' if good else 'not '}ok {len(chosen) + 1} - {role} lives on")
    print(f"# {counts} {'' if good else why}")
    sys.exit(failed > 0 or not good)


if __name__ == "__main__":
    main()
