#!/usr/bin/env python3
"""Wrong uses: the exact line on stderr and the exit code of each.

A row is (words, exit code, stderr without "tenon ": "" for none). What the
words name must not exist: nothing here may connect to anything real.
"""

import errno
import os
import socket
import subprocess
import sys

import tap

SEE_TALK = "(see tenon talk --help)"
SEE_ECHO = "(see tenon echo --help)"
MODES = "upper, echo, discard, chargen or daytime"
WRITE = "(write host:port, [::1]:80 or unix:/path)"

USAGE = [
    # words of the program itself
    ("tlak", "tlak: no such command (did you mean talk?)"),
    ("frobnicate", "frobnicate: no such command (see tenon help)"),
    ("help ehco", "ehco: no such command (did you mean echo?)"),
    ("help get x", "x: one word too many"),
    ("serve --echo .", "serve: --echo serves no folder: ."),
    ("serve --bind 127.0.0.1:9 -p 8",
     "serve: --bind 127.0.0.1:9 and -p 8: which port?"),
    ("serve --bind [::1]:9 -p 8000",
     "serve: --bind [::1]:9 and -p 8000: which port?"),
    ("hub --bind 127.0.0.1:9 -p 0",
     "hub: --bind 127.0.0.1:9 and -p 0: which port?"),
    ("--versoin", "--versoin: no such option (see tenon help)"),
    # options
    ("talk --wiat 5 :1", "talk: unknown option --wiat (did you mean --wait?)"),
    ("talk --fram", "talk: unknown option --fram (did you mean --frame?)"),
    ("talk --zzz", "talk: unknown option --zzz " + SEE_TALK),
    ("get -k :1", "get: unknown option -k (here it is --insecure, in full)"),
    ("get -sb a=b :1", "get: unknown option -b (here it is -H 'Cookie: "
     "NAME=VALUE')"),
    ("get --write-out x :1", "get: unknown option --write-out (--events tells "
     "status and bytes as JSON, --timing how long it took)"),
    ("get --cacert=x :1", "get: unknown option --cacert (here it is --ca "
     "FILE)"),
    ("get --insecur :1", "get: unknown option --insecur (did you mean "
     "--insecure?)"),
    ("get -r 5-4 :1", "get: -r 5-4: must be FIRST-LAST, FIRST- or -COUNT"),
    ("get -r bytes=5-6 :1", "get: -r bytes=5-6: must be FIRST-LAST, FIRST- or "
     "-COUNT"),
    ("get -r -0 :1", "get: -r -0: must be FIRST-LAST, FIRST- or -COUNT"),
    ("get -r 1-2,4-5 :1", "get: -r 1-2,4-5: one range at a time"),
    ("get -r 0-3 -C - -O :1/x", "get: -r does not go with -C"),
    ("talk -Q :1", "talk: unknown option -Q " + SEE_TALK),
    ("talk -lQ :1", "talk: unknown option -Q " + SEE_TALK),
    ("talk --udp=3 :1", "talk: --udp takes no value"),
    ("talk -w", "talk: -w needs a value: T"),
    ("talk :1 --wait", "talk: --wait needs a value: T"),
    ("talk -w 0 :1", "talk: -w 0: must be 1ms to 24h"),
    ("talk -w-1 :1", "talk: -w -1: must be 1ms to 24h"),
    ("talk --wait=2d :1",
     "talk: --wait 2d: must be a time such as 200ms, 1.5s or 2m"),
    ("talk --wait= :1",
     "talk: --wait : must be a time such as 200ms, 1.5s or 2m"),
    ("talk -w 99999999999999999999 :1",
     "talk: -w 99999999999999999999: must be a time such as 200ms, 1.5s or "
     "2m"),
    ("talk -w 999999999999h :1",
     "talk: -w 999999999999h: must be 1ms to 24h"),
    ("talk -p 99999 :1", "talk: -p 99999: must be 0 to 65535"),
    ("talk -p 1.5 :1", "talk: -p 1.5: must be a whole number"),
    ("talk --datagram 70k :1", "talk: --datagram 70k: must be 1 to 65507"),
    ("talk --datagram 0x10 :1",
     "talk: --datagram 0x10: must be a size such as 512, 64k or 1M"),
    ("echo --coalese 4 :1",
     "echo: unknown option --coalese (did you mean --coalesce?)"),
    ("echo --chunk 0 :1", "echo: --chunk 0: must be 1 to 65536"),
    ("echo --chunk 65537 :1", "echo: --chunk 65537: must be 1 to 65536"),
    ("echo --chunk x :1", "echo: --chunk x: must be a whole number"),
    ("echo --drop 101 -u :1", "echo: --drop 101: must be 0 to 100"),
    ("echo --mode foo :1", "echo: --mode foo: must be " + MODES),
    ("echo --mode uper :1", "echo: --mode uper: did you mean upper?"),
    # addresses
    ("talk", "talk: ADDR is missing " + SEE_TALK),
    ("echo", "echo: ADDR is missing " + SEE_ECHO),
    ("talk a b c", "talk: c: one word too many"),
    ("talk -U /a /b", "talk: /b: one word too many"),
    ("talk 127.0.0.1", "talk: 127.0.0.1: no port (write 127.0.0.1:80, or "
                       "127.0.0.1 80)"),
    ("talk ::1", "talk: ::1: no port (write [::1]:80, or ::1 80)"),
    ("talk 127.0.0.1:99999",
     "talk: 127.0.0.1:99999: the port must be 0 to 65535"),
    ("echo :99999", "echo: :99999: the port must be 0 to 65535"),
    ("talk 127.0.0.1 99999", "talk: port 99999: must be 0 to 65535, or the "
                             "name of a service"),
    ("echo 99999", "echo: port 99999: must be 0 to 65535, or the name of a "
                   "service"),
    ("talk 127.0.0.1:0", "talk: 127.0.0.1:0: port 0 is only for listening"),
    ("talk [::1", "talk: [::1: not an address " + WRITE),
    ("talk foo:bar", "talk: foo:bar: not an address " + WRITE),
    ("talk --pin 12 tls://a:1",
     "talk: --pin 12: not the 64 hexadecimal digits of a SHA-256"),
    ("talk --insecure a:1", "talk: --insecure is for TLS (tls://..., or --tls of serve and "
     "hub)"),
    ("talk --key k tls://a:1", "talk: --key needs --cert"),
    ("talk --client-cert any tls://a:1",
     "talk: --client-cert is for who listens; a client shows --cert"),
    ("talk --pin 12 --ca c tls://a:1", "talk: --ca does not go with --pin"),
    ("talk -l --insecure tls://a:1",
     "talk: --insecure and --pin are for a client; see --client-cert"),
    ("echo --ca c tls://a:1",
     "echo: --ca needs --client-cert ask or require"),
    ("echo --client-cert ask tls://a:1",
     "echo: --client-cert ask and require need --ca: whom to believe"),
    ("talk unix:/" + "x" * 300,
     f"talk: unix:/{'x' * 300}: name too long"),
    ("talk -U " + "x" * 300, f"talk: {'x' * 32}...: a name this long cannot be "
                             "an address"),
    ("talk -U " + "x" * 120,
     f"talk: {'x' * 32}...: a path has at most 107 bytes, not 120"),
    ("echo unix:" + "x" * 108,
     f"echo: {'x' * 32}...: a path has at most 107 bytes, not 108"),
    ("talk ::1:80", "talk: ::1:80: no port (write [::1]:80, or [::1:80]:80)"),
    ("talk udp:127.0.0.1:80", "talk: udp:127.0.0.1:80: not an address (write "
                              "udp://127.0.0.1:80)"),
    ("talk -z 127.0.0.1 8000-7000",
     "talk: ports 8000-7000: the range is the wrong way round (write "
     "7000-8000)"),
    # options that the address contradicts
    ("talk -u tcp://127.0.0.1:1",
     "talk: tcp://127.0.0.1:1: -u is for datagrams, and that is a stream "
     "(write udp://)"),
    ("echo -u unix:/s", "echo: unix:/s: -u is for datagrams, and that is a "
                        "stream (write unixgram:)"),
    ("talk -U unix:/s", 'talk: unix:/s: -U needs a path, without "unix:"'),
    ("echo -U tcp://:1", 'echo: tcp://:1: -U needs a path, without "tcp://"'),
    ("talk -6 127.0.0.1:3", "talk: 127.0.0.1: -6, but that is IPv4"),
    ("talk -4 [::1]:3", "talk: ::1: -4, but that is IPv6"),
    ("echo -6 127.0.0.1:3", "echo: 127.0.0.1: -6, but that is IPv4"),
    ("chat -n x -6 127.0.0.1", "chat: 127.0.0.1: -6, but that is IPv4"),
    ("talk -n localhost 80", "talk: localhost: -n looks no names up"),
    ("talk -s ::1 127.0.0.1:1",
     "talk: -s ::1: not of the same family as 127.0.0.1"),
    # options that do not go together
    ("talk -k :1", "talk: -k needs -l"),
    ("talk -lz :1", "talk: -z does not go with -l"),
    ("talk -ls 127.0.0.1 :1",
     "talk: -s does not go with -l: name the address itself"),
    ("talk -s foo :1", "talk: -s foo: not a numeric address"),
    ("talk -4 -6 :1", "talk: -4 does not go with -6"),
    ("talk --frame zzz :1",
     "talk: --frame zzz: no such codec (see man tenon-talk)"),
    ("talk --frame delim:zz :1",
     "talk: --frame delim:zz: delim: needs 1 to 8 bytes in hexadecimal, such "
     "as 0d0a"),
    ("echo --frame fixed:0 :1", "echo: --frame fixed:0: fixed: needs a size of "
                                "1 byte or more, such as 16 or 4k"),
    ("talk --frame u32be,self,max=x :1",
     'talk: --frame u32be,self,max=x: "max=x" does not fit there (see man '
     "tenon-talk)"),
    ("talk -u --frame line :1",
     "talk: --frame needs a stream: a datagram is a message already"),
    ("talk -C --frame line :1",
     "talk: --frame does not go with --bare or -C"),
    ("talk -l -p 80 a b", "talk: b: one word too many beside -p"),
    ("echo --drop 5 :1",
     "echo: --drop needs datagrams (-u): a stream loses nothing"),
    ("echo -u --rst :1", "echo: --rst needs a stream, not datagrams"),
    ("echo --rst unix:/s", "echo: --rst needs TCP: Unix sockets have no reset"),
    ("echo -u --frame line :1", "echo: --frame needs a stream, not datagrams"),
    ("echo -u --coalesce 1s :1",
     "echo: --coalesce needs a stream, not datagrams"),
    ("echo -u --close-after 1 :1",
     "echo: --close-after needs a stream, not datagrams"),
    ("echo --frame zzz :1",
     "echo: --frame zzz: no such codec (see man tenon-echo)"),
    ("echo --frame line --mode daytime :1",
     "echo: --frame goes with --mode upper, echo or discard"),
]


