"""The worker's own notes of which client may have which stream kept, in Redis. No front writes here.

Fronts write the handles of streams. The worker opens a stream for a handle only if the handle's client has asked it for
this stream with its proof, which is the grant. So a front that was taken over gets no stream in another client's name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import structlog

from bridge.bus.events.stream_handles import StreamHandle
from bridge.bus.keys import Keys
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script

ADOPTED = "adopted"  # this field is there once the handles of an earlier release have their grants

log = structlog.get_logger("bridge.bus.events.stream_grants")

# Grants the streams of the handles that an earlier release has left, once. Answers -1 if another worker leads, else
# whether it did.
ADOPT = Script("""#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('HSETNX', KEYS[2], ARGV[2], '1') == 0 then return 0 end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
""")


class StreamGrant(msgspec.Struct, frozen=True):
    """One client's stream. arguments: what opens it, as a handle has them. at_ms: the server's clock."""

    principal: str
    kind: str
    stream: str
    arguments: dict[str, Any]
    at_ms: int = 0

    @property
    def field(self) -> str:
        """Return the grant's name among all."""
        return field_of(self.principal, self.stream)


def field_of(principal: str, stream: str) -> str:
    """Return the name of the grant that a client needs for a stream."""
    return f"{principal} {stream}"


def of_handle(handle: StreamHandle) -> StreamGrant:
    """Return the grant that a handle would need."""
    return StreamGrant(handle.principal, handle.kind, handle.stream, handle.arguments, handle.created_ms)


async def add_grant(pipe: CommandPipeline, keys: Keys, grant: StreamGrant) -> None:
    """Note that a client has asked for a stream, and showed its proof. Raises BusError."""
    noted = msgspec.structs.replace(grant, at_ms=pipe.clock.now_ms())
    await pipe.send("HSET", keys.stream_grants, grant.field, msgspec.json.encode(noted))


async def read_grants(pipe: CommandPipeline, keys: Keys) -> Mapping[str, StreamGrant]:
    """Return the grants by their names. One that can't be read is none. Raises BusError."""
    flat: list[bytes] = await pipe.send("HGETALL", keys.stream_grants)
    found = {}
    for name, line in zip(flat[::2], flat[1::2], strict=True):
        if name != ADOPTED.encode():
            try:
                grant = msgspec.json.decode(line, type=StreamGrant)
            except msgspec.DecodeError as error:
                log.warning("stream_grant_unreadable", grant=name.decode(errors="replace"), error=str(error))
                continue
            found[grant.field] = grant
    return found


async def drop_grants(pipe: CommandPipeline, keys: Keys, fields: Iterable[str]) -> None:
    """Remove the grants of these fields; one that is not there is no error. Raises BusError."""
    if named := list(fields):
        await pipe.send("HDEL", keys.stream_grants, *named)


async def adopt_handles(pipe: CommandPipeline, keys: Keys, token: int, handles: Iterable[StreamHandle]) -> None:
    """Grant what the handles of an earlier release name, once in a session's life. Raises Fenced or BusError."""
    grants = (of_handle(each) for each in handles if each.stream)
    lines = [part for each in grants for part in (each.field, msgspec.json.encode(each))]
    if await ADOPT.run(pipe, (keys.lease, keys.stream_grants), str(token), ADOPTED, *lines) < 0:
        raise Fenced
