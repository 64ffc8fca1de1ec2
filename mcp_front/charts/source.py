"""The reads behind one chart: operations of the worker, for the chart's caller."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from bridge.bus.client.client import BusClient
from bridge.bus.messages import SIMULATED, TRUNCATED
from bridge.tool import OPERATIONS, ToolRequest
from mcp_front.tools.pipeline import Call
from mcp_front.tools.status import session_status


@dataclass(frozen=True)
class Read:
    """The result of an operation. `of`: how many rows there are, where some are left out; None where none are."""

    value: Any
    simulated: bool
    of: int | None = None

    def table_rows(self) -> list[dict[str, Any]]:
        """Return the rows of a table as objects."""
        same = self.value.get("same", {})
        return [same | dict(zip(self.value["columns"], row, strict=True)) for row in self.value["rows"]]


class ChartSource:
    """The worker's operations, requested in the name of the call's caller."""

    def __init__(self, bus: BusClient, call: Call) -> None:
        self._bus = bus
        self._call = call

    async def read(self, operation: str, request: ToolRequest) -> Read:
        """Return an operation's result. Raises ToolError as the operation does."""
        reply = await self._bus.reply(OPERATIONS[operation], request, self._call.caller)
        value = msgspec.json.decode(reply.result)
        simulated = bool(reply.details.get(SIMULATED) or (isinstance(value, dict) and value.get("simulated")))
        cut = reply.details.get(TRUNCATED)
        return Read(value, simulated, cut["of"] if cut else None)

    async def now(self) -> datetime | None:
        """Return the gateway's time, which is a simulator's own; None where it is not known."""
        told = (await session_status(self._bus))["gateway_time"]
        return datetime.fromisoformat(told) if told else None