def check(words, code, line, **how):
    got = tap.tenon(*words, **how)
    tap.equal(got, (code, "", f"tenon {line}\n" if line else ""))


def register_usage():
    for words, line in USAGE:
        own = line.split(":")[0] in ("talk", "echo", "chat", "get", "serve",
                                     "hub")
        prefix = line if own else ": " + line
        shown = words if len(words) < 60 else words[:57] + "..."
        tap.add("usage: tenon " + shown, check_usage, words, prefix)


def check_usage(words, line):
    got = tap.tenon(*words.split())
    wanted = "tenon" + (line if line.startswith(": ") else " " + line) + "\n"
    tap.equal(got, (2, "", wanted))


# --- asking for help ----------------------------------------------------------

@tap.case
def help_help():
    """tenon help help, tenon COMMAND help"""
    code, out, err = tap.tenon("help", "help")
    tap.equal((code, err), (0, ""))
    tap.true(out.startswith("Usage: tenon help [COMMAND]\n"), out)
    tap.equal(tap.tenon("--help", "help"), (0, out, ""))
    for command in ("talk", "serve", "get", "hub"):
        tap.equal(tap.tenon(command, "help"), tap.tenon(command, "--help"))
    with tap.temp_dir() as folder:
        os.mkdir(os.path.join(folder, "help"))
        serve = subprocess.Popen(
            [tap.PROGRAM, "serve", "help", "-p", "0", "--bind", "127.0.0.1"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        tap.started(serve)
        tap.true(b"serving help;" in tap.read_some(serve.stderr), "the folder")


@tap.case
def one_port():
    """--bind and -p that name the same port"""
    for args in (("--bind", "127.0.0.1:0"), ("--bind", "127.0.0.1:0", "-p",
                                             "0"),
                 ("--bind", "127.0.0.1", "-p", "0")):
        serve = tap.Tenon("serve", *args, "--echo", ready=True)
        tap.true(serve.where.startswith("127.0.0.1:"), serve.where)


# --- the system says no -----------------------------------------------------

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


@tap.case
def refused():
    """refused: nothing listens there"""
    port = free_port()
    check(["talk", f"127.0.0.1:{port}"], 1,
          f"talk: connect tcp 127.0.0.1:{port}: connection refused "
          "(nothing is listening there)")


@tap.case
def refused_two_words():
    """refused: host and port as two words"""
    port = free_port()
    check(["talk", "127.0.0.1", str(port)], 1,
          f"talk: connect tcp 127.0.0.1:{port}: connection refused "
          "(nothing is listening there)")


@tap.case
def refused_probe():
    """refused: -z"""
    port = free_port()
    check(["talk", "-z", "127.0.0.1", str(port)], 1,
          f"talk: connect tcp 127.0.0.1:{port}: connection refused "
          "(nothing is listening there)")


@tap.case
def refused_datagram():
    """refused: a datagram to nobody"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    code, out, err = tap.tenon("talk", f"udp://127.0.0.1:{port}", stdin=b"x")
    tap.equal((code, out), (1, ""))
    tap.true(err.endswith("connection refused (nothing is listening "
                          "there)\n") and err.count("\n") == 1, err)


@tap.case
def no_such_host():
    """no such host"""
    code, out, err = tap.tenon("talk", "no-such-host.invalid:80")
    tap.equal((code, out), (1, ""))
    if err.endswith("no such host\n"):
        tap.equal(err, "tenon talk: resolve no-such-host.invalid: no such "
                       "host\n")
        return
    tap.true("name server gave no answer" in err, err)


@tap.case
def numeric_only():
    """a name with -n"""
    check(["talk", "-n", "localhost:80"], 2,
          "talk: localhost: -n looks no names up")


@tap.case
def no_such_socket():
    """no such Unix socket"""
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "none")
        check(["talk", "unix:" + path], 1,
              f"talk: connect unix:{path}: no such file or directory")


def in_use(command):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        where = "127.0.0.1:%d" % sock.getsockname()[1]
        check([*command, where], 1,
              f"{command[0]}: bind tcp {where}: address already in use "
              "(another program has this port)")


def in_use_datagram(command):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        where = "127.0.0.1:%d" % sock.getsockname()[1]
        check([*command, "udp://" + where], 1,
              f"{command[0]}: bind udp {where}: address already in use "
              "(another program has this port)")


def directory(command):
    with tap.temp_dir() as folder:
        code, out, err = tap.tenon(*command, "unix:" + folder)
        tap.equal((code, out), (1, ""))
        tap.true(err.startswith(f"tenon {command[0]}: bind "
                                f"unix:{folder}: ") and
                 err.endswith(" (that is a directory)\n"), err)
        tap.true(os.path.isdir(folder), "the directory is gone")


def no_socket(command):
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "file")
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        code, out, err = tap.tenon(*command, "unix:" + path)
        tap.equal((code, out), (1, ""))
        tap.true(err.endswith(" (that is no socket)\n"), err)
        with open(path, encoding="ascii") as file:
            tap.equal(file.read(), "precious")


def missing_folder(command):
    check([*command, "unix:/nonexistent/s"], 1,
          f"{command[0]}: bind unix:/nonexistent/s: no such file or "
          "directory")


def unix_in_use(command):
    with tap.temp_dir() as folder:
        path = os.path.join(folder, "s")
        with tap.listener(socket.AF_UNIX, path=path):
            check([*command, "unix:" + path], 1,
                  f"{command[0]}: bind unix:{path}: address already in "
                  "use (another program listens there)")
        tap.true(os.path.exists(path), "the other's socket is gone")


def foreign(command):
    check([*command, "192.0.2.1:8000"], 1,
          f"{command[0]}: bind tcp 192.0.2.1:8000: not an address of this "
          "machine")


def ready_fd(command):
    """77 nobody has; 5 would be one of ours by the time it is written to."""
    for number in "77", "5":
        code, out, err = tap.tenon(*command, "--ready-fd", number,
                                   "127.0.0.1:0")
        tap.equal((code, out), (2, ""))
        tap.true(err.endswith(f"tenon {command[0]}: --ready-fd {number}: "
                              "it is not open\n"), err)


def low_port(command):
    """Root may; so it is tried as somebody else, in a namespace or not."""
    if os.geteuid() == 0:
        how = {"user": 65534, "group": 65534, "extra_groups": []}
    else:
        how = {}
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start",
              encoding="ascii") as file:
        if int(file.read()) <= 79:
            raise tap.Skip("everybody may use low ports here")
    try:
        done = subprocess.run([tap.PROGRAM, *command, "127.0.0.1:79"],
                              capture_output=True, timeout=tap.LIMIT,
                              stdin=subprocess.DEVNULL, check=False, **how)
    except PermissionError as why:
        raise tap.Skip("the program is in a folder others cannot read") from why
    tap.equal(done.stderr.decode(),
              f"tenon {command[0]}: bind tcp 127.0.0.1:79: permission denied "
              "(ports below 1024 need root)\n")
    tap.equal(done.returncode, 1)


def register_servers():
    for command in (["talk", "-l"], ["talk", "-lk"], ["echo"]):
        for function in (in_use, in_use_datagram, directory, no_socket,
                         missing_folder, unix_in_use, foreign, ready_fd,
                         low_port):
            name = function.__name__.replace("_", " ")
            tap.add(f"{name}: tenon {' '.join(command)}", function, command)


# --- descriptors ------------------------------------------------------------

def shell(line, *args):
    """Run a line of sh with the program as $0; exit code and stderr."""
    done = subprocess.run(["sh", "-c", line, tap.PROGRAM, *args],
                          capture_output=True, timeout=tap.LIMIT,
                          stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stderr.decode()


@tap.case
def help_closed():
    """closed stdout: help"""
    tap.equal(shell('"$0" help >&-'),
              (1, "tenon: write stdout: it is not open\n"))
    tap.equal(shell('"$0" talk --help >&-'),
              (1, "tenon talk: write stdout: it is not open\n"))


@tap.case
def help_full():
    """full stdout: help"""
    code, err = shell('"$0" --version >/dev/full')
    tap.equal(code, 1)
    tap.equal(err.lower(),
              "tenon: write stdout: no space left on device\n")


def peer_says(text, line, *options):
    """Run a line of sh that talks to a peer of ours; code and stderr."""
    with tap.listener() as sock:
        where = "127.0.0.1:%d" % sock.getsockname()[1]
        process = subprocess.Popen(
            ["sh", "-c", line, tap.PROGRAM, where, *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        tap.started(process)
        conn = tap.accept(sock)
        try:
            conn.sendall(text)
        except OSError as why:
            tap.true(why.errno in (errno.EPIPE, errno.ECONNRESET), str(why))
        err = process.communicate(timeout=tap.LIMIT)[1]
        conn.close()
        return process.returncode, err.decode()


@tap.case
def talk_closed():
    """closed stdout: talk"""
    tap.equal(peer_says(b"hello", '"$0" talk "$1" >&-'),
              (1, "tenon talk: write stdout: it is not open\n"))


@tap.case
def talk_nobody_reads():
    """stdout whose reader has left: talk"""
    tap.equal(peer_says(b"hello" * 1000000,
                        '{ "$0" talk "$1"; echo $? >&2; } | head -c 5 '
                        '>/dev/null'),
              (0, "tenon talk: write stdout: the other side has closed\n1\n"))


@tap.case
def talk_stdin_closed():
    """closed stdin: talk"""
    tap.equal(peer_says(b"", '"$0" talk "$1" <&-'),
              (1, "tenon talk: read stdin: it is not open\n"))


@tap.case
def talk_stdin_directory():
    """a directory as stdin: talk"""
    tap.equal(peer_says(b"", '"$0" talk "$1" </tmp'),
              (1, "tenon talk: read stdin: is a directory\n"))


@tap.case
def show_closed():
    """closed stdout: echo --show"""
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" echo --show --ready-fd $1 127.0.0.1:0 >&-',
         tap.PROGRAM, str(write_end)], pass_fds=[write_end],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tap.started(process)
    os.close(write_end)
    where = tap.read_some(read_end).decode().strip()
    os.close(read_end)
    with tap.connect(where) as sock:
        sock.sendall(b"x")
        sock.recv(1)
    err = process.communicate(timeout=tap.LIMIT)[1].decode()
    tap.equal(process.returncode, 1)
    tap.true(err.endswith("tenon echo: write stdout: it is not open\n"), err)


@tap.case
def no_terminal():
    """no terminal at all: talk works"""
    with tap.listener() as sock:
        where = "127.0.0.1:%d" % sock.getsockname()[1]
        process = subprocess.Popen(
            [tap.PROGRAM, "talk", where], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        conn = tap.accept(sock)
        conn.sendall(b"hi\x1b[2J")
        conn.close()
        out, err = process.communicate(timeout=tap.LIMIT)
        tap.equal((process.returncode, out, err), (0, b"hi\x1b[2J", b""))


@tap.case
def examples():
    """without arguments: eight examples, exit 0"""
    code, out, err = tap.tenon()
    tap.equal((code, err), (0, ""))
    rows = [line for line in out.split("Commands:")[0].splitlines()
            if line.startswith("  ") and "tenon " in line]
    tap.equal(len(rows), 8, "examples")


register_usage()
register_servers()
if __name__ == "__main__":
    sys.exit(tap.run())
