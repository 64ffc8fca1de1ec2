"""The durability of Redis: an order's record must survive a crash, or its key could place a second order."""

from dataclasses import dataclass
from typing import Literal

from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline

NEEDED = "--appendonly yes --appendfsync always --maxmemory-policy noeviction"

Kept = Literal["every write", "but the last second", "not", "unknown"]


@dataclass(frozen=True)
class Durability:
    """The writes that a server keeps across a crash, and the reason."""

    kept: Kept
    why: str = ""

    @property
    def suffices(self) -> bool:
        """Return whether this durability is enough for live orders."""
        return self.kept in ("every write", "but the last second")


async def read_durability(pipe: CommandPipeline) -> Durability:
    """Ask Redis whether it keeps each write on its disk. Raises BusError where Redis does not answer."""
    try:
        persistence = _fields(await pipe.send("INFO", "persistence"))
    except Refused as error:
        return Durability("unknown", f"INFO persistence is refused: {error}")
    if "aof_enabled" not in persistence:
        return Durability("unknown", "INFO persistence says nothing of an append-only file")
    if persistence["aof_enabled"] != "1":
        return Durability("not", "appendonly is no: what came after the last snapshot is lost when Redis ends")
    return await _synced(pipe)


async def _synced(pipe: CommandPipeline) -> Durability:
    """The append-only file is on: how soon it is on the disk, and whether records are evicted before."""
    try:
        told = await pipe.send("CONFIG", "GET", "append*")
        memory = await pipe.send("CONFIG", "GET", "maxmemory*")
    except Refused as error:
        return Durability("unknown", f"appendonly is yes, but how often it is synced is not told: {error}")
    settings = {name.decode(): value.decode() for each in (told, memory) for name, value in _pairs(each)}
    policy, limit = settings.get("maxmemory-policy", "noeviction"), settings.get("maxmemory", "0")
    if policy != "noeviction" and limit != "0":
        return Durability("not", f"maxmemory-policy is {policy}: records of orders are thrown out when memory is short")
    match settings.get("appendfsync"):
        case "always":
            return Durability("every write")
        case "everysec":
            return Durability("but the last second", "appendfsync is everysec: a crash of its machine loses a second")
        case "no":
            return Durability("not", "appendfsync is no: a crash of its machine loses what was not on the disk yet")
    return Durability("unknown", "appendonly is yes, but how often it is synced is not told")


def _fields(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value.strip() for name, colon, value in lines if colon}


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
