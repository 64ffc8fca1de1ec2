"""Writes into the audit log who set and who released the kill switch; Redis and the accepting step keep it."""

import asyncio
import logging
from typing import NoReturn

from bridge.bus.connect import BusError
from bridge.bus.halting import drop_change, next_change
from bridge.bus.keys import Keys
from bridge.bus.orders import Fenced
from bridge.bus.pipe import Pipe
from bridge.tool import ToolError
from ib_worker.auditing import Audit

LOOK_S = 1.0

log = logging.getLogger("ib_worker.switch")


async def watch_switch(pipe: Pipe, keys: Keys, audit: Audit) -> NoReturn:
    """For ever. What was done while no worker led is written by the next; a crash in between may write it twice."""
    while True:
        try:
            while (change := await next_change(pipe, keys)) is not None:
                log.warning("kill switch: %s %s by %s: %s", change.event, change.level, change.by, change.reason)
                await audit.switched(change)
                await drop_change(pipe, keys, change)
        except (BusError, ToolError, Fenced) as error:
            log.warning("the kill switch is not in the audit log yet: %s", error)
        await asyncio.sleep(LOOK_S)
