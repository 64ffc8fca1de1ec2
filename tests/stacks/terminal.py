"""A terminal of a test's own: what is typed on it, and what it shows."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

PATIENCE_S = 20.0  # a busy machine's terminal delivers late


@dataclass(frozen=True)
class Terminal:
    """The person's side of it."""

    fd: int

    def type(self, *lines: str) -> None:
        os.write(self.fd, "".join(f"{line}\n" for line in lines).encode())

    def shown(self, end: str) -> str:
        """What came out up to this text, with what was typed, as a terminal shows it."""
        shown = b""
        while end.encode() not in shown and select.select([self.fd], [], [], PATIENCE_S)[0]:
            shown += os.read(self.fd, 4096)
        return shown.decode()


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """This process reads from and writes to a terminal meanwhile."""
    person, program = os.openpty()
    with (
        open(program, encoding="utf-8") as stdin,
        open(os.dup(program), "w", encoding="utf-8", buffering=1) as stdout,
        monkeypatch.context() as patched,
    ):
        patched.setattr(sys, "stdin", stdin)
        patched.setattr(sys, "stdout", stdout)
        yield Terminal(person)
    os.close(person)
