"""Programs at a pseudo-terminal of their own, as a person starts them."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

ROWS, COLUMNS = 40, 160


@contextmanager
def pair() -> Iterator[tuple[int, int]]:
    """Open a terminal: its person's side, and its program's, which the program's start closes here."""
    person, program = pty.openpty()
    fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        yield person, program
    finally:
        os.close(person)


def take() -> None:
    """Make the standard input the controlling terminal: for a child, before it becomes its program."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def typed_at(line: str, *arguments: str, within_s: float) -> int:
    """Run `python -m …` at a terminal with a line typed, and return its status."""
    with pair() as (person, program):
        os.write(person, f"{line}\n".encode())
        process = subprocess.Popen(
            (sys.executable, "-m", *arguments), stdin=program, stdout=program, stderr=program, start_new_session=True
        )
        os.close(program)
        return process.wait(within_s)
