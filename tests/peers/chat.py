#!/usr/bin/env python3
"""A room in plain text: the name first, then name:text, name:q to leave."""

import socket
import threading

import peer


def show(sock):
    while True:
        peer.say(sock.recv(1024).decode())


def client(where, name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(name.encode(), where)
    threading.Thread(target=show, args=(sock,), daemon=True).start()
    for line in peer.lines():
        sock.sendto(f"{name}:{line}".encode(), where)
        if line == "q":
            break


def tell(sock, people, text):
    for address in people:
        sock.sendto(text.encode(), address)


def server():
    sock = peer.bound(socket.SOCK_DGRAM)
    names = {}
    while True:
        data, address = sock.recvfrom(1024)
        text = data.decode()
        others = [a for a in names if a != address]
        if address not in names:
            names[address] = text
            tell(sock, others, text + ": 加入了群聊")
        elif text.split(":", 1)[-1] == "q":
            tell(sock, others, names.pop(address) + "：离开了聊天室")
        else:
            tell(sock, others, text)


peer.main(client, server)
