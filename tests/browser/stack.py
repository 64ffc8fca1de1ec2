"""The demo's stack in live mode with a console, an operator, and a server that phones get pushes from."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bridge.bus.identity.credentials import hashed
from bridge.bus.identity.links import make_link
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.commands.up import SESSION, Plan, forget_settings, gateway
from cli.http_client import send_request
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready
from tests.browser.steps import OPERATOR, PASSPHRASE, called
from tests.hosts.stack import LIVE
from tests.stacks.webhook import Webhook, listening
from tests.waiting import until

LINK = re.compile(r"http://127\.0\.0\.1:\d+/orders/\S+")
PUSHED_WITHIN_S = 20.0
STARTED_WITHIN_S = 30.0


@dataclass(frozen=True)
class LiveStack:
    """A running stack: the addresses of front, console and Redis, and what the phone got."""

    url: str
    console: str
    redis: str
    phone: Webhook
    session: str = SESSION

    async def called(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Return whether a call of an MCP client succeeds, and its answer's text."""
        return await called(self.url, tool, **arguments)

    async def sign_in_link(self) -> str:
        """Return a link that signs the operator in once."""
        async with CommandPipeline(self.redis) as pipe:
            return await make_link(pipe, Keys(SESSION), OPERATOR, self.console)

    async def pushed_link(self, within_s: float = PUSHED_WITHIN_S) -> str:
        """Return the link of the phone's first push that has one."""

        def link() -> str:
            texts = [json.loads(body)["message"] for body in self.phone.bodies]
            return next((found[0] for text in texts if (found := LINK.search(text))), "")

        await until(link, "a push with a link", within_s)
        return link()


@asynccontextmanager
async def live_stack(folder: Path) -> AsyncIterator[LiveStack]:
    """The stack, ready. Live orders wait for the operator alone, and are pushed to a phone by ntfy's protocol."""
    plan = Plan(
        free_port(), (free_port(),), folder, ("--start", "last-session", "--price-levels", "2025"),
        tour=False, once=False, console_port=free_port(),
    )  # fmt: skip
    forget_settings()
    async with listening(Webhook()) as phone, EmbeddedRedis(plan.redis) as redis, Children(plan.logs) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": SESSION}
        pushes = {
            "LIVE_APPROVAL": "operator",
            "CONSOLE_URL": plan.console,
            "ALERT_TARGETS": f"phone=ntfy://127.0.0.1:{phone.port}/orders",
            "ALERT_EVENTS": "approvals,fills",
        }
        await children.start("simulator", "ibgateway.simulator", "--port", str(plan.sim_ports[0]), *plan.simulator)
        await children.start("worker", "ib_worker", **common, **(gateway(plan) | LIVE | pushes))
        await children.start("front", "mcp_front", **common, FRONT_PORT=str(plan.port), FRONT_TOOLSETS="all")
        await children.start("console", "console", **common, CONSOLE_PORT=str(plan.console_port))
        async with CommandPipeline(redis.url) as pipe:
            await add_operator(pipe, Keys(SESSION), Operator(OPERATOR, await asyncio.to_thread(hashed, PASSPHRASE)))
        await until_ready(plan.port, lambda _: None)
        await until(partial(_serves, plan.console), "the console serves", STARTED_WITHIN_S)
        yield LiveStack(plan.url, plan.console, redis.url, phone)


async def _serves(console: str) -> bool:
    try:
        return (await asyncio.to_thread(send_request, console, "GET", "/healthz", 2.0)).status == 200
    except OSError:
        return False
