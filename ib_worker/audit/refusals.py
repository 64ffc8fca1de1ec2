"""Writes into the audit log which live orders the operator refused."""

import asyncio
from typing import NoReturn

import structlog

from bridge.bus.controls.refusals import drop_refusal, next_refusal
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from ib_worker.audit.trail import AuditTrail

CHECK_S = 1.0  # between reads of the queue

log = structlog.get_logger("ib_worker.audit.refusals")


async def log_refusals(pipe: CommandPipeline, keys: Keys, audit: AuditTrail, check_s: float = CHECK_S) -> NoReturn:
    """Write each refusal by an operator into the audit log, for ever. A refusal while no worker led is written by the
    next; a crash in between may write it twice."""
    unwritten = Outage("refusals_not_in_audit_log")
    while True:
        try:
            while (refusal := await next_refusal(pipe, keys)) is not None:
                log.warning("live_order_refused", key=refusal.key, by=refusal.by, reason=refusal.reason)
                await audit.refused_by_operator(refusal)
                await drop_refusal(pipe, keys, refusal)
            unwritten.over()
        except (BusError, ToolError, Fenced) as error:
            unwritten.failed(error)
        await asyncio.sleep(check_s)
