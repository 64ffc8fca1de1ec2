"""Reports to the worker which order calls this front has refused itself, so that a client can ask why."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bridge.bus.client.client import BusClient
from bridge.bus.messages import BusCaller
from bridge.tool import OPERATIONS, ToolError, ToolSpec
from bridge.tools.order_queries import MOST_ARGUMENTS, MOST_MESSAGE, NOTED_CODES, NOTED_TOOLS, NoteRefusedCall
from bridge.tools.types import Key
from mcp_front.admission.rate_limits import RateLimiter

PER_S, BURST = 1 / 3, 20  # of one client, as the worker keeps them: more would cost and be dropped there
WAIT_S = 0.5  # so much later a refused call is answered where no worker can keep the report
SECRET = frozenset({"confirmationToken"})
KEY = TypeAdapter(Key | None)


class RefusalNotes:
    """The reports of one front. The worker finds the client by its proof, and writes them into the audit log."""

    def __init__(self, bus: BusClient) -> None:
        self._bus = bus
        self._limits = RateLimiter(PER_S, BURST)

    async def note(self, declared: ToolSpec, arguments: Mapping[str, Any], caller: BusCaller, error: ToolError) -> None:
        """Report a refused call, if it was to place or change an order, before its client has the answer and can ask
        why. Best effort: without a worker the client has the error alone."""
        if declared.name not in NOTED_TOOLS or error.code not in NOTED_CODES:
            return
        if self._limits.waits(caller.principal, asyncio.get_running_loop().time()):
            return
        with suppress(ToolError):
            await self._bus.ask(OPERATIONS["note_refused_call"], _noted(declared, arguments, error), caller, WAIT_S)


def _noted(declared: ToolSpec, arguments: Mapping[str, Any], error: ToolError) -> NoteRefusedCall:
    kept = json.dumps({name: value for name, value in arguments.items() if name not in SECRET})
    return NoteRefusedCall.model_validate(
        {
            "tool": declared.name,
            "code": error.code,
            "message": error.message.encode(errors="replace").decode()[:MOST_MESSAGE],
            "key": _key(arguments.get("idempotencyKey")),
            "arguments": kept if len(kept) <= MOST_ARGUMENTS else "",
        }
    )


def _key(given: Any) -> str | None:
    """Return the call's key, None where it gave none that could be one."""
    with suppress(ValidationError):
        return KEY.validate_python(given)
    return None
