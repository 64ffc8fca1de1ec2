"""The limit of short options counts what every open or just filled order may sell: combinations, changes, cover."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bridge.tool import ToolError
from ib_worker.orders.timing import OrderTiming
from ibgateway.simulator.model.contracts import ComboLeg, Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until

EXPIRY = "20250718"
CALL: dict[str, Any] = {
    "secType": "OPT", "lastTradeDateOrContractMonth": EXPIRY, "strike": 430.0, "right": "C", "action": "SELL",
}  # fmt: skip
PUT = CALL | {"right": "P", "strike": 400.0}
FAR = {"orderType": "LMT", "lmtPrice": 60}  # an option's sale at this price rests
RESTING = Order("SELL", Decimal(10), "LMT", lmtPrice=200.0, account="DU1234567")
SOON = replace(RESTING, lmtPrice=1.0, goodAfterTime="20250611 10:32:00 US/Eastern")


def leg(sim: Simulator, strike: float, action: str, ratio: int = 1, right: str = "C") -> ComboLeg:
    option = Contract(
        symbol="AAPL", secType="OPT", lastTradeDateOrContractMonth=EXPIRY, strike=strike, right=right, exchange="SMART"
    )
    return ComboLeg(sim.world.resolve(option).conId, ratio, action, "SMART")


def combination(sim: Simulator, terms: Order, *legs: ComboLeg, orderId: int = 900) -> None:
    """An order of a program that has this worker's clientId: no tool places a combination."""
    bag = Contract(symbol="AAPL", secType="BAG", exchange="SMART", currency="USD", comboLegs=legs)
    sim.world.place_order(1, orderId, bag, terms)


async def shown(front: Caller, status: str, orderId: int = 900) -> None:
    async def there() -> bool:
        try:
            return bool((await front.ask("get_order", orderId=orderId))["order"]["status"] == status)
        except ToolError:
            return False

    await until(there, f"the worker knows the order as {status}")


async def filled(front: Caller, sim: Simulator, *legs: ComboLeg) -> None:
    combination(sim, SOON, *legs)
    await until(lambda: known(front), "the worker knows the order")
    sim.skip(150)
    await shown(front, "Filled")


async def known(front: Caller) -> bool:
    return any(each["orderId"] == 900 for each in await front.ask("get_open_orders"))


async def past_the_limit(front: Caller, **terms: Any) -> float:
    """Return what the rejected order would have made the short options count."""
    error = await front.refused_order(**order(**terms))
    assert (error.code, error.details.get("limit")) == ("limit_exceeded", "max_short_option_value"), error
    return float(error.details["value"])


