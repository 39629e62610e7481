"""HTTP: CPU of the server for each request or file, beside nginx and h2o.

wrk keeps connections full of requests; a request counts when its answer was
read. All servers are one thread on one processor and serve the same folder,
without an access log. They take turns in each round.
"""

import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from measure import (CLIENT_CPU, SERVER_CPU, START_S, Failed, Server, pinned,
                     quartiles, rotate)

CONNECTIONS = 20
BASE = "nginx"

NGINX = """
daemon off; master_process off; worker_processes 1;
pid {dir}/nginx.pid; error_log {dir}/nginx.err;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t;
  fastcgi_temp_path {dir}/t; uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port}; root {dir}/root;
    location = /small {{ return 200 "hello, world\n"; }}
    location = /memory {{ return 200 "{kib}"; }}
  }}
}}
"""

H2O = """
num-threads: 1
listen: {{host: 127.0.0.1, port: {port}}}
hosts:
  "127.0.0.1:{port}":
    paths: {{"/": {{file.dir: {dir}/root}}}}
"""

PIPELINE = """
init = function()
  local all = {{}}
  for i = 1, {depth} do all[i] = wrk.format("GET", wrk.path) end
  batch = table.concat(all)
end
request = function() return batch end
"""

ROWS = (
    ("13 bytes from memory", "/small", 1),
    ("13 bytes from memory", "/small", 16),
    ("1 KiB from memory", "/memory", 1),
    ("1 KiB from memory", "/memory", 16),
    ("1 KiB file", "/1k", 1),
    ("1 KiB file", "/1k", 16),
    ("100 KiB file", "/100k", 1),
    ("100 KiB file", "/100k", 16),
)


def free_port():
    """A port that nobody uses now: these servers take no port 0."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Other:
    """A web server that is told its port; ends with the block."""

    def __init__(self, argv, port):
        self.port = port
        self.process = subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=pinned(SERVER_CPU))
        self.pid = self.process.pid
        until = time.monotonic() + START_S
        while not self.answers():
            if time.monotonic() > until or self.process.poll() is not None:
                self.stop()
                raise Failed(f"{argv[0]} did not start")
            time.sleep(0.01)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(
                ("127.0.0.1", self.port)):
            return True
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def cpu_ns(pid):
    """Processor time of all threads of a process."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def cost(server, script, path, seconds):
    """CPU in us of a server for each request."""
    before = cpu_ns(server.pid)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script,
         f"http://127.0.0.1:{server.port}{path}"],
        capture_output=True, text=True, timeout=60 + seconds,
        preexec_fn=pinned(CLIENT_CPU))
    spent = cpu_ns(server.pid) - before
    count = re.search(r"(\d+) requests in", done.stdout)
    wrong = re.search(r"Non-2xx.*|Socket errors.*[1-9].*", done.stdout)
    if count is None or int(count[1]) == 0 or wrong:
        raise Failed(wrong[0] if wrong else f"wrk: {done.stderr.strip()}")
    return spent / int(count[1]) / 1000


def start_all(stack, build, folder):
    """The servers that are installed, by name."""
    os.mkdir(f"{folder}/root")
    for name, size in (("1k", 1 << 10), ("100k", 100 << 10)):
        with open(f"{folder}/root/{name}", "wb") as f:
            f.write(b"x" * size)
    servers = [("tenon", stack.enter_context(
        Server([f"{build}/bench/serve_http", f"{folder}/root"])))]
    for name, text, argv in (
            ("nginx", NGINX, ["nginx", "-e", f"{folder}/nginx.err", "-c"]),
            ("h2o", H2O, ["h2o", "-c"])):
        if shutil.which(argv[0]) is None:
            continue
        port = free_port()
        with open(f"{folder}/{name}.conf", "w", encoding="ascii") as f:
            f.write(text.format(dir=folder, port=port, kib="x" * 1024))
        servers.append((name, stack.enter_context(
            Other([*argv, f"{folder}/{name}.conf"], port))))
    return servers


def row(servers, script, path, plan):
    """Costs by server, one list entry per round."""
    costs = {name: [] for name, _ in servers}
    for number in range(3 if plan.quick else 9):
        for name, server in rotate(servers, number):
            try:
                costs[name].append(cost(server, script, path, 1))
            except Failed as e:
                raise Failed(f"{name}: {e}") from None
    return costs


def http_part(build, _there, plan):
    """Requests on connections that persist."""
    if shutil.which("wrk") is None or shutil.which(BASE) is None:
        raise Failed("wrk and nginx are needed")
    if not os.access(f"{build}/bench/serve_http", os.X_OK):
        raise Failed("serve_http was not built")
    yield (f"## HTTP keep-alive, {CONNECTIONS} connections: "
           "server CPU per request")
    yield ""
    yield ("| what | pipelined | server | us, median | "
           f"ratio to {BASE} (quartiles) |")
    yield "| --- | ---: | --- | ---: | --- |"
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        servers = start_all(stack, build, folder)
        for what, path, depth in ROWS:
            script = f"{folder}/{depth}.lua"
            with open(script, "w", encoding="ascii") as f:
                f.write(PIPELINE.format(depth=depth))
            # What h2o has in memory it has in files.
            present = [s for s in servers
                       if s[0] != "h2o" or "file" in what]
            costs = row(present, script, path, plan)
            for name, values in costs.items():
                low, mid, high = quartiles(
                    [v / b for v, b in zip(values, costs[BASE])])
                middle = quartiles(values)[1]
                yield (f"| {what} | {depth} | {name} | {middle:.2f} | "
                       f"{mid:.2f} ({low:.2f} to {high:.2f}) |")


