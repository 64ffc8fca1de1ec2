"""Reads the kill switch for previews, and writes into the audit log who set and released it; Redis and the accepting
step keep it."""

import asyncio
from typing import NoReturn

import structlog

from bridge.bus.controls.kill_switch import drop_change, halted_error, next_change, read_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError, bus_errors
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from ib_worker.audit.trail import AuditTrail

SWITCH_CHECK_S = 1.0  # between reads of the switch's queued changes

log = structlog.get_logger("ib_worker.audit.kill_switch")


class KillSwitch:
    """The switch as it stands. An order is held by the accepting step, not by this."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def require_open(self, closing: bool) -> None:
        """Raise ToolError halted where an order would be held, and bus_down where nobody can tell."""
        with bus_errors(self._pipe.url):
            halt = await read_halt(self._pipe, self._keys)
        if halt is not None and not (closing and halt.level == "reduce_only"):
            raise halted_error(halt)


async def log_kill_switch_changes(pipe: CommandPipeline, keys: Keys, audit: AuditTrail) -> NoReturn:
    """Write each change of the kill switch into the audit log, for ever. A change that was made while no worker led is
    written by the next; a crash in between may write it twice."""
    unwritten = Outage("switch_not_in_audit_log")
    while True:
        try:
            while (change := await next_change(pipe, keys)) is not None:
                log.warning(
                    "kill_switch_changed", change=change.event, switch=change.level, by=change.by, reason=change.reason
                )
                await audit.switched(change)
                await drop_change(pipe, change)
            unwritten.over()
        except (BusError, ToolError, Fenced) as error:
            unwritten.failed(error)
        await asyncio.sleep(SWITCH_CHECK_S)
