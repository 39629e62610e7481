"""What the tests of LocalSend share: our receiver without a command around it,
and curl as the phone.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import urllib.parse

import tap

TOOL = os.path.join(tap.BUILD, "tests", "support", "phone_tool")
API = "/api/localsend/v2/"
INFO = {"alias": "curl", "version": "2.1", "deviceModel": None,
        "deviceType": "mobile", "fingerprint": "abc", "port": 53317,
        "protocol": "https", "download": False}


class Phone:
    """The receiver, its events as lines."""

    def __init__(self, folder, secure=False, **env):
        if not secure:
            env["PHONE_CLEAR"] = "1"
        self.process = subprocess.Popen(
            [TOOL, "recv", folder], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            env={**os.environ, "PHONE_BIND": "127.0.0.1", **env})
        self.text = ""
        ready = self.until(r"ready (\d+) (\w+)\n")
        self.port, self.mark = int(ready[1]), ready[2]
        self.base = f"{'https' if secure else 'http'}://127.0.0.1:{self.port}"

    def until(self, pattern):
        while not re.search(pattern, self.text):
            more = tap.read_some(self.process.stdout)
            if not more:
                raise AssertionError(f"no {pattern!r} in {self.text!r}, "
                                     f"{self.process.stderr.read()}")
            self.text += more.decode()
        return re.search(pattern, self.text)

    def call(self, path, body=b"", *words):
        """Status and body of an answer."""
        tap.need("curl")
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        done = subprocess.run(
            ["curl", "-sk", "-w", "\n%{http_code}", "-H", "Expect:",
             "--max-time", str(int(tap.LIMIT)), "--data-binary", "@-", *words,
             self.base + API + path], input=body, capture_output=True,
            check=False)
        text, _, status = done.stdout.decode().rpartition("\n")
        return int(status), text

    def status(self, path, body=b"", *words):
        return self.call(path, body, *words)[0]

    def offer(self, files, query="", info=None):
        """An offer of {id: (name, content)}: status, answer."""
        return self.call("prepare-upload" + query, offer(files, info))

    def take(self, files):
        """An offer that has to be accepted: its session."""
        status, text = self.offer(files)
        tap.equal(status, 200, text)
        return Session(self, json.loads(text))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """It ends well, whatever the phone did."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
                code = self.process.wait(tap.LIMIT)
                tap.true(kind or code == 0,
                         f"it ended with {code}: {self.process.stderr.read()}")
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()


class Session:
    def __init__(self, phone, answer):
        self.phone, self.id = phone, answer["sessionId"]
        self.tokens = answer["files"]

    def path(self, file, token=None, session=None):
        return "upload?" + urllib.parse.urlencode({
            "sessionId": session or self.id, "fileId": file,
            "token": token or self.tokens[file]})

    def send(self, file, content, *words):
        return self.phone.call(self.path(file), content, *words)[0]


def offer(files, info=None):
    return {"info": info or INFO, "files": {
        key: {"id": key, "fileName": value[0], "size": len(value[1]),
              "fileType": "text/plain", "sha256":
              hashlib.sha256(value[1]).hexdigest() if len(value) < 3
              else value[2],
              "metadata": {"modified": "2021-01-01T12:34:56.500Z"}}
        for key, value in files.items()}}


def listing(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def content(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()
