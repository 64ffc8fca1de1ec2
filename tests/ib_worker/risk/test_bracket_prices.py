"""A bracket's exits lie ahead of its entry, when it is placed and after each change; else they trade at once."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest

from bridge.tool import ToolError
from ib_worker.risk.bracket_prices import Levels, crossed, require_ahead, require_unmet
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FAR, bracket
from tests.stacks.worker import frames, order, trading

ENTRY = OrderIntent("X", "STK", "USD", Decimal(1), "BUY", Decimal(3), "MKT")
FACTS = RiskInputs(99.0, 100.0, 99.5, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD", trading="open")


def exits(stop: float, target: float) -> list[OrderIntent]:
    leave = replace(ENTRY, action="SELL")
    return [replace(leave, orderType="LMT", lmtPrice=target), replace(leave, orderType="STP", auxPrice=stop)]


@pytest.mark.trial("A25")
def test_without_a_fresh_quote_of_an_open_market_tws_decides() -> None:
    for changes in ({"quote_age_s": None}, {"late": True}, {"trading": "closed"}):
        require_ahead(ENTRY, exits(110.0, 120.0), replace(FACTS, **changes))
    require_ahead(replace(ENTRY, orderType="LMT", lmtPrice=90.0), exits(80.0, 95.0), FACTS)  # rests below the market


@pytest.mark.trial("A25")
async def test_a_bracket_whose_exit_the_market_meets_is_refused(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for terms, name in (
            ({"takeProfitPrice": 500, "stopLossPrice": 430}, "stopLossPrice"),
            ({"takeProfitPrice": 424, "stopLossPrice": 300}, "takeProfitPrice"),
            ({"takeProfitPrice": 500, "stopLossPrice": 430, "lmtPrice": 440}, "stopLossPrice"),
            ({"action": "SELL", "takeProfitPrice": 300, "stopLossPrice": 420}, "stopLossPrice"),
            ({"action": "SELL", "takeProfitPrice": 426, "stopLossPrice": 500}, "takeProfitPrice"),
        ):
            refused = await front.refused_order("place_bracket_order", **order(**terms))
            assert (refused.code, refused.details["fields"]) == ("invalid_arguments", [name]), terms
            assert "as soon as the entry has filled" in refused.message
        assert frames(sim) == 0


@pytest.mark.trial("A9")
async def test_an_entry_that_rests_has_exits_on_this_side_of_the_market(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """The market is at 139: an entry at 125 may have its target at 130, and at 127 later."""
    async with trading(redis_url, session, sim) as front:
        placed = await bracket(front, **FAR | {"lmtPrice": 125, "takeProfitPrice": 130, "stopLossPrice": 120})
        target = placed["takeProfit"]["orderId"]
        moved = await front.submit("modify_order", orderId=target, lmtPrice=127)
        through = await front.refused_order("modify_order", orderId=placed["entry"]["orderId"], lmtPrice=900)

    assert placed["entry"]["status"] == "Submitted"
    assert moved["lmtPrice"] == 127
    assert through.code == "invalid_arguments"  # past its target


@pytest.mark.trial("A9")
@pytest.mark.parametrize(
    ("action", "levels", "told"),
    [
        ("BUY", (20.0, 60.0, 600.0), None),
        ("SELL", (600.0, 60.0, 20.0), None),
        ("SELL", (60.0, 60.0, 20.0), "the stop at 60 would not lie above the entry at 60"),
        ("BUY", (20.0, None, 10.0), "the stop at 20 would not lie below the target at 10"),
        ("BUY", (None, 60.0, None), None),
    ],
)
def test_a_stop_lies_behind_the_entry_and_the_target_ahead(
    action: Literal["BUY", "SELL"], levels: tuple[Any, Any, Any], told: str | None
) -> None:
    assert crossed(Levels(action, *levels)) == told


@pytest.mark.parametrize(
    "changes", [{"quote_age_s": None}, {"late": True}, {"trading": "closed"}, {"bid": 120, "last": 120}]
)
def test_a_stop_is_moved_freely_where_the_market_is_not_known_to_meet_it(changes: dict[str, Any]) -> None:
    stop = replace(ENTRY, action="SELL", orderType="STP", auxPrice=99.5)
    with pytest.raises(ToolError, match=r"the market meets 99\.5 already \(bid/ask/last 99/100/99\.5\)"):
        require_unmet(stop, FACTS)

    require_unmet(stop, replace(FACTS, ask=121.0, **changes))


async def test_a_closing_stop_placed_where_the_market_is_says_first_that_it_traded(
    redis_url: str, session: str, sim: Simulator
) -> None:
    stop = order(symbol="IBM", action="SELL", totalQuantity=10, orderType="STP", auxPrice=900)
    async with trading(redis_url, session, sim) as front:
        preview = await front.ask("preview_order", **stop)
        told = await front.submit("place_order", **stop)

    assert (preview["refused_by"], len(preview["warnings"])) == (None, 2)
    assert preview["warnings"][0].startswith("The trigger of 900 is met by bid ")
    assert preview["warnings"][0].endswith(": it trades at once.")
    assert told["status"] == "Filled"
    assert told["message"].startswith("It traded at once: its trigger of 900 was met by bid ")
    assert told["message"].endswith(". The order is filled.")


def without_prices(text: str) -> str:
    """The text without the market's prices, which may change between two calls."""
    return re.sub(r"\(bid/ask/last [^)]*\)", "", text)


@pytest.mark.parametrize(
    "terms",
    [
        {"symbol": "AAPL", "orderType": "STP", "auxPrice": 50},
        {"symbol": "IBM", "action": "SELL", "totalQuantity": 101, "orderType": "STP", "auxPrice": 900},
        {"symbol": "AAPL", "orderType": "STP LMT", "auxPrice": 50, "lmtPrice": 60},
    ],
    ids=["opens", "closes and opens", "with a limit"],
)
async def test_a_stop_that_opens_and_that_the_market_meets_is_refused_as_a_change_to_it_is(
    redis_url: str, session: str, sim: Simulator, terms: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        preview = await front.ask("preview_order", **order(**terms))
        error = await front.refused_order(**order(**terms))

    assert (error.code, error.details["fields"]) == ("invalid_arguments", ["auxPrice"])
    assert error.message.startswith(f"auxPrice: the market meets {terms['auxPrice']} already (bid/ask/last ")
    side = "sell" if "action" in terms else "buy"
    assert error.message.endswith(
        f"so this stop would trade at once. Nothing was sent. To {side} now use a MKT or LMT order."
    )
    assert without_prices(preview["refused_by"]) == without_prices(f"[invalid_arguments] {error.message}")
    assert preview["confirmationToken"] is None
    assert frames(sim) == 0
