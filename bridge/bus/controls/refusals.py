"""The operator's refusals of live orders, queued in Redis by the step that refuses, until the leader has written them
into the audit log."""

import msgspec
import structlog

from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.pipeline import CommandPipeline

log = structlog.get_logger("bridge.bus.controls.refusals")


class OperatorRefusal(msgspec.Struct, frozen=True):
    """One order that the operator has refused, under its key; `entry` is the refusal as it is queued."""

    key: str
    by: str
    reason: str
    at_ms: int
    entry: bytes = b""


async def next_refusal(pipe: CommandPipeline, keys: Keys) -> OperatorRefusal | None:
    """Return the oldest refusal that is not in the audit log yet. For the leader alone. Raises BusError.

    An unreadable one is logged here and dropped: it would block all later ones.
    """
    while found := await _oldest(pipe, keys):
        try:
            return msgspec.structs.replace(msgspec.json.decode(found, type=OperatorRefusal), entry=found)
        except msgspec.DecodeError as error:
            log.error("refusal_unreadable", error=str(error), entry=found[:500])
            await _drop(pipe, keys, found)
    return None


async def drop_refusal(pipe: CommandPipeline, keys: Keys, refusal: OperatorRefusal) -> None:
    """Remove a refusal that is in the log now; a repeated call is harmless. For the leader alone. Raises BusError."""
    await _drop(pipe, keys, refusal.entry)


async def _oldest(pipe: CommandPipeline, keys: Keys) -> bytes | None:
    try:
        found: bytes | None = await pipe.send("LINDEX", keys.refusals, 0)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return None  # something else was written over it: the next refusal begins it anew
    return found


async def _drop(pipe: CommandPipeline, keys: Keys, entry: bytes) -> None:
    await pipe.send("LREM", keys.refusals, 1, entry)  # by value: another leader may have dropped it meanwhile
