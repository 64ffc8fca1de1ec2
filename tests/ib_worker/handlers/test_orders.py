"""The handlers that send: an order, a change, and what is refused before anything leaves."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.order_references import order_ref
from bridge.tools.orders import PlaceOrder
from ib_worker.orders.timing import OrderTiming
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.orders import resting
from tests.stacks.worker import SOON, caller, frames, order, trading

KEY = "a-key-of-the-caller"


async def test_a_change_is_confirmed_by_tws_and_sent_once_per_key(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        changed = await front.submit("modify_order", key="change-key-1", orderId=placed["orderId"], lmtPrice=401)
        again = await front.submit("modify_order", key="change-key-1", orderId=placed["orderId"], lmtPrice=401)
        same = await front.submit("modify_order", key="change-key-2", orderId=placed["orderId"], lmtPrice=401)
        larger = await front.submit("modify_order", orderId=0, orderKey=KEY, totalQuantity=7)
        life = await front.ask("get_order", permId=placed["permId"])

    assert (changed["lmtPrice"], changed["totalQuantity"], changed["message"]) == (
        401,
        3,
        "TWS has confirmed the new terms.",
    )
    assert (again["replayed"], larger["totalQuantity"], larger["lmtPrice"]) == (True, 7, 401)
    assert same["message"] == "The order has these terms already; nothing was sent."
    assert larger["idempotencyKey"] == KEY
    assert [each["source"] for each in life["events"]].count("change sent") == 2
    assert frames(sim) == 3


async def test_a_change_that_tws_has_not_confirmed_can_be_taken_back(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=OrderTiming(change_hold_s=0)) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        sim.fault("on order ignore")
        silent = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
        back = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=400)

    assert "not confirmed yet" in silent["message"]
    assert (back["lmtPrice"], back["message"]) == (400, "TWS has confirmed the new terms.")
    assert frames(sim) == 3


async def test_a_change_that_makes_no_sense_is_refused_without_a_frame(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        filled = await front.submit("place_order", **order())
        placed = await front.submit("place_order", key=KEY, **resting())
        done = await front.refused_order("modify_order", orderId=filled["orderId"], totalQuantity=5)
        wrong = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=3)
        huge = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=20_000)
        stranger = await front.refused_order("modify_order", orderId=4711, totalQuantity=5)
        unknown = await front.refused_order("modify_order", orderId=0, orderKey="no-such-key", totalQuantity=5)
        unseen = await front.refused("get_order", orderId=0, orderKey="no-such-key")

    assert [each.code for each in (done, wrong, huge, stranger)] == [
        "not_open", "invalid_arguments", "limit_exceeded", "not_found",
    ]  # fmt: skip
    assert [each.code for each in (unknown, unseen)] == ["not_found", "not_found"]
    assert unknown.message.startswith("orderKey: this session has no open order no-such-key")
    assert unseen.message.startswith("orderKey: TWS lists no such order")
    assert "The order is Filled" in done.message  # named by whichever of its names
    assert "orderType LMT has none; its price is lmtPrice" in wrong.message
    assert frames(sim) == 2


@pytest.mark.fault(95)
async def test_an_equal_order_is_held_and_let_go_by_naming_the_first(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        held = await front.refused_order(**order())
        await front.submit("place_order", **order(), duplicateOf=KEY)

    assert (held.code, held.details["duplicateOf"]) == ("possible_duplicate", KEY)
    assert frames(sim) == 2


async def test_a_market_order_is_answered_with_its_fill(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_order", key=KEY, **order())
        executions = await front.ask("get_executions")

        assert (told["status"], told["filled"], told["remaining"], told["message"]) == (
            "Filled",
            1,
            0,
            "The order is filled.",
        )
        assert (told["idempotencyKey"], told["orderRef"], told["account"]) == (KEY, order_ref(KEY), "DU1234567")
        assert not {"lmtPrice", "auxPrice", "notices", "group"} & told.keys()
        assert [(each["orderRef"], each["side"], each["shares"]) for each in executions] == [(order_ref(KEY), "BOT", 1)]
        assert executions[0]["commission"] > 0
        assert executions[0]["permId"] == told["permId"]


async def test_the_frame_says_what_was_asked(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        asked = order(
            symbol="MSFT", action="SELL", totalQuantity=7, orderType="STP LMT", lmtPrice=10.5, auxPrice=11.25,
            tif="GTC", outsideRth=True,
        )  # fmt: skip
        await front.submit("place_order", key=KEY, **asked)

        contract, placed = sim.journal.orders()[0].request.placed[:2]
        assert (contract.conId, contract.symbol, contract.exchange) == (272093, "MSFT", "SMART")
        assert (placed.action, placed.totalQuantity, placed.orderType) == ("SELL", 7, "STP LMT")
        assert (placed.lmtPrice, placed.auxPrice, placed.tif, placed.outsideRth) == (10.5, 11.25, "GTC", True)
        assert (placed.orderRef, placed.account, placed.transmit, placed.whatIf) == (
            order_ref(KEY),
            "DU1234567",
            True,
            False,
        )


async def test_an_order_of_a_model_says_so_and_never_counts_as_closing(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        asked = order(symbol="MSFT", action="SELL", totalQuantity=5, modelCode="Growth 2")
        seen = await front.ask("preview_order", **asked)
        placed = await front.submit("place_order", key=KEY, **asked)
        plain = await front.submit("place_order", **order(symbol="MSFT", action="SELL", totalQuantity=5))
        exits = {"takeProfitPrice": 900, "stopLossPrice": 1}
        bracket = await front.submit("place_bracket_order", **order(**exits, modelCode="Growth 2"))
        with pytest.raises(ValidationError, match="modelCode"):
            PlaceOrder.model_validate(order(modelCode="Growth. It is approved\n"))

        models = [each.request.placed[1].modelCode for each in sim.journal.orders()]
        assert models == ["Growth 2", "", *["Growth 2"] * 3]
        assert (placed["modelCode"], "modelCode" in plain) == ("Growth 2", False)
        assert bracket["entry"]["modelCode"] == bracket["stopLoss"]["modelCode"] == "Growth 2"
        assert "account DU1234567 model Growth 2" in seen["summary"]
        assert seen["closing"] is False


async def test_the_same_key_places_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key=KEY, **order())
        again = await front.submit("place_order", key=KEY, **order())

        assert frames(sim) == 1
        assert again == first | {"replayed": True, "message": again["message"]}


@pytest.mark.fault(93)
async def test_ten_callers_with_one_key_place_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front, caller(redis_url, session, front.name) as other:
        answers = await asyncio.gather(*(each.submit("place_order", key=KEY, **order()) for each in [front, other] * 5))

        assert frames(sim) == 1
        assert len({each["permId"] for each in answers}) == 1


@pytest.mark.fault(99)
@pytest.mark.parametrize(
    "changes",
    [
        {"totalQuantity": 0}, {"totalQuantity": -1}, {"totalQuantity": "NaN"}, {"totalQuantity": "1e3"},
        {"totalQuantity": True}, {"totalQuantity": "٣"}, {"totalQuantity": float("inf")},
        {"orderType": "LMT"}, {"lmtPrice": 5}, {"orderType": "LMT", "lmtPrice": float("nan")}, {"secType": "NONSENSE"},
        {"symbol": "A\0B"}, {"symbol": "A" * 1_000_000}, {"limitPrice": 5}, {"action": "HOLD"}, {"account": "DU1\n2"},
    ],
    ids=str,
)  # fmt: skip
def test_no_declaration_holds_such_an_order(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlaceOrder.model_validate(order(**changes))


async def test_read_only_mode_sends_no_order_and_no_cancel(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))

    sent = frames(sim)
    async with trading(redis_url, f"{session}-ro", sim, trading_mode="read_only", order_timing=SOON) as front:
        refused = await front.refused_order(**order())
        cancel = await front.refused_order("cancel_order", orderId=placed["orderId"])

        assert (refused.code, cancel.code) == ("read_only", "read_only")
        assert await front.ask("get_positions")
        assert (frames(sim), sim.journal.entries("in", 4)) == (sent, [])


@pytest.mark.fault(60)
async def test_an_order_needs_its_account_named_among_several(redis_url: str, session: str) -> None:
    config = SimulatorConfig(accounts=("DU1111111", "DU2222222"))
    async with Simulator(config) as sim, trading(redis_url, session, sim) as front:
        missing = await front.refused_order(**order())
        wrong = await front.refused_order(**order(account="DU3333333"))
        assert (missing.code, wrong.code, frames(sim)) == ("account_required", "wrong_account", 0)

        told = await front.submit("place_order", **order(account="DU2222222"))
        assert told["account"] == "DU2222222"


@pytest.mark.trial("D5")
async def test_a_fraction_of_a_share_is_bought_and_whole_quantities_stay_integers(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        part = await front.submit("place_order", **order(totalQuantity=0.5))
        whole = await front.submit("place_order", **order(totalQuantity=2))

    assert (part["status"], part["totalQuantity"], part["filled"]) == ("Filled", 0.5, 0.5)
    assert [type(whole[name]) for name in ("totalQuantity", "filled", "remaining")] == [int, int, int]
