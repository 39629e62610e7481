"""Runs CPython's own test.test_socket on top of tenon.

    TENON_LIB=build/libtenon.so python3 run_test_socket.py [-v] [NAME...]

NAME keeps the tests whose id contains one of the names. --real leaves
CPython's own _socket in place: what the machine itself can pass.
"""

import argparse
import faulthandler
import io
import os
import sys
import tempfile
import unittest

import tap
import tenon_lib

# No test may take longer than this, in seconds.
LIMIT = 60

# Tests that are not run, whatever _socket is, and why.
EXCLUDED = {
    "ThreadedVSOCKSocketStreamTest":
        "needs a virtual machine's vsock loopback; hangs without",
}

# Tests that run and are known to fail on top of tenon, and why.
EXPECTED = {
}


def install():
    """Put the stand-in where socket.py will look for _socket."""
    import _tenon_socket
    sys.modules["_socket"] = _tenon_socket
    if "socket" in sys.modules:
        raise SystemExit("socket was imported before the stand-in")


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def is_excluded(test):
    return any(name in test.id() for name in EXCLUDED)


def choose(module, names):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    chosen = unittest.TestSuite()
    for test in tests_of(suite):
        wanted = not names or any(name in test.id() for name in names)
        if wanted and not is_excluded(test):
            chosen.addTest(test)
    return chosen


class Result(unittest.TextTestResult):
    """Prints a test point for each class, and each failure at once."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.per_class = {}

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        self._count(test, 0)

    def _count(self, test, column):
        name = type(test).__name__
        self.per_class.setdefault(name, [0, 0, 0])[column] += 1

    def _bad(self, test, error):
        name = test.id().partition("test_socket.")[2]
        text = self._exc_info_to_string(error, test)
        known = EXPECTED.get(name)
        self._count(test, 1 if known is None else 2)
        label = "FAILED" if known is None else f"expected ({known})"
        tap.Tap.comment(f"{label}: {name}", text)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._bad(test, err)


def report(result):
    out = tap.Tap()
    for name, (ran, bad, known) in sorted(result.per_class.items()):
        out.result(not bad, f"test_socket.{name}, {ran} tests")
        if known:
            tap.Tap.comment(f"{known} expected failures")
    for name, why in EXCLUDED.items():
        out.skip(f"test_socket.{name}", why)
    bad = sum(row[1] for row in result.per_class.values())
    known = sum(row[2] for row in result.per_class.values())
    skipped = len(result.skipped)
    tap.Tap.comment(
        f"ran {result.testsRun}, passed "
        f"{result.testsRun - bad - known - skipped}, skipped {skipped}, "
        f"failed {bad}, expected failures {known}")
    return out.plan()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", action="store_true")
    parser.add_argument("-v", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    why = None if args.real else tenon_lib.why_not()
    if why:
        tap.skip_all(why)
    if not args.real:
        install()
    try:
        from test import support, test_socket
    except ImportError as error:
        tap.skip_all(f"test.test_socket is not installed ({error})")
    support.verbose = args.v
    stream = sys.stderr if args.v else io.StringIO()
    runner = unittest.TextTestRunner(
        stream=stream, verbosity=2, resultclass=Result, warnings="always")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        result = runner.run(choose(test_socket, args.names))
        os.chdir("/")
    return report(result)


if __name__ == "__main__":
    sys.exit(main())
