"""The answers that most tools share: a read over the bus, a write under its key, the session's status."""

import asyncio
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.bus.messages import BusCaller, Reply
from bridge.tool import Effect, ToolError
from bridge.tools.orders import PlacementRequest
from bridge.tracing.spans import traced
from mcp_front.protocol.delivery import when_delivered
from mcp_front.protocol.results import to_result, value_result
from mcp_front.tools.pipeline import Answer, Call
from mcp_front.tools.status import of_rights, session_status, without_blanks

KEY = "idempotencyKey"
WAITING = "no_generation"  # the reason of a write that no worker was ready to take
SAME_KEY = "Retry with the same key: an earlier call with it may have been carried out."
SWITCH_S = 0.0005  # so soon the loop gets the interpreter back from that thread, at each of its steps
SHORT_BYTES = 32 * 1024  # of a result: its text is made in a millisecond or two
SHORT_ALONE_BYTES = 48 * 1024  # where no other call waits for its answer, which a year of daily bars then has at once
OPEN = ("pending", "unknown")  # codes that leave open whether the write happened


class BusTools:
    """Answers calls through one BusClient."""

    def __init__(self, bus: BusClient) -> None:
        self._bus = bus
        self._asked = 0  # calls that wait for their answers now
        self._thread = ThreadPoolExecutor(1, "long answers")  # more would only compete
        sys.setswitchinterval(SWITCH_S)
        self.by_effect: dict[Effect, Answer] = {
            Effect.READ: self.ask,
            Effect.OWN: self.ask,
            Effect.SESSION: self.ask,
            Effect.WRITE: self.submit,
        }

    async def ask(self, call: Call) -> ToolResult:
        self._asked += 1
        try:
            return await self._answer(call)
        finally:
            self._asked -= 1

    async def _answer(self, call: Call) -> ToolResult:
        with self._traced(call) as caller:
            reply = await self._bus.reply(call.declared, call.request, caller)
        return await self._result(call, reply)

    @contextmanager
    def _traced(self, call: Call) -> Iterator[BusCaller]:
        """Open the span of the way over the bus, and give the caller with the traceparent for the worker."""
        with traced(self._bus.tracer, f"bus {call.declared.name}", call.caller.traceparent) as traceparent:
            yield msgspec.structs.replace(call.caller, traceparent=traceparent)

    async def _result(self, call: Call, reply: Reply) -> ToolResult:
        """Build the result; a long one in a thread, since other calls need the event loop meanwhile. FastMCP needs its
        values, the direct lane no more than its JSON."""
        raw = call.origin.fastmcp is None
        make = partial(to_result, call.declared, bytes(reply.result), reply.details, raw=raw)
        if len(reply.result) <= (SHORT_ALONE_BYTES if self._asked == 1 else SHORT_BYTES):
            return make()
        return await asyncio.get_running_loop().run_in_executor(self._thread, make)

    async def submit(self, call: Call) -> ToolResult:
        """A write goes out under the caller's key or one made here; either way the caller is told which."""
        given = getattr(call.request, KEY)  # every write's declaration has it
        key = given or secrets.token_urlsafe(15)
        keyless = given is None or call.made_key
        if keyless:
            when_delivered(call.origin.scope, partial(self._bus.told, key))
        request = call.request.model_copy(update={KEY: key})
        try:
            with self._traced(call) as caller:
                reply = await self._bus.submit(call.declared, request, caller, key=key, keyless=keyless)
        except ToolError as error:
            raise _keyed(await self._explained(error), key) from error
        value = _with_note(msgspec.json.decode(reply), call.unused)
        return value_result(call.declared, _with_key(value, key) if isinstance(request, PlacementRequest) else value)

    async def status(self, call: Call) -> ToolResult:
        return value_result(
            call.declared, without_blanks(of_rights(await session_status(self._bus), call.caller.rights))
        )

    async def _explained(self, error: ToolError) -> ToolError:
        """Writes wait for a session that is in order: where it is not, its cause and remedy say more than the wait."""
        if error.details.get("reason") != WAITING:
            return error
        status = await session_status(self._bus)
        if status["state"] == "ready":
            return error
        told = " ".join(filter(None, ("This call sent nothing:", status["cause"], status["remedy"], SAME_KEY)))
        return ToolError(error.code, told, **error.details, state=status["state"])


def _with_note(value: dict[str, Any], note: str) -> dict[str, Any]:
    """The answer with a further sentence in its message."""
    return value | {"message": f"{value.get('message', '')} {note}".strip()} if note else value


def _with_key(value: dict[str, Any], key: str) -> dict[str, Any]:
    """An order that was placed tells its key. The key of a cancel or a change is the call's own, not the order's."""
    return value | {KEY: key} if value.get(KEY, key) is None else value


def _keyed(error: ToolError, key: str) -> ToolError:
    """The error with its key, which a model must hold on to where the outcome is open."""
    message = error.message
    if error.code in OPEN and key not in message:
        message += f" The key is {KEY}={key}."
    return ToolError(error.code, message, **_without_key(error), idempotencyKey=key)


def _without_key(error: ToolError) -> dict[str, Any]:
    return {name: value for name, value in error.details.items() if name not in ("key", KEY)}
