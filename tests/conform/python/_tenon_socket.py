"""CPython's _socket on top of libtenon, to be installed in its place.

Every verb goes through a tn_* function. Constants and what touches no
socket (inet_pton, CMSG_LEN, getservbyname, ...) come from CPython's own
module, which must still be in place when this one is imported.
"""

import ctypes as _ctypes
import errno as _errno
import math as _math
import operator as _operator
import os as _os
import sys as _sys
import time as _time
import warnings as _warnings

import _socket as _real

import tenon_addr as _addr
import tenon_buf as _buf
import tenon_lib as _tl

lib = _tl.Library(_tl.library_path())
interrupts = _tl.Interrupts(lib)
errors = _tl.Errors(lib, interrupts)
marshal = _addr.Marshal(lib, errors)

_KIND = ~(_real.SOCK_CLOEXEC | _real.SOCK_NONBLOCK)
_NO_DEFAULT = _tl.FOREVER
_default = _NO_DEFAULT


def _check(code):
    """Pass a result on, or raise what a negative one stands for."""
    if code < 0:
        raise errors.of(code)
    return code


def _timeout_ns(value):
    """A Python time-out as tenon's nanoseconds."""
    if value is None:
        return _tl.FOREVER
    if not isinstance(value, float):
        value = _operator.index(value)
    if value != value:
        raise ValueError("Invalid value NaN (not a number)")
    if value < 0:
        raise ValueError("Timeout value out of range")
    if value > (1 << 31) / 1000:
        raise OverflowError("timeout doesn't fit into C timeval")
    return _math.ceil(value * _tl.SEC)


def _timeout_value(ns):
    return None if ns < 0 else ns / _tl.SEC


def _option_int(value):
    try:
        return _addr.int_arg(value)
    except OverflowError:
        # Python takes what is no int for a buffer, and says so.
        raise TypeError("a bytes-like object is required, not 'int'") from None


class _Immutable(type):
    """The class is one of C in CPython; what derives from it is not."""

    def __setattr__(cls, name, value):
        if cls.__base__ is object:
            raise TypeError(f"cannot set {name!r} attribute of immutable "
                            f"type '_socket.{cls.__name__}'")
        super().__setattr__(name, value)


