"""Servers for the tests of `tenon get`: one that answers by a script, proxies,
certificates. All on loopback, on free ports, ended with the case."""

import contextlib
import datetime
import os
import select
import shutil
import socket
import subprocess
import threading

import tap


class Server:
    """Answers each request with what `answer` returns for it: bytes, or None
    to say nothing. A function gets the request (its head and body as bytes)
    and the connection, which it may use itself."""

    def __init__(self, answer, tls=None):
        self.answer = answer
        self.tls = tls
        self.requests = []
        self.connections = 0
        self.sock = tap.listener()
        self.port = self.sock.getsockname()[1]
        self.open = []
        self.ended = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def url(self, path="/", host="127.0.0.1"):
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    def _run(self):
        while not self.ended:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                continue
            if self.ended:
                conn.close()
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        conn.settimeout(tap.LIMIT)
        with contextlib.suppress(OSError, ValueError), conn:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
            self.open.append(conn)
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = conn.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                body, data = self._body(conn, head, data)
                request = head + b"\r\n\r\n" + body
                self.requests.append(request)
                answer = self.answer(request, conn)
                if answer is None:
                    return
                conn.sendall(answer)

    @staticmethod
    def _body(conn, head, data):
        lower = head.lower()
        if b"expect: 100-continue" in lower:
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"\r\ntransfer-encoding: chunked" in lower:
            while not data.endswith(b"0\r\n\r\n"):
                more = conn.recv(65536)
                if not more:
                    raise ValueError("cut")
                data += more
            return data, b""
        length = 0
        for line in lower.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(data) < length:
            more = conn.recv(65536)
            if not more:
                raise ValueError("cut")
            data += more
        return data[:length], data[length:]

    def stop(self):
        self.ended = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self.thread.join(tap.LIMIT)
        self.sock.close()


@contextlib.contextmanager
def server(answer, tls=None):
    """A Server; `answer` may be bytes, after which the connection ends."""
    if isinstance(answer, bytes):
        text = answer

        def answer(request, conn):  # pylint: disable=function-redefined
            conn.sendall(text)
    running = Server(answer, tls)
    try:
        yield running
    finally:
        running.stop()


def reply(body=b"", status="200 OK", *fields):
    """A whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def path_of(request):
    return request.split(b" ", 2)[1].decode()


def field(request, name):
    """The value of a request's field, None if it has none."""
    for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, value = line.split(b":", 1)
        if key.lower() == name.lower().encode():
            return value.strip().decode()
    return None


def splice(a, b):
    """Both directions until both have ended."""
    ends = {a: b, b: a}
    while ends:
        ready = select.select(list(ends), [], [], tap.LIMIT)[0]
        if not ready:
            return
        for sock in ready:
            data = sock.recv(65536)
            if data:
                ends[sock].sendall(data)
            else:
                with contextlib.suppress(OSError):
                    ends[sock].shutdown(socket.SHUT_WR)
                del ends[sock]


# --- certificates -------------------------------------------------------------

def certificate(folder, name, names, days=(-1, 30), issuer=None, ca=False):
    """Make NAME.pem (certificate and key) with openssl; days from now. Returns
    its path."""
    tap.need("openssl")
    path = os.path.join(folder, name)
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = ((now + datetime.timedelta(days=d)).strftime("%Y%m%d%H%M%SZ")
                  for d in days)
    conf = path + ".conf"
    with open(conf, "w", encoding="utf-8") as file:
        file.write(
            "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=%s\n"
            "[ext]\nbasicConstraints=critical,CA:%s\n%s"
            "[ca]\ndefault_ca=it\n[it]\nnew_certs_dir=%s\ndatabase=%s.db\n"
            "serial=%s.serial\ndefault_md=sha256\npolicy=any\n"
            "copy_extensions=none\nunique_subject=no\n"
            "[any]\ncommonName=supplied\n" % (
                name, "TRUE" if ca else "FALSE",
                "subjectAltName=" + ",".join(names) + "\n" if names else "",
                folder, path, path))
    open(path + ".db", "w", encoding="utf-8").close()
    with open(path + ".serial", "w", encoding="utf-8") as file:
        file.write(os.urandom(8).hex() + "\n")

    def openssl(*words):
        done = subprocess.run(["openssl", *words], capture_output=True,
                              stdin=subprocess.DEVNULL, check=False)
        tap.equal((done.returncode), 0, done.stderr.decode())
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", path + ".key", "-out", path + ".csr",
            "-config", conf)
    signer = (["-selfsign", "-keyfile", path + ".key"] if not issuer else
              ["-keyfile", issuer + ".key", "-cert", issuer + ".crt"])
    openssl("ca", "-batch", "-config", conf, "-extensions", "ext",
            "-startdate", start, "-enddate", end, "-in", path + ".csr",
            "-out", path + ".crt", "-notext", *signer)
    with open(path + ".pem", "wb") as out:
        for part in (path + ".crt", path + ".key"):
            with open(part, "rb") as file:
                shutil.copyfileobj(file, out)
    return path
