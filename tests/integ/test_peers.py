#!/usr/bin/env python3
"""Our commands and the small Python peers of tests/peers, in both roles."""

import pairs
import room
import tap
from pairs import own_client


def server(name):
    peer = room.Peer(name, "server")
    return peer, int(peer.line())


def upper(name):
    pairs.upper_server(*server(name))


def prints(name, text, wanted, *args):
    tap.equal(pairs.reading_server(*server(name), text, *args), wanted,
              "the server printed")


def talk():
    pairs.talk_server(*server("talk"))


def chat():
    pairs.chat_client(lambda port, name: room.Peer(
        "chat", "client", "127.0.0.1", port, name))


tap.add("poll client at our echo", pairs.echo_client, own_client("poll"))
tap.add("select client at our echo", pairs.busy_client,
        own_client("multiplex", 1000000))
tap.add("sticky client at our talk -l", pairs.sticky_client,
        own_client("sticky"))
tap.add("sticky client under our microscope", pairs.sticky_shown,
        own_client("sticky"))
tap.add("prefix client at our talk -l", pairs.prefix_client,
        own_client("prefix", "hello", " world"))
tap.add("non-blocking client at our talk -l", pairs.plain_client,
        own_client("nonblock", "hello1 world"), b"hello1 world")
tap.add("talk client at our talk -l", pairs.talk_client, own_client("talk"))
tap.add("chat clients in our room", chat)
tap.add("our talk at the poll server", upper, "poll")
tap.add("our talk at the select server", upper, "multiplex")
tap.add("our talk at the sticky server", prints, "sticky", b"hello world",
        "hello world\n")
tap.add("our talk at the prefix server", prints, "prefix",
        "hello\n 世界\n".encode(), "hello\n 世界\n", "--frame", "i32ne")
tap.add("our talk at the non-blocking server", prints, "nonblock",
        "你好".encode(), "你好\n")
tap.add("our talk at the talk server", talk)
tap.run()
