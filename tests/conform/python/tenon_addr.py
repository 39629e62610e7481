"""Addresses: Python's tuples and strings to tn_addr and back."""

import errno
import operator
import os
import struct

# CPython's own module: whoever replaces it imports this file before.
import _socket as real

import tenon_lib

NATIVE = struct.Struct("=H")


class Marshal:
    """Needs the library for numbers and names, and its errors."""

    def __init__(self, lib, errors):
        self._lib = lib
        self._errors = errors
        self._pack = {
            real.AF_INET: self._pack_inet,
            real.AF_INET6: self._pack_inet6,
            real.AF_UNIX: self._pack_unix,
        }
        self._unpack = {
            real.AF_INET: self._unpack_inet,
            real.AF_INET6: self._unpack_inet6,
            real.AF_UNIX: self._unpack_unix,
        }
        for name, pack, unpack in (
                ("AF_NETLINK", pack_netlink, unpack_netlink),
                ("AF_VSOCK", pack_vsock, unpack_vsock),
                ("AF_PACKET", self._pack_packet, self._unpack_packet)):
            if hasattr(real, name):
                self._pack[getattr(real, name)] = pack
                self._unpack[getattr(real, name)] = unpack

    def pack(self, family, address, caller):
        """A tn_addr for `address`; raises what _socket raises."""
        if family not in self._pack:
            raise OSError(f"{caller}(): bad family")
        return self._pack[family](address, caller)

    def unpack(self, addr):
        """What Python shows for a tn_addr; None if there is none."""
        raw = addr.raw
        if not raw:
            return None
        family, = NATIVE.unpack_from(raw)
        if family in self._unpack:
            return self._unpack[family](addr)
        return family, raw[2:]

    def resolve(self, host, port, family, flags):
        """All addresses of a host, in order."""
        room = (tenon_lib.Addr * 64)()
        n = self._lib.tn_resolve(host, port, family, flags, room, len(room))
        if n == -errno.ENODEV:
            n = self._lib.errors["TN_ENONAME"]
        if n < 0:
            raise self._errors.of(n)
        return room[:n]

    def _pack_inet(self, address, caller):
        check_tuple(address, "AF_INET", caller)
        if len(address) != 2:
            raise TypeError("AF_INET address must be a pair (host, port)")
        host = host_bytes(address[0])
        port = port_number(address[1], caller)
        return self._first(host, port, real.AF_INET)

    def _pack_inet6(self, address, caller):
        check_tuple(address, "AF_INET6", caller)
        if not 2 <= len(address) <= 4:
            raise TypeError("AF_INET6 address must be a tuple "
                            "(host, port[, flowinfo[, scopeid]])")
        host = host_bytes(address[0])
        port = port_number(address[1], caller)
        flow = int_arg(address[2]) if len(address) > 2 else 0
        scope = int_arg(address[3], 32) if len(address) > 3 else 0
        if not 0 <= flow <= 0xFFFFF:
            raise OverflowError(f"{caller}(): flowinfo must be 0-1048575.")
        addr = self._first(host, port, real.AF_INET6)
        head = bytearray(addr.raw)
        struct.pack_into("!I", head, 4, flow)
        if scope or len(address) > 3:
            struct.pack_into("=I", head, 24, scope)
        return tenon_lib.Addr.of(bytes(head))

    def _first(self, host, port, family):
        if host == b"<broadcast>" and family != real.AF_INET:
            raise OSError("address family mismatched")
        flags = self._lib.TN_PASSIVE
        return self.resolve(host, port, family, flags)[0]

    def _pack_unix(self, address, caller):
        path = unix_path(address, caller)
        if path[:1] == b"@":
            return tenon_lib.Addr.of(unix_raw(path))
        addr = tenon_lib.Addr()
        code = self._lib.tn_addr_unix(addr_ref(addr), path, len(path))
        if code == -errno.ENAMETOOLONG or b"\0" in path[1:] and path[0]:
            raise OSError("AF_UNIX path too long")
        if code < 0:
            raise self._errors.of(code)
        return addr

    def _pack_packet(self, address, caller):
        check_tuple(address, "AF_PACKET", caller)
        name, proto, *rest = address
        kind, hatype, hardware = (list(rest) + [0, 0, b""][len(rest):])[:3]
        index = real.if_nametoindex(name)
        return tenon_lib.Addr.of(struct.pack(
            "=H2sIHBB8s", real.AF_PACKET, struct.pack("!H", proto),
            index, hatype, kind, len(hardware), hardware))

    def _unpack_packet(self, addr):
        raw = addr.raw.ljust(20, b"\0")
        index, hatype, kind, size = struct.unpack_from("=IHBB", raw, 4)
        proto, = struct.unpack_from("!H", raw, 2)
        name = real.if_indextoname(index) if index else ""
        return name, proto, kind, hatype, raw[12:12 + size]

    def _host(self, addr):
        text = tenon_host(self._lib, addr)
        return text.partition("%")[0]

    def _unpack_inet(self, addr):
        return self._host(addr), self._lib.tn_addr_port(addr_ref(addr))

    def _unpack_inet6(self, addr):
        raw = addr.raw
        flow, = struct.unpack_from("!I", raw, 4)
        scope, = struct.unpack_from("=I", raw, 24)
        port = self._lib.tn_addr_port(addr_ref(addr))
        return self._host(addr), port, flow & 0xFFFFF, scope

    @staticmethod
    def _unpack_unix(addr):
        path = addr.raw[2:]
        if path[:1] == b"\0":
            return path
        return os.fsdecode(path.partition(b"\0")[0])


