"""The folder of a stack on this machine: its user, and the address of that stack's front."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import Problem

STATE = Path(__file__).resolve().parent.parent.parent / ".state"


@contextmanager
def sole_user(state: Path, url: str) -> Iterator[None]:
    """Hold the folder for the stack whose front is at `url`, so that two stacks do not write over each other's data."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"another stack uses {state}: end it, or name another folder with --state") from None
        held.truncate(0)
        held.write(url)
        held.flush()
        yield


def front_of(state: Path) -> str | None:
    """Return the address of the front of the stack that uses the folder; None if no stack runs."""
    try:
        with (state / "lock").open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return held.read() or None
    except OSError:
        pass
    return None
