#!/usr/bin/env python3
"""The homework of a first course on sockets: send a file over TCP. Two
messages, the name and the bytes, each behind its length as struct packs it.

    homework.py HOST PORT FILE [FORMAT]
"""

import os
import socket
import struct
import sys

host, port, path = sys.argv[1:4]
form = sys.argv[4] if len(sys.argv) > 4 else "i"
phone = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
phone.connect((host, int(port)))
name = os.path.basename(path).encode()
phone.sendall(struct.pack(form, len(name)) + name)
with open(path, "rb") as file:
    data = file.read()
phone.sendall(struct.pack(form, len(data)))
for at in range(0, len(data), 1024):
    phone.sendall(data[at:at + 1024])
phone.close()
