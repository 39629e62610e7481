#!/usr/bin/env python3
"""tenon find --doctor: networks that are ill on purpose, and the cures tried.
"""

import json
import os
import socket
import struct
import subprocess

import networks
import tap
from networks import PORT, asker, doctor, find, two_hosts

ANNOUNCE = 1


@tap.case
def healthy():
    """The doctor of a network where all is well: nothing to mend"""
    a, b = two_hosts()
    a.hub()
    findings, seen = doctor(b)
    tap.equal(findings, {})
    tap.equal((seen["eth0"]["echo"], seen["lo"]["echo"]), (True, True))
    tap.true(seen["eth0"]["answers"] > 0, seen["eth0"])
    findings, _ = doctor(networks.Host())
    tap.equal(list(findings), ["no-network"])


@tap.case
def ill_alone():
    """No loopback, no link, no address, no broadcast: each with its cure"""
    host = networks.Host(loopback=False)
    findings, _ = doctor(host)
    tap.equal(sorted(findings), ["no-loopback", "no-network"])
    tap.equal(findings["no-loopback"]["mend"], "sudo ip link set lo up")
    host = networks.Host()
    wire = host.plug("eth0")
    findings, _ = doctor(host)
    tap.true("no-carrier" in findings and "no-network" in findings, findings)
    networks.segment(wire)
    host.ip("-6 addr flush dev eth0")
    findings, _ = doctor(host)
    tap.true("no-address" in findings, findings)
    host.ip("addr add 10.1.0.2/32 dev eth0")
    findings, _ = doctor(host)
    tap.true("10.1.0.2/24" in findings["narrow-mask"]["mend"], findings)
    host.ip("link set eth0 down")
    findings, _ = doctor(host)
    tap.equal(findings["down"]["mend"], "sudo ip link set eth0 up")


@tap.case
def wrong_mask():
    """A mask that leaves the other machine out"""
    a, b = two_hosts(a="10.1.0.200/24", b="10.1.0.2/25")
    for host in (a, b):
        host.ip("-6 addr flush dev eth0")
        host.run("sh", "-c", "echo 0 | tee /proc/sys/net/ipv4/conf/*/rp_filter",
                 check=False)
    a.hub("--name", "outside")
    find(b, found=[])
    findings, _ = doctor(b)
    tap.true("10.1.0.200" in findings["wrong-mask"]["text"], findings)
    tap.equal(findings["wrong-mask"]["interface"], "eth0")
    tap.true("10.1.0.2/24 dev eth0" in findings["wrong-mask"]["mend"], findings)
    # The cure, as it is given.
    b.ip("addr add 10.1.0.2/24 dev eth0")
    find(b, found=["outside"])


@tap.case
def port_taken():
    """A program that has the port for itself is named"""
    a, b = two_hosts()
    taker = a.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taker.bind(("0.0.0.0", PORT))
    hub = a.hub("--name", "mute")
    tap.true("--doctor" in tap.read_until(hub.stderr, b"\n").decode(), "a word")
    find(b, found=[])
    findings, _ = doctor(a)
    tap.true(f"process {os.getpid()}" in findings["port-taken"]["text"],
             findings)
    taker.close()


def wall(host, rules):
    """A firewall of nft; skips where there is none."""
    tap.need("nft")
    done = subprocess.run(["nft", "-f", "-"], capture_output=True, check=False,
                          preexec_fn=host.inside(), input=rules.encode())
    if done.returncode != 0:
        raise tap.Skip("nft: " + done.stderr.decode().strip())


def cure(host, finding):
    """Do what the doctor advises, as it stands there."""
    host.run(*finding["mend"].removeprefix("sudo ").split())


