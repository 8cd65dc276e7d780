#!/usr/bin/env python3
"""Draws docs/session.svg: a server, a voter and the live results, each in a terminal.

The terminals show what the real programs print. Needs the programs that `cargo build --release`
makes, and the port 12358 free.

    docs/session.py                   with the programs in target/release
    docs/session.py --programs DIR    with those in another folder
"""

import argparse
import csv
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Wide enough for the longest messages to break between words.
COLUMNS, ROWS = 101, 40
# How long to wait for expected output, in seconds.
TIMEOUT = 30
CANDIDATES = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra"]
VOTERS = 60

# The picture, in pixels.
CELL, LINE, SIZE = 8.4, 19, 14
MARGIN, PADDING, TITLE, GAP = 12, 14, 30, 14
PAPER, FRAME, INK, FAINT, PROMPT = "#161b22", "#30363d", "#d6dde6", "#8b949e", "#7ee787"
COLOURS = ["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#d6dde6"]


class Screen:
    """The parts of a terminal that the programs use. A cell is (character, colour, is bold)."""

    def __init__(self):
        self.lines, self.row, self.column = [[]], 0, 0
        self.colour, self.bold, self.faint = None, False, False
        self.rest = ""

    def feed(self, text):
        text, self.rest = self.rest + text, ""
        while text:
            if text[0] != "\x1b":
                self.put(text[0])
                text = text[1:]
                continue
            sequence = re.match(r"\x1b\[([0-9;?]*)([@-~])", text)
            if not sequence:
                if re.fullmatch(r"\x1b(\[[0-9;?]*)?", text):
                    self.rest = text
                    return
                text = text[1:]
                continue
            numbers = [int(number or 0) for number in sequence[1].strip("?").split(";")]
            self.control(sequence[2], numbers)
            text = text[sequence.end():]

    def put(self, character):
        if character == "\n":
            self.row += 1
        elif character == "\r":
            self.column = 0
        elif character == "\b":
            self.column = max(self.column - 1, 0)
        elif character >= " ":
            if self.column == COLUMNS:
                self.row, self.column = self.row + 1, 0
            line = self.line()
            line.extend([(" ", None, False)] * (self.column + 1 - len(line)))
            line[self.column] = (character, FAINT if self.faint else self.colour, self.bold)
            self.column += 1
        self.line()

    def line(self):
        while len(self.lines) <= self.row:
            self.lines.append([])
        return self.lines[self.row]

    def control(self, name, numbers):
        first = max(numbers[0], 1)
        if name == "A":
            self.row = max(self.row - first, 0)
        elif name == "B":
            self.row += first
        elif name == "C":
            self.column += first
        elif name == "D":
            self.column = max(self.column - first, 0)
        elif name == "G":
            self.column = first - 1
        elif name == "J" and numbers[0] == 0:
            del self.line()[self.column:]
            del self.lines[self.row + 1:]
        elif name == "K":
            del self.line()[(0 if numbers[0] == 2 else self.column):]
        elif name == "m":
            self.style(numbers)

    def style(self, numbers):
        for number in numbers:
            if number == 0:
                self.colour, self.bold, self.faint = None, False, False
            elif number == 1:
                self.bold = True
            elif number == 2:
                self.faint = True
            elif number == 22:
                self.bold = self.faint = False
            elif 30 <= number <= 37:
                self.colour = COLOURS[number - 30]
            elif 90 <= number <= 97:
                self.colour = COLOURS[number - 90]
            elif number == 39:
                self.colour = None

    def text(self):
        return "\n".join("".join(cell[0] for cell in line).rstrip() for line in self.lines)


class Terminal:
    """A program in a terminal."""

    def __init__(self, title, folder, programs):
        self.title, self.folder, self.programs = title, folder, programs
        self.screen, self.child, self.tty = Screen(), None, None

    def type(self, command):
        self.screen.put("$")
        self.screen.line()[0] = ("$", PROMPT, True)
        self.screen.feed(f" {command}\n".replace("\n", "\r\n"))
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("CAPVOTE_")
                       and name not in ("NO_COLOR", "COLUMNS", "LINES", "CI")}
        environment |= {"TERM": "xterm-256color", "PATH": f"{self.programs}:{os.environ['PATH']}"}
        self.child, self.tty = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.chdir(self.folder)
            os.execvpe("sh", ["sh", "-c", f"exec {command}"], environment)
        return self

    def until(self, words, times=1):
        """Reads until the screen shows these words so often; with None, to the program's end."""
        give_up = time.monotonic() + TIMEOUT
        while words is None or self.screen.text().count(words) < times:
            ready, _, _ = select.select([self.tty], [], [], max(give_up - time.monotonic(), 0))
            if not ready:
                sys.exit(f"{self.title}: no {words!r} in {self.screen.text()!r}")
            try:
                read = os.read(self.tty, 65_536)
            except OSError:  # A pseudo-terminal whose program has ended.
                read = b""
            if not read:
                os.waitpid(self.child, 0)
                self.child = None
                if words is not None:
                    sys.exit(f"{self.title}: ended without {words!r}: {self.screen.text()!r}")
                return self
            self.screen.feed(read.decode("utf-8", "replace"))
        return self

    def answer(self, text):
        """Types an answer, once the terminal does not echo."""
        give_up = time.monotonic() + TIMEOUT
        while termios.tcgetattr(self.tty)[3] & termios.ECHO:
            if time.monotonic() > give_up:
                sys.exit(f"{self.title}: the terminal still echoes")
            time.sleep(0.001)
        os.write(self.tty, f"{text}\n".encode())
        return self

    def stop(self):
        if self.child is not None:
            os.kill(self.child, signal.SIGINT)
            self.until(None)


