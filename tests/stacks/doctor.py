"""A stack for the doctor to examine, and the faults that it finds."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from cli.diagnostics.checks import examine
from cli.diagnostics.finding import Finding, Place
from tests.stacks.front import serving
from tests.stacks.worker import caller, worker


@asynccontextmanager
async def stack(redis_url: str, session: str, port: int, state: str = "ready", **settings: Any) -> AsyncIterator[Place]:
    """Front and worker, the session being in `state`."""
    async with AsyncExitStack() as entered:
        enter = entered.enter_async_context
        await enter(worker(redis_url, session, port, **settings))
        front = await enter(serving(redis_url, session))
        await (await enter(caller(redis_url, session))).reaches(state)
        yield Place(front.endpoint, None, None, redis_url, "none")


async def faults(place: Place) -> dict[str, Finding]:
    return {each.part: each for each in await examine(place) if each.kind == "fault"}
