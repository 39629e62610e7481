"""What tools/check-web and tools/check-lan share: run programs of TAP lines one
after the other, and count.
"""

import os
import re
import subprocess
import time
from importlib.machinery import SourceFileLoader

check = SourceFileLoader("check", os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "check")).load_module()

ROOT = check.ROOT
SECOND_CHANCES = 3  # cases of one program


class Unavailable(Exception):
    """What is not there to test with; the text says why."""


class Runner:
    """How programs are run: by which command, and in which environment."""

    def __init__(self, command, env, limit):
        self.command, self.limit = command, limit
        self.env = {**os.environ, **env, "TENON_SOURCE": ROOT,
                    "TENON_BUILD": os.path.join(ROOT, "build-gcc")}

    def run_program(self, path, words=()):
        """One program: exit status, output. One that hangs is ended."""
        with subprocess.Popen([*self.command, path, *words], cwd=ROOT,
                              env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            try:
                out, _ = process.communicate(timeout=self.limit)
            except subprocess.TimeoutExpired:
                process.kill()
                out, _ = process.communicate()
                out += b"\nnot ok - the program took too long\n"
            return process.returncode, out.decode("utf-8", "replace")

    def again_alone(self, path, text):
        """What failed beside others is tried once more: see tools/check."""
        names = re.findall(r"^not ok \d+ - (.*)$", text, re.M)
        if len(names) > SECOND_CHANCES:
            return text
        for name in names:
            status, second = self.run_program(path, ["=" + name])
            if status == 0:
                check.say(f"--- unsteady: {name} failed beside others and"
                          " passed alone")
                text = re.sub(rf"^not (ok \d+ - {re.escape(name)})$", r"\1",
                              text, flags=re.M)
            else:
                check.say(second)
        return text

    def run_tests(self, paths, count):
        for path in paths:
            start, before = time.monotonic(), str(count)
            status, text = self.run_program(path)
            if status != 0:
                shown = [line for line in text.splitlines()
                         if not line.startswith("ok ")]
                check.say(f"--- {os.path.relpath(path, ROOT)}\n"
                          + "\n".join(shown))
                steady = self.again_alone(path, text)
                if steady != text and not re.search("^not ok", steady, re.M):
                    status = 0
                text = steady
            # A program that broke off has fewer lines than it planned.
            plan = re.search(r"^1\.\.(\d+)", text, re.M)
            lines = len(re.findall(r"^(?:not )?ok\b", text, re.M))
            failed = count.add_tap(text)
            if failed == 0 and (status != 0 or not plan
                                or lines != int(plan.group(1))):
                count.failed += 1
            check.say(f"{os.path.basename(path)}:"
                      f" {time.monotonic() - start:.0f} s"
                      f" ({before} -> {count})")


def run_all(paths, prepare, runner):
    """Run programs, after what they need is there; the exit status."""
    count = check.Count()
    try:
        prepare()
    except Unavailable as why:
        count.skipped += len(paths)
        check.say(f"SKIP {why}")
        check.say(str(count))
        return 0
    if check.build("gcc"):
        runner.run_tests(paths, count)
    else:
        count.failed += 1
        check.say("--- the gcc build failed")
    check.say(str(count))
    return 0 if count.passed > 0 and count.failed == 0 else 1