def addr_ref(addr):
    return tenon_lib.ctypes.byref(addr)


def tenon_host(lib, addr):
    room = tenon_lib.ctypes.create_string_buffer(160)
    lib.tn_addr_host(addr_ref(addr), room, len(room))
    return os.fsdecode(room.value)


def check_tuple(address, family, caller):
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): {family} address must be tuple, not "
                        f"{type(address).__name__}")


def int_arg(value, unsigned_bits=0):
    """A C int, or unsigned of that width, as argument parsing takes it."""
    value = operator.index(value)
    low, high = -1 << 31, (1 << 31) - 1
    if unsigned_bits:
        return value & ((1 << unsigned_bits) - 1)
    if value > high:
        raise OverflowError("signed integer is greater than maximum")
    if value < low:
        raise OverflowError("signed integer is less than minimum")
    return value


def port_number(value, caller):
    port = int_arg(value)
    if not 0 <= port <= 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    return port


def host_bytes(host):
    """A host name as C wants it; names outside of ASCII as IDNA."""
    if isinstance(host, str):
        raw = host.encode("ascii" if host.isascii() else "idna")
    elif isinstance(host, (bytes, bytearray)):
        raw = bytes(host)
    else:
        raise TypeError("str, bytes or bytearray expected, not "
                        f"{type(host).__name__}")
    if b"\0" in raw:
        raise TypeError("host name must not contain null character")
    return raw


def unix_path(address, caller):
    if isinstance(address, str):
        return os.fsencode(address)
    try:
        return bytes(memoryview(address))
    except TypeError:
        raise TypeError(f"{caller}(): AF_UNIX address must be str or "
                        "bytes-like object, not "
                        f"{type(address).__name__}") from None


def unix_raw(path):
    """A path that tn_addr_unix() would read as something else."""
    if len(path) > 107:
        raise OSError("AF_UNIX path too long")
    return NATIVE.pack(real.AF_UNIX) + path + b"\0"


def pack_netlink(address, caller):
    check_tuple(address, "AF_NETLINK", caller)
    pid, groups = address
    return tenon_lib.Addr.of(struct.pack(
        "=HHII", real.AF_NETLINK, 0, int_arg(pid, 32), int_arg(groups, 32)))


def unpack_netlink(addr):
    return struct.unpack_from("=II", addr.raw, 4)


def pack_vsock(address, caller):
    check_tuple(address, "AF_VSOCK", caller)
    cid, port = address
    return tenon_lib.Addr.of(struct.pack(
        "=HHII4x", real.AF_VSOCK, 0, int_arg(port, 32), int_arg(cid, 32)))


def unpack_vsock(addr):
    port, cid = struct.unpack_from("=II", addr.raw, 4)
    return cid, port
