"""The answer about a bracket: all three orders at IBKR, a part of them, or none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.order_references import EXITS, LEGS, order_ref
from bridge.tool import ToolError
from bridge.tools.types import Contract
from ib_worker.order_entry.bracket_report import bracket_report, exits_report
from ib_worker.orders.events import ErrorReported, Terms
from ib_worker.orders.state import LOOKS, OrderState
from ib_worker.orders.tracker import TrackedOrder

KEY = "a-key-of-the-caller"
SENT = datetime(2025, 6, 11, 14, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 2.0, "LMT", 400.0, None, "DAY")
REJECTED: dict[str, Any] = {"status": "Inactive", "rejected": ErrorReported(SENT, 201, "no margin")}
MISSING: dict[str, Any] = {"status": "unknown", "misses": LOOKS, "missed_at": SENT}
FILLED: dict[str, Any] = {"status": "Filled", "filled": 2.0}
CANCELLED: dict[str, Any] = {"status": "Cancelled"}


def bracket(entry: dict[str, Any], takeProfit: dict[str, Any], stopLoss: dict[str, Any]) -> list[TrackedOrder]:
    """The three orders, each at IBKR and good until it is cancelled but for what is said of it."""
    at_ibkr = OrderState(7, 1, replace(TERMS, tif="GTC"), "Submitted", sent_at=SENT)
    return [
        TrackedOrder(replace(at_ibkr, orderId=orderId, orderRef=order_ref(KEY, leg), **told))
        for orderId, leg, told in zip((7, 8, 9), LEGS, (entry, takeProfit, stopLoss), strict=True)
    ]


def error(entries: Sequence[TrackedOrder | None]) -> ToolError:
    with pytest.raises(ToolError) as caught:
        bracket_report(entries, KEY)
    return caught.value


def test_a_bracket_that_is_at_ibkr_says_how_long_each_order_is_good() -> None:
    report = bracket_report(bracket({"terms": TERMS}, {}, {}), KEY)

    assert report.message == (
        "All three orders are at IBKR. The entry is good until its trading day ends (DAY). "
        "Each exit is good until it is cancelled (GTC)."
    )
    assert report.entry is not None
    assert (report.entry.orderId, report.takeProfit.orderId, report.stopLoss.orderId) == (7, 8, 9)
    assert report.idempotencyKey == KEY
    told = report.model_dump()
    assert told["entry"]["contract"]["conId"] == report.stopLoss.contract.conId
    assert {"contract", "account", "clientId", "idempotencyKey", "replayed"} & told["stopLoss"].keys() == set()


def test_an_entry_that_has_ended_is_not_said_to_be_good_any_more() -> None:
    assert bracket_report(bracket(FILLED, {}, CANCELLED), KEY).message == (
        "All three orders are at IBKR. Each exit is good until it is cancelled (GTC)."
    )


@pytest.mark.parametrize(
    ("takeProfit", "stopLoss", "failed"),
    [
        (REJECTED, {}, 'IBKR rejected takeProfit (error 201: "no margin"): the entry'),
        (MISSING, {}, "IBKR does not have takeProfit: the entry"),
        (REJECTED, MISSING, 'IBKR rejected takeProfit (error 201: "no margin"), and IBKR does not have stopLoss: the'),
        (MISSING, MISSING, "IBKR does not have takeProfit and stopLoss: the entry"),
    ],
)
def test_an_entry_that_stands_without_an_exit_says_so(
    takeProfit: dict[str, Any], stopLoss: dict[str, Any], failed: str
) -> None:
    assert bracket_report(bracket(FILLED, takeProfit, stopLoss), KEY).message.startswith(failed)


def test_an_entry_that_was_rejected_is_the_answer() -> None:
    assert (error(bracket(REJECTED, {}, {})).code, error(bracket(REJECTED, MISSING, MISSING)).code) == ("rejected",) * 2


@pytest.mark.parametrize("entry", [CANCELLED, {"status": "unknown", "cancel_asked": True}])
def test_a_rejected_stop_rejects_a_bracket_whose_entry_never_worked(entry: dict[str, Any]) -> None:
    refused = error(bracket(entry, CANCELLED, REJECTED))

    assert (refused.code, refused.details["twsCode"], refused.details["leg"]) == ("rejected", 201, EXITS[1])
    assert refused.details["orderRef"] == order_ref(KEY, "stopLoss")
    assert 'IBKR rejected the stop of the bracket (error 201): "no margin" The entry' in refused.message


@pytest.mark.parametrize("entry", [{}, FILLED, CANCELLED | {"filled": 1.0}])
def test_a_rejected_stop_rejects_no_entry_that_has_filled_or_can_fill(entry: dict[str, Any]) -> None:
    report = bracket_report(bracket(entry, CANCELLED, REJECTED), KEY)

    assert report.message.startswith('IBKR rejected stopLoss (error 201: "no margin"): the entry stands without it.')


@pytest.mark.parametrize(
    ("unknown", "names"), [((0,), "entry"), ((0, 2), "entry and stopLoss"), ((1,), "takeProfit"), ((2,), "stopLoss")]
)
def test_a_bracket_that_ibkr_shows_in_part_is_never_placed_again(unknown: tuple[int, ...], names: str) -> None:
    orders = bracket({}, {}, {})
    entries = [None if index in unknown else each for index, each in enumerate(orders)]

    refused = error(entries)

    assert refused.code == "not_confirmed"
    assert f"do not contain {names} of the bracket's three orders" in refused.message
    assert refused.details["orderRefs"] == [each.state.orderRef for each in entries if each is not None]


@pytest.mark.parametrize(
    ("looked", "code"), [("2025-06-11T15:00Z", "not_found"), ("2025-06-12T15:00Z", "not_confirmed")]
)
def test_a_bracket_of_which_nothing_shows_is_as_certain_as_its_orders(looked: str, code: str) -> None:
    missing = MISSING | {"missed_at": datetime.fromisoformat(looked)}

    refused = error(bracket(missing, missing, missing))

    assert (refused.code, refused.details["orderRef"]) == (code, order_ref(KEY))


def exits(stopLoss: dict[str, Any] | None, takeProfit: dict[str, Any] | None) -> list[TrackedOrder | None]:
    """The stop and the target of a position; None: this worker does not know the order."""
    entries: list[TrackedOrder | None] = [*reversed(bracket({}, takeProfit or {}, stopLoss or {})[1:])]
    return [each if told is not None else None for each, told in zip(entries, (stopLoss, takeProfit), strict=True)]


def test_exits_without_an_entry_have_their_own_names() -> None:
    told = exits_report(exits({}, {}), KEY).model_dump()

    assert "entry" not in told
    assert (told["stopLoss"]["orderId"], told["takeProfit"]["contract"]["conId"]) == (9, 265598)


@pytest.mark.parametrize(
    ("stopLoss", "takeProfit", "message"),
    [
        (CANCELLED, FILLED, "takeProfit is Filled and stopLoss is Cancelled: no exit of this call is open."),
        (CANCELLED, {}, "stopLoss is Cancelled: the other exit stands alone. Each"),
        (REJECTED, CANCELLED, 'takeProfit is Cancelled and IBKR rejected stopLoss (error 201: "no margin"): no exit'),
        ({}, {}, "Both exits are at IBKR; one cancels the other."),
    ],
)
def test_exits_that_have_ended_are_not_called_open(
    stopLoss: dict[str, Any], takeProfit: dict[str, Any], message: str
) -> None:
    assert exits_report(exits(stopLoss, takeProfit), KEY).message.startswith(message)


@pytest.mark.parametrize(
    ("stopLoss", "takeProfit", "code", "words"),
    [
        (REJECTED, REJECTED, "rejected", "no margin"),
        (MISSING, MISSING, "not_found", "use a new idempotencyKey"),
        (None, None, "not_found", "use a new idempotencyKey"),
        (MISSING, {}, "not_confirmed", "do not contain stopLoss of the two exits; they contain takeProfit"),
        ({}, None, "not_confirmed", "do not contain takeProfit of the two exits; they contain stopLoss"),
    ],
)
def test_exits_that_ibkr_does_not_have_are_errors(
    stopLoss: dict[str, Any] | None, takeProfit: dict[str, Any] | None, code: str, words: str
) -> None:
    with pytest.raises(ToolError) as caught:
        exits_report(exits(stopLoss, takeProfit), KEY)

    assert (caught.value.code, words in caught.value.message) == (code, True)
