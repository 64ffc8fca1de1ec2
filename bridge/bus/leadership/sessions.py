"""The sessions that a Redis knows: those that a worker has led."""

from bridge.bus.keys import SIGNS, Keys, session_of
from bridge.bus.transport.pipeline import CommandPipeline

AT_ONCE = 1000  # names that one step of a scan looks at: a long one would keep orders waiting


async def is_known(pipe: CommandPipeline, keys: Keys) -> bool:
    """Return whether a worker has ever led this session on this Redis. Raises BusError."""
    return bool(await pipe.send("EXISTS", keys.epoch, keys.heartbeat, keys.generation))


async def known_sessions(pipe: CommandPipeline) -> list[str]:
    """Their names in order; of a Cluster those of the node that is asked. Raises BusError."""
    found: set[str] = set()
    for pattern in SIGNS:
        cursor = b"0"
        while True:
            cursor, names = await pipe.send("SCAN", cursor, "MATCH", pattern, "COUNT", AT_ONCE)
            found.update(session_of(name.decode()) for name in names)
            if cursor == b"0":
                break
    return sorted(found - {""})
