"""Long computations as generators: other clients are served at each yield, and the value is returned at the end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Value = TypeVar("Value")
Pieces = Generator[None, None, Value]


def at_once(pieces: Pieces[Value]) -> Value:
    """Run a computation to its end and return the value."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            value: Value = done.value
            return value
