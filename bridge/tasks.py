"""Several tasks at once: until the first of them ends, begun again after a failure, and cancelled for certain."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NoReturn

import structlog

CANCEL_AGAIN_S = 0.5
TIDYING_S = 10.0  # a connection that is given up takes two seconds at most
RESTART_S = 1.0  # what fails at once each time must not take the whole machine

log = structlog.get_logger("bridge.tasks")


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]], again_s: float = CANCEL_AGAIN_S) -> None:
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


async def run_until_first_ends(*ways: Coroutine[Any, Any, Any]) -> None:
    """Run all until one ends, end the others, and raise what the first raised."""
    tasks = [asyncio.ensure_future(each) for each in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_and_wait(tasks, TIDYING_S)
    for each in done:
        each.result()


async def restart_on_error(
    name: str, run: Callable[[], Coroutine[Any, Any, None]], pause_s: float = RESTART_S
) -> NoReturn:
    """For ever: what fails is logged and begun again, so that a fault in one duty ends none of the others."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("task_restarted", task=name)
        await asyncio.sleep(pause_s)
