"""The parts that calls share that wait for events: their bound, their early ends, and their signs of life."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from bridge.tool import ToolError
from mcp_front.admission.auth import ClientTokens
from mcp_front.timing import FrontTiming
from mcp_front.tools.pipeline import Call

T = TypeVar("T")
# Errors that end when the session, the worker or Redis is back. All others end the call.
PASSING = frozenset({
    "no_worker", "bus_down", "worker_lost", "timeout", "retry", "not_ready", "gateway_unreachable",
    "gateway_login_pending", "gateway_login_rejected", "client_id_in_use", "unsupported_gateway", "link_down", "paced",
    "overloaded",
})  # fmt: skip


class WaitPlaces:
    """Bounds the calls of one tool that wait at once: of one caller, and at this front."""

    def __init__(self, tool: str, most_of_one: int, most: int, advice: str) -> None:
        self._tool = tool
        self._most_of_one = most_of_one
        self._most = most
        self._advice = advice
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def place(self, principal: str) -> Iterator[None]:
        """Raises ToolError `paced` where too many wait already."""
        if self._waiting[principal] >= self._most_of_one or self._waiting.total() >= self._most:
            text = f"Too many calls of {self._tool} (limit: {self._most_of_one} per client, {self._most} in total)."
            raise ToolError("paced", f"{text} {self._advice}", retry_after_s=1.0)
        self._waiting[principal] += 1
        try:
            yield
        finally:
            self._waiting[principal] -= 1
            if not self._waiting[principal]:
                del self._waiting[principal]


class Waiting:
    """Waits on behalf of a call; once `draining` is set each wait ends."""

    def __init__(self, draining: asyncio.Event, tokens: ClientTokens | None, timing: FrontTiming) -> None:
        self._draining = draining
        self._tokens = tokens
        self._timing = timing

    async def first(
        self,
        call: Call,
        finding: Coroutine[Any, Any, T],
        seconds: float,
        line: str,
        *beside: Coroutine[Any, Any, NoReturn],
    ) -> tuple[T | None, str]:
        """Return what is found within the seconds; without it, the reason for ending before them. `line` goes to the
        client with each sign of life. What runs `beside` it ends with an error alone, which is raised."""
        found = asyncio.ensure_future(finding)
        ending = asyncio.ensure_future(self._ends(call))
        telling = asyncio.ensure_future(self._show_life(call, seconds, line))
        others = [asyncio.ensure_future(each) for each in beside]
        tasks = [found, ending, telling, *others]
        try:
            await asyncio.wait([found, ending, *others], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if found.done():
                return found.result(), ""
            for failed in (each for each in others if each.done()):
                failed.result()
            return None, ending.result() if ending.done() else ""
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ends(self, call: Call) -> str:
        """Return the reason for ending before the time is over."""
        while not self._draining.is_set():
            if self._tokens is not None and not await self._tokens.may_go_on(call.caller.proof, call.caller.rights):
                return "the client's token was revoked or its rights were changed"
            try:
                async with asyncio.timeout(self._timing.rights_check_s):
                    await self._draining.wait()
            except TimeoutError:
                continue
        return "this front is stopping"

    async def _show_life(self, call: Call, seconds: float, line: str) -> None:
        """Tell the client again and again that the call still waits, and for what."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            await asyncio.sleep(self._timing.wait_pulse_s)
            await call.messages.report_progress(round(clock() - began, 3), seconds, line)
