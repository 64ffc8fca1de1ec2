"""A leader that has lost the gateway asks whether a standby can reach it, and the standby says so."""

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline

SAID_MS = 3_000  # what is said holds this long; both sides repeat it twice a second


class FailoverSignals:
    """All of it raises BusError."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def ask(self) -> bool:
        """The leader: say that the gateway is out of its reach. Whether a standby reaches it."""
        await self._pipe.send("SET", self._keys.cut_off, "1", "PX", SAID_MS)
        return await self._said(self._keys.relief)

    async def wanted(self) -> bool:
        """The standby: whether the leader asks."""
        return await self._said(self._keys.cut_off)

    async def _said(self, name: str) -> bool:
        """Return whether the signal is set and valid. A lifetime above its limit was written before the server's clock
        was set back."""
        left_ms: int = await self._pipe.send("PTTL", name)
        return 0 < left_ms <= SAID_MS

    async def offer(self) -> None:
        """The standby: say that the gateway can be reached from here."""
        await self._pipe.send("SET", self._keys.relief, "1", "PX", SAID_MS)
