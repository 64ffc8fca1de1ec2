"""The end of tasks that run for ever."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.5


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]], again_s: float = AGAIN_S) -> None:
    """Cancel the tasks and return when they are over; what they raise is passed over.

    A cancellation that meets an error in the same moment can be lost: a task that is cancelled while one that it waits
    for fails gets the failure, and goes on. So it is cancelled again after `again_s`, for which its own tidying must
    not take that long, until it ends.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)
