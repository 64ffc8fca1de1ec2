"""A fill, and the model of an interactive Claude Code that its wait wakes."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from statistics import median

from cli.errors import Problem
from tests.hosts import claude_code
from tests.hosts.models.scripted_model import ScriptedModel
from tests.hosts.readings import placement, wait_for_fill
from tests.hosts.stack import Stack

TIMES = 3
WOKEN_S = 1.0  # at most, from the fill's frame to the model's request that has the event
IN_BACKGROUND_S = claude_code.BACKGROUND_MS / 1000 + 2  # the fill comes when the call has moved there
WITHIN_S = 60.0
LOOK_AGAIN_S = 0.02
BACKGROUND = "moved to the background"  # the host's text to its model


async def woken(stack: Stack) -> list[float]:
    """Return the seconds from a fill's frame to the request with which the host wakes its model, for each session."""
    return [await _woken_once(stack, totalQuantity) for totalQuantity in range(1, TIMES + 1)]


async def _woken_once(stack: Stack, totalQuantity: int) -> float:
    """Place an order and wait for its fill, in a session of its own: a model that is not idle needs no waking."""
    key = f"waking-{secrets.token_hex(8)}"
    model = claude_code.model([placement(key, totalQuantity), wait_for_fill(stack, key, IN_BACKGROUND_S)])
    async with claude_code.interactive(stack.url, model) as screen:
        return await _woken_after(stack, model, key, screen)


async def _woken_after(stack: Stack, model: ScriptedModel, key: str, screen: bytearray) -> float:
    try:
        async with asyncio.timeout(WITHIN_S):
            while (at := _arrival(model, key)) is None:  # noqa: ASYNC110  # requests come on other threads
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise Problem(f"no wake within {WITHIN_S:g} s; the screen ends with {bytes(screen[-500:])!r}") from None
    filled = stack.filled_at()
    assert filled is not None, "the host read of a fill of which the journal has no frame"
    return at - filled


def _arrival(model: ScriptedModel, key: str) -> float | None:
    """Return when the first request came whose last message has the end of the wait."""
    for request in model.conversation():
        last = json.dumps(request.body["messages"][-1:])
        if "waited_seconds" in last and key in last:
            if BACKGROUND not in json.dumps(request.body["messages"]):
                raise Problem("the call had not moved to the background; the model waited for its result")
            return request.at
    return None


def faults(seconds: list[float]) -> Iterator[str]:
    if median(seconds) > WOKEN_S:
        yield f"the model is woken {median(seconds):.2f} s after the fill's frame, and {WOKEN_S:g} s is the most"
