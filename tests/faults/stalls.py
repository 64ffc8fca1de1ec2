"""How long this machine has kept us waiting: what is late by that is not the product's doing."""

import asyncio
import time
from typing import NoReturn

LOOK_S = 0.1
KEPT = 5_000  # looks: eight minutes, longer than a run may take


class Stalls:
    """`run` beside the runs."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, float]] = []  # when a sleep was over, by the machine's clock, and how late

    async def run(self) -> NoReturn:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LOOK_S)
            self._seen.append((time.time(), time.monotonic() - before - LOOK_S))
            del self._seen[:-KEPT]

    def worst(self, began: float, ended: float) -> float:
        return max((late for at, late in self._seen if began <= at <= ended + LOOK_S), default=0.0)
