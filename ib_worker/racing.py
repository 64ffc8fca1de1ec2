"""Several things at once, until the first of them ends, and things that are not to end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import structlog

from bridge.tasks import cancel_and_wait

TIDYING_S = 10.0  # a connection that is given up takes two seconds at most
AGAIN_S = 1.0  # what fails at once each time must not take the whole machine

log = structlog.get_logger("ib_worker.racing")


async def run_until_first_ends(*ways: Coroutine[Any, Any, Any]) -> None:
    """Run all until one ends, end the others, and raise what the first raised."""
    tasks = [asyncio.ensure_future(each) for each in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_and_wait(tasks, TIDYING_S)
    for each in done:
        each.result()


async def restart_on_error(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> NoReturn:
    """For ever: what fails is logged and begun again, so that a fault in one duty ends none of the others."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("task_restarted", task=name)
        await asyncio.sleep(AGAIN_S)
