"""Which order a call names: any of its names will do, and several must agree."""

from datetime import UTC, datetime

import pytest

from bridge.order_references import order_ref
from bridge.tool import ToolError
from bridge.tools.types import Contract, OrderNameArguments
from ib_worker.orders.events import OpenOrderReported, Terms
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.orders.view import OrderView, name_given
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

RESTING = {"orderType": "LMT", "lmtPrice": 300}
CANCEL = 4  # message id


@pytest.mark.trial("E7")
async def test_an_orders_key_or_permid_alone_names_it_for_a_change_and_a_cancel(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key="first-order", **order(**RESTING))
        second = await front.submit(
            "place_order", key="second-order", **order(symbol="IBM", **RESTING | {"lmtPrice": 100})
        )

        changed = await front.submit("modify_order", orderKey="first-order", lmtPrice=301)
        by_key = await front.submit("cancel_order", orderKey="first-order")
        by_perm = await front.submit("cancel_order", permId=second["permId"])

    assert (changed["orderId"], changed["lmtPrice"]) == (first["orderId"], 301)
    assert (by_key["orderId"], by_key["status"]) == (first["orderId"], "Cancelled")
    assert (by_perm["orderId"], by_perm["status"]) == (second["orderId"], "Cancelled")


@pytest.mark.trial("E7")
async def test_several_names_of_one_order_must_agree(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key="first-order", **order(**RESTING))
        second = await front.submit(
            "place_order", key="second-order", **order(symbol="IBM", **RESTING | {"lmtPrice": 100})
        )

        refused = [
            await front.refused_order("cancel_order", **names)
            for names in (
                {"orderId": first["orderId"], "permId": second["permId"]},
                {"orderKey": "first-order", "permId": second["permId"]},
                {"orderId": second["orderId"], "orderRef": first["orderRef"]},
                {"orderId": first["orderId"], "permId": 5},
                {"orderId": first["orderId"], "orderKey": "no-such-order"},
            )
        ]
        cancelled = await front.submit(
            "cancel_order", orderId=first["orderId"], permId=first["permId"], orderKey="first-order"
        )

    assert {each.code for each in refused} == {"invalid_arguments"}
    assert all("it names another order" in each.message for each in refused)
    assert cancelled["status"] == "Cancelled"
    assert len(sim.journal.entries("in", CANCEL)) == 1


AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0)


def known(tracker: OrderTracker, orderId: int, key: str, permId: int) -> TrackedOrder:
    entry = tracker.add(orderId, TERMS, order_ref(key), key)
    tracker.take(entry, OpenOrderReported(AT, permId, order_ref(key), TERMS, "Submitted"))
    return entry


@pytest.mark.parametrize(
    ("orderId", "named"),
    [(7, {}), (0, {"orderKey": "key-of-7"}), (0, {"orderRef": order_ref("key-of-7")}), (0, {"permId": 97}),
     (7, {"orderKey": "key-of-7", "permId": 97})],
)  # fmt: skip
def test_each_name_of_an_order_names_it(orderId: int, named: dict[str, object]) -> None:
    tracker = OrderTracker(1)
    entry = known(tracker, 7, "key-of-7", 97)
    known(tracker, 8, "key-of-8", 98)

    assert OrderView(tracker).find_order(orderId, OrderNameArguments.model_validate(named)) is entry


@pytest.mark.parametrize(
    ("orderId", "named", "field"),
    [(8, {"permId": 97}, "orderId"), (7, {"permId": 98}, "orderId"),
     (0, {"orderKey": "key-of-8", "permId": 97}, "orderKey"),
     (0, {"orderRef": order_ref("key-of-8"), "permId": 97}, "orderRef")],
)  # fmt: skip
def test_names_of_several_orders_are_refused(orderId: int, named: dict[str, object], field: str) -> None:
    tracker = OrderTracker(1)
    known(tracker, 7, "key-of-7", 97)
    known(tracker, 8, "key-of-8", 98)

    with pytest.raises(ToolError, match="names another order") as refused:
        OrderView(tracker).find_order(orderId, OrderNameArguments.model_validate(named))

    assert refused.value.details["fields"] == [field]


def test_an_order_that_nobody_knows_is_none_unless_it_is_being_settled() -> None:
    lost = OrderNameArguments(orderKey="key-of-9")

    view = OrderView(OrderTracker(1))

    assert view.find_order(0, lost) is None
    view.unsettled = {order_ref("key-of-9")}
    with pytest.raises(ToolError) as settling:
        view.find_order(0, lost)

    assert (settling.value.code, settling.value.details["retry_after_s"]) == ("not_ready", 20)


@pytest.mark.parametrize(
    ("orderId", "named", "first"),
    [(7, {"permId": 97}, ("orderId", "7")), (0, {"orderKey": "a-key-of-7", "permId": 97}, ("orderKey", "a-key-of-7")),
     (0, {"permId": 97}, ("permId", "97")), (0, {}, ("orderId", "0"))],
)  # fmt: skip
def test_an_error_is_about_the_first_name_that_was_given(
    orderId: int, named: dict[str, object], first: tuple[str, str]
) -> None:
    assert name_given(orderId, OrderNameArguments.model_validate(named)) == first


def test_what_could_not_be_read_passes_for_nothing_whole() -> None:
    view = OrderView(OrderTracker(1))
    view.unread = {"5"}

    view.require_complete("positions", frozenset({"61"}))
    with pytest.raises(ToolError, match="could not decode a message of the gateway about orders"):
        view.require_complete("orders", frozenset({"3", "5"}))
