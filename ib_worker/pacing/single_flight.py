"""Single flight: one request in progress for each key, whose answer all callers share."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """Owns the tasks, so that a caller who gives up takes nothing away from the others."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[Any]] = {}

    def __len__(self) -> int:
        return len(self._flying)

    async def share(self, key: Hashable, fly: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer of the flight under way, or of a new one. `fly` keeps its own deadline, the caller another."""
        task: asyncio.Task[T] | None = self._flying.get(key)
        if task is None:
            task = asyncio.create_task(fly(), name=f"flight {key!r}"[:80])
            self._flying[key] = task
            task.add_done_callback(partial(self._landed, key))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what is under way; whoever waits for it is cancelled too."""
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._flying[key]
        if not task.cancelled():
            task.exception()  # whoever waited may have given up
