"""Cells of faults: the verdict on one, and the playing of many."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar

CELL_S = 360

S = TypeVar("S")


@dataclass
class Verdict:
    """The texts and counts of a run. `wrong` is empty where every promise held."""

    cell: object
    first: str = ""
    last: str = ""
    frames_then: int = 0  # when the first answer came
    frames: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    unplayed: bool = False  # something outside the product failed; `wrong` says what


async def judged(
    cell: object, stage: AbstractAsyncContextManager[S], play: Callable[[S, Verdict], Awaitable[None]]
) -> Verdict:
    """Play a cell on its stage, which fills the verdict."""
    verdict, began = Verdict(cell), time.monotonic()
    try:
        async with asyncio.timeout(CELL_S), stage as entered:
            await play(entered, verdict)
    except Exception as error:  # noqa: BLE001  # a cell that can't be played is a failed cell, with its reason
        verdict.wrong.append(f"{type(error).__name__}: {error}")
        verdict.unplayed = True
    verdict.seconds = time.monotonic() - began
    return verdict
