"""An order that may only reduce a position, and the order that the worker sizes to close one."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bridge.bus.controls.kill_switch import clear_halt, set_halt
from ib_worker.orders.timing import OrderTiming
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.other_programs import NVDA
from tests.stacks.worker import frames, order, trading
from tests.waiting import until

HELD = 100  # IBM, from the start
IBM = 8314
SATURDAY = 1749916800.0  # 2025-06-14 12:00:00 US/Eastern
FAR: dict[str, Any] = {"orderType": "LMT", "lmtPrice": 900.0}  # rests
CLOSE: dict[str, Any] = {"account": "DU1234567", "conId": IBM}


async def test_an_order_that_may_only_close_never_passes_zero(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        rests = order(symbol="IBM", action="SELL", totalQuantity=40, closeOnly=True, **FAR)
        resting = await front.submit("place_order", **rests)
        sent = frames(sim)
        many = await front.refused_order(**order(symbol="IBM", action="SELL", totalQuantity=61, closeOnly=True))
        adds = await front.refused_order(**order(symbol="IBM", action="BUY", totalQuantity=1, closeOnly=True))
        none = await front.refused_order(**order(symbol="NVDA", action="SELL", totalQuantity=1, closeOnly=True))
        exits: dict[str, Any] = {"symbol": "NVDA", "takeProfitPrice": 900, "stopLossPrice": 20, "exitsOnly": True}
        no_exits = await front.refused_order("place_bracket_order", **exits, action="SELL", totalQuantity=10)
        model = order(symbol="IBM", action="SELL", totalQuantity=1, closeOnly=True, modelCode="Growth")
        of_model = await front.refused_order(**model)
        assert frames(sim) == sent

        sized = await front.submit("close_position", key="close-ibm-now", **CLOSE)
        again = await front.submit("close_position", key="close-ibm-now", **CLOSE)
        left = await front.refused_order("close_position", **CLOSE)
        nothing = await front.refused_order("close_position", account="DU1234567", conId=265598)

    assert resting["status"] == "Submitted"
    assert (many.code, many.details["position"], many.details["open"], many.details["closable"]) == (
        "not_closing", HELD, 40, 60,
    )  # fmt: skip
    assert "the position is 100, and open or just filled SELL orders for 40 count first" in many.message
    assert adds.message == "closeOnly: BUY 1 would add to the long of 100 IBM. Nothing was sent."
    assert (none.message, no_exits.message) == (
        "closeOnly: you hold no NVDA. Nothing was sent.", "exitsOnly: you hold no NVDA. Nothing was sent.",
    )  # fmt: skip
    assert (adds.code, none.code, of_model.code) == ("not_closing",) * 3
    assert (sized["action"], sized["totalQuantity"], sized["status"]) == ("SELL", 60, "Filled")
    assert (again["replayed"], again["orderId"], frames(sim)) == (True, sized["orderId"], sent + 1)
    assert (left.code, nothing.code) == ("nothing_to_close", "nothing_to_close")
    assert "conId:" not in left.message + nothing.message  # the caller may have named a symbol, or everything
    assert (left.details["flat"], nothing.details["flat"]) == (False, True)
    assert f"Open SELL orders may close it already ({resting['orderId']}): cancel those" in left.message


async def test_a_short_is_bought_back_and_the_kill_switch_holds_for_what_closes_too(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        short = await front.submit("place_order", **order(symbol="NVDA", action="SELL", totalQuantity=5))
        closing = {"account": "DU1234567", "conId": short["contract"]["conId"]}

        async def shown() -> bool:
            return any(each["position"] == -5 for each in await front.ask("get_positions"))

        await until(shown, "the short is a position")
        await set_halt(pipe, keys, "halt", "operator anna", "a test")
        halted = await front.refused_order("close_position", key="close-nvda", **closing)
        await clear_halt(pipe, keys, "operator anna")
        await set_halt(pipe, keys, "reduce_only", "operator anna", "a test")
        bought = await front.submit("close_position", key="close-nvda", **closing)
        await clear_halt(pipe, keys, "operator anna")
        again = order(symbol="NVDA", action="SELL", totalQuantity=5, duplicateOf=short["idempotencyKey"])
        await front.submit("place_order", **again)
        await until(shown, "the second short is a position")
        at_once = await front.submit("close_position", key="close-nvda-again", **closing)  # equal to the first

    assert halted.code == "halted"
    assert (bought["action"], bought["totalQuantity"], bought["status"]) == ("BUY", 5, "Filled")
    assert (at_once["totalQuantity"], at_once["status"]) == (5, "Filled")


async def test_fills_that_the_position_does_not_show_are_looked_for_before_the_size(
    redis_url: str, session: str, sim: Simulator
) -> None:
    at_once = OrderTiming(position_lag_s=0)
    limits = Limits(max_short_option_value="off")  # with it they would be read for the limit
    async with trading(redis_url, session, sim, order_timing=at_once, limits=limits) as front:
        sim.fault("swallow position 1")
        await front.submit("place_order", **order(symbol="IBM", totalQuantity=10))
        sized = await front.submit("close_position", **CLOSE)

    assert (sized["totalQuantity"], sized["status"]) == (HELD + 10, "Filled")


async def test_what_closes_a_position_first_is_named_to_be_cancelled_once_nothing_refuses_the_close(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        exit_ = await front.submit("place_order", **order(symbol="IBM", action="SELL", totalQuantity=100, **FAR))
        terms: dict[str, Any] = {"symbol": "IBM", "action": "BUY", "totalQuantity": 10, "lmtPrice": 20}
        entry = (await front.submit("place_bracket_order", takeProfitPrice=600, stopLossPrice=10, **terms))["entry"]
        closes = CLOSE | {"cancelOrders": True}
        await set_halt(pipe, keys, "halt", "operator anna", "a test")
        halted = await front.refused_order("close_position", **closes)
        await clear_halt(pipe, keys, "operator anna")
        named = await front.refused_order("close_position", key="close-ibm-now", **closes)
        sim.fault("on cancelOrder each ignore")
        for orderId in named.details["orderIds"]:
            await front.submit("cancel_order", orderId=orderId)
        waits = await front.refused_order("close_position", key="close-ibm-now", **closes)  # both may still fill
        plain = await front.refused_order("close_position", **CLOSE)
        sim.fault("clear")
        for orderId in named.details["orderIds"]:
            await front.submit("cancel_order", orderId=orderId)
        closed = await front.submit("close_position", key="close-ibm-now", **closes)

    assert halted.code == "halted"
    assert (named.code, named.details["orderIds"]) == ("orders_rest", [exit_["orderId"], entry["orderId"]])
    assert waits.code == plain.code == "nothing_to_close"
    for each in (waits, plain):
        assert "The cancel of SELL orders that may close it is not confirmed yet" in each.message
        assert "cancelOrders" not in each.message
    assert (closed["totalQuantity"], closed["status"]) == (HELD, "Filled")


async def test_a_close_that_waits_for_the_open_is_not_replaced_by_another(redis_url: str, session: str) -> None:
    async with Simulator(SimulatorConfig(start=SATURDAY)) as sim, trading(redis_url, session, sim) as front:
        waiting = await front.submit("close_position", key="close-ibm-now", **CLOSE)
        sent = frames(sim)
        other = await front.refused_order("close_position", key="close-ibm-again", **CLOSE)
        cancels = await front.refused_order("close_position", key="close-ibm-too", **CLOSE | {"cancelOrders": True})
        assert frames(sim) == sent
        exit_ = await front.submit("place_order", **order(symbol="IBM", action="SELL", totalQuantity=100, **FAR))
        beside = await front.refused_order("close_position", key="close-ibm-too", **CLOSE | {"cancelOrders": True})
        await front.submit("cancel_order", orderId=exit_["orderId"])
        await front.submit("cancel_order", orderId=waiting["orderId"])
        anew = await front.submit("close_position", key="close-ibm-again", **CLOSE)
        await front.submit("cancel_order", orderId=anew["orderId"])
        foreign = Order("SELL", Decimal(HELD), "LMT", lmtPrice=900.0, tif="GTC", account="DU1234567")
        sim.world.place_order(9, 77, replace(NVDA, symbol="IBM"), foreign)
        blocked = await front.refused_order("close_position", key="close-ibm-too", **CLOSE | {"cancelOrders": True})

    assert "Open SELL orders of other programs may close it already (77): cancel those in their" in blocked.message
    assert "cancelOrders" not in blocked.message
    assert (waiting["status"], anew["totalQuantity"]) == ("PreSubmitted", HELD)
    assert f"SELL orders are open beside it ({exit_['orderId']}): a fill of those passes zero." in beside.message
    for each in (other, cancels):
        assert each.code == "nothing_to_close"
        assert f"SELL MKT (orderId {waiting['orderId']}) waits for the market to open. Send no other." in each.message


async def test_a_partial_close_is_told_how_far_to_reduce_the_exit_in_its_way(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sell: dict[str, Any] = {"symbol": "IBM", "action": "SELL"}
    part = order(**sell, totalQuantity=50, closeOnly=True)
    async with trading(redis_url, session, sim) as front:
        stop = await front.submit(
            "place_order", **order(**sell, totalQuantity=100, orderType="STP", auxPrice=20, tif="GTC")
        )
        refused = await front.refused_order(**part)
        whole = await front.refused_order(**part | {"totalQuantity": 100})
        exits = {**sell, "totalQuantity": 40, "takeProfitPrice": 900, "stopLossPrice": 20, "exitsOnly": True}
        of_exits = await front.refused_order("place_bracket_order", **exits)
        await front.submit("modify_order", orderId=stop["orderId"], totalQuantity=60)
        both = await front.submit("place_bracket_order", **exits)
        of_three = await front.refused_order(**part)
        await front.submit("cancel_order", orderId=stop["orderId"])
        await front.submit("place_order", **order(**sell, totalQuantity=30, closeOnly=True))
        of_two = await front.refused_order(**part)

    all_of_it = "ibkr_close_positions with cancelOrders cancels such orders and then closes the whole position."
    first = f"Nothing was sent. First reduce order {stop['orderId']} to totalQuantity"
    again = f"by ibkr_modify_order, then send this again. {all_of_it}"
    assert refused.message.endswith(f"{first} 50 {again}")
    assert of_exits.message.endswith(f"{first} 60 {again}")
    assert whole.message.endswith(f"Nothing was sent. {all_of_it}")
    pair = sorted(both[each]["orderId"] for each in ("stopLoss", "takeProfit"))
    assert f"or cancel orders {', '.join(map(str, (stop['orderId'], *pair)))} to 50 in all" in of_three.message
    each = " and ".join(f"order {one} to totalQuantity 20" for one in pair)
    assert f"First reduce {each} by ibkr_modify_order" in of_two.message
