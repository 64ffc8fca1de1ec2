"""A key names one order of one principal in the whole session: who may use it again, for what, and what is told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.keys import Keys
from bridge.bus.records.records import digest_of
from bridge.order_references import order_ref
from bridge.tool import OPERATIONS, ToolError
from ibgateway.simulator.server.server import Simulator
from tests.stacks.bus import pipe_to
from tests.stacks.worker import frames, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"
RESTING = order(symbol="MSFT", orderType="LMT", lmtPrice=20, tif="GTC")
BRACKET: dict[str, Any] = {
    "symbol": "NVDA", "action": "BUY", "totalQuantity": 3, "lmtPrice": 100, "takeProfitPrice": 200, "stopLossPrice": 90,
}  # fmt: skip
NAMED = {"orderId": 0, "orderKey": "an-earlier-order"}
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("place_order", order()),
    ("place_bracket_order", BRACKET),
    ("modify_order", NAMED | {"lmtPrice": 21}),
    ("cancel_order", NAMED),
    ("cancel_all_orders", {}),
]
# Order records as the release before principals had names left them, with the calls that made them.
OLD: list[dict[str, Any]] = json.loads((Path(__file__).parent / "records_0_1_0.json").read_text())


@pytest.mark.trial("A23")
@pytest.mark.parametrize(("tool", "arguments"), WRITES)
async def test_key_of_another_principal_does_nothing_and_tells_nothing(
    redis_url: str, session: str, sim: Simulator, tool: str, arguments: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", "an-earlier-order", **RESTING)
        first = await front.submit(tool, KEY, **arguments)
        sent = len(sim.journal.orders())
        error = await replace(front, name="other").refused_order(tool, key=KEY, **arguments)

        assert error.code == "idempotency_conflict"
        assert error.details == {"key": KEY}
        assert not any(str(each) in str(error) for each in ("filled", "Filled", first.get("orderRef") or "mcp"))
        assert len(sim.journal.orders()) == sent


@pytest.mark.trial("A23")
async def test_key_of_the_same_principal_is_good_from_any_client_and_connection(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await replace(front, label="claude-desktop").submit("place_order", KEY, **order())
        again = await replace(front, label="codex").submit("place_order", KEY, **order())
        status = await front.bus_client.status()

        assert again == first | {"replayed": True, "message": again["message"]}
        assert frames(sim) == 1
        assert status is not None


@pytest.mark.trial("A23")
async def test_records_of_the_earlier_release_that_no_audit_log_confirms_send_nothing_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with pipe_to(redis_url) as pipe:
        for each in OLD:
            pairs = [part for pair in each["record"].items() for part in pair]
            await pipe.send("HSET", Keys(session).order(each["arguments"]["idempotencyKey"]), *pairs)
    async with trading(redis_url, session, sim) as front:
        for each in OLD:
            key, tool, stated = each["arguments"]["idempotencyKey"], each["tool"], each["arguments"]
            declared = OPERATIONS[tool]
            assert digest_of(declared, declared.request(**stated)) == each["record"]["dg"]
            if declared.relieves:
                continue  # it is free to run again
            error = await replace(front, name="other").refused_order(tool, key=key, **stated)
            assert error.code == "idempotency_conflict"
            unclear = await replace(front, name="local").refused_order(tool, key=key, **stated)
            assert unclear.code == "not_confirmed"

        assert frames(sim) == 0


@pytest.mark.trial("A23")
def test_order_is_named_at_ibkr_as_the_earlier_release_named_it() -> None:
    named = {
        each["arguments"]["idempotencyKey"]: json.loads(each["record"]["res"])["result"]["orderRef"]
        for each in OLD
        if each["tool"] == "place_order"
    }

    assert len(named) == 3
    assert {key: order_ref(key) for key in named} == named


@pytest.mark.trial("A22")
async def test_cancel_of_everything_replays_until_its_deadline_and_then_cancels_anew(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("cancel_all_orders", KEY)
        await front.submit("place_order", **RESTING)
        early = await front.submit("cancel_all_orders", KEY)
        first = await front.submit("cancel_all_orders", "the-second-key", deadline_s=0.5)
        later = await front.submit("place_order", **RESTING | {"totalQuantity": 5})

        again: dict[str, Any] = {}

        async def anew() -> bool:
            again.clear()
            again.update(await front.submit("cancel_all_orders", "the-second-key", deadline_s=0.5))
            return not again.get("replayed")

        await until(anew, "the first call's deadline is over")

    assert (early["orders"], early["replayed"]) == ([], True)
    assert early["message"].startswith("Replayed: the answer of 20")
    assert len(first["orders"]) == 1
    assert [(each["orderId"], each["status"]) for each in again["orders"]] == [(later["orderId"], "Cancelled")]
    assert again["message"].startswith("A new cancel: the first call with this key was answered at 20")


@pytest.mark.trial("A22")
async def test_cancel_of_one_order_is_a_new_one_after_the_first_calls_deadline(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on cancelOrder answer 161 Cancel attempted when order is not in a cancellable state")
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **RESTING)
        named = {"orderId": placed["orderId"]}
        first = await front.submit("cancel_order", KEY, deadline_s=1, **named)
        sim.fault("clear")

        again: dict[str, Any] = {}

        async def anew() -> bool:
            again.clear()
            again.update(await front.submit("cancel_order", KEY, deadline_s=1, **named))
            return not again.get("replayed")

        await until(anew, "the first call's deadline is over")

    assert first["status"] != "Cancelled"
    assert again["status"] == "Cancelled"


@pytest.mark.trial("A22")
@pytest.mark.parametrize(("tool", "arguments"), [each for each in WRITES if each[0] != "cancel_all_orders"])
async def test_replayed_answer_says_so_first_with_the_time_of_the_first(
    redis_url: str, session: str, sim: Simulator, tool: str, arguments: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", "an-earlier-order", **RESTING)
        first = await front.submit(tool, KEY, **arguments)
        again = await front.submit(tool, KEY, **arguments)

    assert (first.get("replayed", False), again["replayed"]) == (False, True)
    assert again["message"].startswith("Replayed: the answer of 20")
    assert again["message"].endswith(f" UTC (server clock) to the first call with this key. {first['message']}")


@pytest.mark.trial("A22")
async def test_replayed_rejection_says_so_first(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on placeOrder answer 201 Order rejected - reason: no margin")
    async with trading(redis_url, session, sim) as front:
        first = await front.refused_order(key=KEY, **order())
        again = await front.refused_order(key=KEY, **order())

    assert isinstance(first, ToolError)
    assert (again.code, again.details["replayed"]) == (first.code, True)
    assert again.message.startswith("Replayed: the answer of 20")
    assert again.message.endswith(first.message)
