"""All that a run writes: one request is followed through both services, and nothing secret is told."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from cli.local_stack.embedded_redis import free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready
from ibgateway.simulator.server.server import Simulator
from tests.waiting import until

TOKEN, WEBHOOK = "a-token-that-nobody-may-see", "http://127.0.0.1:9/a-path-that-is-a-secret"
pytestmark = pytest.mark.timeout(180)


def tokens_file(folder: Path) -> Path:
    entry = {"name": "claude", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "scopes": ["read", "trade"]}
    file = folder / "tokens.json"
    file.write_text(json.dumps([entry]), encoding="utf-8")
    return file


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


async def calls(port: int, sim: Simulator) -> None:
    """Reads, an order, a mistake, a wrong token, and a reset."""
    url = f"http://127.0.0.1:{port}/api/v1"
    async with Client(url, auth=BearerAuth(TOKEN)) as client:
        for tool in ("ibkr_get_positions", "ibkr_get_account_summary", "ibkr_get_status"):
            await client.call_tool(tool, {})
        await client.call_tool("ibkr_place_order", {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1})
        await client.call_tool("ibkr_get_pnl", {"account": "DU7654321"}, raise_on_error=False)
        sim.fault("reset")
        await client.call_tool("ibkr_get_positions", {}, raise_on_error=False)
    with pytest.raises(Exception, match="does not know this token"):
        async with Client(url, auth=BearerAuth(f"{TOKEN}-but-wrong")) as stranger:
            await stranger.list_tools()


@pytest.mark.fault(108)
async def test_a_request_is_followed_to_the_wire_and_no_line_tells_a_secret(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    port = free_port()
    async with Simulator() as sim, Children(tmp_path) as children:
        common = {"REDIS_URL": redis_url, "IBKR_SESSION": session, "LOG_LEVEL": "debug"}
        worker = await children.start(
            "worker", "ib_worker", **common, GATEWAY_PORT=str(sim.port), BEAT_FILE=str(tmp_path / "beat"),
            ALERT_WEBHOOK=WEBHOOK, ALERT_AFTER_S="0",
        )  # fmt: skip
        front = await children.start(
            "front", "mcp_front", **common, FRONT_PORT=str(port), FRONT_TOKENS_FILE=str(tokens_file(tmp_path))
        )
        await until_ready(port, lambda _: None)
        await calls(port, sim)
        await until(lambda: "webhook_failed" in worker.log.read_text(), "an alert was tried", 30)

    written = worker.log.read_text(encoding="utf-8") + front.log.read_text(encoding="utf-8")
    assert not [secret for secret in ("DU1234567", "DU7654321", TOKEN, "a-path-that-is-a-secret") if secret in written]
    assert "DU***567" in written or "DU***321" in written
    placed = next(
        line for line in lines(front.log) if line.get("tool") == "ibkr_place_order" or line.get("tool") == "place_order"
    )
    at_wire = [line for line in lines(worker.log) if line.get("request_id") == placed["request_id"]]
    assert any((line["event"], line.get("contract")) == ("order_sent", "AAPL") for line in at_wire)