# ---- one large file ----

BIG_MIB = 100

BIG_NGINX = """
daemon off; master_process off; worker_processes 1;
pid {dir}/big.pid; error_log {dir}/big.err;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t;
  fastcgi_temp_path {dir}/t; uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  server {{ listen 127.0.0.1:{plain}; root {dir}/root; }}
  server {{
    listen 127.0.0.1:{tls} ssl; root {dir}/root;
    ssl_certificate {dir}/cert; ssl_certificate_key {dir}/key;
    ssl_protocols TLSv1.3;
  }}
}}
"""

BIG_H2O = """
num-threads: 1
listen: {{host: 127.0.0.1, port: {plain}}}
listen:
  host: 127.0.0.1
  port: {tls}
  ssl: {{certificate-file: {dir}/cert, key-file: {dir}/key,
         minimum-version: TLSv1.3}}
hosts:
  default:
    paths: {{"/": {{file.dir: {dir}/root}}}}
"""


def download(server, port, scheme):
    """CPU in ms of a server that sends the file once to curl."""
    before = cpu_ns(server.pid)
    done = subprocess.run(
        ["curl", "-sSk", "--http1.1", "-o", "/dev/null", "-w",
         "%{size_download}", f"{scheme}://127.0.0.1:{port}/big"],
        capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=pinned(CLIENT_CPU))
    if done.stdout != str(BIG_MIB << 20):
        raise Failed(f"curl: {done.stdout} {done.stderr.strip()}")
    return (cpu_ns(server.pid) - before) / 1e6


def make_big(folder):
    """What is sent, and the certificate that all of them show."""
    os.mkdir(f"{folder}/root")
    with open(f"{folder}/root/big", "wb") as f:
        for _ in range(BIG_MIB):
            f.write(os.urandom(1 << 20))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-keyout", f"{folder}/key",
                    "-out", f"{folder}/cert"], check=True,
                   capture_output=True)


def start_big(stack, build, folder):
    """Name, server and port, first in the clear, then by TLS."""
    clear, secret = [], []
    for scheme, found, more in (
            ("http", clear, []),
            ("https", secret, ["--tls", "--cert", f"{folder}/cert", "--key",
                               f"{folder}/key"])):
        port = free_port()
        server = stack.enter_context(Other(
            [f"{build}/tenon", "serve", "--quiet", "--bind", "127.0.0.1",
             "-p", str(port), *more, f"{folder}/root"], port))
        found.append(("tenon serve", server, port, scheme))
    for name, text, argv in (
            ("nginx", BIG_NGINX, ["nginx", "-e", f"{folder}/big.err", "-c"]),
            ("h2o", BIG_H2O, ["h2o", "-c"])):
        if shutil.which(argv[0]) is None:
            continue
        plain, tls = free_port(), free_port()
        with open(f"{folder}/{name}.conf", "w", encoding="ascii") as f:
            f.write(text.format(dir=folder, plain=plain, tls=tls))
        server = stack.enter_context(
            Other([*argv, f"{folder}/{name}.conf"], plain))
        clear.append((name, server, plain, "http"))
        secret.append((name, server, tls, "https"))
    port = free_port()
    os.chdir(f"{folder}/root")
    server = stack.enter_context(Other(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3",
         "-cert", f"{folder}/cert", "-key", f"{folder}/key", "-WWW"], port))
    os.chdir("/")
    secret.append(("openssl s_server", server, port, "https"))
    return clear, secret


def bulk_part(build, _there, plan):
    """A large file, in the clear and by TLS 1.3."""
    if shutil.which("curl") is None or shutil.which(BASE) is None:
        raise Failed("curl and nginx are needed")
    rounds = 3 if plan.quick else 9
    build = os.path.abspath(build)
    yield f"## A file of {BIG_MIB} MiB to curl: server CPU"
    yield ""
    yield f"| how | server | ms, median | ratio to {BASE} (quartiles) |"
    yield "| --- | --- | ---: | --- |"
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        make_big(folder)
        for how, present in zip(("in the clear", "TLS 1.3"),
                                start_big(stack, build, folder)):
            costs = {name: [] for name, *_ in present}
            for number in range(rounds):
                for name, server, port, scheme in rotate(present, number):
                    costs[name].append(download(server, port, scheme))
            for name, values in costs.items():
                low, mid, high = quartiles(
                    [v / b for v, b in zip(values, costs[BASE])])
                yield (f"| {how} | {name} | {quartiles(values)[1]:.0f} | "
                       f"{mid:.2f} ({low:.2f} to {high:.2f}) |")
