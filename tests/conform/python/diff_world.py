"""Two worlds in which the same steps are run: Python's sockets and tenon's.

A step is (name, verb, *arguments). Verbs with a method do_<verb> here make
or combine things; any other verb is called on the thing of that name. What
comes out is a plain value that can be compared: ports are replaced by the
names of their sockets, the temporary folder by DIR, and an exception by its
class and errno.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import importlib.util
import os
import re
import select
import socket
import sys
import termios
import threading
import time

import _tenon_socket
import tenon_addr
import tenon_lib

lib = _tenon_socket.lib

# A blocking call in a scenario may take this long before it counts as hung.
PATIENCE = 10
FLOOD_MOST = 64 << 20


class At:
    """The address of a socket of the scenario; perhaps with another host."""

    def __init__(self, name, host=None):
        self.name = name
        self.host = host

    def __repr__(self):
        where = f", {self.host!r}" if self.host else ""
        return f"At({self.name!r}{where})"


class Path:
    """A path in the scenario's own folder."""

    def __init__(self, name, as_bytes=False):
        self.name = name
        self.as_bytes = as_bytes

    def __repr__(self):
        return f"Path({self.name!r})"


class Fd:
    """The descriptor of a thing of the scenario."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"Fd({self.name!r})"


class World:
    """Runs steps on a module that has the interface of socket."""

    def __init__(self, module, folder):
        self.module = module
        self.folder = folder
        self.things = {}
        self.ports = {}
        self.threads = []

    def run(self, steps):
        return [self.outcome(step) for step in steps]

    def outcome(self, step):
        try:
            value = self.step(step)
        except OSError as error:
            kind = type(error).__name__
            code = None if kind in ("gaierror", "herror") else error.errno
            return "raises", kind, errno.errorcode.get(code, code)
        except Exception as error:
            return "raises", type(error).__name__, None
        return "gives", self.plain(value)

    def step(self, step):
        name, verb, *args = step
        args = [self.argument(arg) for arg in args]
        special = getattr(self, "do_" + verb, None)
        if special:
            value = special(name, *args)
        else:
            value = getattr(self.things[name], verb)(*args)
        self.learn_ports()
        return value

    def argument(self, arg):
        if isinstance(arg, At):
            address = self.things[arg.name].getsockname()
            if arg.host is not None:
                address = (arg.host,) + address[1:]
            return address
        if isinstance(arg, Path):
            path = os.path.join(self.folder, arg.name)
            return os.fsencode(path) if arg.as_bytes else path
        if isinstance(arg, Fd):
            return self.things[arg.name].fileno()
        if isinstance(arg, (list, tuple)):
            return type(arg)(self.argument(item) for item in arg)
        return arg

    def learn_ports(self):
        for name, thing in self.things.items():
            with contextlib.suppress(OSError, AttributeError):
                address = thing.getsockname()
                if isinstance(address, tuple) and address[1]:
                    self.ports.setdefault(address[1], name)

    def plain(self, value):
        if isinstance(value, self.module.socket):
            return "socket"
        if isinstance(value, (bytes, bytearray)):
            raw = bytes(value)
            if re.fullmatch(rb"\0[0-9a-f]{5}", raw):
                return "autobound"
            return raw.replace(os.fsencode(self.folder), b"DIR")
        if isinstance(value, str):
            return value.replace(self.folder, "DIR")
        if isinstance(value, tuple) and len(value) in (2, 4):
            if isinstance(value[0], str) and isinstance(value[1], int):
                port = self.ports.get(value[1], value[1])
                return (value[0], port) + value[2:]
        if isinstance(value, (list, tuple)):
            return [self.plain(item) for item in value]
        return value

    def close(self):
        for thread in self.threads:
            thread.join(PATIENCE)
        for thing in self.things.values():
            with contextlib.suppress(Exception):
                thing.close()
        self.things.clear()

    def keep(self, name, thing):
        self.things[name] = thing
        if isinstance(thing, self.module.socket) and (
                thing.gettimeout() is None):
            # Nothing may hang; steps that want to block say so.
            thing.settimeout(PATIENCE)
        return thing

    # Verbs that make things.

    def do_new(self, name, family, kind, proto=0):
        return self.keep(name, self.module.socket(family, kind, proto))

    def do_raw_new(self, name, *args):
        """As new, with the time-out that a new socket has."""
        self.things[name] = self.module.socket(*args)
        return self.things[name].gettimeout()

    def do_accept(self, name, listener):
        conn, peer = self.things[listener].accept()
        before = conn.gettimeout()
        self.keep(name, conn)
        return before, peer

    def do_pair(self, names, *args):
        pair = self.module.socketpair(*args)
        for name, thing in zip(names, pair):
            self.keep(name, thing)
        return [(s.family, s.type, s.proto) for s in pair]

    def do_dup(self, name, source):
        return self.keep(name, self.things[source].dup())

    def do_fromfd(self, name, source):
        fd = self.things[source].detach()
        return self.keep(name, self.module.socket(fileno=fd))

    def do_bound(self, name, family, kind, address):
        self.do_new(name, family, kind)
        self.things[name].bind(self.argument(address))

    def do_listening(self, name, family, address=None):
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.do_bound(name, family, socket.SOCK_STREAM, address or (host, 0))
        self.things[name].listen(8)

    def do_connected(self, name, to):
        target = self.things[to]
        self.do_new(name, target.family, target.type)
        self.things[name].connect(target.getsockname())

    def do_file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        self.things[name] = open(path, "rb")

    # Verbs about a thing.

    def do_what(self, name):
        thing = self.things[name]
        return int(thing.family), int(thing.type), thing.proto

    def do_kind(self, name):
        thing = self.things[name]
        return int(thing.family), int(thing.type)

    def do_flags(self, name):
        """(blocks, close-on-exec), as the kernel sees the descriptor."""
        fd = self.things[name].fileno()
        blocks = not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
        cloexec = bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC)
        return blocks, cloexec

    def do_ready(self, name, events=select.POLLIN):
        """Wait until the kernel has something; a step of synchronisation."""
        poller = select.poll()
        poller.register(self.things[name].fileno(), events)
        if not poller.poll(PATIENCE * 1000):
            raise TimeoutError("nothing came")

    def do_open(self, name):
        return self.things[name].fileno() >= 0

    def do_timed(self, name, least, verb, *args):
        """Run a verb; tell whether it took at least that many seconds."""
        began = time.monotonic()
        outcome = self.outcome((name, verb, *args))
        took = time.monotonic() - began
        return outcome, took >= least * 0.95, took < least + PATIENCE / 2

    def do_later(self, name, seconds, verb, *args):
        """Run a verb on another thread, a little later."""
        def run():
            time.sleep(seconds)
            self.outcome((name, verb, *args))
        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()

    def do_join(self, name):
        for thread in self.threads:
            thread.join(PATIENCE)
        self.threads.clear()

    def do_drain(self, name, total):
        """Receive that many bytes; tell how many came and their sum."""
        got, check = 0, 0
        while got < total:
            data = self.things[name].recv(65536)
            if not data:
                break
            got += len(data)
            check = (check + sum(data)) & 0xFFFFFFFF
        return got, check

    def do_settle(self, name):
        """Wait until what was sent has arrived: TCP has it acknowledged."""
        until = time.monotonic() + 0.1
        room = bytearray(4)
        for thing in self.things.values():
            with contextlib.suppress(OSError, ValueError):
                while time.monotonic() < until:
                    fcntl.ioctl(thing.fileno(), termios.TIOCOUTQ, room)
                    if not any(room):
                        break

    def do_empty(self, name):
        """Receive all that is there, without waiting."""
        thing = self.things[name]
        thing.settimeout(0)
        got = []
        try:
            while len(got) < 1000:
                got.append(len(thing.recv(65536)))
                if got[-1] == 0 and thing.type == socket.SOCK_STREAM:
                    break
        except OSError as error:
            got.append(type(error).__name__)
        return got

    def do_swallow(self, name):
        """Receive what is there, however it comes."""
        thing = self.things[name]
        limit = thing.gettimeout()
        thing.settimeout(0.05)
        with contextlib.suppress(TimeoutError):
            while thing.recv(1 << 20):
                pass
        thing.settimeout(limit)

    def do_connect_to(self, name, other):
        self.things[name].connect(self.things[other].getsockname())

    def do_send_to(self, name, other, data):
        address = self.things[other].getsockname()
        return self.things[name].sendto(data, address)

    def do_fileno_is_valid(self, name):
        return os.fstat(self.things[name].fileno()).st_mode

    def do_flood(self, name, size):
        """Send until it would block; the code that ended it."""
        sent = 0
        while sent < FLOOD_MOST:
            try:
                sent += self.things[name].send(b"x" * size)
            except OSError as error:
                return type(error).__name__, error.errno, sent > 0
        return "never full"

    def do_into(self, name, size, *args):
        room = bytearray(b"." * size)
        n = self.things[name].recv_into(room, *args)
        return n, bytes(room)

    def do_from_into(self, name, size, *args):
        room = bytearray(b"." * size)
        n, peer = self.things[name].recvfrom_into(room, *args)
        return n, bytes(room), self.plain(peer)

    def do_msg_into(self, name, sizes, *args):
        rooms = [bytearray(b"." * size) for size in sizes]
        got = self.things[name].recvmsg_into(rooms, *args)
        return rooms, [self.plain(item) for item in got]

    def do_recvmsg_fds(self, name, room):
        """Receive descriptors; tell how many and whether they work."""
        data, anc, flags, peer = self.things[name].recvmsg(100, room)
        fds = array.array("i")
        for level, kind, payload in anc:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(payload[:len(payload) // 4 * 4])
        alive = [bool(os.fstat(fd).st_mode) for fd in fds]
        for fd in fds:
            os.close(fd)
        return data, alive, flags & ~socket.MSG_CMSG_CLOEXEC

    def do_sendmsg_fds(self, name, data, fds):
        payload = array.array("i", fds)
        item = (socket.SOL_SOCKET, socket.SCM_RIGHTS, payload)
        return self.things[name].sendmsg([data], [item])

    # Verbs with a function of their own in both worlds.

    def do_create_server(self, name, address, **options):
        return self.keep(name, self.module.create_server(address, **options))

    def do_server(self, name, address, options):
        return self.do_create_server(name, address, **options)

    def do_create_connection(self, name, address, timeout, source=None):
        conn = self.module.create_connection(address, timeout, source)
        return self.keep(name, conn)

    def do_makefile(self, name, sock, mode):
        self.things[name] = self.things[sock].makefile(mode)

    def do_sendfile(self, name, file, offset=0, count=None):
        return self.things[name].sendfile(self.things[file], offset, count)

    def do_send_fds(self, name, data, fds):
        return self.module.send_fds(self.things[name], [data], fds)

    def do_recv_fds(self, name, size, most):
        got = self.module.recv_fds(self.things[name], size, most)
        data, fds = got[:2]
        alive = [bool(os.fstat(fd).st_mode) for fd in fds]
        for fd in fds:
            os.close(fd)
        return data, alive

    def do_recv_socket(self, name, source):
        """A socket that came along with some bytes."""
        got = self.module.recv_fds(self.things[source], 10, 1)
        return self.keep(name, self.module.socket(fileno=got[1][0]))

    def do_resolve(self, name, *args, **kwargs):
        found = self.module.getaddrinfo(*args, **kwargs)
        return sorted({(int(row[0]), self.plain(row[4])[0])
                       for row in found})

    def do_hostbyname(self, name, host):
        return self.module.gethostbyname(host)


class TenonFile:
    """tn_makefile() with the methods of Python's file objects."""

    CAP = 64

    def __init__(self, sock, mode):
        out = ctypes.c_void_p()
        bits = (lib.TN_READ if "r" in mode else 0)
        bits |= lib.TN_WRITE if "w" in mode else 0
        _tenon_socket._check(
            lib.tn_makefile(ctypes.byref(out), sock._sock, bits))
        self.sock = sock
        self.file = out.value

    def readline(self):
        room = ctypes.create_string_buffer(self.CAP)
        line = b""
        while not line.endswith(b"\n"):
            n = _tenon_socket._check(
                lib.tn_file_readline(self.file, room, self.CAP))
            line += room.raw[:n]
            if n == 0:
                break
        return line

    def readlines(self):
        return list(iter(self.readline, b""))

    def read(self, size):
        room = ctypes.create_string_buffer(size)
        n = _tenon_socket._check(
            lib.tn_file_read(self.file, room, size, None))
        return room.raw[:n]

    def write(self, data):
        return _tenon_socket._check(
            lib.tn_file_write(self.file, data, len(data)))

    def flush(self):
        _tenon_socket._check(lib.tn_file_flush(self.file))

    def close(self):
        file, self.file = self.file, None
        _tenon_socket._check(lib.tn_file_close(file))


