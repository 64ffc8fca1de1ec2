"""Uvicorn as the console runs it: an HTTP/1.1 server whose requests must be whole in time."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.web.shares import REFUSAL, AddressShares, ForwardedShares

WHOLE_S = 10.0  # seconds from a connection, or a further request's first byte, to the request's last
IDLE_S = 30  # seconds that a connection may wait for a further request
CONNECTIONS = 200  # at once
OF_ONE = CONNECTIONS // 3  # of one address: all live pages of a session and some more
STOP_S = 5  # for answers under way when the server stops: a viewer that reads no more would keep it for ever
HEAD_LIMIT = 16 * 1024  # bytes of request line and headers


class PatientProtocol(H11Protocol):
    """Ends a connection whose request comes too slowly; without it a few hundred silent ones lock everybody out."""

    _timer: asyncio.TimerHandle | None = None
    _counted = ""

    def __init__(self, *args: Any, shares: AddressShares, **options: Any) -> None:
        super().__init__(*args, **options)
        self._shares = shares

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self._shares.take(address):
            transport.write(REFUSAL)
            transport.close()
            return
        self._counted = address
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # beyond its address's share
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
        if self._counted:
            self._shares.give_back(self._counted)
            self._counted = ""
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
    trusted: Any = ProxyHeadersMiddleware(app, proxies).trusted_hosts  # type: ignore[arg-type] # uvicorn's own reading
    protocol = partial(PatientProtocol, shares=AddressShares(OF_ONE, trusted))
    return uvicorn.Config(
        ForwardedShares(app, AddressShares(OF_ONE)) if proxies else app,
        http=cast("type[asyncio.Protocol]", protocol),
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
