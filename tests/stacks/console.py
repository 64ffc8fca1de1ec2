"""A console on a free port of this machine, and a visitor of it with a browser's cookies and Origin."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape

import httpx
from argon2 import PasswordHasher

from bridge.bus.client.client import BusClient
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from bridge.tools.console.overview import (
    ClientActivity,
    LimitUse,
    LiveAccount,
    LivePosition,
    OverviewOrder,
    SessionOverview,
)
from console.app import build_app
from console.live.feed import PageFeed
from console.live.live_state import LiveState
from console.live.overview import Overview
from console.oauth.document_reader import Read
from console.pages.rendering import drawn
from console.settings import ConsoleSettings
from console.web.server import ConsoleServer, server_config
from tests.stacks.bus import pipe_to
from tests.stacks.redis_users import redis_users
from tests.stacks.timing import waits_at
from tests.waiting import until

GOOD = "correct horse battery"
# The hash of few rounds: each sign-in of a test would take a sixth of a second by the product's own.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)


OVERVIEW = SessionOverview(
    time=datetime(2025, 6, 11, 14, 30, tzinfo=UTC),
    accounts=[
        LiveAccount(
            account="DU1", currency="USD", netLiquidation=1000.0, cash=400.0, buyingPower=2000.0,
            grossPositionValue=600.0, maintMargin=100.0, excessLiquidity=900.0, dailyPnL=-12.5, unrealizedPnL=30.0,
            realizedPnL=None, age_s=1,
        )
    ],
    positions=[
        LivePosition(
            account="DU1", conId=265598, name="AAPL", currency="USD", position=3.0, avgPrice=190.0, marketPrice=200.0,
            marketValue=600.0, dailyPnL=-12.5, unrealizedPnL=30.0, age_s=1,
        )
    ],
    orders=[
        OverviewOrder(
            orderId=7, permId=11, clientId=1, key="key-of-order-7", orderRef="ref", account="DU1", name="AAPL",
            action="BUY", totalQuantity=10.0, orderType="LMT", lmtPrice=190.5, auxPrice=None, tif="DAY",
            status="Submitted", filled=0.0, avgFillPrice=None, open=True, changed=None, why="",
        )
    ],
    ended=0,
    limits=[LimitUse(name="max_open_orders", variable="LIMIT_MAX_OPEN_ORDERS", allowed=100.0, used=1.0)],
    counted_from_ms=0,
    clients=[ClientActivity(name="claude", operation="place_order", age_s=3, calls=2)],
    lines=1,
    lines_most=100,
)  # fmt: skip


def live_state(known: SessionOverview | None = OVERVIEW) -> LiveState:
    """A live state of a session that is ready."""
    shown = Overview("paper", "ready", "", "", "paper", False, ["DU1"], None, [])
    return LiveState(shown, OVERVIEW.time, known, OVERVIEW.time)


class Visitor:
    """One browser. `base`: the console's address."""

    def __init__(self, base: str, **headers: str) -> None:
        self.base = base
        self.http = httpx.AsyncClient(base_url=base, headers={"origin": base} | headers, verify=False)  # see plain_http

    async def get(self, path: str = "/") -> httpx.Response:
        return await self.http.get(path)

    async def post(self, path: str, form_of: str | None = None, **fields: str) -> httpx.Response:
        """Send a form with the hidden fields of the page `form_of`, and follow to where it leads."""
        hidden = await self.hidden(form_of, path) if form_of is not None else {}
        return await self.http.post(path, data=hidden | fields, follow_redirects=True)

    async def hidden(self, page: str, action: str) -> dict[str, str]:
        """Return the hidden fields of the page's form for the action."""
        text = (await self.get(page)).text
        form = re.search(rf'<form method="post" action="{action}">(.*?)</form>', text, re.DOTALL)
        assert form is not None, f"{page} has no form for {action}: {text}"
        pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1])
        return {name: unescape(value) for name, value in pairs}

    async def sign_in(
        self, name: str = "anna", passphrase: str = GOOD, code: str = "", then: str = "/"
    ) -> httpx.Response:
        return await self.post("/sign-in", name=name, passphrase=passphrase, code=code, then=then)


@asynccontextmanager
async def console(
    redis_url: str,
    session: str,
    *,
    operator: bool = True,
    user: bool = True,
    read: Read | None = None,
    **settings: object,
) -> AsyncIterator[Visitor]:
    """Serve the console of a session, which has an operator, and yield a visitor who is not signed in. The console has
    the rights in Redis that it needs, and no more, unless its `user` would not outlive a restart of Redis."""
    if operator:
        async with pipe_to(redis_url) as pipe:
            await add_operator(pipe, Keys(session), Operator("anna", HASH))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    values = {"redis_url": redis_url, "ibkr_session": session, "console_port": port} | settings
    async with (
        redis_users(redis_url, session, ("console",) if user else ()) as users,
        BusClient(users.get("console", redis_url), session, f"console-{port}", waits_at(redis_url)) as bus,
    ):
        known = ConsoleSettings.model_validate(values)
        feed = PageFeed(bus, drawn)
        config = server_config(build_app(bus, known, feed, read), proxies=known.forwarded_allow_ips)
        server = ConsoleServer(config, feed.close)
        serving = asyncio.create_task(server.serve([listening]))
        await until(lambda: server.started, "the console serves")
        visitor = Visitor(f"http://127.0.0.1:{port}")
        try:
            yield visitor
        finally:
            await visitor.http.aclose()
            server.should_exit = True
            await serving
