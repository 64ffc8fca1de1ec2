"""Shares of the console's connections: one address gets no more than its own, so others get in beside a flood."""

import asyncio
from collections import Counter
from collections.abc import Container

import structlog
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.web.attempts import network

LINE_S = 1.0  # between two lines of the log
TEXT = "This address has too many connections to the console. Close some pages.\n"
REFUSAL = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    f"Content-Length: {len(TEXT)}\r\nRetry-After: 10\r\nConnection: close\r\n\r\n{TEXT}"
).encode()

log = structlog.get_logger("console.web")


class AddressShares:
    """Counts what each address has, of IPv6 each network of 64 bits. `proxies`: addresses without a bound, those whose
    X-Forwarded-For is believed."""

    def __init__(self, most: int, proxies: Container[str] = ()) -> None:
        self._most = most
        self._proxies = proxies
        self._taken = Counter[str]()
        self._silent_until = 0.0

    def take(self, address: str) -> bool:
        """Count one more, and return whether the address may have it."""
        of = network(address)
        if address in self._proxies:
            return True
        if self._taken[of] >= self._most:
            self._log(address)
            return False
        self._taken[of] += 1
        return True

    def give_back(self, address: str) -> None:
        """Count one less that was taken."""
        if address not in self._proxies:
            of = network(address)
            self._taken[of] -= 1
            if self._taken[of] <= 0:
                del self._taken[of]

    def _log(self, address: str) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._silent_until:
            self._silent_until = now + LINE_S
            log.warning("console_share_used_up", address=address, most=self._most)


class ForwardedShares:
    """ASGI middleware that gives each address behind a proxy its share of the requests under way, live pages too. The
    connections are the proxy's, so what one address holds there is not known."""

    def __init__(self, app: ASGIApp, shares: AddressShares) -> None:
        self._app = app
        self._shares = shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        address = client[0] if client else ""
        if not self._shares.take(address):
            await PlainTextResponse(TEXT, 503, headers={"Retry-After": "10"})(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._shares.give_back(address)
