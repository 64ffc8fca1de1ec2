"""Single flight: one request in progress for each key, whose answer all callers share."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ib_worker.pacing.caller import current_caller_left

T = TypeVar("T")


@dataclass(eq=False)
class Flight:
    """One request in progress, and the number of callers that wait for it."""

    task: asyncio.Task[Any]
    waiting: int = 0


class SingleFlight:
    """Owns the tasks, so that a caller who gives up takes nothing away from the others."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, Flight] = {}
        self._ending: set[asyncio.Task[Any]] = set()  # cancelled, and not over yet

    def __len__(self) -> int:
        return len(self._flying)

    async def share(self, key: Hashable, fly: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the answer of the flight in progress, or of a new one.

        `fly` keeps its own deadline, the caller another: a caller whose deadline passes may come back for the answer.
        The flight ends with the last caller where that caller has gone for good.
        """
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = Flight(asyncio.create_task(fly(), name=f"flight {key!r}"[:80]))
            flight.task.add_done_callback(partial(self._landed, key))
        flight.waiting += 1
        try:
            found: T = await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.waiting == 1 and current_caller_left():
                self._cancel(key, flight)
            raise
        finally:
            flight.waiting -= 1
        return found

    async def close(self) -> None:
        """Cancel what is under way; whoever waits for it is cancelled too."""
        tasks = [*(flight.task for flight in self._flying.values()), *self._ending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cancel(self, key: Hashable, flight: Flight) -> None:
        """End a flight. It leaves the list at once, since nobody may join it any more."""
        if self._flying.get(key) is flight:
            del self._flying[key]
            self._ending.add(flight.task)
            flight.task.cancel()

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        self._ending.discard(task)
        flight = self._flying.get(key)
        if flight is not None and flight.task is task:
            del self._flying[key]
        if not task.cancelled():
            task.exception()  # whoever waited may have given up