class socket(metaclass=_Immutable):
    """socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object"""

    # _sock is the tn_sock's address, or None once closed. _users holds an
    # item for each call under way; close() leaves the tn_sock to the last
    # of them by way of _left.
    __slots__ = ("_sock", "_users", "_left", "_family", "_type", "_proto")

    def __new__(cls, *args, **kwargs):
        self = object.__new__(cls)
        self._sock = None
        self._users = []
        self._left = []
        self._family = self._type = self._proto = 0
        return self

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        given = [_addr.int_arg(arg) for arg in (family, type, proto)]
        if fileno is None:
            defaults = (_real.AF_INET, _real.SOCK_STREAM, 0)
            given = [d if g == -1 else g for g, d in zip(given, defaults)]
            self._open(*given)
        else:
            self._adopt(fileno, given)

    def _open(self, family, kind, proto):
        out = _ctypes.c_void_p()
        _check(lib.tn_socket(
            _ctypes.byref(out), family, kind & _KIND, proto))
        self._begin(out.value)
        self._family, self._type, self._proto = family, kind & _KIND, proto
        if kind & _real.SOCK_NONBLOCK:
            lib.tn_settimeout(self._sock, 0)
        elif _default != _NO_DEFAULT:
            lib.tn_settimeout(self._sock, _default)

    def _adopt(self, fileno, given):
        if isinstance(fileno, float):
            raise TypeError("integer argument expected, got float")
        fd = _addr.int_arg(fileno)
        if fd < 0:
            raise ValueError("negative file descriptor")
        sock = _copies.take(fd) or _from_fd(fd)
        self._begin(sock)
        if given[1] != -1 and given[1] & _real.SOCK_NONBLOCK:
            lib.tn_settimeout(sock, 0)
        elif _default != _NO_DEFAULT:
            lib.tn_settimeout(sock, _default)
        found = (lib.tn_family(sock), lib.tn_type(sock), lib.tn_proto(sock))
        given[1] = given[1] & _KIND if given[1] != -1 else -1
        self._family, self._type, self._proto = (
            f if g == -1 else g for g, f in zip(given, found))

    def __repr__(self):
        return (f"<socket object, fd={self.fileno()}, "
                f"family={self._family}, type={self._type}, "
                f"proto={self._proto}>")

    def __del__(self):
        if self._sock is not None:
            _warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)
            self._end()

    @property
    def family(self):
        return self._family

    @property
    def type(self):
        return self._type

    @property
    def proto(self):
        return self._proto

    @property
    def timeout(self):
        return self.gettimeout()

    def _call(self, function, *args):
        """Call a verb on the tn_sock and return what it returned."""
        users = self._users
        users.append(None)
        try:
            if self._sock is None:
                return -_errno.EBADF
            return function(self._sock, *args)
        finally:
            users.pop()
            if self._left and not users:
                self._close_left()

    def _close_left(self):
        try:
            sock = self._left.pop()
        except IndexError:
            return 0
        return lib.tn_close(sock)

    def _begin(self, sock):
        self._sock = sock
        _by_fd[lib.tn_fileno(sock)] = sock

    def _give_up(self):
        """Leave the tn_sock to the caller; None if there is none."""
        sock, self._sock = self._sock, None
        if sock is not None:
            fd = lib.tn_fileno(sock)
            if _by_fd.get(fd) == sock:
                del _by_fd[fd]
        return sock

    def _end(self):
        sock = self._give_up()
        if sock is None:
            return 0
        self._left.append(sock)
        return 0 if self._users else self._close_left()

    def _verb(self, function, *args):
        return _check(self._call(function, *args))

    def close(self):
        """close() -> None"""
        code = self._end()
        if code < 0 and code != -_errno.ECONNRESET:
            raise errors.of(code)

    def detach(self):
        """detach() -> the descriptor, which the socket gives up"""
        sock = self._give_up()
        return -1 if sock is None else _check(lib.tn_detach(sock))

    def fileno(self):
        """fileno() -> integer"""
        return -1 if self._sock is None else self._call(lib.tn_fileno)

    def _accept(self):
        """_accept() -> (integer, address info)"""
        out, peer = _ctypes.c_void_p(), _tl.Addr()
        self._verb(lib.tn_accept, _ctypes.byref(out), _ctypes.byref(peer))
        fd = _check(lib.tn_detach(out))
        return fd, marshal.unpack(peer)

    def bind(self, address):
        """bind(address)"""
        self._verb(lib.tn_bind, self._to(address, "bind"))

    def _to(self, address, caller):
        addr = marshal.pack(self._family, address, caller)
        return _ctypes.byref(addr)

    def connect(self, address):
        """connect(address)"""
        self._verb(lib.tn_connect, self._to(address, "connect"))

    def connect_ex(self, address):
        """connect_ex(address) -> errno"""
        code = self._call(lib.tn_connect_ex, self._to(address, "connect_ex"))
        if code == -_errno.EINTR:
            raise errors.of(code)
        return _errno.EAGAIN if code == -_errno.ETIME else -code

    def listen(self, backlog=128):
        """listen([backlog])"""
        self._verb(lib.tn_listen, max(_addr.int_arg(backlog), 0))

    def getsockname(self):
        """getsockname() -> address info"""
        return self._name(lib.tn_getsockname)

    def getpeername(self):
        """getpeername() -> address info"""
        return self._name(lib.tn_getpeername)

    def _name(self, function):
        addr = _tl.Addr()
        self._verb(function, _ctypes.byref(addr))
        return marshal.unpack(addr)

    def shutdown(self, how):
        """shutdown(flag)"""
        self._verb(lib.tn_shutdown, _addr.int_arg(how))

    def settimeout(self, value):
        """settimeout(timeout)"""
        self._verb(lib.tn_settimeout, _timeout_ns(value))

    def gettimeout(self):
        """gettimeout() -> timeout"""
        if self._sock is None:
            return None
        return _timeout_value(self._call(lib.tn_gettimeout))

    def setblocking(self, flag):
        """setblocking(flag)"""
        self._verb(lib.tn_setblocking, bool(flag))

    def getblocking(self):
        """getblocking() -> bool"""
        return self._sock is None or bool(self._call(lib.tn_getblocking))

    def getsockopt(self, level, option, buflen=0):
        """getsockopt(level, option[, buffersize]) -> value"""
        level, option = _addr.int_arg(level), _addr.int_arg(option)
        if buflen == 0 and self._is_vsock():
            wide = self.getsockopt(level, option, 8)
            return int.from_bytes(wide, _sys.byteorder)
        if buflen == 0:
            value = _ctypes.c_int()
            self._verb(lib.tn_getsockopt_int, level, option,
                       _ctypes.byref(value))
            return value.value
        if not 0 < buflen <= 1024:
            raise OSError("getsockopt buflen out of range")
        room = _ctypes.create_string_buffer(buflen)
        size = _ctypes.c_size_t(buflen)
        self._verb(lib.tn_getsockopt, level, option, room,
                   _ctypes.byref(size))
        return room.raw[:size.value]

    def setsockopt(self, level, option, value, optlen=None):
        """setsockopt(level, option, value: int or buffer or None, optlen)"""
        level, option = _addr.int_arg(level), _addr.int_arg(option)
        if value is None:
            if optlen is None:
                raise TypeError("setsockopt() needs an optlen for None")
            self._verb(lib.tn_setsockopt, level, option, None, optlen)
        elif hasattr(value, "__index__") and self._is_vsock():
            wide = _operator.index(value).to_bytes(8, _sys.byteorder)
            self.setsockopt(level, option, wide)
        elif hasattr(value, "__index__"):
            self._verb(lib.tn_setsockopt_int, level, option,
                       _option_int(value))
        else:
            raw = _buf.readable(value)
            self._verb(lib.tn_setsockopt, level, option, raw.at, raw.size)

    def _is_vsock(self):
        """Its options are 64 bits wide, in Python as well."""
        return self._family == getattr(_real, "AF_VSOCK", -1)

    def recv(self, bufsize, flags=0):
        """recv(buffersize[, flags]) -> data"""
        return self._receive("recv", bufsize, flags, None)

    def recvfrom(self, bufsize, flags=0):
        """recvfrom(buffersize[, flags]) -> (data, address info)"""
        peer = _tl.Addr()
        data = self._receive("recvfrom", bufsize, flags, peer)
        return data, marshal.unpack(peer)

    def _receive(self, caller, bufsize, flags, peer):
        bufsize = _operator.index(bufsize)
        if bufsize < 0:
            raise ValueError(f"negative buffersize in {caller}")
        if bufsize == 0 and peer is None:
            return b""
        room = _ctypes.create_string_buffer(bufsize)
        n = self._read(room, bufsize, flags, peer)[0]
        return room.raw[:n]

    def _read(self, room, size, flags, peer):
        """One tn_recvfrom(): (bytes stored, true size of the message)."""
        full = _ctypes.c_size_t()
        n = self._verb(
            lib.tn_recvfrom, room, size, _addr.int_arg(flags),
            None if peer is None else _ctypes.byref(peer),
            _ctypes.byref(full))
        return n, full.value

    def recv_into(self, buffer, nbytes=0, flags=0):
        """recv_into(buffer, [nbytes[, flags]]) -> nbytes_read"""
        return self._into("recv_into", buffer, nbytes, flags, None)

    def recvfrom_into(self, buffer, nbytes=0, flags=0):
        """recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address)"""
        peer = _tl.Addr()
        n = self._into("recvfrom_into", buffer, nbytes, flags, peer)
        return n, marshal.unpack(peer)

    def _into(self, caller, buffer, nbytes, flags, peer):
        nbytes = _operator.index(nbytes)
        if nbytes < 0:
            raise ValueError(f"negative buffersize in {caller}")
        room = _buf.writable(buffer)
        if nbytes > room.size:
            raise ValueError(
                "nbytes is greater than the length of the buffer"
                if caller == "recvfrom_into" else
                "buffer too small for requested bytes")
        size = nbytes or room.size
        if size == 0 and peer is None:
            return 0
        n, full = self._read(room.at, size, flags, peer)
        return full if flags & _real.MSG_TRUNC else n

    def recvmsg(self, bufsize, ancbufsize=0, flags=0):
        """recvmsg(...) -> (data, ancdata, msg_flags, address)"""
        bufsize = _operator.index(bufsize)
        if bufsize < 0:
            raise ValueError("negative buffer size in recvmsg()")
        room = bytearray(bufsize)
        n, *rest = self._message([room], ancbufsize, flags)
        return bytes(room[:n]), *rest

    def recvmsg_into(self, buffers, ancbufsize=0, flags=0):
        """recvmsg_into(...) -> (nbytes, ancdata, msg_flags, address)"""
        return self._message(buffers, ancbufsize, flags)

    def _message(self, buffers, ancbufsize, flags):
        vector = _buf.Vector(buffers, _buf.writable)
        ancbufsize = _operator.index(ancbufsize)
        if not 0 <= ancbufsize <= 0x7fffffff:
            raise ValueError("invalid ancillary data buffer length")
        control = _ctypes.create_string_buffer(ancbufsize)
        msg = vector.message(control, ancbufsize)
        n = self._verb(lib.tn_recvmsg, _ctypes.byref(msg),
                       _addr.int_arg(flags))
        ancdata = _buf.read_control(control.raw[:msg.control_len])
        return n, ancdata, msg.flags, marshal.unpack(msg.addr)

    def send(self, data, flags=0):
        """send(data[, flags]) -> count"""
        raw = _buf.readable(data)
        return self._verb(lib.tn_send, raw.at, raw.size,
                          _addr.int_arg(flags))

    def sendall(self, data, flags=0):
        """sendall(data[, flags])"""
        raw = _buf.readable(data)
        flags = _addr.int_arg(flags)
        if flags:
            self._sendall_flags(memoryview(raw.data).cast("B"), flags)
            return
        code = self._call(lib.tn_sendall, raw.at, raw.size, None)
        if code < 0:
            # Python leaves it to the caller what to send after a failure.
            if self._sock is not None:
                self._call(lib.tn_send_resume)
            raise errors.of(code)

    def _sendall_flags(self, data, flags):
        """tn_sendall() takes no flags: one tn_send() after the other."""
        limit = self.gettimeout()
        until = None if not limit else _time.monotonic() + limit
        try:
            while len(data):
                if until is not None:
                    left = max(until - _time.monotonic(), 1e-6)
                    self.settimeout(left)
                data = data[self.send(data, flags):]
        finally:
            if until is not None and self._sock is not None:
                self.settimeout(limit)

    def sendto(self, data, *rest):
        """sendto(data[, flags], address) -> count"""
        if not 1 <= len(rest) <= 2:
            raise TypeError("sendto() takes 2 or 3 arguments "
                            f"({len(rest) + 1} given)")
        raw = _buf.readable(data)
        flags = _addr.int_arg(rest[0]) if len(rest) == 2 else 0
        return self._verb(lib.tn_sendto, raw.at, raw.size, flags,
                          self._to(rest[-1], "sendto"))

    def sendmsg(self, buffers, ancdata=(), flags=0, address=None):
        """sendmsg(buffers[, ancdata[, flags[, address]]]) -> count"""
        vector = _buf.Vector(buffers, _buf.readable)
        control = _buf.write_control(ancdata)
        flags = _addr.int_arg(flags)
        msg = vector.message(control, len(control))
        if address is not None:
            msg.addr = marshal.pack(self._family, address, "sendmsg")
        return self._verb(lib.tn_sendmsg, _ctypes.byref(msg), flags)


