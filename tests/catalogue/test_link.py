"""The link to the gateway breaks in every way that it is known to: what callers are told, and that it heals."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.typing import EventDict

from bridge.order_references import order_ref
from bridge.tool import ToolError
from ib_worker.session.connection_loop import Timing, _Pauses
from ib_worker.session_state import state as standing
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import FAST, SOON, Caller, caller, order, ready_session, trading, worker
from tests.waiting import until

KEY, OTHER_KEY = "a-key-of-the-caller", "another-key"
START_API = 71


def resting(**changes: Any) -> dict[str, Any]:
    return order(orderType="LMT", lmtPrice=50) | changes


def connections(sim: Simulator) -> int:
    """How often a client has begun a session."""
    return len(sim.journal.entries("in", START_API))


async def code_of(call: Awaitable[Any]) -> str:
    """The code of the error that a call ends with; `done` for an answer."""
    try:
        await call
    except ToolError as error:
        return error.code
    return "done"


@pytest.mark.fault(1)
@pytest.mark.parametrize(("cause", "longest_s"), [(standing.UNREACHABLE, 4), (standing.LOGIN_PENDING, 30)])
def test_pauses_between_attempts_grow_with_jitter_to_their_longest(
    cause: standing.StateReason, longest_s: float
) -> None:
    pauses = _Pauses(Timing())

    waits = [pauses.next(cause, 0) for _ in range(30)]

    assert 0.5 <= waits[0] <= 1
    assert longest_s / 2 <= min(waits[8:]) < max(waits[8:]) <= longest_s
    assert len(set(waits)) == len(waits)


@pytest.mark.long
@pytest.mark.fault(6)
async def test_a_gateway_that_is_back_is_served_within_five_seconds(
    redis_url: str, session: str, sim: Simulator, logs: list[EventDict]
) -> None:
    """With the waits of production, after an absence that was long enough for the longest of them."""
    async with trading(redis_url, session, sim, Timing()) as front:
        sim.fault("door shut")
        sim.fault("reset")
        await until(lambda: attempts(logs) >= 4, "attempts are seconds apart", 20)

        sim.fault("door open")
        began = time.monotonic()
        await front.reaches("ready")

        assert time.monotonic() - began < 5
        assert await front.ask("get_positions")


def attempts(logs: list[EventDict]) -> int:
    """How often the worker has tried in vain to have a session."""
    return sum(each["event"] == "no_session" for each in logs)


@pytest.mark.fault(7)
async def test_twenty_requests_under_way_at_a_reset_all_end_within_a_second(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on reqContractDetails each ignore")
    async with trading(redis_url, session, sim) as front:
        symbols = [f"SYM{number}" for number in range(20)]
        calls = [asyncio.create_task(front.ask("get_contract_details", symbol=symbol)) for symbol in symbols]
        await until(lambda: len(sim.journal.entries("in", 9)) == 20, "all are under way")

        sim.fault("reset")
        async with asyncio.timeout(1 + BUSY_S):
            codes = [await code_of(call) for call in calls]

        assert codes == ["retry"] * 20
        sim.fault("clear")
        await front.reaches("ready")
        assert await front.ask("get_contract_details", symbol="AAPL")


@pytest.mark.fault(9)
async def test_an_order_that_waits_here_at_a_reset_was_not_sent_and_its_key_may_be_used_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on reqContractDetails ignore")  # the order waits for its contract
    async with trading(redis_url, session, sim) as front:
        call = asyncio.create_task(front.submit("place_order", key=KEY, **order()))
        await until(lambda: sim.journal.entries("in", 9), "the order is in hand")

        sim.fault("reset")

        assert await code_of(call) == "not_executed"
        assert sim.journal.orders() == []
        await front.reaches("ready")
        assert (await front.submit("place_order", key=KEY, **order()))["status"] == "Filled"
        assert len(sim.journal.orders()) == 1


@pytest.mark.long
@pytest.mark.fault(10)
async def test_a_half_open_connection_is_given_up_within_25_seconds(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, Timing()) as front:
        sim.fault("half-open 40")
        call = asyncio.create_task(front.ask("get_historical_data", symbol="SPY"))
        began = time.monotonic()
        status = await front.reaches("connecting", 30)
        took = time.monotonic() - began
        code = await code_of(call)

        assert took < 26  # 25, and a second for the heartbeat to tell
        assert "stopped answering" in status["cause"]
        assert code in {"retry", "timeout"}
        assert time.monotonic() - began < 27


@pytest.mark.long
@pytest.mark.fault(11)
async def test_calls_to_a_frozen_gateway_are_answered_late_and_right(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, replace(FAST, idle_s=15, probe_s=5)) as front:
        sim.fault("freeze 1.5")
        began = time.monotonic()
        details = await front.ask("get_contract_details", symbol="IBM")
        placed = await front.submit("place_order", **order())

        assert time.monotonic() - began > 1
        assert details[0]["contract"]["symbol"] == "IBM"
        assert placed["status"] == "Filled"
        assert (connections(sim), len(sim.journal.orders())) == (1, 1)


@pytest.mark.long
@pytest.mark.fault(12)
async def test_a_slow_gateway_keeps_deadlines_and_is_asked_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, replace(FAST, idle_s=15, probe_s=5)) as front:
        sim.fault("slow 2")
        placed = asyncio.create_task(front.submit("place_order", key=KEY, **order()))
        began = time.monotonic()
        details = await front.ask("get_contract_details", symbol="IBM")
        patient_s = time.monotonic() - began
        code = await code_of(front.ask("get_contract_details", deadline_s=1, symbol="MSFT"))

        assert 2 <= patient_s < 6  # two questions of TWS: the contract, then its market rule
        assert details[0]["contract"]["symbol"] == "IBM"
        assert code == "timeout"
        assert (await placed)["status"] == "Filled"
        assert (connections(sim), len(sim.journal.orders())) == (1, 1)
        asked = [entry.fields[4] for entry in sim.journal.entries("in", 9)]
        assert sorted(asked) == sorted(set(asked))


@pytest.mark.fault(16)
async def test_a_lost_link_and_then_a_lost_socket_heal_as_one(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("link down")
        await front.reaches("link_down")
        sim.fault("door shut 0.3")
        sim.fault("reset")
        sim.fault("after 0.2 link up")

        assert (await front.refused("get_positions")).code in {"not_ready", "gateway_unreachable", "link_down"}
        await front.reaches("ready")
        assert [each["permId"] for each in await front.ask("get_open_orders")] == [placed["permId"]]


@pytest.mark.fault(17)
@pytest.mark.parametrize("told", ["", " quiet"])
async def test_a_fill_while_the_link_is_down_is_kept(redis_url: str, session: str, sim: Simulator, told: str) -> None:
    """Told inside the outage, or by executions that are read again after it."""
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **resting(totalQuantity=3))
        sim.fault(f"link down{told}")
        await front.reaches("link_down")
        sim.fault("fill last all 50")
        sim.fault("link up")
        await front.reaches("ready")

        fills = await front.ask("get_executions")
        assert [(each["orderRef"], each["shares"]) for each in fills] == [(order_ref(KEY), 3)]
        life = await front.ask("get_order", orderKey=KEY)
        assert (life["order"]["status"], life["order"]["filled"]) == ("Filled", 3)


@pytest.mark.fault(19)
async def test_without_the_farm_of_historical_data_orders_go_out(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("hmds broken ushmds")
        await until(lambda: farm_is_broken(front, "ushmds"), "the farm is known to be broken")

        assert (await front.submit("place_order", **order()))["status"] == "Filled"


@pytest.mark.fault(19)
async def test_without_the_farm_of_quotes_an_order_that_needs_a_price_is_refused_and_a_quote_says_its_age(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("open_market_data", symbol="AAPL")
        held = await front.submit("place_order", key=KEY, **resting())
        sim.fault("farm broken usfarm")
        await until(lambda: farm_is_broken(front, "usfarm"), "the farm is known to be broken")
        broken_at = datetime.now(UTC)

        refused = await front.refused_order(**order(symbol="AAPL"))
        cancelled = await front.submit("cancel_order", orderId=held["orderId"])
        quote = (await front.ask("open_market_data", symbol="AAPL"))["quote"]

        assert (refused.code, len(sim.journal.orders())) == ("no_fresh_quote", 1)
        assert cancelled["status"] == "Cancelled"
        assert datetime.fromisoformat(quote["time"]) < broken_at

        sim.fault("farm ok usfarm")
        await until(lambda: fills(front), "orders are filled again")


async def farm_is_broken(front: Caller, farm: str) -> bool:
    return bool((await front.status())["farms"].get(farm) == "broken")


async def fills(front: Caller) -> bool:
    return await code_of(front.submit("place_order", **order())) == "done"


@pytest.mark.long
@pytest.mark.fault(20)
async def test_a_nightly_restart_that_forgets_order_ids_confuses_no_orders(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for number in range(3):
            await front.submit("place_order", **order(totalQuantity=number + 1))
        kept = await front.submit("place_order", key=KEY, **resting(tif="GTC"))
        sim.fault("restart 0.3 -4")
        await front.reaches("failed")
        await front.reaches("ready")

        opened = await front.ask("get_open_orders")
        placed = await front.submit("place_order", key=OTHER_KEY, **resting(symbol="IBM"))
        first = await front.ask("get_order", orderKey=KEY)

        assert [(each["permId"], each["orderRef"]) for each in opened] == [(kept["permId"], order_ref(KEY))]
        assert placed["orderId"] > kept["orderId"]
        assert placed["permId"] != kept["permId"]
        assert (first["order"]["contract"]["symbol"], first["order"]["status"]) == ("AAPL", "Submitted")
        assert len(sim.journal.orders()) == 5


@pytest.mark.fault(21)
async def test_an_order_in_the_moment_of_a_restart_is_unknown_until_it_is_looked_for(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order restart 0.3 -4")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        told = []

        async def settled() -> bool:
            told.append((await front.refused_order(key=KEY, deadline_s=4, **order())).code)
            return told[-1] == "not_found"

        await until(settled, "the order is looked for, twice")
        assert set(told) <= {"pending", "not_found"}
        assert len(sim.journal.orders()) == 1


@pytest.mark.long
@pytest.mark.fault(22)
async def test_hours_without_a_login_stay_told_and_end_by_themselves(
    redis_url: str, session: str, sim: Simulator, logs: list[EventDict]
) -> None:
    async with (
        worker(redis_url, session, sim.port, replace(FAST, connect_s=0.3)),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        sim.fault("door silent 21600")
        sim.fault("reset")
        since = (await front.reaches("login_pending", 3))["since"]
        for _ in range(5):
            sim.skip(3600)
            logs.clear()
            await until(lambda: attempts(logs) >= 2, "the worker tries again and again")
            assert (await front.refused("get_positions")).code == "gateway_login_pending"
            status = await front.status()
            assert (status["state"], status["since"]) == ("login_pending", since)

        sim.skip(3600)
        await front.reaches("ready")
        assert await front.ask("get_positions")


@pytest.mark.fault(25)
@pytest.mark.parametrize("kind", ["http", "giant"])
async def test_bytes_that_are_no_message_end_a_session_and_it_comes_back(sim: Simulator, kind: str) -> None:
    async with ready_session(sim) as stand:
        sim.fault(f"raw {kind}")

        await until(lambda: connections(sim) == 2, "the connection is made anew", 5 + BUSY_S)
        await stand.ready()
        assert stand.session.positions.all() != []