class TenonWorld(World):
    """As World, but what tenon has a function for goes there."""

    def adopt(self, name, out):
        fd = _tenon_socket._check(lib.tn_detach(out))
        return self.keep(name, self.module.socket(fileno=fd))

    def do_create_server(self, name, address, family=socket.AF_INET,
                         backlog=None, reuse_port=False,
                         dualstack_ipv6=False):
        opts = tenon_lib.ListenOpts()
        opts.backlog = backlog or 0
        opts.reuse_port = reuse_port
        opts.v6only = not dualstack_ipv6
        addr = _tenon_socket.marshal.pack(family, address, "bind")
        out = ctypes.c_void_p()
        _tenon_socket._check(lib.tn_create_server(
            ctypes.byref(out), ctypes.byref(addr), ctypes.byref(opts)))
        return self.adopt(name, out)

    def do_create_connection(self, name, address, timeout, source=None):
        opts = tenon_lib.DialOpts()
        opts.timeout = _tenon_socket._timeout_ns(timeout)
        if source:
            addr = _tenon_socket.marshal.pack(
                socket.AF_INET, source, "bind")
            opts.source = ctypes.pointer(addr)
        host = tenon_addr.host_bytes(address[0])
        out = ctypes.c_void_p()
        _tenon_socket._check(lib.tn_create_connection(
            ctypes.byref(out), host, address[1],
            ctypes.byref(opts)))
        return self.adopt(name, out)

    def do_makefile(self, name, sock, mode):
        self.things[name] = TenonFile(self.things[sock], mode)

    def do_sendfile(self, name, file, offset=0, count=None):
        return _tenon_socket._check(lib.tn_sendfile(
            self.things[name]._sock, self.things[file].fileno(), offset,
            count or 0, None))

    def do_send_fds(self, name, data, fds):
        array_type = ctypes.c_int * len(fds)
        return _tenon_socket._check(lib.tn_send_fds(
            self.things[name]._sock, data, len(data), array_type(*fds),
            len(fds)))

    def do_recv_fds(self, name, size, most):
        room = ctypes.create_string_buffer(size)
        fds = (ctypes.c_int * most)()
        count = ctypes.c_int(most)
        n = _tenon_socket._check(lib.tn_recv_fds(
            self.things[name]._sock, room, size, fds, ctypes.byref(count)))
        alive = [bool(os.fstat(fd).st_mode) for fd in fds[:count.value]]
        for fd in fds[:count.value]:
            os.close(fd)
        return room.raw[:n], alive


def socket_on_tenon():
    """A second copy of socket.py that imported the stand-in."""
    spec = importlib.util.spec_from_file_location(
        "socket_on_tenon", socket.__file__)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    real = sys.modules["_socket"]
    sys.modules["_socket"] = _tenon_socket
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules["_socket"] = real
    return module