def record(folder, programs):
    """Runs the session. Returns the terminals' titles and contents."""
    client = programs / "capvote-client"
    titles = ("the server", "a voter", "live results")
    server, voter, results = (Terminal(title, folder, programs) for title in titles)
    names = " ".join(f'--candidate "{name}"' for name in CANDIDATES)
    command = f"capvote-server --log warn --election board --voters {VOTERS} \\\n    {names}"
    server.type(command).until("listening on")
    try:
        with open(folder / "capvote-data" / "board.numbers.csv", newline="") as numbers:
            numbers = [row["voter_number"] for row in csv.DictReader(numbers)]
        results.type("capvote-client watch").until(f"0 of {VOTERS} have voted")
        for index, number in enumerate(numbers[1:44]):
            choice = CANDIDATES[index % 7 % 3]
            vote = [client, "vote", choice, "--voter-number", number]
            voted = subprocess.run(vote, capture_output=True)
            if voted.returncode != 0:
                sys.exit(f"a vote is refused: {voted.stderr}")
        vote = 'capvote-client vote "Grace Hopper"'
        voter.type(vote).until("oter number").answer(numbers[0]).until(None)
        voter.type(vote).until("oter number", times=2).answer(numbers[0]).until(None)
        results.until("44 of 60 have voted")
        results_shown = [list(line) for line in results.screen.lines]
        results.stop()
    finally:
        server.stop()
    return [(server.title, server.screen.lines), (voter.title, voter.screen.lines),
            (results.title, results_shown)]


def draw(terminals):
    """The picture: the terminals one below the other."""
    width = 2 * MARGIN + 2 * PADDING + COLUMNS * CELL
    y, drawn = MARGIN, []
    for title, lines in terminals:
        while lines and not lines[-1]:
            lines.pop()
        height = TITLE + 2 * PADDING + len(lines) * LINE - 4
        drawn.append(f'<g transform="translate({MARGIN} {y})">')
        drawn.append(f'<rect width="{width - 2 * MARGIN:g}" height="{height}" rx="9" '
                     f'fill="{PAPER}" stroke="{FRAME}"/>')
        for dot in range(3):
            drawn.append(f'<circle cx="{18 + 18 * dot}" cy="{TITLE / 2 + 2:g}" '
                         f'r="5" fill="{FRAME}"/>')
        drawn.append(f'<text x="{width / 2 - MARGIN:g}" y="{TITLE / 2 + 7:g}" '
                     f'text-anchor="middle" fill="{FAINT}">{escape(title)}</text>')
        for index, line in enumerate(lines):
            drawn.extend(runs(line, TITLE + PADDING + index * LINE + SIZE - 2))
        drawn.append("</g>")
        y += height + GAP
    height = y - GAP + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">',
        "<title>A server, a voter, and live results</title>",
        '<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" '
        f'font-size="{SIZE}" xml:space="preserve">',
        *drawn, "</g>", "</svg>", ""])


def runs(line, y):
    """A line of text in pieces of one colour. `textLength` keeps columns aligned in any font."""
    start = 0
    while start < len(line):
        end = start
        while end < len(line) and line[end][1:] == line[start][1:]:
            end += 1
        text = "".join(cell[0] for cell in line[start:end])
        stripped = text.lstrip()
        at, shown = start + len(text) - len(stripped), stripped.rstrip()
        if shown:
            colour, bold = line[start][1] or INK, ' font-weight="bold"' if line[start][2] else ""
            yield (f'<text x="{PADDING + at * CELL:g}" y="{y:g}" fill="{colour}"{bold} '
                   f'textLength="{len(shown) * CELL:g}">{escape(shown)}</text>')
        start = end


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--programs", type=Path, metavar="DIR",
                           default=ROOT / "target" / "release")
    arguments.add_argument("--output", type=Path, metavar="FILE",
                           default=ROOT / "docs" / "session.svg")
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        terminals = record(Path(folder), arguments.programs.resolve())
    arguments.output.write_text(draw(terminals))


main()