SocketType = socket


def socketpair(family=_real.AF_UNIX, type=_real.SOCK_STREAM, proto=0):
    """socketpair([family[, type [, proto]]]) -> (socket, socket)"""
    pair = (_ctypes.c_void_p * 2)()
    kind = _addr.int_arg(type) & _KIND
    _check(lib.tn_socketpair(pair, _addr.int_arg(family), kind,
                             _addr.int_arg(proto)))
    made = []
    for sock in pair:
        fd = _check(lib.tn_detach(sock))
        made.append(socket(family, type, proto, fileno=fd))
        if _addr.int_arg(type) & _real.SOCK_NONBLOCK:
            made[-1].setblocking(False)
    return tuple(made)


class _Copies:
    """Sockets that tn_dup() made, until a Python object takes them over.

    Python's dup() takes and gives numbers, but which sockets share a
    connection is known to tn_dup() alone, and matters when one is closed.
    """

    def __init__(self):
        self._made = {}

    @staticmethod
    def _mark(fd):
        found = _os.fstat(fd)
        return found.st_dev, found.st_ino

    def make(self, sock):
        """Copy a tn_sock; the copy's number."""
        out = _ctypes.c_void_p()
        _check(lib.tn_dup(sock, _ctypes.byref(out)))
        fd = _check(lib.tn_fileno(out))
        self._made[fd] = (out.value, self._mark(fd))
        return fd

    def take(self, fd):
        """The tn_sock of that number if it was made here, or None."""
        sock, mark = self._made.pop(fd, (None, None))
        try:
            return sock if sock and mark == self._mark(fd) else None
        except OSError:
            return None


