"""Shares of the console: each address its own, a named proxy none, and behind it each address that it tells."""

import asyncio

from starlette.types import Receive, Scope, Send
from structlog.typing import EventDict
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from console.web.shares import AddressShares, ForwardedShares


async def test_an_address_takes_its_share_and_gives_it_back(logs: list[EventDict]) -> None:
    shares = AddressShares(2, {"192.0.2.1"})

    assert [shares.take(each) for each in ("2001:db8::1", "2001:db8::2", "2001:db8::3")] == [True, True, False]
    assert shares.take("198.51.100.7")
    assert all(shares.take("192.0.2.1") for _ in range(5))
    shares.give_back("2001:db8::9")
    assert shares.take("2001:db8::4")
    assert [each["address"] for each in logs if each["event"] == "console_share_used_up"] == ["2001:db8::3"]


async def test_an_address_behind_a_proxy_has_its_share_of_the_requests() -> None:
    going_on, began = asyncio.Event(), asyncio.Event()

    async def waits(_scope: Scope, _receive: Receive, send: Send) -> None:
        began.set()
        await going_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = ProxyHeadersMiddleware(ForwardedShares(waits, AddressShares(1)), "192.0.2.1")  # type: ignore[arg-type]
    first = asyncio.create_task(status(app, "198.51.100.7"))
    await began.wait()
    second = await status(app, "198.51.100.7")
    other = asyncio.create_task(status(app, "198.51.100.8"))
    going_on.set()

    assert [await first, second, await other] == [200, 503, 200]


async def status(app: object, forwarded: str) -> int:
    """Return the status of a request that the proxy passes on for that address."""
    found: list[int] = []
    scope = {"type": "http", "client": ("192.0.2.1", 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}

    async def send(message: dict[str, object]) -> None:
        found.append(message.get("status", 0))  # type: ignore[arg-type]

    await app(scope, None, send)  # type: ignore[operator]
    return found[0]
