"""Python's sockets and tenon's, step by step: the same steps, the same ends.

    TENON_LIB=build/libtenon.so python3 diff_socket.py [-v] [--task BACKEND]
        [NAME...]

Each scenario is run once on Python's own socket module and once on tenon;
what every step gave or raised is compared. One line per scenario. Tenon's
calls are made from a plain thread, or with --task from a task that waits by
epoll or poll.
"""

import argparse
import faulthandler
import os
import socket
import sys
import tempfile
import warnings

import tap
import tenon_lib

# No scenario may take longer than this, in seconds.
LIMIT = 60

# Where tenon differs on purpose, and why. The steps are run and must differ.
ON_PURPOSE = {
    "time-outs: a call told not to wait":
        "MSG_DONTWAIT does not wait; Python waits for its time-out first",
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


def in_a_task(steps):
    """The steps that make sense in a task; None if that is not enough.

    There is no second thread, and no descriptor is in blocking mode.
    """
    if any(step[1] in ("later", "join") for step in steps):
        return None
    return [step for step in steps if step[1] != "flags"]


def run_in(world_type, module, steps):
    with tempfile.TemporaryDirectory(prefix="tn") as folder:
        world = world_type(module, folder)
        try:
            return world.run(steps)
        finally:
            world.close()


class Runner:
    """Runs scenarios in both worlds and reports."""

    def __init__(self, backend, verbose):
        import diff_world
        import socket
        self.backend = backend
        self.verbose = verbose
        self.worlds = diff_world
        self.theirs = socket
        self.ours = diff_world.socket_on_tenon()
        self.out = tap.Tap()

    def tenon(self, steps):
        def run():
            name = self.worlds.lib.tn_backend_name().decode()
            assert name == (self.backend or "thread"), name
            return run_in(self.worlds.TenonWorld, self.ours, steps)
        if self.backend is None:
            return run()
        lib = self.worlds.lib
        return tenon_lib.run_in_task(lib, self.backend, run)

    def scenario(self, name, steps):
        if self.backend is not None:
            steps = in_a_task(steps)
            name = f"{name}, {self.backend}"
        if steps is None:
            self.out.skip(name, "wants a second thread")
            return
        if "localhost" in repr(steps) and not knows_localhost():
            self.out.skip(name, "no file and no server here knows localhost")
            return
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        python = run_in(self.worlds.World, self.theirs, steps)
        tenon = self.tenon(steps)
        faulthandler.cancel_dump_traceback_later()
        self.report(name, steps, python, tenon)

    def report(self, name, steps, python, tenon):
        notes = differences(steps, python, tenon)
        why = ON_PURPOSE.get(name.partition(", ")[0])
        if why:
            self.out.result(
                bool(notes), f"{name}: {why}",
                ["tenon does as Python now: strike the exception"])
        else:
            self.out.result(not notes, name, notes)
        if self.verbose:
            for step, outcome in zip(steps, tenon):
                self.out.comment(f"{step!r} -> {outcome!r}"[:300])


def knows_localhost():
    """Where the system does not, tenon does all the same (RFC 6761)."""
    try:
        return bool(socket.getaddrinfo("localhost", 80, socket.AF_INET))
    except OSError:
        return False


def differences(steps, python, tenon):
    return [
        f"step {n + 1} {step!r}:\n  python {p!r}\n  tenon  {t!r}"
        for n, (step, p, t) in enumerate(zip(steps, python, tenon))
        if p != t]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", action="store_true", help="show all steps")
    parser.add_argument("--task", metavar="BACKEND",
                        choices=("epoll", "poll"))
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    why = tenon_lib.why_not()
    if why:
        tap.skip_all(why)
    warnings.simplefilter("ignore", ResourceWarning)
    os.environ.pop("TENON_BACKEND", None)
    runner = Runner(args.task, args.v)
    for name, steps in scenarios().items():
        if not args.names or any(part in name for part in args.names):
            runner.scenario(name, steps)
    return runner.out.plan()


if __name__ == "__main__":
    sys.exit(main())
