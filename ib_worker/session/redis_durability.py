"""Looks whether Redis keeps what it is told, warns where it does not, and lets no live order rest on it."""

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

EVERY_S = 60.0  # somebody may set it at any time
DURABILITY_CHECK_S = 1.0  # after a new connection it may be another server

REMEDY = (
    f"Start Redis with {NEEDED}; or set REDIS_DURABILITY=assumed where somebody else cares for it, as with a managed "
    "server that does not tell."
)


async def watch_durability(pipe: CommandPipeline, session: Session) -> NoReturn:
    """For ever. What was seen last stays while Redis is away, as no order goes out then."""
    connects, due = -1, 0.0
    while True:
        if pipe.connects != connects or time.monotonic() >= due:
            with suppress(BusError):
                session.durability = await read_durability(pipe)
                connects, due = pipe.connects, time.monotonic() + EVERY_S
        await asyncio.sleep(DURABILITY_CHECK_S)


def durability_concern(session: Session) -> SessionWarning | None:
    """The warning for the status, where Redis keeps less than every write."""
    found = session.durability
    if session.settings.redis_durability == "assumed" or found is None or found.kept == "every write":
        return None
    return SessionWarning(what=f"Redis may lose records of orders: {found.why}.", remedy=REMEDY)


def require_durable(session: Session) -> None:
    """Raise ToolError not_durable for a live order whose record Redis would not keep, as far as that is known."""
    if session.settings.trading_mode != "live" or session.settings.redis_durability == "assumed":
        return
    found = session.durability or Durability("unknown", "it has not been looked at yet")
    if not found.suffices:
        raise ToolError(
            "not_durable",
            f"Redis may lose the record of a live order: {found.why}. Nothing was sent. {REMEDY}",
            durability=found.kept,
        )
