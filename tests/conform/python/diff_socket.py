"""Python's sockets and tenon's, step by step: the same steps, the same ends.

    TENON_LIB=build/libtenon.so python3 diff_socket.py [-v] [NAME...]

Each scenario is run once on Python's own socket module and once on tenon;
what every step gave or raised is compared. One line per scenario.
"""

import argparse
import faulthandler
import sys
import tempfile
import warnings

import tap
import tenon_lib

# No scenario may take longer than this in one world, seconds.
LIMIT = 60

# Where tenon differs on purpose, and why. The steps are run and must differ.
ON_PURPOSE = {
    "time-outs: a call told not to wait":
        "MSG_DONTWAIT does not wait; Python waits for its time-out first",
    "life: closed with unread input":
        "the peer gets our last bytes and the end, in Python a reset",
    "life: handed over with unread input":
        "tn_close() flushes what it cannot know to be shared; who hands a "
        "connection on ends his own by tn_detach() and close(2)",
}


def scenarios():
    import diff_random
    import diff_scenarios as one
    import diff_scenarios2 as two

    found = {}
    for part in (one.TCP, one.TIMEOUTS, one.OPTIONS, one.LIFE,
                 two.DATAGRAMS, two.UNIX, two.FILES, two.SERVERS,
                 two.NAMES, diff_random.scenarios()):
        found.update(part)
    return found


def run_in(world_type, module, steps):
    with tempfile.TemporaryDirectory(prefix="tn") as folder:
        world = world_type(module, folder)
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        try:
            return world.run(steps)
        finally:
            world.close()
            faulthandler.cancel_dump_traceback_later()


def differences(steps, python, tenon):
    return [
        f"step {n + 1} {step!r}:\n  python {p!r}\n  tenon  {t!r}"
        for n, (step, p, t) in enumerate(zip(steps, python, tenon))
        if p != t]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", action="store_true", help="show all steps")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    why = tenon_lib.why_not()
    if why:
        tap.skip_all(why)
    warnings.simplefilter("ignore", ResourceWarning)
    import diff_world
    import socket
    ours = diff_world.socket_on_tenon()
    out = tap.Tap()
    for name, steps in scenarios().items():
        if args.names and not any(part in name for part in args.names):
            continue
        python = run_in(diff_world.World, socket, steps)
        tenon = run_in(diff_world.TenonWorld, ours, steps)
        notes = differences(steps, python, tenon)
        if name in ON_PURPOSE:
            out.result(bool(notes), f"{name}: {ON_PURPOSE[name]}",
                       ["tenon does as Python now: strike the exception"])
        else:
            out.result(not notes, name, notes)
        if args.v:
            for step, outcome in zip(steps, tenon):
                out.comment(f"{step!r} -> {outcome!r}"[:300])
    return out.plan()


if __name__ == "__main__":
    sys.exit(main())
