#!/usr/bin/env python3
"""Finding each other, sending and talking across hosts: two and three of them,
two networks each, and no way out of either."""

import hashlib
import json
import os
import select

from kit import lan, tap, tenon

CODE = "473915"


def code_file(folder):
    path = os.path.join(folder, "code")
    with open(path, "w", encoding="ascii") as file:
        file.write(CODE + "\n")
    return path


def content(size, seed=1):
    return hashlib.shake_128(b"%d" % seed).digest(size)


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read()


def find(net, host, *args):
    """What tenon find tells on a host: exit code, objects."""
    done = tenon(net, host, "find", "--json", *args)
    out, err = done.process.communicate(timeout=tap.LIMIT)
    return done.process.returncode, [json.loads(line) for line in
                                     out.splitlines()], err.decode()


@tap.case
def two_networks():
    """near: a hub and a receiver on two networks are found on both"""
    with lan.Lan(3, segments=2) as net, tap.temp_dir() as folder:
        hub = tenon(net, 0, "hub", "-p", "0", "--name", "staff", "--quiet",
                    ready=True)
        recv = tenon(net, 1, "recv", "-p", "0", "-y", "--as", "printer", folder,
                     ready=True)
        code, found, err = find(net, 2)
        tap.equal(code, 0, err)
        kinds = {f["kind"]: f for f in found}
        tap.equal(sorted(kinds), ["hub", "recv"], f"found {found}")
        tap.equal(len(found), 2, "each once")
        for kind, program, host in (("hub", hub, 0), ("recv", recv, 1)):
            text = json.dumps(kinds[kind])
            tap.true(str(program.port) in text, f"port in {text}")
            for segment in range(2):
                tap.true(lan.address(host, segment) in text,
                         f"{lan.address(host, segment)} in {text}")
        code, found, _ = find(net, 0, "--kind", "recv")
        tap.equal([f["kind"] for f in found], ["recv"], "from the hub's host")


@tap.case
def one_network_unplugged():
    """near: on two networks, one of them unplugged, sending goes on"""
    with lan.Lan(2, segments=2) as net, tap.temp_dir() as folder:
        inbox = os.path.join(folder, "inbox")
        os.mkdir(inbox)
        net.cut(0, 0)
        recv = tenon(net, 0, "recv", "-p", "0", "-y", "--once", "--code-file",
                     code_file(folder), inbox, ready=True)
        data = content(3 << 20)
        send = tenon(net, 1, "send", "--code-file", code_file(folder),
                     write(folder, "film.mkv", data))
        tap.equal(send.wait(), 0, "send")
        tap.equal(recv.wait(), 0, "recv")
        tap.true(read(inbox, "film.mkv") == data, "what came")


@tap.case
def nobody():
    """near: where nobody is, find says so and exits with 1"""
    with lan.Lan(2) as net:
        code, found, err = find(net, 0, "--wait", "300ms")
        tap.equal((code, found), (1, []), err)


@tap.case
def coming_and_going():
    """near: find --watch tells who comes and who goes"""
    with lan.Lan(2) as net, tap.temp_dir() as folder:
        watch = tenon(net, 0, "find", "--watch", "--json")
        recv = tenon(net, 1, "recv", "-p", "0", "-y", "--as", "ann", folder,
                     ready=True)
        line = tap.read_until(watch.stdout, b"\n")
        tap.true(b'"ann"' in line, f"came: {line}")
        recv.signal(2)
        tap.equal(recv.wait(), 0, "recv")
        line = tap.read_until(watch.stdout, b"\n")
        tap.true(b'"ann"' in line, f"went: {line}")


@tap.case
def chat_without_address():
    """near: chat without an address finds the hub"""
    with lan.Lan(3, segments=2) as net:
        hub = tenon(net, 0, "hub", "-p", "0", ready=True)
        for host in (1, 2):
            chat = tenon(net, host, "chat", "-n", f"h{host}",
                         env={"XDG_STATE_HOME": tap.new_home()})
            chat.stdin.write(b"hi from %d\n" % host)
            chat.stdin.close()
            tap.equal(chat.wait(), 0, chat.stderr.read().decode())
            tap.read_until(hub.stdout, b"hi from %d" % host)


def transfer(net, folder, data, *args):
    """Send a file from host 1 to host 0; both programs."""
    inbox = os.path.join(folder, "inbox")
    os.mkdir(inbox)
    recv = tenon(net, 0, "recv", "-p", "8001", "-y", "--once", "--hidden",
                 "--code-file", code_file(folder), inbox, ready=True)
    send = tenon(net, 1, "send", "--json", *args, "--code-file",
                 code_file(folder), write(folder, "a.bin", data),
                 f"{lan.address(0)}:8001")
    return inbox, recv, send


def arrives(inbox, data, recv, send, limit):
    code = send.process.wait(limit)
    tap.equal(code, 0, send.stderr.read().decode())
    tap.equal(recv.process.wait(limit), 0, "recv")
    tap.true(read(inbox, "a.bin") == data, "what came")
    left = [name for name in os.listdir(inbox) if name != "a.bin"]
    tap.equal(left, [], "left behind")


@tap.case
def a_bad_line():
    """near: a file over a line that loses, doubles and delays"""
    with lan.Lan(2, seed=6, loss=3, dup=2, reorder=5, delay=10,
                 jitter=10) as net, tap.temp_dir() as folder:
        data = content(2 << 20)
        inbox, recv, send = transfer(net, folder, data)
        arrives(inbox, data, recv, send, 120 * tap.SCALE)


@tap.case
def a_cut_line():
    """near: a line that is cut for a minute delays a file, and no more"""
    with lan.Lan(2, rate=40000) as net, tap.temp_dir() as folder:
        data = content(32 << 20)
        inbox, recv, send = transfer(net, folder, data)
        while b'"moved"' not in send.stdout.readline():
            tap.true(send.process.poll() is None, "send ended")
        net.cut(0)
        # A minute in which nothing may happen: neither side ends.
        ends = [os.pidfd_open(p.process.pid) for p in (send, recv)]
        ended = select.select(ends, [], [], 60)[0]
        for fd in ends:
            os.close(fd)
        tap.true(not ended, "one side ended while the line was cut")
        net.mend(0)
        arrives(inbox, data, recv, send, 120 * tap.SCALE)


if __name__ == "__main__":
    tap.run()
