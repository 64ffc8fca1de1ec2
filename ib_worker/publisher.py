"""The bus's side of a stream, as a Protocol that the bus server fulfils."""

from typing import Protocol

from bridge.bus.events.stream_grants import StreamGrant


class Publisher(Protocol):
    """The bus's side of a stream."""

    def publish(self, stream: str, kind: str, body: bytes) -> None: ...

    def push_ticks(self) -> None: ...

    def open_stream(self, stream: str) -> tuple[str, int]: ...

    async def keep_stream(self, stream: str, grant: StreamGrant | None = None) -> str: ...

    def close_stream(self, stream: str) -> None: ...
