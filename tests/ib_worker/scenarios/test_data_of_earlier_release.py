"""A Redis that the release before the rooms left behind: audit log, order keys and kill switch are read as they are.

The data are of one worker with orders that are filled, open, changed, cancelled, rejected by a limit, and one whose
answer was outstanding when the worker stopped; an operator had halted trading.
"""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge.audit_chain import verify
from bridge.bus.controls.audit_log import read_head, read_log
from bridge.bus.controls.kill_switch import clear_halt, read_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.audit.replay import replay_orders
from ib_worker.orders.state import OrderState
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, frames, order, trading

LEFT: dict[str, Any] = json.loads((Path(__file__).parent / "redis_before_rooms.json").read_text())
SESSION: str = LEFT["session"]
KEYS = Keys(SESSION)
CALLS: dict[str, dict[str, Any]] = {each["key"]: each for each in LEFT["calls"]}
DONE = ("filled-order", "resting-order", "bracket-order", "change-of-it")  # a cancel is replayed for seconds alone
UNLIKE = ("message", "ocaGroup", "placed_at", "replayed", "waitsFor")  # the log lacks them, or this release adds them
OF_THE_ENTRY = ("account", "clientId", "contract", "idempotencyKey")
RESTING, IN_PROGRESS = "resting-order", "in-progress"


def command(name: str, kind: str, value: Any) -> list[tuple[Any, ...]]:
    """Return the Redis commands that write one key as it was."""
    if kind == "hash":
        return [("HSET", name, *(part for pair in value.items() for part in pair))]
    if kind == "zset":
        return [("ZADD", name, score, member) for member, score in zip(value[::2], value[1::2], strict=True)]
    if kind == "stream":
        return [("XADD", name, entry, *fields) for entry, fields in value]
    return [({"string": "SET", "set": "SADD", "list": "RPUSH"}[kind], name, *([value] if kind == "string" else value))]


@pytest.fixture
async def left(own_redis: EmbeddedRedis) -> AsyncIterator[CommandPipeline]:
    async with CommandPipeline(own_redis.url) as pipe:
        for name, key in LEFT["keys"].items():
            for each in command(name, key["type"], key["value"]):
                await pipe.send(*each)
        yield pipe


@pytest.fixture
def watermark(tmp_path: Path) -> Path:
    file = tmp_path / "watermark"
    file.write_bytes(base64.b64decode(LEFT["watermark"]))
    return file


def gateway_as_it_was(sim: Simulator) -> None:
    """The gateway has the orders with the permIds of before."""
    for orderId, symbol, key, quantity, price in (
        (6, "AAPL", "filled-order", 1, None),
        (9, "MSFT", RESTING, 2, 21.0),
        (17, "IBM", IN_PROGRESS, 1, 50.0),
    ):
        kind = "MKT" if price is None else "LMT"
        placed = Order("BUY", Decimal(quantity), kind, lmtPrice=price, orderRef=order_ref(key))
        stock = Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")
        sim.world.place_order(1, orderId, stock, replace(placed, account="DU1234567", tif="GTC"))


def summary(state: OrderState) -> dict[str, Any]:
    names = ("orderId", "clientId", "orderRef", "permId", "status", "filled", "remaining", "avgFillPrice", "commission")
    events = [[each.at.isoformat(), each.source] for each in state.life]
    return {name: getattr(state, name) for name in names} | {"lmtPrice": state.terms.lmtPrice, "events": events}


async def repeated(front: Caller, key: str) -> Any:
    call = CALLS[key]
    return await front.submit(call["tool"], key, **call["arguments"])


def told(answer: Any) -> Any:
    """Return the parts of an answer that the audit log has: the leader makes the answer anew from it."""
    if not isinstance(answer, dict):
        return answer
    said = {name: told(value) for name, value in answer.items() if value not in (None, False, [])}
    for each in ("takeProfit", "stopLoss"):
        if each in said:  # what its entry says is not said again
            said[each] = {name: value for name, value in said[each].items() if name not in OF_THE_ENTRY}
    return {name: value for name, value in said.items() if name not in UNLIKE}


async def test_audit_log_verifies_and_is_replayed_to_the_same_orders(left: CommandPipeline) -> None:
    lines = [line async for line in read_log(left, KEYS)]

    assert list(verify(lines, await read_head(left, KEYS.audit_head))) == []
    assert [summary(each) for each in replay_orders(lines)] == LEFT["orders"]


async def test_keys_are_found_again_and_the_kill_switch_is_kept(
    own_redis: EmbeddedRedis, left: CommandPipeline, sim: Simulator, watermark: Path
) -> None:
    gateway_as_it_was(sim)
    async with trading(own_redis.url, SESSION, sim, watermark_file=watermark) as front:
        front.name = "local"
        answers = {key: await repeated(front, key) for key in DONE}
        settled = await repeated(front, IN_PROGRESS)
        refused = await front.refused_order(key="a-new-order", **order())
        history = await front.ask("get_order", orderKey=RESTING)
        halt = await read_halt(left, KEYS)
        await clear_halt(left, KEYS, "bert")
        placed = await front.submit("place_order", key="a-later-order", **order(symbol="NVDA"))
        lines = [line async for line in read_log(left, KEYS)]
        status = await front.status()

    for key in DONE:
        first = CALLS[key]["answer"]
        assert told(answers[key]) == told(first)
        assert answers[key]["message"].endswith(first["message"])
    assert (settled["status"], settled["orderRef"]) == ("Submitted", order_ref(IN_PROGRESS))
    assert (refused.code, halt and (halt.by, halt.reason)) == ("halted", ("anna", "compare first"))
    sources = [source for each in LEFT["orders"] if each["orderId"] == 9 for _, source in each["events"]]
    assert [each["source"] for each in history["events"]][: len(sources)] == sources
    assert (placed["status"], frames(sim)) == ("Filled", 1)
    assert list(verify(lines)) == []
    assert not [each for each in status["concerns"] if "Redis" in str(each)]


async def test_keys_of_earlier_data_are_of_their_principal_alone(
    own_redis: EmbeddedRedis, left: CommandPipeline, sim: Simulator
) -> None:
    gateway_as_it_was(sim)
    async with trading(own_redis.url, SESSION, sim) as front:
        with pytest.raises(ToolError) as caught:
            await repeated(front, RESTING)

    assert caught.value.code == "idempotency_conflict"
