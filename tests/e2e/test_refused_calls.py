"""A client is told why its order was refused, also where the front refused the call and the worker never saw it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from bridge.bus.controls.audit_log import read_log
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from tests.stacks.clients import token_for, write_clients
from tests.stacks.front import Running, messages_of, plain_http, serving
from tests.stacks.timing import waits_at
from tests.stacks.whole import whole_stack
from tests.stacks.worker import trading
from tests.waiting import until

KEY = "key-of-a-wrong-call"
ORDER: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}


async def answer(front: Running, http: httpx.AsyncClient, client: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a call's result as MCP has it."""
    prepared = front.raw(authorization=f"Bearer {token_for(client)}").prepared(
        "tools/call", name=f"ibkr_{tool}", arguments=arguments
    )
    told: dict[str, Any] = messages_of(await http.post(front.endpoint, **prepared))[-1]["result"]
    return told


async def refused_calls(front: Running, http: httpx.AsyncClient, client: str, several: int) -> list[dict[str, Any]]:
    """Return the client's refused calls, once there are so many."""
    found: list[dict[str, Any]] = []

    async def listed() -> bool:
        told = await answer(front, http, client, "get_completed_orders", refused=True, format="objects")
        found[:] = told["structuredContent"]["result"]
        return len(found) >= several

    await until(listed, f"{several} refused calls are listed")
    return found


async def test_a_call_that_the_front_refused_is_told_with_its_reason(redis_url: str, session: str) -> None:
    """The front has no right to more in Redis than before."""
    async with whole_stack(redis_url, session) as stack, plain_http() as http:
        wrong = ORDER | {"totalQuantity": -1, "account": "DU1234567", "confirmationToken": "secret-of-a-preview"}
        await answer(stack.front, http, "local", "place_order", **wrong, idempotencyKey=KEY)
        await answer(stack.front, http, "local", "modify_order", orderId=7, lmtPrice=1, limitPrice=2)
        await answer(stack.front, http, "local", "close_positions", all="perhaps")
        await answer(stack.front, http, "local", "preview_order", **wrong)  # no order
        told = await refused_calls(stack.front, http, "local", 3)
        by_key = await answer(stack.front, http, "local", "get_order", orderKey=KEY)
        async with CommandPipeline(redis_url, waits_at(redis_url)) as pipe:
            log = b"".join([line async for line in read_log(pipe, Keys(session))])

    first, second, third = told
    assert (first["action"], first["contract"]["symbol"], first["totalQuantity"]) == ("BUY", "AAPL", -1)
    assert (first["status"], first["idempotencyKey"]) == ("Refused", KEY)
    assert "ibkr_place_order invalid_arguments: totalQuantity" in first["message"]
    assert (second["orderId"], "ibkr_modify_order invalid_arguments: limitPrice" in second["message"]) == (7, True)
    assert "ibkr_close_positions invalid_arguments: all" in third["message"]
    assert by_key["_meta"][ERROR_META]["refused"] == "invalid_arguments"
    assert b"secret-of-a-preview" not in log
    assert b"DU1234567" not in log
    assert stack.sim.journal.orders() == []


async def test_a_call_beyond_its_clients_rights_is_told_to_that_client_alone(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    path = write_clients(tmp_path / "clients.json", {"reader": {"scopes": ["read"]}, "other": {}})
    async with (
        Simulator() as sim,
        trading(redis_url, session, sim, clients_file=path),
        serving(redis_url, session, front_tokens_file=path) as front,
        plain_http() as http,
    ):
        await answer(front, http, "other", "place_order", **ORDER | {"totalQuantity": "many"})
        await answer(front, http, "reader", "place_order", **ORDER, idempotencyKey=KEY)
        of_reader = await refused_calls(front, http, "reader", 1)
        of_other = await refused_calls(front, http, "other", 1)

    assert ["forbidden" in each["message"] for each in of_reader] == [True]
    assert [each["totalQuantity"] for each in of_other] == [None]
    assert [each["action"] for each in of_other] == ["BUY"]


async def test_a_call_beyond_the_calls_at_once_is_told_too(redis_url: str, session: str) -> None:
    async with (
        Simulator() as sim,
        trading(redis_url, session, sim),
        serving(redis_url, session, front_calls_at_once=1) as front,
        plain_http() as http,
    ):
        stream = asyncio.create_task(answer(front, http, "", "stream_market_data", symbol="SPY", duration_seconds=2))

        async def is_paced() -> bool:
            told = await answer(front, http, "", "place_order", **ORDER | {"totalQuantity": -1})
            return bool(told["_meta"][ERROR_META]["code"] == "paced")

        await until(is_paced, "the stream has the client's only place")
        await stream
        told = await refused_calls(front, http, "", 1)

    assert any("ibkr_place_order paced: " in each["message"] for each in told)
