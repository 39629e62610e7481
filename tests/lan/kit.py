"""What the tests on a bad network share: the paths of the other kits, and
programs and members on hosts of a network in a box.
"""

import functools
import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, "integ"), os.path.join(TESTS, "support")]

import lan  # noqa: E402
import room  # noqa: E402
import tap  # noqa: E402

tap.CASE_LIMIT = int(240 * tap.SCALE)


def tenon(net, host, *args, **how):
    """The program under test on a host; as tap.Tenon."""
    return tap.Tenon(*args, inside=functools.partial(net.inside, host), **how)


class Member(room.Member):
    """A member of plain text on a host."""

    def __init__(self, net, host, where, name=None):
        self.sock = net.socket(host)
        self.sock.settimeout(tap.LIMIT)
        self.sock.connect(where)
        self.name, self.newline = name, ""
        if name:
            self.send(name)


__all__ = ["lan", "tap", "tenon", "Member"]
