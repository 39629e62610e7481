#!/usr/bin/env python3
"""tn_http_parse_request() beside h11 and http_parser, on requests from a fixed
seed: whole ones, and the same with bytes, lines and fields changed.

Where two accept a request, they have to see the same method, target, body and
fields. Where only one does, the reason has to be in the lists below.
"""

import collections
import json
import os
import random
import subprocess
import sys

try:
    import h11
except ImportError:
    if sys.executable != "/usr/bin/python3" and "TENON_AGAIN" not in os.environ:
        os.environ["TENON_AGAIN"] = "1"
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP python3-h11 is not installed")
    sys.exit(0)

SEED = 9112
CASES = 40000
HELPER = sys.argv[1]

# Why we refuse what h11 takes.
STRICTER_H11 = {
    "LF without CR": "h11 takes LF alone for the end of a line",
    "a control character": "h11 takes some in a value",
    "a line begins with a space": "h11 unfolds folded lines",
    "a target with a forbidden character": "h11 takes all visible ones",
    "a target of no known form": "h11 does not look into targets",
    "a target without a host": "h11 does not look into targets",
    "no Host": "h11 wants one in HTTP/1.1, but not in HTTP/1.2",
    "Host is none": "h11 does not look into Host",
    "Host is not the target's": "h11 does not compare",
    "two Content-Lengths": "h11 takes several that are the same",
    "Content-Length is no number": "h11 takes a list of equal ones",
    "not HTTP/1": "h11 leaves major versions to the caller",
    "Transfer-Encoding in HTTP/1.0": "h11 takes it",
    "Connection names a field that frames": "h11 does not look",
    "both Content-Length and Transfer-Encoding": "h11 lets the coding win",
}

# What h11 says of what we take: nothing so far.
LAXER_H11 = {}

# Why we refuse what http_parser takes, which looks at no more than it needs.
STRICTER_HTTP_PARSER = {
    "LF without CR": "LF alone ends a line",
    "CR without LF": "CR alone may be in a value",
    "a control character": "any may be in a value",
    "a line begins with a space": "folded lines",
    "space before the colon of a field": "spaces in names",
    "a field without a name": "spaces in names",
    "no method": "any white space before and behind it",
    "no target": "several spaces",
    "no version": "none is HTTP/0.9, and two digits are one number",
    "not HTTP/1": "any version",
    "a target with a forbidden character": "fragments, bytes above ASCII",
    "a target of no known form": "a method does not matter",
    "a target without a host": "user information, no port for CONNECT",
    "no Host": "not asked for",
    "two Hosts": "not asked for",
    "Host is none": "not asked for",
    "Host is not the target's": "not compared",
    "Content-Length is no number": "white space behind it",
    "two Transfer-Encodings": "it looks for chunked in them",
    "an unknown transfer coding": "it looks for chunked in them",
    "Transfer-Encoding does not end in chunked": "it reads until the end",
    "Transfer-Encoding is no list": "it looks for chunked in it",
    "Transfer-Encoding in HTTP/1.0": "it takes it",
    "Connection names a field that frames": "not asked for",
}

# What http_parser says of what we take.
LAXER_HTTP_PARSER = {
    "HPE_INVALID_METHOD": "it knows a list of methods",
}

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH",
           b"CONNECT", b"TRACE", b"get", b"BREW"]
TARGETS = [b"/", b"/a/b?c=d", b"/%41%2f", b"//b", b"*", b"http://h/", b"h:80",
           b"http://h:80/x?y", b"https://other/", b"/a#b", b"/{x}|y",
           b"/\xc3\xa9", b"a", b"http://u@h/", b"/" + b"a" * 300]
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0"] * 3 + [
    b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1", b"HTTP/1.10"]
FIELDS = [
    b"Host: h", b"Host: h:80", b"Host: other", b"Host:", b"Host : h",
    b"Accept: */*", b"X-Long: " + b"v" * 90, b"Cookie: a=b; c=d",
    b"X-Text: caf\xc3\xa9", b"X_y.z~: 1", b"Empty:", b"Tab:\tx\ty\t",
    b"Connection: close", b"Connection: keep-alive, Upgrade",
    b"Connection: content-length", b"Upgrade: x", b"Expect: 100-continue",
    b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: 05",
    b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length:",
    b"Content-Length: 99999999999999999999", b"Content-Length: 5 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding:",
    b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding : chunked",
    b" folded", b"\tfolded", b"no colon", b": no name", b"X: a\x00b",
    b"X: a\x7fb", b"X(y): z",
]
BYTES = [b"\r", b"\n", b"\r\n", b"\t", b" ", b":", b"\x00", b"\x0b", b"\x7f",
         b"\x80", b",", b";", b"%", b"0", b"chunked", b"\r\n ", b"\r\n\r\n"]


def make(rng):
    """A request, more often a good one than not."""
    method = rng.choice(METHODS[:3]) if rng.random() < .7 else \
        rng.choice(METHODS)
    target = TARGETS[rng.randrange(3)] if rng.random() < .6 else \
        rng.choice(TARGETS)
    fields = [b"Host: h"] if rng.random() < .85 else []
    for _ in range(rng.randrange(5)):
        fields.insert(rng.randint(0, len(fields)), rng.choice(FIELDS))
    line = b" ".join([method, target, rng.choice(VERSIONS)])
    return b"\r\n".join([line, *fields, b"", b""]) + b"hello"


