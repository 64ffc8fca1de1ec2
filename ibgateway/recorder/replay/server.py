"""The replay's sockets: a server that answers any number of clients from a transcript."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from types import TracebackType

from ibgateway.recorder.replay.recorded_connection import RecordedConnection
from ibgateway.recorder.replay.replayed_client import ReplayedClient
from ibgateway.simulator.wire.frames import frames

log = logging.getLogger("ibgateway.recorder")


class ReplayServer:
    """`async with ReplayServer(scripts, port=4002) as player:` answers until it ends; `speed` None keeps no pauses."""

    def __init__(
        self,
        scripts: Sequence[RecordedConnection],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float | None = None,
    ) -> None:
        self.scripts = scripts
        self.speed = speed
        self.used: set[int] = set()
        self._host = host
        self._port = port
        self._peers: set[_ReplaySocket] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> ReplayServer:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _ReplaySocket(self), self._host, self._port
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for peer in list(self._peers):
            peer.drop()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def joined(self, peer: _ReplaySocket) -> None:
        self._peers.add(peer)

    def left(self, peer: _ReplaySocket) -> None:
        self._peers.discard(peer)


class _ReplaySocket(asyncio.Protocol):
    """One client."""

    def __init__(self, player: ReplayServer) -> None:
        self._player = player
        self._replay = ReplayedClient(player.scripts, player.used, player.speed)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._player.joined(self)

    def data_received(self, data: bytes) -> None:
        self._replay.receive(data, time.time())
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._player.left(self)
        if self._timer is not None:
            self._timer.cancel()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self) -> None:
        """Write the frames that are due, and schedule the next write."""
        if self._transport is None or self._transport.is_closing():
            return
        payloads = self._replay.take(time.time())
        if payloads:
            self._transport.write(frames(payloads))
        for note in self._replay.notes:
            log.warning("%s", note)
        self._replay.notes.clear()
        if self._replay.closing:
            self._transport.close()
        elif (due := self._replay.next_due) is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - time.time()), self._send)
