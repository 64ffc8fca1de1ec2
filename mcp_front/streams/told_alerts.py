"""The firings of alerts that waits of this front have told, and their marks at the worker for all other fronts."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from bridge.bus.client.client import BusClient
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.events import MarkAlertTold
from mcp_front.streams.waiting import PASSING
from mcp_front.timing import FrontTiming
from mcp_front.tools.pipeline import Caller

MARK_S = 2.0  # for which an answer waits until the worker has kept that an alert was told
MOST_TOLD = 4_096  # firings that this front remembers, while the worker may not have kept that they are told
MOST_UNMARKED = 1_024  # of these, whose marks are sent again


@dataclass(frozen=True)
class Firing:
    """One firing of an alert."""

    alertId: str
    at: datetime


class ToldAlerts:
    """Has the worker keep each firing that is told. A mark that it does not take now is sent again until it does, or
    until this front stops."""

    def __init__(self, bus: BusClient, draining: asyncio.Event, timing: FrontTiming) -> None:
        self._bus = bus
        self._draining = draining
        self._again_s = timing.wait_again_s
        self._told: OrderedDict[Firing, None] = OrderedDict()
        self._unmarked: OrderedDict[Firing, Caller] = OrderedDict()
        self._repeating: asyncio.Task[None] | None = None

    def __contains__(self, firing: Firing) -> bool:
        return firing in self._told

    async def add(self, caller: Caller, firing: Firing) -> None:
        """Remember a firing that is about to be told, and return when the worker has its mark, or MARK_S later."""
        self._told[firing] = None
        if len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        try:
            async with asyncio.timeout(MARK_S):
                marked = await self._mark(caller, firing)
        except TimeoutError:
            marked = False
        if not marked:
            self._mark_later(caller, firing)

    def _mark_later(self, caller: Caller, firing: Firing) -> None:
        self._unmarked[firing] = caller
        if len(self._unmarked) > MOST_UNMARKED:
            self._unmarked.popitem(last=False)
        if self._repeating is None or self._repeating.done():
            self._repeating = asyncio.create_task(self._repeat(), name="marks of alerts")

    async def _repeat(self) -> None:
        """Send the marks again, one after the other: while the worker is away that is one request a second."""
        while self._unmarked and not self._draining.is_set():
            firing, caller = next(iter(self._unmarked.items()))
            if await self._mark(caller, firing):
                self._unmarked.pop(firing, None)
            else:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._again_s):
                await self._draining.wait()
        except TimeoutError:
            return

    async def _mark(self, caller: Caller, firing: Firing) -> bool:
        """Return whether the worker has the mark, or rejects it for good, as where the client's rights have ended."""
        request = MarkAlertTold(alertId=firing.alertId, time=firing.at.isoformat())
        try:
            await self._bus.ask(OPERATIONS["mark_alert_told"], request, caller)
        except ToolError as error:
            return error.code not in PASSING
        return True
