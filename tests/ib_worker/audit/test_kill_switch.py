"""The kill switch: what it stops, what passes it, and what is written of it."""

import asyncio
import json
from typing import Any

import pytest

from bridge.bus.controls.kill_switch import clear_halt, set_halt
from cli.__main__ import main
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import entries, resting
from tests.stacks.terminal import terminal
from tests.stacks.worker import frames, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"


@pytest.mark.fault(105)
async def test_the_kill_switch_stops_orders_and_lets_cancels_pass(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "halt", "anna", "test")
        held = await front.refused_order(**order())
        change = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=401)
        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])
        await clear_halt(front.bus_client.pipe, front.bus_client.keys, "bert")
        filled = await front.submit("place_order", **order())

    assert (held.code, change.code) == ("halted", "halted")
    assert (cancelled["status"], filled["status"]) == ("Cancelled", "Filled")
    assert frames(sim) == 2


async def test_a_closing_order_that_is_filled_in_part_can_be_changed_while_only_those_are_taken(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="TSLA", totalQuantity=10))
        leave = order(symbol="TSLA", action="SELL", totalQuantity=10, orderType="LMT", lmtPrice=9999)
        placed = await front.submit("place_order", **leave)
        sim.fault(f"fill {placed['orderId']} 4")

        async def part_is_sold() -> bool:
            found = await front.ask("get_positions")
            return any((each["contract"]["symbol"], each["position"]) == ("TSLA", 6) for each in found)

        await until(part_is_sold, "four are sold")
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "reduce_only", "a human", "enough")
        changed = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=9998)
        more = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=11)

    assert (changed["lmtPrice"], changed["filled"]) == (9998, 4)
    assert more.code == "halted"


async def test_the_operator_halts_looks_and_resumes(
    redis_url: str,
    session: str,
    sim: Simulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = ["--redis", redis_url, "--session", session]

    async def typed(*words: str, status: int = 0) -> str:
        assert await asyncio.to_thread(main, [words[0], *where, *words[1:]]) == status
        said = capsys.readouterr()
        return said.out + said.err

    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        halted = await typed("halt", "odd fills")
        held = await front.refused_order(**order(totalQuantity=2))
        with terminal(monkeypatch) as person:
            person.type(session)
            await typed("resume")
            released = person.shown("released; it was")
        nothing = await typed("resume", status=1)
        await front.submit("place_order", **order(totalQuantity=2))
        flying = await typed("orders")
        one = await typed("orders", KEY, "never-used-key")
        waiting = await typed("approve")
        replayed = await typed("audit", "replay")

        async def logged() -> bool:
            return "resume" in {each.event for each in await entries(front)}

        await until(logged, "the log tells of the switch")
        switched = [each for each in await entries(front) if each.event in ("halt", "resume")]

    assert "halt, set by operator" in halted
    assert held.code == "halted"
    assert "released; it was halt" in released
    assert "is not set" in nothing
    assert [(each.event, each.status, each.details["reason"]) for each in switched] == [
        ("halt", "halt", "odd fills"), ("resume", "halt", "odd fills"),
    ]  # fmt: skip
    assert all(each.caller.startswith("operator ") for each in switched)
    assert "0 orders are accepted and not answered" in flying
    assert f"{KEY}  place_order  done  ok  by claude  gateway=127.0.0.1:{sim.port} sent=" in one
    assert "never-used-key  no record" in one
    assert "0 orders wait" in waiting
    assert [json.loads(line)["status"] for line in replayed.splitlines()] == ["Filled", "Filled"]


@pytest.mark.trial("D9")
@pytest.mark.parametrize("tool", ["place_order", "place_bracket_order", "modify_order"])
async def test_an_order_that_is_halted_is_told_by_whom_when_and_why(
    redis_url: str, session: str, sim: Simulator, tool: str
) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "place_order": order(),
        "place_bracket_order": order(symbol="NVDA", lmtPrice=100, takeProfitPrice=200, stopLossPrice=90),
        "modify_order": {"orderId": 0, "orderKey": "a-resting-order", "lmtPrice": 21},
    }
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", "a-resting-order", **order(symbol="MSFT", orderType="LMT", lmtPrice=20))
        halt = await front.bus_client.halt("anna", "odd fills – look first")
        error = await front.refused_order(tool, **arguments[tool])

    assert error.code == "halted"
    assert (
        f'(halt) by anna since {halt.since():%Y-%m-%d %H:%M:%S} UTC (server clock): "odd fills – look first"'
        in error.message
    )
    told = {name: error.details[name] for name in ("level", "by", "reason", "since")}
    assert told == {
        "level": "halt",
        "by": "anna",
        "reason": "odd fills – look first",
        "since": halt.since().isoformat(),
    }
