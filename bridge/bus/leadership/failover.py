"""Fail-over signals: a leader that has lost the gateway asks whether a standby reaches it, and the standby answers."""

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline

SAID_MS = 3_000  # what is said holds this long; both sides repeat it twice a second


class FailoverSignals:
    """The signals of leader and standby. Every method raises BusError."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def request(self) -> bool:
        """As leader: report that the gateway is out of reach. Return whether a standby reaches it."""
        await self._pipe.send("SET", self._keys.cut_off, "1", "PX", SAID_MS)
        return await self._said(self._keys.relief)

    async def requested(self) -> bool:
        """As standby: return whether the leader asks for a hand-over."""
        return await self._said(self._keys.cut_off)

    async def _said(self, name: str) -> bool:
        """Return whether the signal is set and valid. A lifetime above its limit was written before the server's clock
        was set back."""
        left_ms: int = await self._pipe.send("PTTL", name)
        return 0 < left_ms <= SAID_MS

    async def offer(self) -> None:
        """As standby: report that this worker reaches the gateway."""
        await self._pipe.send("SET", self._keys.relief, "1", "PX", SAID_MS)
