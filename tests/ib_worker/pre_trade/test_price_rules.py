"""Prices are held against the market rule of the exchange and of their band, and fractions against the sizes."""

from decimal import Decimal

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.pre_trade.price_rules import Rule, increment_at, neighbours, require_on_grid, require_size, rule_id
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

CENTS: Rule = ((0.0, 0.01),)
PENNY_BELOW_3: Rule = ((0.0, 0.01), (3.0, 0.05))
SPY = ib_async.Contract(conId=1, symbol="SPY", secType="OPT", exchange="SMART")
MARKET_RULE = 91  # message id of reqMarketRule
EXPIRY = {"lastTradeDateOrContractMonth": "20250718"}


@pytest.mark.trial("D6")
@pytest.mark.parametrize(
    ("rule", "price", "near"),
    [
        (CENTS, 412.24, None),
        (CENTS, 0.1 + 0.2, None),
        (CENTS, 412.243, ("412.24", "412.25")),
        (CENTS, 0.004, ("0.00", "0.01")),
        (PENNY_BELOW_3, 2.99, None),
        (PENNY_BELOW_3, 3.0, None),
        (PENNY_BELOW_3, 3.01, ("3.00", "3.05")),
        (((0.0, 0.25),), 6000.3, ("6000.25", "6000.50")),
        (((0.0, 0.00005),), 1.14235, None),
        (((0.0, 0.00005),), 1.14236, ("1.14235", "1.14240")),
        (((0.0, 0.015625),), 112.296875, None),
        (((0.0, 0.01),), -37.635, ("-37.64", "-37.63")),
    ],
)
def test_the_nearest_prices_are_those_of_the_band(rule: Rule, price: float, near: tuple[str, str] | None) -> None:
    increment = increment_at(rule, price)
    assert increment is not None

    assert neighbours(price, increment) == (None if near is None else tuple(map(Decimal, near)))


@pytest.mark.trial("D6")
def test_a_rule_that_is_not_known_refuses_nothing() -> None:
    require_on_grid((), SPY, "lmtPrice", 1.23456)

    assert increment_at((), 1.0) is None


@pytest.mark.trial("A11")
def test_each_exchange_has_the_rule_at_its_place_and_an_unknown_one_none() -> None:
    details = ib_async.ContractDetails(validExchanges="SMART,ISLAND,IEX", marketRuleIds="26,109,32")

    assert [rule_id(details, each) for each in ("SMART", "NASDAQ", "IEX", "LSE")] == [26, 109, 32, None]
    assert rule_id(ib_async.ContractDetails(validExchanges="SMART,IEX", marketRuleIds="26"), "IEX") is None


@pytest.mark.trial("D5")
def test_a_fraction_is_refused_in_words_where_things_are_traded_whole() -> None:
    whole = ib_async.ContractDetails(sizeIncrement=1.0)
    with pytest.raises(ToolError, match="totalQuantity: SPY OPT is traded in whole units: give 1 or 2"):
        require_size(whole, SPY, 1.5)

    require_size(ib_async.ContractDetails(sizeIncrement=0.0001), SPY, 0.0003)
    require_size(ib_async.ContractDetails(sizeIncrement=1.7976931348623157e308), SPY, 0.5)
    require_size(ib_async.ContractDetails(sizeIncrement=100.0), SPY, 7)


@pytest.mark.trial("A11", "D6")
async def test_a_price_off_the_increments_is_refused_by_every_tool_before_anything_is_sent(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        limit = {"orderType": "LMT", "lmtPrice": 300.123}
        placed = await front.refused_order(**order(**limit))
        stop = await front.refused_order(**order(orderType="STP", auxPrice=900.555))
        preview = await front.refused("preview_order", **order(**limit))
        exits = [
            await front.refused_order("place_bracket_order", **order(takeProfitPrice=profit, stopLossPrice=loss))
            for profit, loss in ((500, 412.243), (500.001, 412))
        ]
        future = {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "SEP25"}
        pair = {"symbol": "EUR", "secType": "CASH", "totalQuantity": 25_000}
        fine = await front.refused_order(**order(**pair, orderType="LMT", lmtPrice=1.14237))
        coarse = await front.refused_order(**order(**future, orderType="LMT", lmtPrice=3700.3))
        assert frames(sim) == 0
        resting = await front.submit("place_order", **order(orderType="LMT", lmtPrice=300))
        change = await front.refused_order("modify_order", orderId=resting["orderId"], lmtPrice=300.001)

    for error in (placed, preview):
        assert error.code == "invalid_arguments"
        assert "AAPL is 0.01 there on SMART; the nearest are 300.12 and 300.13" in error.message
        assert (error.details["increment"], error.details["nearest"]) == (0.01, [300.12, 300.13])
    assert "lmtPrice: 1.14237 lies between two prices. The increment of EUR.USD is 0.00005 there" in fine.message
    named = [each.details["fields"] for each in (placed, stop, *exits, coarse, change)]
    assert named == [["lmtPrice"], ["auxPrice"], ["stopLossPrice"], ["takeProfitPrice"], ["lmtPrice"], ["lmtPrice"]]
    assert "The increment of ES SEP25 is 0.25 there on CME; the nearest are 3700.25 and 3700.5" in coarse.message
    assert len(sim.journal.entries("in", MARKET_RULE)) == 3  # each rule once, however many contracts have it
    assert frames(sim) == 1


@pytest.mark.trial("A11")
async def test_where_tws_tells_no_rule_it_decides_itself(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on reqMarketRule ignore")
    async with trading(redis_url, session, sim) as front:
        error = await front.refused_order(**order(orderType="LMT", lmtPrice=300.123))

    assert (error.code, error.details["twsCode"]) == ("rejected", 110)
    assert frames(sim) == 1


@pytest.mark.trial("D5")
async def test_a_fraction_of_a_contract_is_refused_before_anything_is_sent(
    redis_url: str, session: str, sim: Simulator
) -> None:
    option = {"symbol": "SPY", "secType": "OPT", "strike": 400, "right": "C", **EXPIRY}
    async with trading(redis_url, session, sim) as front:
        error = await front.refused_order(**order(**option, totalQuantity=1.5, orderType="LMT", lmtPrice=1))

    assert error.code == "invalid_arguments"
    assert "totalQuantity: SPY 18JUL25 400 C is traded in whole units: give 1 or 2" in error.message
    assert frames(sim) == 0