async def test_the_legs_that_an_open_combination_may_sell_count(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        combination(sim, RESTING, leg(sim, 430.0, "BUY"), leg(sim, 440.0, "BUY", right="P"))
        await shown(front, "Submitted")
        counted = await past_the_limit(front, **CALL, **FAR, totalQuantity=9)
        few = await front.submit("place_order", **order(**CALL, **FAR, totalQuantity=1))

    assert counted == pytest.approx((19 * 430 + 10 * 440) * 100, rel=0.1)
    assert few["status"] in ("PreSubmitted", "Submitted")


async def test_two_open_combinations_do_not_pass_the_limit_together_with_a_sale(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        bought = Order("BUY", Decimal(10), "LMT", lmtPrice=-150.0, account="DU1234567")
        for orderId, strike in ((900, 430.0), (901, 420.0)):
            combination(sim, bought, leg(sim, strike, "SELL"), leg(sim, 400.0, "BUY", right="P"), orderId=orderId)
            await shown(front, "Submitted", orderId)
        counted = await past_the_limit(front, **CALL, **FAR, totalQuantity=4)

    assert counted == pytest.approx((14 * 430 + 10 * 420) * 100, rel=0.1)


async def test_a_combinations_long_leg_covers_its_own_short_leg_alone(
    redis_url: str, session: str, sim: Simulator
) -> None:
    spread = Order("BUY", Decimal(20), "LMT", lmtPrice=0.1, account="DU1234567")
    async with trading(redis_url, session, sim) as front:
        combination(sim, spread, leg(sim, 420.0, "BUY"), leg(sim, 430.0, "SELL"))
        await shown(front, "Submitted")
        fits = await front.submit("place_order", **order(**CALL, **FAR, totalQuantity=20))
        counted = await past_the_limit(front, **CALL | {"strike": 440.0}, **FAR, totalQuantity=4)

    assert fits["status"] in ("PreSubmitted", "Submitted")  # the spread counts 0, and so does its long leg for others
    assert counted == pytest.approx((20 * 430 + 4 * 440) * 100, rel=0.1)


async def test_the_legs_of_a_filled_combination_count_before_a_position_shows_them(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("delay position 60")
        await filled(front, sim, leg(sim, 430.0, "BUY"), leg(sim, 440.0, "BUY", right="P"))
        counted = await past_the_limit(front, **CALL, **FAR, totalQuantity=9)
        bought_back = await front.submit("place_order", **order(**CALL | {"action": "BUY"}, totalQuantity=1))

    assert counted == pytest.approx((19 * 430 + 10 * 440) * 100, rel=0.1)
    assert bought_back["status"] == "Filled"


async def test_a_filled_combination_counts_once_when_positions_show_it(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await filled(front, sim, leg(sim, 430.0, "BUY"), leg(sim, 440.0, "BUY"))
        counted = await past_the_limit(front, **CALL, **FAR, totalQuantity=9)

    assert counted == pytest.approx((19 * 430 + 10 * 440) * 100, rel=0.05)


async def test_a_change_that_tws_has_not_confirmed_counts_in_full(redis_url: str, session: str, sim: Simulator) -> None:
    timing = OrderTiming(change_wait_s=0.3, list_wait_s=0.3)
    async with trading(redis_url, session, sim, order_timing=timing) as front:
        placed = await front.submit("place_order", **order(**CALL, **FAR, totalQuantity=2))
        sim.fault("swallow openOrder")
        sim.fault("swallow orderStatus")
        changed = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=22)
        counted = await past_the_limit(front, **CALL, **FAR, totalQuantity=3)

    assert changed["totalQuantity"] == 2
    assert counted == pytest.approx(25 * 430 * 100, rel=0.1)


async def test_shares_that_an_open_order_buys_back_cover_no_put(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(action="SELL", totalQuantity=200))
        await front.submit("place_order", **order(**PUT, **FAR, totalQuantity=26))  # two of them are covered
        one = await front.submit("place_order", **order(totalQuantity=100, orderType="LMT", lmtPrice=100))
        counted = await past_the_limit(front, totalQuantity=100, orderType="LMT", lmtPrice=101)

    assert one["status"] in ("PreSubmitted", "Submitted")
    assert counted == pytest.approx(26 * 400 * 100, rel=0.01)


async def test_shares_that_open_orders_sell_cover_no_call(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(totalQuantity=300))
        await front.submit("place_order", **order(**CALL, **FAR, totalQuantity=25))
        one = await front.submit(
            "place_order", **order(action="SELL", totalQuantity=100, orderType="LMT", lmtPrice=900)
        )
        counted = await past_the_limit(front, action="SELL", totalQuantity=200, orderType="LMT", lmtPrice=900)

    assert one["status"] in ("PreSubmitted", "Submitted")
    assert counted == pytest.approx(25 * 430 * 100, rel=0.1)


async def test_the_exits_of_a_bracket_on_an_option_do_not_count_as_short(
    redis_url: str, session: str, sim: Simulator
) -> None:
    bought = CALL | {"action": "BUY", "lmtPrice": 1}
    async with trading(redis_url, session, sim) as front:
        await front.submit(
            "place_bracket_order", **order(**bought, totalQuantity=15, takeProfitPrice=90, stopLossPrice=0.5)
        )
        sold = await front.submit("place_order", **order(**CALL, **FAR, totalQuantity=20))

    assert sold["status"] in ("PreSubmitted", "Submitted")


async def test_the_exits_of_a_bracket_on_an_option_can_always_be_moved(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """Either exit closes what is held: the other one is cancelled by it."""
    bought = CALL | {"action": "BUY"}
    async with trading(redis_url, session, sim) as front:
        held = await front.submit(
            "place_bracket_order", **order(**bought, totalQuantity=30, takeProfitPrice=90, stopLossPrice=0.5)
        )
        waiting = await front.submit(
            "place_bracket_order",
            **order(**bought | {"lmtPrice": 0.9}, totalQuantity=30, takeProfitPrice=95, stopLossPrice=0.4),
        )
        for bracket, price in ((held, 0.6), (waiting, 0.45)):
            moved = await front.submit("modify_order", orderId=bracket["stopLoss"]["orderId"], auxPrice=price)
            assert moved["auxPrice"] == price


async def test_combinations_of_options_on_futures_count_too(redis_url: str, session: str, sim: Simulator) -> None:
    strike, conId = 3300.0, 1176802056  # of ES, in the money: 50 × 6,000 for each one sold
    one: dict[str, Any] = {"symbol": "ES", "secType": "FOP", "exchange": "CME", "action": "SELL", "right": "C"}
    one |= {"lastTradeDateOrContractMonth": "20250704", "strike": strike, "orderType": "LMT", "lmtPrice": 5000}
    legs = (ComboLeg(conId, 1, "BUY", "CME"), ComboLeg(1176802058, 1, "BUY", "CME"))
    bag = Contract(symbol="ES", secType="BAG", exchange="CME", currency="USD", comboLegs=legs)
    async with trading(redis_url, session, sim) as front:
        alone = await front.ask("preview_order", **order(**one, totalQuantity=1))
        sim.world.place_order(1, 900, bag, replace(RESTING, totalQuantity=Decimal(1), lmtPrice=9000.0))
        await shown(front, "Submitted")
        beside = await front.ask("preview_order", **order(**one, totalQuantity=1))

    assert beside["shortOptionValue"] == pytest.approx(3 * alone["shortOptionValue"], rel=0.02)


async def test_a_sale_of_what_covers_a_call_is_warned_of_and_never_refused(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async def held(symbol: str) -> set[float]:
        return {each["position"] for each in await front.ask("get_positions", symbol=symbol)}

    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="AAPL", totalQuantity=250))
        await front.submit("place_order", **CALL | {"symbol": "AAPL", "totalQuantity": 2})

        async def positions() -> bool:
            return await held("AAPL") == {250, -2}

        await until(positions, "the shares and the calls are positions")
        enough = await front.ask("preview_order", **order(symbol="AAPL", action="SELL", totalQuantity=50))
        preview = await front.ask("preview_order", **order(symbol="AAPL", action="SELL", totalQuantity=151))
        placed = await front.submit("place_order", **order(symbol="AAPL", action="SELL", totalQuantity=60))

    assert enough["warnings"] == []
    assert preview["warnings"] == ["2 short AAPL 18JUL25 430 C become uncovered: this order sells the cover."]
    assert preview["refused_by"] is None
    assert (placed["status"], placed["warnings"]) == (
        "Filled", ["1 short AAPL 18JUL25 430 C becomes uncovered: this order sells the cover."],
    )  # fmt: skip


async def test_options_that_are_sold_without_cover_are_warned_of_at_the_sale(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """Shares that open orders would sell cover nothing."""
    two = CALL | {"symbol": "AAPL", "totalQuantity": 2}
    async with trading(redis_url, session, sim) as front:
        naked = await front.ask("preview_order", **two)
        put = await front.ask("preview_order", **two | {"right": "P"})
        await front.submit("place_order", **order(symbol="AAPL", totalQuantity=250))

        async def held() -> bool:
            return {each["position"] for each in await front.ask("get_positions", symbol="AAPL")} == {250}

        await until(held, "the shares are a position")
        covered = await front.ask("preview_order", **two)
        exit_ = order(symbol="AAPL", action="SELL", totalQuantity=100, orderType="LMT", lmtPrice=900)
        await front.submit("place_order", **exit_)
        placed = await front.submit("place_order", **two)

    less = "what is held, less what open orders may sell, covers"
    call = "short AAPL 18JUL25 430 C would be uncovered"
    assert naked["warnings"] == [f"2 of 2 {call}: {less} 0. Their loss has no bound."]
    assert put["warnings"] == [f"2 of 2 short AAPL 18JUL25 430 P would be naked, however much cash there is: {less} 0."]
    assert (covered["warnings"], covered["refused_by"]) == ([], None)
    assert placed["warnings"] == [f"1 of 2 {call}: {less} 1. Their loss has no bound."]
