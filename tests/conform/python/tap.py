"""What the conformance programs print: the Test Anything Protocol."""

import sys


class Tap:
    """Counts and prints results; plan() comes last."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, ok, name, notes=()):
        """Print one test point, and notes below it if it failed."""
        self.count += 1
        self.failed += not ok
        name = name.replace("#", "no.")
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}")
        if not ok:
            self.comment(*notes)
        sys.stdout.flush()
        return ok

    def skip(self, name, why):
        """Print a test point that could not be tried."""
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}")

    @staticmethod
    def comment(*lines):
        for line in lines:
            for part in str(line).splitlines():
                print(f"# {part}")
        sys.stdout.flush()

    def plan(self):
        """Print the plan; the return value is for sys.exit()."""
        print(f"1..{self.count}")
        sys.stdout.flush()
        return 1 if self.failed else 0


def skip_all(why):
    """End a program none of whose tests can be tried."""
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
