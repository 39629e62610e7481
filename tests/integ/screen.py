"""A terminal as a person sees it: enough of a VT100 to read a line editor."""

import fcntl
import os
import re
import struct
import termios

import tap

CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()].|\x1b[=>78]")
WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff"
                  "\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]")


class Screen:
    """What a program wrote, on rows; `fd` is our side of its terminal."""

    def __init__(self, fd, columns=80, rows=24):
        self.fd = fd
        self.raw = b""
        self.columns = columns
        self.resize(columns, rows)
        self.cells = [[]]
        self.row = self.column = 0

    def resize(self, columns, rows=24):
        self.columns = columns
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def is_cooked(self):
        """Whether the terminal echoes and hands out lines, as at first."""
        cooked = termios.ECHO | termios.ICANON
        return termios.tcgetattr(self.fd)[3] & cooked == cooked

    def type(self, text):
        os.write(self.fd, text.encode())

    def shows(self, *rows):
        """Wait until these are the last rows that are not empty."""
        while self.text()[-len(rows):] != list(rows):
            if not tap.readable(self.fd):
                raise AssertionError(f"the screen shows {self.text()!r}, "
                                     f"wanted {rows!r} last")
            more = tap.read_some(self.fd)
            if not more:
                raise AssertionError(f"ended, showing {self.text()!r}")
            self.raw += more
            self.draw()

    def text(self):
        rows = ["".join(row).rstrip() for row in self.cells]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def draw(self):
        """All of it again: a sequence may have come in two parts."""
        self.cells, self.row, self.column = [[]], 0, 0
        text = self.raw.decode("utf-8", "ignore")
        at = 0
        while at < len(text):
            found = CONTROL.match(text, at)
            if found:
                if found[2]:
                    self.control(found[1], found[2])
                at = found.end()
            else:
                self.put(text[at])
                at += 1

    def put(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.down()
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char >= " ":
            cells = [char, ""] if WIDE.match(char) else [char]
            if self.column + len(cells) > self.columns:
                self.down()
                self.column = 0
            row = self.cells[self.row]
            row.extend(" " * (self.column + len(cells) - len(row)))
            row[self.column:self.column + len(cells)] = cells
            self.column += len(cells)

    def down(self):
        self.row += 1
        if self.row == len(self.cells):
            self.cells.append([])

    def control(self, params, what):
        number = int(re.split("[;?]", params)[0] or 0)
        if what == "A":
            self.row = max(0, self.row - max(1, number))
        elif what == "B":
            self.row = min(len(self.cells) - 1, self.row + max(1, number))
        elif what == "C":
            self.column += max(1, number)
        elif what == "D":
            self.column = max(0, self.column - max(1, number))
        elif what == "G":
            self.column = max(1, number) - 1
        elif what == "K":
            del self.cells[self.row][self.column:]
        elif what == "J":
            del self.cells[self.row][self.column:]
            del self.cells[self.row + 1:]
        elif what == "P":
            del self.cells[self.row][self.column:self.column + max(1, number)]
        elif what == "@":
            self.cells[self.row][self.column:self.column] = \
                [" "] * max(1, number)
