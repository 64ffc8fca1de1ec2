"""A console on a free port of this machine, and a visitor of it with a browser's cookies and Origin."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape

import httpx
import uvicorn

from bridge.bus.client.client import BusClient
from bridge.bus.identity.credentials import hashed
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from console.app import build_app
from console.settings import ConsoleSettings
from console.web.server import server_config
from tests.stacks.bus import pipe_to
from tests.stacks.redis_users import redis_users
from tests.waiting import until

GOOD = "correct horse battery"
HASH = hashed(GOOD)


class Visitor:
    """One browser. `base`: the console's address."""

    def __init__(self, base: str, **headers: str) -> None:
        self.base = base
        self.http = httpx.AsyncClient(base_url=base, headers={"origin": base} | headers)

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
    redis_url: str, session: str, *, operator: bool = True, user: bool = True, **settings: object
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
        BusClient(users.get("console", redis_url), session, f"console-{port}") as bus,
    ):
        known = ConsoleSettings.model_validate(values)
        server = uvicorn.Server(server_config(build_app(bus, known), proxies=known.forwarded_allow_ips))
        serving = asyncio.create_task(server.serve([listening]))
        await until(lambda: server.started, "the console serves")
        visitor = Visitor(f"http://127.0.0.1:{port}")
        try:
            yield visitor
        finally:
            await visitor.http.aclose()
            server.should_exit = True
            await serving
