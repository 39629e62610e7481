"""Memory for tenon: buffers, vectors and control messages."""

import ctypes
import struct

import _socket as real

import tenon_addr
import tenon_lib

CMSG = struct.Struct("=Qii")
CONTROL_MOST = 0x7FFFFFFF


class Buffer:
    """Where some bytes are; keeps them alive."""

    def __init__(self, data, at, size):
        self.data = data
        self.at = at
        self.size = size


def view_of(data):
    try:
        return memoryview(data)
    except TypeError:
        raise TypeError("a bytes-like object is required, not "
                        f"'{type(data).__name__}'") from None


def readable(data):
    """A buffer to send from; what is not bytes is copied."""
    if not isinstance(data, bytes):
        view = view_of(data)
        if not view.c_contiguous:
            raise BufferError("underlying buffer is not C-contiguous")
        data = view.tobytes()
    return Buffer(data, ctypes.cast(data, ctypes.c_void_p), len(data))


def writable(data):
    """A buffer to receive into, in place."""
    view = view_of(data)
    if view.readonly:
        raise TypeError("read-write bytes-like object expected")
    size = view.nbytes
    if size == 0:
        return Buffer(data, None, 0)
    room = (ctypes.c_char * size).from_buffer(view)
    return Buffer(room, ctypes.cast(room, ctypes.c_void_p), size)


class Vector:
    """Buffers for tn_msg, made by readable() or writable()."""

    def __init__(self, buffers, make):
        if isinstance(buffers, (bytes, bytearray)):
            raise TypeError("an iterable of buffers is required")
        self.parts = [make(data) for data in buffers]
        self.iov = (tenon_lib.Iovec * len(self.parts))()
        for iov, part in zip(self.iov, self.parts):
            iov.base = part.at
            iov.len = part.size

    def message(self, control, size):
        """A tn_msg with these buffers and room for `size` of control."""
        msg = tenon_lib.Msg()
        msg.iov = ctypes.cast(self.iov, ctypes.POINTER(tenon_lib.Iovec))
        msg.iov_count = len(self.parts)
        if size:
            msg.control = ctypes.addressof(control)
            msg.control_len = size
        msg.keep = (self, control)
        return msg


def write_control(ancdata):
    """Control messages as cmsg(3) lays them out."""
    out = bytearray()
    for item in ancdata:
        if not isinstance(item, tuple) or len(item) != 3:
            raise TypeError("[sendmsg() ancillary data items] must be "
                            "a sequence of length 3")
        level, kind = (tenon_addr.int_arg(n) for n in item[:2])
        data = bytes(view_of(item[2]))
        entry = CMSG.pack(real.CMSG_LEN(len(data)), level, kind) + data
        out += entry.ljust(real.CMSG_SPACE(len(data)), b"\0")
        if len(out) > CONTROL_MOST:
            raise OSError("too much ancillary data")
    return (ctypes.c_char * len(out)).from_buffer(out) if out else b""


def read_control(raw):
    """[(level, type, data), ...]; a cut one gives what there is of it."""
    found, at, head = [], 0, real.CMSG_LEN(0)
    while at + head <= len(raw):
        size, level, kind = CMSG.unpack_from(raw, at)
        if size < head:
            break
        found.append((level, kind, raw[at + head:at + size]))
        at += real.CMSG_SPACE(size - head)
    return found