_copies = _Copies()
_by_fd = {}  # number: tn_sock, of the socket objects that are open


def dup(fd):
    """dup(integer) -> integer"""
    if fd in _by_fd:
        return _copies.make(_by_fd[fd])
    sock = _from_fd(fd)
    try:
        return _copies.make(sock)
    finally:
        _check(lib.tn_detach(sock))


def close(fd):
    """close(integer) -> None"""
    code = lib.tn_close(_copies.take(fd) or _from_fd(fd))
    if code < 0 and code != -_errno.ECONNRESET:
        raise errors.of(code)


def _from_fd(fd):
    if not hasattr(fd, "__index__"):
        raise TypeError("an integer is required")
    out = _ctypes.c_void_p()
    _check(lib.tn_fromfd(_ctypes.byref(out), _addr.int_arg(fd)))
    return out.value


def getdefaulttimeout():
    """getdefaulttimeout() -> timeout"""
    return _timeout_value(_default)


def setdefaulttimeout(timeout):
    """setdefaulttimeout(timeout)"""
    global _default
    _default = _timeout_ns(timeout)


def gethostbyname(host):
    """gethostbyname(host) -> address"""
    found = marshal.resolve(
        _addr.host_bytes(host), 0, _real.AF_INET, lib.TN_PASSIVE)
    return marshal.unpack(found[0])[0]


