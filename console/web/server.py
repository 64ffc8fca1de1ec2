"""Uvicorn as the console runs it: an HTTP/1.1 server whose requests must be whole in time."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

WHOLE_S = 10.0  # seconds from a connection, or a further request's first byte, to the request's last
IDLE_S = 30  # seconds that a connection may wait for a further request
CONNECTIONS = 200  # at once
STOP_S = 5  # for answers under way when the server stops: a viewer that reads no more would keep it for ever
HEAD_LIMIT = 16 * 1024  # bytes of request line and headers


class PatientProtocol(H11Protocol):
    """Ends a connection whose request comes too slowly; without it a few hundred silent ones lock everybody out."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete:
            self._stop()  # it is whole, and is being answered
        elif self._timer is None:
            self._wait()

    def on_response_complete(self) -> None:
        if self.cycle is not None and not self.cycle.more_body:
            self._stop()  # the connection is idle, which has a time of its own
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(WHOLE_S, self._end)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class ConsoleServer(uvicorn.Server):
    """A server that ends the pages' streams when it stops: else it would wait for viewers who stay."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._close = close

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._close()
        await super().shutdown(sockets)


def server_config(app: ASGIApp, *, proxies: str = "", **options: Any) -> uvicorn.Config:
    """Return the configuration. `proxies`: whose X-Forwarded-For is believed, addresses with commas between them."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        lifespan="off",
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_S,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_LIMIT,
        **options,
    )
