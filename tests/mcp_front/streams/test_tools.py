"""The account stream sends what is known, then each change, and its summary keeps the last word on each figure."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.tools.account import AccountStreamSummary
from mcp_front.streams.tools import account_line, until_turn_s
from mcp_front.timing import FrontTiming
from tests.busy import BUSY_S
from tests.stacks.front import ERAS, MODERN, Running, serving, worker
from tests.stacks.handlers import CONTRACT

STREAM = "account-DU1234567"
EMPTY = dict.fromkeys((
    "tag", "value", "currency", "contract", "position", "marketPrice", "marketValue", "averageCost", "unrealizedPNL",
    "realizedPNL",
))  # fmt: skip


def value(tag: str, figure: float, currency: str = "USD") -> dict[str, Any]:
    return EMPTY | {
        "kind": "value", "account": "DU1234567", "time": "2025-06-11T14:30:00Z", "tag": tag, "value": figure,
        "currency": currency,
    }  # fmt: skip


def line(position: float, marketPrice: float) -> dict[str, Any]:
    return EMPTY | {
        "kind": "portfolio", "account": "DU1234567", "time": "2025-06-11T14:30:00Z", "contract": CONTRACT,
        "position": position, "marketPrice": marketPrice,
    }  # fmt: skip


KNOWN = [value("NetLiquidation", 1000.0), value("AccruedCash-S", 1.0), line(10.0, 200.0)]


@asynccontextmanager
async def account_worker(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    """A worker that knows one account."""

    async def opened(context: RequestContext) -> bytes:
        assert json.loads(context.arguments) in ({}, {"account": "DU1234567"})
        workers[0].open_stream(STREAM)
        return json.dumps({"stream": STREAM, "account": "DU1234567", "updates": KNOWN}).encode()

    workers: list[BusServer] = []
    async with worker(redis_url, session, {"open_account_updates": opened}) as bus:
        workers.append(bus)
        yield bus


async def watched(front: Running, era: str, seconds: int) -> tuple[dict[str, Any], list[Any], list[Any]]:
    messages: list[Any] = []
    progress: list[Any] = []

    async def on_log(message: Any) -> None:
        messages.append(message.data)

    async def on_progress(*report: Any) -> None:
        progress.append(report)

    async with front.client(era, log_handler=on_log, progress_handler=on_progress) as client:
        arguments = {"account": "DU1234567", "duration_seconds": seconds}
        result = await client.call_tool("ibkr_stream_account_updates", arguments)
    return result.structured_content or {}, messages, progress


@pytest.mark.trial("C6")
def test_a_position_in_a_future_or_currency_is_named_whole() -> None:
    future = {"secType": "FUT", "symbol": "ES", "lastTradeDateOrContractMonth": "20250919", "localSymbol": "ESU5"}
    pair = {"secType": "CASH", "symbol": "EUR", "currency": "USD"}

    assert account_line(line(2.0, 6000.25) | {"contract": future}) == "ES SEP25 2 at 6000.25"
    assert account_line(line(-5.0, 1.15) | {"contract": pair}) == "EUR.USD -5 at 1.15"


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_known_goes_out_first_and_changes_follow(redis_url: str, session: str, era: str) -> None:
    async with account_worker(redis_url, session) as bus, serving(redis_url, session) as front:
        call = asyncio.create_task(watched(front, era, 1))
        async with asyncio.timeout(5 + BUSY_S):
            while not (await bus.pipe.send("PUBSUB", "SHARDNUMSUB", bus.keys.ticks(STREAM)))[1]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for update in (value("NetLiquidation", 1001.0), value("AccruedCash-S", 2.0), line(10.0, 201.0)):
            bus.publish(STREAM, update["kind"], json.dumps(update).encode())
        whole, messages, _ = await call

    summary = AccountStreamSummary.model_validate(whole)
    main = [KNOWN[0], KNOWN[2]]  # a hundred lesser figures are not worth a message each; their changes are
    assert [message["extra"] for message in messages] == [
        *main, value("NetLiquidation", 1001.0), value("AccruedCash-S", 2.0), line(10.0, 201.0),
    ]  # fmt: skip
    assert [message["msg"] for message in messages[:2]] == ["NetLiquidation 1000 USD", "AAPL 10 at 200"]
    assert summary.updates_count == len(messages)
    assert [(each.tag, each.value) for each in summary.values] == [("NetLiquidation", 1001.0)]
    assert [each.marketPrice for each in summary.portfolio] == [201.0]
    assert (summary.account, summary.conflated, summary.gaps) == ("DU1234567", 0, 0)


async def test_break_of_the_subscription_is_relayed_and_counted(redis_url: str, session: str) -> None:
    async with account_worker(redis_url, session) as bus, serving(redis_url, session) as front:
        call = asyncio.create_task(watched(front, MODERN, 1))
        async with asyncio.timeout(5 + BUSY_S):
            while not (await bus.pipe.send("PUBSUB", "SHARDNUMSUB", bus.keys.ticks(STREAM)))[1]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        nothing = value("NetLiquidation", 0.0, "") | {"tag": None, "value": None, "currency": None}
        bus.publish(STREAM, "gap", json.dumps(nothing).encode())
        bus.publish(STREAM, "portfolio", json.dumps(line(0.0, 200.0)).encode())
        whole, messages, _ = await call

    assert whole["gaps"] == 1
    assert [(each["tag"], each["value"]) for each in whole["values"]] == [("NetLiquidation", 1000.0)]
    assert [each["position"] for each in whole["portfolio"]] == [0.0]
    assert messages[2]["msg"].startswith("TWS's subscription broke")


async def test_quiet_account_shows_that_the_stream_lives(redis_url: str, session: str) -> None:
    often = FrontTiming(pulse_s=0.1)
    async with account_worker(redis_url, session), serving(redis_url, session, timing=often) as front:
        _, messages, progress = await watched(front, MODERN, 1)

    assert len(messages) == 2
    assert len(progress) > 4
    assert progress[-1][2] == messages[-1]["msg"]


async def test_account_may_be_left_out(redis_url: str, session: str) -> None:
    async with account_worker(redis_url, session), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_stream_account_updates", duration_seconds=1)

    assert result["structuredContent"]["account"] == "DU1234567"
    assert "NetLiquidation" in result["content"][0]["text"]


def test_the_checks_of_a_groups_streams_fall_together() -> None:
    dues = {round(now + until_turn_s(now, 2.0, 0), 6) for now in (100.1, 100.9, 101.5, 101.97)}
    others = {round(now + until_turn_s(now, 2.0, 17), 6) for now in (100.2, 101.0, 101.9)}

    assert dues == {102.0}
    assert others == {100.125 + 2.0}


def test_a_check_that_came_a_little_early_is_not_made_twice() -> None:
    assert round(101.999 + until_turn_s(101.999, 2.0, 0), 6) == 104.0
