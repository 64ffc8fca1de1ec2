"""Waiting in tests: for what no event tells, such as the state of another process."""

import asyncio
from collections.abc import Callable
from typing import Any

LOOK_AGAIN_S = 0.005


async def until(predicate: Callable[[], Any], description: str, timeout_s: float = 20) -> float:
    """
    Wait until a condition holds; the seconds that took.

    Args:
        predicate: tells whether it holds, or returns an awaitable that does.
        description: what is awaited, for the message of the failure.
        timeout_s: the seconds after which the test fails with an AssertionError.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        async with asyncio.timeout(timeout_s):
            while not await _holds(predicate):  # noqa: ASYNC110  # what is awaited has no event
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {description}") from None
    return clock() - began


async def _holds(predicate: Callable[[], Any]) -> bool:
    value = predicate()
    return bool(await value if asyncio.iscoroutine(value) else value)
