"""Long computations as generators: at each yield others may be served, and the value comes at the end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Value = TypeVar("Value")
Pieces = Generator[None, None, Value]


def at_once(pieces: Pieces[Value]) -> Value:
    """The value, however long it takes."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            value: Value = done.value
            return value
