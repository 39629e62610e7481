"""Functions that nobody calls, and sockets only where sockets are made."""

import re

import source

# function: what to use instead
BANNED = {
    "strcpy": "memcpy with a checked length, or snprintf",
    "strcat": "snprintf",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "strtok": "strcspn or strsep on a copy",
    "atoi": "strtol with its checks",
    "atol": "strtol with its checks",
    "gets": "fgets",
    "alloca": "a bounded array",
    "signal": "sigaction, or tn_signal in a task",
    "gethostbyname": "getaddrinfo on the worker pool",
    "inet_ntoa": "inet_ntop",
    "rand": "getrandom, or a seeded generator of our own",
    "srand": "a seeded generator of our own",
    "system": "posix_spawn",
}
# The waiting is part of it: a task must never block its thread.
SOCKET_CALLS = (
    "socket socketpair bind listen accept accept4 connect recv recvfrom"
    " recvmsg recvmmsg send sendto sendmsg sendmmsg sendfile shutdown"
    " getsockname getpeername getsockopt setsockopt"
    " poll ppoll select pselect epoll_create1 epoll_ctl epoll_wait"
    " epoll_pwait").split()
EVERYWHERE = ("src/", "include/", "hub/", "parcel/", "cli/", "examples/", "tests/",
              "bench/")
NO_SOCKETS = ("src/", "include/", "hub/", "parcel/", "cli/", "examples/")
SOCKETS = ("src/sock/", "src/wait/")


def calls(text, names):
    """(line, name) of each call; a member or a declaration is none."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for found in pattern.finditer(text):
        yield source.line_of(text, found.start()), found.group(1)


def main():
    report = source.Report("banned", "raw-socket")
    for path in source.files((".c", ".h"), EVERYWHERE):
        text = source.strip(source.read(path))
        for line, name in calls(text, BANNED):
            report.add("banned", path, line,
                       f"{name}() is banned; use {BANNED[name]}", name)
        if path.startswith(NO_SOCKETS) and not path.startswith(SOCKETS):
            for line, name in calls(text, SOCKET_CALLS):
                report.add("raw-socket", path, line,
                           f"{name}() belongs to src/sock and src/wait", name)
    report.end()


main()