_KINDS = (
    (_real.SOCK_STREAM, _real.IPPROTO_TCP),
    (_real.SOCK_DGRAM, _real.IPPROTO_UDP),
    (_real.SOCK_RAW, 0),
)


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """getaddrinfo(host, port [, family, type, proto, flags]) -> list

    tn_resolve() gives addresses alone. Questions for services by name,
    for the canonical name and the like are left to the C library.
    """
    plain = flags & ~(_real.AI_PASSIVE | _real.AI_NUMERICHOST) == 0
    kinds = [(k, p) for k, p in _KINDS
             if type in (0, k) and (proto in (0, p) or not p)]
    if (not plain or not kinds or isinstance(port, (str, bytes))
            or not host or host == "<broadcast>"
            or family not in (0, _real.AF_INET, _real.AF_INET6)):
        return _real.getaddrinfo(host, port, family, type, proto, flags)
    ask = lib.TN_PASSIVE if flags & _real.AI_PASSIVE else 0
    ask |= lib.TN_NUMERIC if flags & _real.AI_NUMERICHOST else 0
    number = 0 if port is None else _addr.int_arg(port) & 0xFFFF
    found = marshal.resolve(_addr.host_bytes(host), number, family, ask)
    return [(addr.raw[0] | addr.raw[1] << 8, kind, default or proto, "",
             marshal.unpack(addr))
            for addr in found for kind, default in kinds]


__all__ = [name for name in dir(_real) if not name.startswith("_")]
for _name in dir(_real):
    globals().setdefault(_name, getattr(_real, _name))
