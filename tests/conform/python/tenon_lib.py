"""libtenon through ctypes: every function that the headers declare.

Load with Library(path). Functions appear as attributes without the prefix
left out: lib.tn_recv. ctypes lets other threads run during a call.
"""

import ctypes
import errno
import os
import sys
import threading

# CPython's own module: whoever replaces it imports this file before.
import _socket as real

import tenon_headers

SEC = 1_000_000_000
FOREVER = -1
STACK = 16 << 20  # bytes for a task that runs Python


class Addr(ctypes.Structure):
    """tn_addr: a length and any socket address."""

    _fields_ = [
        ("len", ctypes.c_uint32),
        ("u", ctypes.c_uint64 * 16),
    ]

    @property
    def raw(self):
        return bytes(self.u)[:self.len]

    @classmethod
    def of(cls, raw):
        addr = cls()
        addr.len = len(raw)
        ctypes.memmove(addr.u, raw, len(raw))
        return addr


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msg(ctypes.Structure):
    """tn_msg: a message with all its parts."""

    _fields_ = [
        ("iov", ctypes.POINTER(Iovec)),
        ("iov_count", ctypes.c_size_t),
        ("addr", Addr),
        ("control", ctypes.c_void_p),
        ("control_len", ctypes.c_size_t),
        ("full", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class DialOpts(ctypes.Structure):
    _fields_ = [
        ("timeout", ctypes.c_int64),
        ("family", ctypes.c_int),
        ("numeric", ctypes.c_bool),
        ("source", ctypes.POINTER(Addr)),
        ("tls", ctypes.c_void_p),
    ]


class ListenOpts(ctypes.Structure):
    _fields_ = [
        ("backlog", ctypes.c_int),
        ("family", ctypes.c_int),
        ("reuse_port", ctypes.c_bool),
        ("v6only", ctypes.c_bool),
        ("numeric", ctypes.c_bool),
        ("replace", ctypes.c_bool),
        ("tls", ctypes.c_void_p),
    ]


class Opts(ctypes.Structure):
    """tn_opts: choices for tn_run()."""

    _fields_ = [
        ("backend", ctypes.c_char_p),
        ("stack_size", ctypes.c_size_t),
        ("max_tasks", ctypes.c_size_t),
        ("pool_threads", ctypes.c_int),
        ("sim", ctypes.c_void_p),
        ("catch_interrupt", ctypes.c_bool),
    ]


class Library:
    """The shared library, its functions typed as the headers say."""

    def __init__(self, path, headers=None):
        self._dll = ctypes.CDLL(os.path.abspath(path))
        headers = headers or tenon_headers.read_all()
        enums = set().union(*(h.enums for h in headers))
        self.errors = {}
        for header in headers:
            self.errors.update(header.errors)
            for name, value in header.constants.items():
                setattr(self, name, value)
            for function in header.functions:
                self._bind(function, enums)

    def _bind(self, function, enums):
        if function.variadic or function.inline:
            return
        entry = getattr(self._dll, function.name, None)
        if entry is None:
            return
        try:
            entry.argtypes = [
                tenon_headers.c_type(p, enums) for p in function.params]
            entry.restype = tenon_headers.c_type(function.result, enums)
        except ValueError:
            return
        setattr(self, function.name, entry)


def run_in_task(lib, backend, function):
    """Call a function inside a task; what it returned.

    Python runs on the task's stack then. There may be one such task only:
    Python knows nothing of stacks that take turns on a thread.
    """
    made = []

    def task(_):
        try:
            made.append(function())
        except BaseException as error:
            made.append(error)
        return 0

    opts = Opts(backend=backend.encode(), stack_size=STACK)
    body = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(task)
    code = lib.tn_run(ctypes.byref(opts), body, None)
    if code < 0:
        raise os_error(code)
    if isinstance(made[0], BaseException):
        raise made[0]
    return made[0]


class Interrupts:
    """Lets Python's signal handlers run, and raise, inside a tenon call.

    The hook is asked on EINTR. Python runs handlers between instructions,
    so an exception may appear at any of them, the first included: hence a
    generator, which is entered inside its try block.
    """

    def __init__(self, lib):
        self._raised = None
        self._watch = self._watcher()
        next(self._watch)
        proto = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)
        self._hook = proto(self._watch.send)
        if threading.current_thread() is threading.main_thread():
            lib.tn_on_interrupt(self._hook, None)

    def _watcher(self):
        answer = False
        while True:
            try:
                while True:
                    yield answer
                    answer = False
                    ctypes.pythonapi.PyErr_CheckSignals()
            except GeneratorExit:
                return
            except BaseException as raised:
                # Not with our own frame: who clears it ends the generator.
                self._raised = raised.with_traceback(
                    raised.__traceback__.tb_next)
                answer = True

    def take(self):
        """The exception that made the hook end a call, or None."""
        raised, self._raised = self._raised, None
        return raised


def os_error(code):
    """The exception for a negative code that is an errno."""
    return OSError(-code, os.strerror(-code))


class Errors:
    """Turns tenon's codes into the exceptions of Python's socket."""

    def __init__(self, lib, interrupts):
        self._interrupts = interrupts
        table = {
            "TN_ENONAME": real.EAI_NONAME,
            "TN_ETRYNAME": real.EAI_AGAIN,
            "TN_ERESOLVE": real.EAI_FAIL,
            "TN_EADDRESS": real.EAI_NONAME,
        }
        texts = {
            real.EAI_NONAME: "Name or service not known",
            real.EAI_AGAIN: "Temporary failure in name resolution",
            real.EAI_FAIL: "Non-recoverable failure in name resolution",
        }
        self._gai = {
            lib.errors[name]: real.gaierror(code, texts[code]).args
            for name, code in table.items()}
        self._gaierror = real.gaierror
        self._own = {
            lib.errors["TN_EBROKEN"]: -errno.EPIPE,
            lib.errors["TN_ETRUNCATED"]: -errno.ECONNRESET,
            lib.errors["TN_EWRONGLOOP"]: -errno.EBUSY,
        }

    def of(self, code):
        """The exception for a negative code."""
        if code == -errno.EINTR:
            raised = self._interrupts.take()
            if raised is not None:
                return raised
        if code == -errno.ETIME:
            return TimeoutError("timed out")
        if code in self._gai:
            return self._gaierror(*self._gai[code])
        return os_error(self._own.get(code, code))


def library_path():
    """Where the build says that libtenon is, or None."""
    return os.environ.get("TENON_LIB")


def why_not():
    """Why nothing can be tried here, or None if it can."""
    path = library_path()
    if sys.implementation.name != "cpython" or sys.version_info < (3, 10):
        return "needs CPython 3.10 or later"
    if not path:
        return "TENON_LIB names no library"
    if os.environ.get("TENON_SANITIZE", "none") != "none":
        return "a sanitizer's runtime would have to be preloaded"
    try:
        ctypes.CDLL(os.path.abspath(path))
    except OSError as error:
        return f"the library does not load: {error}"
    return None
