"""Stand-ins for pacing: a clock that the test moves, and work that is counted."""

import asyncio


class Asks:
    """Answers with the number of the ask."""

    def __init__(self) -> None:
        self.number = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> int:
        self.number += 1
        number = self.number
        await self.go.wait()
        return number


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
