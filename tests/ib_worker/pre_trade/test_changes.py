"""What a change asks for once its order is known."""

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.orders import ModifyOrder
from ib_worker.pre_trade.changes import meant
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

RESTING = {"orderType": "LMT", "lmtPrice": 300}


@pytest.mark.trial("D2")
async def test_a_0_in_a_change_is_none_where_the_order_has_no_such_price_and_refused_where_it_has(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(**RESTING))
        sent = frames(sim)

        refused = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=0)
        nothing = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=0)
        assert frames(sim) == sent
        changed = await front.submit("modify_order", orderId=placed["orderId"], auxPrice=0, lmtPrice=301, tif="gtc")

    assert (refused.code, "must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert (nothing.code, "so this changes nothing" in nothing.message) == ("invalid_arguments", True)
    assert (changed["lmtPrice"], changed["tif"]) == (301, "GTC")


@pytest.mark.trial("D2")
async def test_a_limit_of_0_is_judged_by_the_contract_that_the_conid_names(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        refused = await front.refused_order(**order(conId=265598, orderType="LMT", lmtPrice=0))

    assert (refused.code, "lmtPrice: must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert frames(sim) == 0


STOCK, FUTURE = ib_async.Stock("AAPL", "SMART", "USD"), ib_async.Future("ES", "202509", "CME")
LIMIT = ib_async.Order(action="BUY", totalQuantity=10, orderType="LMT", lmtPrice=100.0)


def test_a_0_for_a_price_that_the_type_has_not_is_left_out() -> None:
    change = meant(ModifyOrder(orderId=7, lmtPrice=101, auxPrice=0), STOCK, LIMIT)

    assert (change.lmtPrice, change.auxPrice) == (101, None)


def test_a_change_of_nothing_is_refused_with_the_field() -> None:
    with pytest.raises(ToolError, match="orderType LMT has none") as refused:
        meant(ModifyOrder(orderId=7, auxPrice=0), STOCK, LIMIT)

    assert refused.value.details["fields"] == ["auxPrice"]


def test_an_order_that_trails_by_a_percentage_has_no_amount() -> None:
    trail = ib_async.Order(action="SELL", totalQuantity=10, orderType="TRAIL", trailingPercent=5.0)

    change = meant(ModifyOrder(orderId=7, auxPrice=0, trailingPercent=4), STOCK, trail)

    assert (change.auxPrice, change.trailingPercent) == (None, 4)


def test_a_stop_is_never_0() -> None:
    stop = ib_async.Order(action="SELL", totalQuantity=10, orderType="STP", auxPrice=90.0)

    with pytest.raises(ToolError, match="auxPrice: must be above 0"):
        meant(ModifyOrder(orderId=7, auxPrice=0), STOCK, stop)


def test_a_limit_of_0_is_a_price_of_what_is_sold_at_it() -> None:
    change = ModifyOrder(orderId=7, lmtPrice=0)

    assert meant(change, FUTURE, LIMIT).lmtPrice == 0
    with pytest.raises(ToolError, match="lmtPrice: must be above 0 for secType STK"):
        meant(change, STOCK, LIMIT)


async def test_a_stop_is_not_moved_to_where_the_market_is(redis_url: str, session: str, sim: Simulator) -> None:
    """Without a limit that needs a quote, the quote is asked for all the same."""
    limits = Limits(price_collar="off", max_order_value="off", max_position_value="off")
    stop = order(symbol="IBM", action="SELL", totalQuantity=10, orderType="STP", auxPrice=20)
    async with trading(redis_url, session, sim, limits=limits) as front:
        placed = await front.submit("place_order", **stop)
        sent = frames(sim)
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=900)
        fewer = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=900, totalQuantity=5)
        assert frames(sim) == sent
        moved = await front.submit("modify_order", orderId=placed["orderId"], auxPrice=21, totalQuantity=5)

    assert (refused.code, fewer.code) == ("invalid_arguments", "invalid_arguments")
    assert refused.message.startswith("auxPrice: the market meets 900 already (bid/ask/last ")
    assert refused.message.endswith(
        "so this stop would trade at once. Nothing was sent, and the order is unchanged. To sell now use "
        "ibkr_close_positions or a MKT order."
    )
    assert (moved["auxPrice"], moved["totalQuantity"]) == (21, 5)
