"""An order that IBKR shows under a key that Redis has forgotten: the same order, or a conflict."""

from dataclasses import replace
from typing import Any

import ib_async
import pytest

from bridge.tools.types import Contract
from ib_worker.order_identity.same_order import differing
from ib_worker.orders.events import Terms
from ib_worker.orders.tracker import OrderTracker
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import forgotten
from tests.stacks.worker import frames, order, trading

BRACKET: dict[str, Any] = {
    "symbol": "NVDA", "action": "BUY", "totalQuantity": 3, "lmtPrice": 100, "takeProfitPrice": 200, "stopLossPrice": 90,
}  # fmt: skip
KEY = "a-key-of-the-caller"
RESTING = order(symbol="MSFT", orderType="LMT", lmtPrice=20, tif="GTC")


@pytest.mark.trial("A21")
@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "TSLA", "action": "SELL", "totalQuantity": 7},
        {"symbol": "AAPL"},
        {"action": "SELL"},
        {"totalQuantity": 2},
        {"lmtPrice": 19.5},
        {"orderType": "MKT", "lmtPrice": None},
        {"orderType": "STP LMT", "auxPrice": 30},
        {"tif": "DAY"},
        {"outsideRth": True},
    ],
)
async def test_other_order_under_a_key_that_redis_has_forgotten_is_a_conflict(
    redis_url: str, session: str, sim: Simulator, changes: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", KEY, **RESTING)
        await forgotten(front, KEY)
        asked = {name: value for name, value in (RESTING | changes).items() if value is not None}
        error = await front.refused_order(key=KEY, **asked)

        assert error.code == "idempotency_conflict"
        assert frames(sim) == 1


@pytest.mark.trial("A21")
async def test_other_kind_of_order_or_bracket_under_a_forgotten_key_is_a_conflict(
    redis_url: str, session: str, sim: Simulator
) -> None:
    entry = order(symbol="NVDA", totalQuantity=3, orderType="LMT", lmtPrice=100)
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_bracket_order", KEY, **BRACKET)
        await forgotten(front, KEY)
        errors = [
            await front.refused_order("place_bracket_order", key=KEY, **BRACKET | {"stopLossPrice": 91}),
            await front.refused_order("place_bracket_order", key=KEY, **BRACKET | {"exitTif": "DAY"}),
            await front.refused_order("place_order", key=KEY, **entry),
        ]
        again = await front.submit("place_bracket_order", KEY, **BRACKET)

        assert [each.code for each in errors] == ["idempotency_conflict"] * 3
        assert again["replayed"] is True
        assert again["message"].startswith("Replayed: ")
        assert frames(sim) == 3


@pytest.mark.trial("A21", "A23")
async def test_same_order_under_a_forgotten_key_is_told_to_its_principal_alone(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", KEY, **RESTING)
        await forgotten(front, KEY)
        error = await replace(front, name="other").refused_order(key=KEY, **RESTING)
        again = await front.submit("place_order", KEY, **RESTING)

        assert error.code == "idempotency_conflict"
        assert "MSFT" not in str(error)
        assert (again["orderRef"], again["replayed"]) == (first["orderRef"], True)
        assert again["message"].startswith(
            "Replayed: IBKR has the order of the first call with this key, known since 20"
        )
        assert frames(sim) == 1


AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK")
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")


def asked_again(**changes: object) -> ib_async.Order:
    same: dict[str, object] = {
        "account": "DU1", "action": "BUY", "totalQuantity": 10, "orderType": "LMT", "lmtPrice": 100.0, "tif": "DAY",
    }  # fmt: skip
    return ib_async.Order(**(same | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"action": "SELL"}, ["action"]),
        ({"account": "DU2", "tif": "GTC"}, ["account", "tif"]),
        ({"totalQuantity": 11}, ["totalQuantity"]),
        ({"lmtPrice": 100.01}, ["lmtPrice"]),
        ({"orderType": "MKT"}, ["orderType"]),
        ({"orderType": "MTL"}, []),  # TWS shows it as a limit order once it has filled in part
        ({"orderType": "STP LMT", "auxPrice": 90.0}, ["orderType", "auxPrice"]),
    ],
)
def test_another_order_under_the_key_differs_by_name(changes: dict[str, object], names: list[str]) -> None:
    entry = OrderTracker(1).add(7, TERMS, "mcpref", "a-key")

    assert differing(entry, AAPL, asked_again(**changes)) == names


def test_an_order_of_another_model_is_another_order() -> None:
    entry = OrderTracker(1).add(7, TERMS, "mcpref", "a-key")
    entry.sent = (AAPL, asked_again(modelCode="Growth"))

    assert differing(entry, AAPL, asked_again()) == ["modelCode"]
    assert differing(entry, AAPL, asked_again(modelCode="Growth")) == []


def test_another_contract_is_another_order() -> None:
    entry = OrderTracker(1).add(7, TERMS, "mcpref", "a-key")

    assert differing(entry, ib_async.Contract(conId=8314), asked_again()) == ["contract"]
