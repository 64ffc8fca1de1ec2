"""The front's side of the bus: asks reads, submits writes, reads the heartbeat and listens to streams."""

from contextlib import AbstractAsyncContextManager
from typing import Self

from bridge.bus.envelopes import Heartbeat
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.bus.ticks import Feed
from bridge.tool import Declaration, Declared


class Asker:
    """Entering it does not wait for Redis: while Redis is away each call says so (`bus_down`), nothing else fails."""

    def __init__(self, url: str, session: str, front_id: str) -> None:
        self.keys = Keys(session)
        self.pipe = Pipe(url)
        self.front_id = front_id

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    async def ask(
        self,
        declared: Declared,
        arguments: Declaration,
        *,
        caller: str,
        request_id: str,
        deadline_s: float | None = None,
        traceparent: str | None = None,
    ) -> bytes:
        """The result of a read or a session operation, as the JSON that the worker encoded.

        Raises ToolError: no_worker (at once), bus_down, timeout, retry (the reply may have been missed), worker_lost,
        too_large, or what the worker said. All but the worker's own may be asked again.
        """
        raise NotImplementedError

    async def submit(
        self,
        declared: Declared,
        arguments: Declaration,
        *,
        key: str,
        caller: str,
        request_id: str,
        deadline_s: float | None = None,
        traceparent: str | None = None,
    ) -> bytes:
        """The result of a write; the same key never acts twice, and gets the first call's answer for seven days
        (`replayed` is then true in it).

        Raises ToolError: not_executed (certain; details say why), pending (a worker has taken it: ask again with the
        key), unknown (Redis can't tell: ask again with the key), idempotency_conflict (the key belongs to another
        call), or what the worker said. Every one has the key in its details. A cancelled call does not withdraw its order.
        """
        raise NotImplementedError

    async def status(self) -> Heartbeat | None:
        """The session's status as last written, and whether anybody takes requests; None if there never was one (for
        ten minutes). Raises ToolError bus_down."""
        raise NotImplementedError

    def listen(self, stream: str) -> AbstractAsyncContextManager[Feed]:
        """`async with asker.listen(stream) as feed: async for batch in feed` (lists of Tick). Raises ToolError."""
        raise NotImplementedError