def change(rng, raw):
    """One small mistake, such as senders and attackers make."""
    at = rng.randrange(len(raw))
    kind = rng.randrange(5)
    if kind == 0:
        return raw[:at] + rng.choice(BYTES) + raw[at:]
    if kind == 1:
        return raw[:at] + raw[at + 1:]
    if kind == 2:
        return raw[:at] + rng.choice(BYTES) + raw[at + 1:]
    if kind == 3:
        return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + \
            raw[at + 1:]
    return raw.replace(b"\r\n", b"\n", rng.randint(1, 3))


def cases():
    rng = random.Random(SEED)
    for number in range(CASES):
        raw = make(rng)
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
            raw = change(rng, raw)
        yield raw


def ask_h11(raw):
    """What h11 sees, in the form of the helper's answers."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError as e:
        return {"outcome": str(e)}
    if event is h11.NEED_DATA:
        return {"outcome": "more"}
    fields = [[name.hex(), value.hex()] for name, value in event.headers]
    body = "none"
    for name, value in event.headers:
        if name == b"content-length" and body == "none":
            body = int(value)
        elif name == b"transfer-encoding":
            body = "chunked"
    return {"outcome": "ok", "method": event.method.hex(),
            "target": event.target.hex(), "body": body, "fields": fields}


def normal(fields):
    """As h11 shows them: names in lower case, and the coding's value too."""
    result = []
    for name, value in fields:
        name = bytes.fromhex(name).lower()
        if name == b"transfer-encoding":
            value = bytes.fromhex(value).lower().hex()
        result.append([name.hex(), value])
    return result


def ask_all(raws):
    text = "".join(raw.hex() + "\n" for raw in raws)
    done = subprocess.run([HELPER], input=text, capture_output=True, text=True,
                          timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def reason_of(why):
    """The sentence in the middle of tn_why()."""
    return why.split(": ")[1] if ": " in why else why


class Differences:
    """What must not be, by kind; and how often each allowed reason was."""

    def __init__(self):
        self.wrong = collections.defaultdict(list)
        self.used = collections.Counter()

    def compare(self, name, raw, ours, theirs, stricter, laxer):
        if "more" in (ours["outcome"], theirs["outcome"]):
            return
        mine, other = ours["outcome"] == "ok", theirs["outcome"] == "ok"
        if mine and other:
            for part in ("method", "target", "body", "fields"):
                got, want = ours.get(part), theirs.get(part)
                if part == "fields" and want is not None:
                    got = normal(got)
                if want is not None and got != want:
                    self.wrong[f"{name} sees another {part}"].append(raw)
            self.used[f"{name}: both accept"] += 1
        elif other:
            reason = reason_of(ours["outcome"])
            self.used[f"{name}: only it accepts: {reason}"] += 1
            if reason not in stricter:
                self.wrong[f"{name} accepts alone: {reason}"].append(raw)
        elif mine:
            reason = theirs["outcome"]
            self.used[f"{name}: only we accept: {reason}"] += 1
            if reason not in laxer:
                self.wrong[f"{name} refuses alone: {reason}"].append(raw)

    def unused(self, name, stricter, laxer):
        """Reasons that no case needs have no place in the lists."""
        for text, reasons in (("it accepts", stricter), ("we accept", laxer)):
            for reason in reasons:
                if not self.used[f"{name}: only {text}: {reason}"]:
                    self.wrong[f"{name} has no case for: {reason}"].append(b"")


PEERS = (
    ("h11", STRICTER_H11, LAXER_H11),
    ("http_parser", STRICTER_HTTP_PARSER, LAXER_HTTP_PARSER),
)


def report(number, name, found):
    """One line of TAP, with what was found of this peer."""
    wrong = {k: v for k, v in found.wrong.items() if k.startswith(name)}
    good = not wrong and found.used[f"{name}: both accept"] > CASES // 20
    print(f"{'' if good else 'not '}ok {number} - {name} and we see the same")
    for text, count in sorted(found.used.items()):
        if text.startswith(name):
            print(f"# {count} {text}")
    for text, inputs in wrong.items():
        print(f"# {len(inputs)} wrong: {text}, first {inputs[0]!r}")
    return good


def main():
    raws = list(cases())
    answers = ask_all(raws)
    assert len(answers) == len(raws)
    good = True
    print(f"1..{len(PEERS)}")
    for number, (name, stricter, laxer) in enumerate(PEERS, 1):
        if name != "h11" and answers[0][name] is None:
            print(f"ok {number} - {name} # SKIP not built with it")
            continue
        found = Differences()
        for raw, answer in zip(raws, answers):
            theirs = ask_h11(raw) if name == "h11" else answer[name]
            found.compare(name, raw, answer["tenon"], theirs, stricter, laxer)
        found.unused(name, stricter, laxer)
        good = report(number, name, found) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
