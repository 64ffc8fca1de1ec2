"""A relative order's offset goes through the quote like a limit: placed, changed, previewed, and to close."""

from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bridge.tool import ToolError
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.limits import check
from ib_worker.risk.worth import known_worth
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

WAIVED: dict[str, Any] = {name: "off" for name in Limits.model_fields if name != "outside_rth"}
COLLAR = Limits(**WAIVED | {"price_collar": 0.05})
FACTS = RiskInputs(99.0, 100.0, 99.5, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD")
REL = OrderIntent("X", "STK", "USD", Decimal(1), "BUY", Decimal(10), "REL", auxPrice=0.01)
CLOSED: dict[str, Any] = {"trading": "closed", "quote_age_s": None, "bid": None, "ask": None}


@pytest.mark.trial("A1")
@pytest.mark.parametrize(
    ("offset", "changes", "facts", "passes"),
    [
        (4.99, {}, {}, True),
        (5.01, {}, {}, False),
        (500.0, {"action": "SELL"}, {}, False),
        (500.0, {"lmtPrice": 101.0}, {}, True),  # the cap holds it
        (5.01, {}, CLOSED, False),  # for the next session, by the last price
        (500.0, {"action": "SELL"}, {"position": Decimal(10)}, False),  # closes at any price: a slip of the finger
        (500.0, {"action": "SELL"}, {"position": Decimal(10), **CLOSED}, True),  # nothing but a fresh quote holds that
    ],
)
def test_an_offset_beyond_the_collar_is_refused(
    offset: float, changes: dict[str, Any], facts: dict[str, Any], passes: bool
) -> None:
    placed = replace(REL, auxPrice=offset, **changes)
    expected = nullcontext() if passes else pytest.raises(ToolError, match="auxPrice is an offset of")

    with expected:
        check(placed, replace(FACTS, **facts), COLLAR)


@pytest.mark.trial("A1")
def test_a_buyers_offset_counts_in_the_worth() -> None:
    """By hand: 10 × (99 + 4), and 10 × 101 under a cap."""
    bought = known_worth(replace(REL, auxPrice=4.0), FACTS)
    capped = known_worth(replace(REL, auxPrice=4.0, lmtPrice=101.0), FACTS)

    assert bought is not None
    assert capped is not None
    assert (bought.amount, capped.amount) == (1_030.0, 1_010.0)


@pytest.mark.trial("A1", "A2")
async def test_no_offset_passes_the_collar_by_any_way(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for action in ("BUY", "SELL"):
            far = order(action=action, orderType="REL", auxPrice=500)
            placed = await front.refused_order(**far)
            told = await front.ask("preview_order", **far)
            assert placed.details["limit"] == "price_collar"
            assert told["refused_by"].startswith("[limit_exceeded]")
        assert frames(sim) == 0
        resting = await front.submit("place_order", **order(orderType="REL", auxPrice=0.01))
        changed = await front.refused_order("modify_order", orderId=resting["orderId"], auxPrice=500)

    assert changed.details["limit"] == "price_collar"
