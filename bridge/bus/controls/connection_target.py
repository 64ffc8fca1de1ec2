"""The last request of ibkr_connect or ibkr_disconnect, kept in Redis so that it outlives the worker that served it."""

import msgspec

from bridge.bus.integrity.watermark import Watermark
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.pipeline import CommandPipeline


class ConnectionTarget(msgspec.Struct, frozen=True, omit_defaults=True):
    """The gateway that the session should connect to, or who disconnected it (then `host` is empty).

    `until_ms`: when a session that was lent to a person is connected again; 0 for one that was disconnected for good.
    """

    by: str
    host: str = ""
    port: int = 0
    until_ms: int = 0


async def store_connection_target(
    pipe: CommandPipeline, keys: Keys, watermark: Watermark, steered: ConnectionTarget
) -> None:
    """For the leader alone. Raises BusError."""
    text = msgspec.json.encode(steered)
    await pipe.send("SET", keys.steering, text)
    watermark.note(steered=text.decode())


async def read_connection_target(pipe: CommandPipeline, keys: Keys, watermark: Watermark) -> ConnectionTarget | None:
    """Return the last request, None if there was none. Where Redis has lost it, this machine's watermark has it. Raises
    BusError."""
    try:
        text = await pipe.send("GET", keys.steering) or watermark.known.steered.encode()
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        text = watermark.known.steered.encode()
    try:
        return msgspec.json.decode(text, type=ConnectionTarget) if text else None
    except msgspec.DecodeError:
        return None
