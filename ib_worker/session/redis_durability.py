"""Checks whether Redis keeps records, warns if it may lose them, and rejects live orders then."""

import asyncio
import time
from contextlib import suppress
from typing import NoReturn

from bridge.bus.integrity.durability import NEEDED, Durability, read_durability
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from bridge.tools.session import SessionWarning
from ib_worker.session.session import Session

EVERY_S = 60.0  # an operator may change the setting at any time
DURABILITY_CHECK_S = 1.0  # after a new connection it may be another server

REMEDY = (
    f"Start Redis with {NEEDED}. For a managed server that keeps every write and hides its settings, set "
    "REDIS_DURABILITY=assumed."
)


async def watch_durability(pipe: CommandPipeline, session: Session) -> NoReturn:
    """Check repeatedly; never returns. The latest finding stays while Redis is unavailable, since no order is sent
    then."""
    connects, due = -1, 0.0
    while True:
        if pipe.connects != connects or time.monotonic() >= due:
            with suppress(BusError):
                session.redis.durability = await read_durability(pipe)
                connects, due = pipe.connects, time.monotonic() + EVERY_S
        await asyncio.sleep(DURABILITY_CHECK_S)


def durability_concern(session: Session) -> SessionWarning | None:
    """Return the warning for the status if Redis does not keep every write."""
    found = session.redis.durability
    if session.settings.redis_durability == "assumed" or found is None or found.kept == "every write":
        return None
    return SessionWarning(what=f"Redis may lose records of orders: {found.why}.", remedy=REMEDY)


def require_durable(session: Session) -> None:
    """Check that Redis keeps the record of a live order, as far as known. Raises ToolError not_durable."""
    if session.settings.trading_mode != "live" or session.settings.redis_durability == "assumed":
        return
    found = session.redis.durability or Durability("unknown", "the worker has not checked it yet")
    if not found.suffices:
        raise ToolError(
            "not_durable",
            f"Redis may lose the record of a live order: {found.why}. Nothing was sent. {REMEDY}",
            durability=found.kept,
        )
