"""Release 0.1.0 trades, then this code goes on with its Redis, tokens file and watermark, at the same gateway."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from tests.stacks.front import LEGACY, RawClient
from tests.upgrade.release import HERE, RELEASE, Release, checked_out, ended
from tests.waiting import until

READY_S = 60
BOUGHT: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "idempotencyKey": "upgrade-filled"}
RESTING = BOUGHT | {"orderType": "LMT", "lmtPrice": 100, "tif": "GTC", "idempotencyKey": "upgrade-resting"}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    folder = tmp_path_factory.mktemp("release")
    try:
        yield checked_out(RELEASE, folder)
    except subprocess.CalledProcessError as missing:
        pytest.skip(f"release 0.1.0 cannot be installed here: {missing}")
    finally:
        shutil.rmtree(folder)


class UpgradedStack:
    """Redis and a simulator that stay, and the data folder of one machine."""

    def __init__(self, redis: EmbeddedRedis, folder: Path, gateway: int) -> None:
        self.redis = redis
        self.folder = folder
        self.gateway = gateway
        self.tokens = folder / "tokens.json"

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of the release, which the new code gets unchanged."""
        return {
            "REDIS_URL": self.redis.url,
            "IBKR_SESSION": "desk",
            "GATEWAY_PORT": str(self.gateway),
            "TRADING_MODE": "paper",
            "FRONT_TOKENS_FILE": str(self.tokens),
            "LEADER_FILE": str(self.folder / "leader"),
            "WATERMARK_FILE": str(self.folder / "watermark"),
            "BEAT_FILE": str(self.folder / "beat"),
        }

    def operator(self, of: Release, *arguments: str) -> str:
        return of.command(*arguments, "--redis", self.redis.url, "--session", "desk")

    @asynccontextmanager
    async def served(self, by: Release, token: str, name: str) -> AsyncIterator[RawClient]:
        """Run worker and front of one release until the block ends; yield a client with a token."""
        port = free_port()
        worker = by.started(self.folder / f"{name}-worker.log", "ib_worker", **self.settings)
        front = by.started(self.folder / f"{name}-front.log", "mcp_front", FRONT_PORT=str(port), **self.settings)
        try:
            await until(lambda: _ready(port), f"{name} is ready", READY_S)
            bearer = {"authorization": f"Bearer {token}"}
            yield RawClient(f"http://127.0.0.1:{port}/api/v1", LEGACY, bearer)
        finally:
            ended(front, worker)


async def _ready(port: int) -> bool:
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient() as http:
            return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    return False


async def value(client: RawClient, tool: str, **arguments: Any) -> Any:
    told = await client.call(f"ibkr_{tool}", **arguments)
    assert not told.get("isError"), told["content"]
    content = told["structuredContent"]
    return content.get("result", content)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_tokens_keys_orders_audit_and_kill_switch_go_on(release: Release, tmp_path: Path) -> None:
    gateway = free_port()
    simulator = release.started(tmp_path / "simulator.log", "ibgateway.simulator", "--port", str(gateway))
    options = ("--appendonly", "yes", "--appendfsync", "always")
    try:
        async with EmbeddedRedis(tmp_path / "redis", options=options) as redis:
            stack = UpgradedStack(redis, tmp_path, gateway)
            added = release.command("client", "--file", str(stack.tokens), "add", "desk", "--scopes", "read,trade")
            token = re.findall(r"[A-Za-z0-9_-]{32,}", added)[0]
            async with stack.served(release, token, "old") as old:
                filled, resting = await value(old, "place_order", **BOUGHT), await value(old, "place_order", **RESTING)
            stack.operator(release, "halt", "the upgrade")
            await redis.stop()  # as docs/upgrading.md has it: everything is stopped and started
            await redis.start()
            async with stack.served(HERE, token, "new") as new:
                await _goes_on(stack, new, filled, resting)
            verified = stack.operator(HERE, "audit", "verify")
    finally:
        ended(simulator)

    assert " 0 breaks" in verified


async def _goes_on(stack: UpgradedStack, new: RawClient, filled: Any, resting: Any) -> None:
    status = await value(new, "get_status")
    assert "the upgrade" in status["halted"]

    again = await value(new, "place_order", **BOUGHT)
    assert (again["replayed"], again["permId"], again["status"]) == (True, filled["permId"], "Filled")

    open_orders = await value(new, "get_open_orders")
    assert [each["permId"] for each in open_orders] == [resting["permId"]]
    cancelled = await value(new, "cancel_order", orderKey=RESTING["idempotencyKey"])
    assert cancelled["permId"] == resting["permId"]

    refused = await new.call("ibkr_place_order", **BOUGHT | {"idempotencyKey": "upgrade-halted"})
    assert refused["_meta"]["ibkr/error"]["code"] == "halted", json.dumps(refused)
    HERE.typed("desk", "resume", "--redis", stack.redis.url, "--session", "desk")
    further = await value(new, "place_order", **BOUGHT | {"totalQuantity": 2, "idempotencyKey": "upgrade-further"})
    assert further["status"] == "Filled"
    history = await value(new, "get_order", orderKey=BOUGHT["idempotencyKey"])
    assert history["order"]["permId"] == filled["permId"]