@tap.case
def firewall():
    """A rule that drops questions is found by its effect, and read"""
    a, b = two_hosts()
    wall(a, """table inet guard {
        chain enter {
            type filter hook input priority 0; policy accept;
            udp dport { 53, 8000-8010 } counter drop
        }
    }""")
    a.hub("--name", "walled")
    find(b, found=[])
    findings, seen = doctor(a)
    tap.equal(seen["eth0"]["echo"], False)
    tap.true("8000-8010" in findings["rule-drops"]["text"], findings)
    tap.equal(findings["no-echo"]["mend"], "sudo nft insert rule inet guard "
              "enter udp dport 8001 accept")
    cure(a, findings["no-echo"])
    find(b, found=["walled"])


@tap.case
def firewall_of_the_asker():
    """A firewall that lets in only what it saw asked for drops answers"""
    a, b = two_hosts()
    wall(b, """table inet filter {
        chain input {
            type filter hook input priority 0; policy drop;
            iif lo accept
            ct state established,related accept
            ip6 nexthdr icmpv6 accept
        }
    }""")
    a.hub("--name", "there")
    find(b, found=[])
    findings, _ = doctor(b)
    tap.equal(findings["answers-dropped"]["mend"], "sudo nft insert rule inet "
              "filter input udp sport 8001 accept")
    cure(b, findings["answers-dropped"])
    find(b, found=["there"])
    findings, _ = doctor(b)
    tap.true("policy-drops" in findings and "no-echo" in findings, findings)
    cure(b, findings["policy-drops"])
    tap.equal(doctor(b)[0], {})


@tap.case
def firewall_that_keeps_in():
    """A firewall that forbids to ask is told from one that drops"""
    a, _ = two_hosts()
    wall(a, """table inet filter {
        chain output {
            type filter hook output priority 0; policy accept;
            oifname "eth0" udp dport 8001 drop
        }
    }""")
    findings, seen = doctor(a)
    tap.true("may-not-send" in findings, (findings, seen))
    tap.equal(findings["may-not-send"]["interface"], "eth0")
    tap.equal(seen["eth0"]["asked"], False)


@tap.case
def dropped_unseen():
    """A drop that no rule shows (tc) is found by its effect"""
    a, b = two_hosts()
    tap.need("tc")
    done = a.run("tc", "qdisc", "add", "dev", "eth0", "ingress", check=False)
    if done.returncode == 0:
        done = a.run("tc", "filter", "add", "dev", "eth0", "parent", "ffff:",
                     "protocol", "all", "u32", "match", "u32", "0", "0",
                     "action", "drop", check=False)
    if done.returncode != 0:
        raise tap.Skip("no tc filter: " + done.stderr.decode().splitlines()[0])
    a.hub("--name", "walled")
    find(b, found=[])
    findings, seen = doctor(a)
    tap.equal((seen["eth0"]["echo"], findings["no-echo"]["interface"]),
              (False, "eth0"))
    tap.true("8001" in findings["no-echo"]["mend"], findings)


@tap.case
def one_way():
    """Others are heard, but do not answer"""
    a, b = two_hosts()
    mouth = asker(a)
    ready = b.start("find", "--doctor", "--json", "-w", "2")
    data = struct.pack(">2sBB8sBBHHHIIBB", b"\xffB", 1, ANNOUNCE, b"12345678",
                       1, 0, 0, 8000, 1, 0, 0, 3, 0) + b"ann"
    while not tap.readable(ready.stdout, 0.1):
        mouth.sendto(data, ("10.1.0.255", PORT))
    events = [json.loads(line)
              for line in tap.read_all(ready.stdout).decode().splitlines()]
    codes = {e["code"]: e for e in events if e["event"] == "finding"}
    tap.true("one-way" in codes, codes)
    tap.true("port 8001" in codes["one-way"]["text"], codes)


@tap.case
def tunnel_route():
    """A default route by a tunnel is told"""
    host, other = networks.Host(), networks.Host()
    link = networks.Tunnel(host, other)
    host.ip("addr add 10.9.0.1 peer 10.9.0.2 dev tun0")
    host.ip("link set tun0 up")
    host.ip("route add default dev tun0")
    findings, _ = doctor(host)
    tap.equal(findings["tunnel"]["interface"], "tun0")
    link.end()


if __name__ == "__main__":
    networks.run()
