"""`paper-check`: harmless reads and one order far from the market on a real paper gateway, recorded and compared.

It runs its own worker and front with its own client id, and a recorder between them and the gateway.
"""

import argparse
import asyncio
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.accounts import is_paper
from cli.commands.up import forget_settings
from cli.errors import Problem
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import INTERRUPTED, Children
from cli.local_stack.readiness import READY_WITHIN_S, until_ready
from cli.mcp_client import Answer, Tools
from cli.terminal import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENT_ID = "77"  # beside the stack's own worker, which has 1
FAR = 0.5  # of the last price: a limit to buy at that stays where it is
SYMBOL = "SPY"
PROJECT = "ibkr-tws-mcp"
CONNECT_S = 5.0  # a firewall that drops packets answers nothing
RETRY_S, PATIENCE_S = 1.0, 60.0  # a new Redis is compared with IBKR first: 15 s on an account that has been traded with
RUNS = {
    "GATEWAY_CLIENT_ID": CLIENT_ID, "TRADING_MODE": "paper", "LOG_FORMAT": "console",
    "TRIP_DATA_LOSS": "off",  # its Redis is new: an order of an earlier check is in none, and is no loss
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--gateway", metavar="HOST:PORT", help="TWS or IB Gateway on a paper login (the paper profile's container)")
    add("--out", type=Path, default=Path(".state/paper-check"), help="the folder for what was seen (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """0 where every step did what it should."""
    screen = Screen()
    try:
        out: Path = options.out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        if options.gateway:
            return asyncio.run(check(options.gateway, out, screen))
        return asyncio.run(check(paper_container(), out, screen, starts_within_s=READY_WITHIN_S))
    except Problem as problem:
        screen.problem(str(problem))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def paper_container() -> str:
    """The address of compose's paper gateway, which a Linux machine reaches without a published port."""
    label = ("label=com.docker.compose.service=gateway-paper", f"label=com.docker.compose.project={PROJECT}")
    filters = [part for each in label for part in ("--filter", each)]
    try:
        found = subprocess.run(["docker", "ps", "--quiet", *filters], capture_output=True, text=True, check=True)
        inspected = subprocess.run(
            ["docker", "inspect", *found.stdout.split()], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        raise Problem("no paper gateway runs here: `make paper` starts one, --gateway names another") from None
    networks = json.loads(inspected.stdout)[0]["NetworkSettings"]["Networks"]
    return f"{networks[f'{PROJECT}_worker-gateway-paper']['IPAddress']}:4004"


async def check(gateway: str, out: Path, screen: Screen, starts_within_s: float = 0.0) -> int:
    """Return 0 where every step did what it should. Raises Problem where there is no gateway or no session."""
    with screen.waiting(f"the gateway at {gateway}"):
        await until_listening(gateway, starts_within_s)
    transcript = out / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"
    async with AsyncExitStack() as stack:
        port, listen = free_port(), free_port()
        redis = await stack.enter_async_context(EmbeddedRedis(out / "redis"))
        children = await stack.enter_async_context(Children(out / "logs"))
        recorder = ("record", "--listen", str(listen), "--gateway", gateway, "--out", str(transcript))
        await children.start("recorder", "ibgateway.recorder", *recorder)
        forget_settings()
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "paper-check", "BEAT_FILE": str(out / "worker.beat"), **RUNS}
        await children.start("worker", "ib_worker", **common, GATEWAY_HOST="127.0.0.1", GATEWAY_PORT=str(listen))
        await children.start("front", "mcp_front", **common, FRONT_HOST="127.0.0.1", FRONT_PORT=str(port))
        await until_session(port, f"127.0.0.1:{listen}", gateway, screen)
        async with Tools(f"http://127.0.0.1:{port}/api/v1", None) as tools:
            failed = await Steps(tools, screen).all()
    told = await asyncio.to_thread(compared, transcript)
    table = transcript.with_suffix(".md")
    table.write_text(told, encoding="utf-8")
    screen.say(f"\nWhere the simulator differs:\n{told}")
    screen.say(f"{transcript}\n{table}")
    screen.say(
        "Accounts, names and ids are masked; symbols, prices, balances and times are not: read both, then send them."
    )
    screen.say(f"{failed or 'no'} step{'' if failed == 1 else 's'} failed")
    return 1 if failed else 0


async def until_listening(gateway: str, within_s: float) -> None:
    """Wait until the gateway's port accepts a connection, which a container that starts does not. Raises Problem."""
    host, _, port = gateway.rpartition(":")
    if not host or not port.isdecimal():
        raise Problem(f"--gateway takes HOST:PORT, such as 127.0.0.1:7497, not {gateway!r}")
    ends = time.monotonic() + within_s
    while True:
        try:
            connection = await asyncio.to_thread(socket.create_connection, (host, int(port)), CONNECT_S)
            return connection.close()
        except OSError as error:
            if time.monotonic() >= ends:
                raise Problem(
                    f"no gateway listens at {gateway} ({error.strerror or error}): start it with its API enabled, "
                    "or correct --gateway"
                ) from None
        await asyncio.sleep(RETRY_S)


async def until_session(port: int, recorder: str, gateway: str, screen: Screen) -> None:
    """Wait until the front's session is ready. Its worker knows the recorder's address, and a person the gateway's."""
    with screen.waiting(f"a session of its own at {gateway}") as tell:
        try:
            await until_ready(port, lambda news: tell(news.replace(recorder, gateway)))
        except Problem as problem:
            raise Problem(str(problem).replace(recorder, gateway)) from None


def compared(transcript: Path) -> str:
    command = [sys.executable, "-m", "ibgateway.recorder", "compare", str(transcript)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or f"the comparison failed: {done.stderr}"


class Steps:
    """The requests of the check, one after another; a step that fails is reported and ends nothing."""

    def __init__(self, tools: Tools, screen: Screen) -> None:
        self._tools = tools
        self._screen = screen
        self._failed = 0

    async def all(self) -> int:
        """Run every step; return how many failed."""
        status = (await self._tools.call("get_status")).value
        if strangers := [each for each in status["accounts"] if not is_paper(each)]:
            raise Problem(f"{len(strangers)} of the accounts are not paper accounts: nothing is asked of them")
        for step in (self._reads, self._order):
            await step()
        return self._failed

    async def _ask(self, tool: str, told: Callable[[Any], str], **arguments: Any) -> Answer:
        answer = await self._settled(tool, arguments)
        if answer.code:
            self._failed += 1
            self._screen.say(f" ✗ {tool}: [{answer.code}] {answer.message}")
        else:
            self._screen.say(f" ✓ {tool}: {told(answer.value)}")
        return answer

    async def _settled(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Call the tool; while a call with a key is unknown or pending, retry with the same key."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            answer = await self._tools.call(tool, **arguments)
            open_still = "idempotencyKey" in arguments and answer.code in ("unknown", "pending")
            if not open_still or time.monotonic() > ends:
                return answer
            await asyncio.sleep(RETRY_S)

    async def _reads(self) -> None:
        await self._ask("get_contract_details", lambda it: it[0]["longName"], symbol=SYMBOL)
        await self._ask("get_historical_data", _counted("bars"), symbol=SYMBOL, durationStr="10 D")
        await self._ask("get_account_summary", _counted("figures"))
        await self._ask("get_positions", _counted("positions"))
        await self._ask("get_pnl", lambda it: "told")
        await self._ask("stream_market_data", lambda it: it["message"], symbol=SYMBOL, duration_seconds=5)
        await self._ask("get_open_orders", _counted("open"))
        await self._ask("get_completed_orders", _counted("completed"))
        await self._ask("get_executions", _counted("executions"))

    async def _order(self) -> None:
        """One share to buy at half the last close: seen, lowered, cancelled, and looked for once more."""
        bars = await self._tools.call("get_historical_data", symbol=SYMBOL, durationStr="5 D")
        if bars.code:
            self._failed += 1
            self._screen.say(" ✗ place_order: left out, since there is no price to stay far from")
            return
        price = round(bars.value[-1]["close"] * FAR, 2)
        terms = {"symbol": SYMBOL, "action": "BUY", "totalQuantity": 1, "orderType": "LMT", "lmtPrice": price}
        await self._ask("preview_order", lambda it: "told", **terms)
        key = f"check-{secrets.token_hex(8)}"
        try:
            placed = await self._ask("place_order", _status, **terms, idempotencyKey=key)
            if not placed.code:
                orderId = placed.value["orderId"]
                await self._ask("get_order", lambda it: _status(it["order"]), orderId=orderId)
                await self._ask("modify_order", _status, orderId=orderId, lmtPrice=round(price - 1, 2))
                await self._ask("cancel_order", _status, orderId=orderId)
        finally:
            await self._leave_nothing()

    async def _leave_nothing(self) -> None:
        """Also where an answer left open whether there is an order: this client id has no other."""
        key = f"check-{secrets.token_hex(8)}"
        await self._ask("cancel_all_orders", lambda it: f"{len(it['orders'])} were still open", idempotencyKey=key)
        left = await self._tools.call("get_open_orders")
        if left.code or any(each["clientId"] == int(CLIENT_ID) for each in left.value):
            self._failed += 1
            self._screen.say(" ✗ the order may still be open: look in TWS, and cancel it there")


def _counted(what: str) -> Callable[[list[Any]], str]:
    return lambda found: f"{len(found)} {what}"


def _status(order: dict[str, Any]) -> str:
    return f"order {order['orderId']} is {order['status']}, limit {order['lmtPrice']}"
