"""What becomes of orders by what TWS tells of them, in any order and number, over losses of the link."""

import asyncio
from typing import Any

import pytest

from bridge.order_references import order_ref
from bridge.tool import ToolError
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import Caller, frames, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"


@pytest.mark.fault(42)
@pytest.mark.parametrize("asked", ["get_order", "modify_order", "cancel_order"])
async def test_an_order_that_was_left_out_when_orders_were_read_is_looked_for(
    redis_url: str, session: str, sim: Simulator, asked: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))

    for name in ("openOrder", "orderStatus", "completedOrder"):
        sim.fault(f"swallow {name}")
    async with trading(redis_url, session, sim) as front:
        sim.fault("through")
        named: dict[str, Any] = {"orderId": 0, "orderKey": KEY}
        if asked == "get_order":
            told = (await front.ask("get_order", **named))["order"]
        else:
            told = await front.submit(asked, **named | ({"lmtPrice": 51} if asked == "modify_order" else {}))

        assert told["permId"] == placed["permId"]


@pytest.mark.fault(40)
async def test_a_rejection_carries_the_brokers_words(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on order answer 201 Order rejected - reason: the account is <restricted>\\x07")
    async with trading(redis_url, session, sim) as front:
        error = await front.refused_order(key=KEY, **order())
        again = await front.refused_order(key=KEY, **order())

        assert (error.code, error.details["twsCode"], error.details["orderRef"]) == ("rejected", 201, order_ref(KEY))
        assert "the account is <restricted>" in error.message
        assert (again.code, again.message.endswith(error.message)) == (error.code, True)
        assert frames(sim) == 1
        assert await front.ask("get_open_orders") == []


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (399, "Order Message:\\nYour order will not be placed at the exchange until the market opens."),
        (2109, "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored."),
        (10349, "Order TIF was set to DAY based on order preset."),
        (404, "Shares are not available for short sale."),
    ],
)
async def test_a_notice_does_not_end_an_order(
    redis_url: str, session: str, sim: Simulator, code: int, text: str
) -> None:
    sim.fault(f"on order notice {code} {text}")
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        opened = await front.ask("get_open_orders")

        assert told["status"] == "Submitted"
        assert [each["code"] for each in opened[0]["notices"]] == [code]


@pytest.mark.fault(43)
async def test_statuses_three_times_and_reversed_are_one_order(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("duplicate orderStatus 3")
    sim.fault("reverse orderStatus")
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_order", **order(totalQuantity=5))

        assert (told["status"], told["filled"]) == ("Filled", 5)
        assert len(await front.ask("get_executions")) == 1


@pytest.mark.fault(44)
async def test_executions_fill_an_order_of_which_no_status_comes(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("swallow orderStatus")
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_order", **order())

        assert (told["status"], told["filled"]) == ("Filled", 1)


@pytest.mark.fault(44)
async def test_statuses_fill_an_order_of_which_no_execution_comes(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("swallow execDetails")
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_order", **order())

        assert (told["status"], told["filled"], told["commission"]) == ("Filled", 1, None)


@pytest.mark.fault(27)
async def test_executions_in_a_zone_of_windows_are_not_lost(redis_url: str, session: str) -> None:
    config = SimulatorConfig(faults='zone "Eastern Standard Time"')
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order())

        executions = await front.ask("get_executions")
        assert executions[0]["time"].startswith("2025-06-11T14:3")


@pytest.mark.fault(59)
async def test_a_commission_that_is_not_told_yet_is_null(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("swallow commissionReport")
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order())

        executions = await front.ask("get_executions")
        assert (executions[0]["commission"], executions[0]["realizedPNL"]) == (None, None)


@pytest.mark.fault(26)
async def test_a_position_whose_end_was_not_told_ends_when_all_are_read_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="TSLA", totalQuantity=7))
        await until(lambda: held(front, "TSLA"), "the position is told")
        sim.fault("swallow position")
        await front.submit("place_order", **order(symbol="TSLA", action="SELL", totalQuantity=7))
        assert await held(front, "TSLA")

        sim.fault("through")
        sim.fault("link down")
        await front.reaches("link_down")
        sim.fault("link up")
        await front.reaches("ready")

        assert not await held(front, "TSLA")
        assert await front.ask("get_positions") != []


async def held(front: Caller, symbol: str) -> bool:
    return any(each["contract"]["symbol"] == symbol for each in await front.ask("get_positions"))


@pytest.mark.fault(26)
async def test_no_order_goes_out_while_positions_are_not_known_in_full(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("truncate position 8")
        sim.fault("send 61 3 DU1234567 nonsense")
        await until(lambda: answered(front, 51, "not_ready"), "the order is refused")
        before = frames(sim)
        assert await answered(front, 52, "not_ready")
        assert frames(sim) == before

        sim.fault("through")
        await until(lambda: answered(front, 53, "Submitted"), "the positions are read again")
        assert frames(sim) == before + 1


async def answered(front: Caller, lmtPrice: float, word: str) -> bool:
    """Whether an order is answered with this status or error. Asked again, it is the same call."""
    try:
        told = await front.submit("place_order", key=f"key-at-{lmtPrice}", **order(orderType="LMT", lmtPrice=lmtPrice))
    except ToolError as error:
        return error.code == word
    return bool(told["status"] == word)


@pytest.mark.fault(9)
async def test_without_a_gateway_nothing_is_sent_and_the_key_may_be_used_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("restart 0.5")
        await front.reaches("failed")
        error = await front.refused_order(key=KEY, **order())
        await front.reaches("ready")

        told = await front.submit("place_order", key=KEY, **order())

        assert error.code == "gateway_unreachable"
        assert (told["status"], frames(sim)) == ("Filled", 1)


@pytest.mark.fault(13)
async def test_while_the_link_is_down_orders_are_refused_and_cancels_wait(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        sim.fault("link down")
        await front.reaches("link_down")

        error = await front.refused_order(**order(symbol="IBM"))
        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])

        assert (error.code, frames(sim)) == ("link_down", 1)
        assert (cancelled["status"], "not confirmed" in cancelled["message"]) == ("Submitted", True)
        sim.fault("link up")
        await front.reaches("ready")

        async def gone() -> bool:
            return bool(await front.ask("get_open_orders") == [])

        await until(gone, "the cancel is carried out")


@pytest.mark.fault(8)
@pytest.mark.parametrize("lost", ["before", "after"])
async def test_an_order_at_the_moment_of_a_reset_is_answered_truly(
    redis_url: str, session: str, sim: Simulator, lost: str
) -> None:
    """`after`: the gateway took the order and only its word is lost. `before`: the gateway never had it."""
    sim.fault(f"on order reset {lost}")
    async with trading(redis_url, session, sim) as front:
        asked = order(orderType="LMT", lmtPrice=50)
        first = asyncio.create_task(front.submit("place_order", key=KEY, deadline_s=3, **asked))
        await until(lambda: frames(sim) == 1, "the order is on the wire")

        outcome = (await asyncio.gather(first, return_exceptions=True))[0]

        if lost == "after":
            assert isinstance(outcome, dict)
            assert (outcome["status"], outcome["orderRef"]) == ("Submitted", order_ref(KEY))
        else:
            assert isinstance(outcome, ToolError)
            assert outcome.code == "pending"
        assert frames(sim) == 1
