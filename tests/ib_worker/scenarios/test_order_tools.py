"""Previews, changes, brackets, the kill switch, limits, approvals and the audit log, over the bus and the wire."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from bridge.audit_chain import AuditEntry, verify
from bridge.bus.controls.approvals import give_approval, waiting_approvals
from bridge.bus.controls.audit_log import read_head, read_log
from bridge.bus.controls.kill_switch import clear_halt, set_halt
from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from cli.__main__ import main
from ib_worker.audit.replay import replay_orders
from ib_worker.handlers.orders import require_own_order
from ib_worker.orders.references import order_ref
from ib_worker.session import state as standing
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.terminal import terminal
from tests.stacks.worker import Caller, caller, frames, order, ready_session, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
PLACE, CANCEL = 3, 4  # message ids


def resting(**changes: Any) -> dict[str, Any]:
    return order(orderType="LMT", lmtPrice=400, totalQuantity=3) | changes


async def test_a_preview_shows_cost_and_sends_only_a_question(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **resting())

        assert told["commission"] == 1.0
        assert told["initMarginChange"] > 0
        assert told["initMarginAfter"] == pytest.approx(told["initMarginBefore"] + told["initMarginChange"], abs=1)
        assert told["summary"].startswith("Would BUY 3 AAPL as LMT, lmtPrice 400, DAY, account DU1234567; commission")
        assert (told["refused_by"], told["expires_in_s"], len(told["confirmationToken"])) == (None, 120, 32)
        assert await front.ask("get_open_orders") == []
    assert frames(sim) == 0
    assert len(sim.journal.entries("in", PLACE)) == 1


@pytest.mark.trial("C6")
async def test_a_preview_names_the_option_and_not_its_underlying(redis_url: str, session: str, sim: Simulator) -> None:
    put: dict[str, Any] = {"secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 400, "right": "P"}
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(symbol="SPY", orderType="LMT", lmtPrice=5), **put)

    assert told["summary"].startswith("Would BUY 1 SPY 18JUL25 400 P as LMT, lmtPrice 5, DAY, account DU1234567;")


async def test_a_preview_says_what_would_refuse_the_order_and_gives_no_token(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.ask("preview_order", **order(totalQuantity=20_000))

    assert told["refused_by"].startswith("[limit_exceeded]")
    assert told["confirmationToken"] is None


@pytest.mark.fault(97)
async def test_a_token_places_its_own_order_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        other = await front.refused_order(**resting(totalQuantity=4), confirmationToken=token)
        used_up = await front.refused_order(**resting(), confirmationToken=token)
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        placed = await front.submit("place_order", **resting(), confirmationToken=token)
        again = await front.refused_order(**resting(lmtPrice=399), confirmationToken=token)

    assert (other.code, "other terms" in other.message) == ("confirmation_invalid", True)
    assert (used_up.code, again.code) == ("confirmation_invalid", "confirmation_invalid")
    assert "if it was used, find its order by ibkr_get_open_orders or ibkr_get_executions; else" in again.message
    assert placed["status"] in ("PreSubmitted", "Submitted")
    assert frames(sim) == 1


@pytest.mark.fault(97)
async def test_a_token_of_another_client_or_no_token_at_all_is_refused(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        theirs = Caller(front.asker, "somebody else")
        stolen = await theirs.refused_order(**resting(), confirmationToken=token)
        made_up = await front.refused_order(**resting(), confirmationToken="no token")

    assert "another client" in stolen.message
    assert "no token of ibkr_preview_order" in made_up.message
    assert frames(sim) == 0


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


async def test_a_trailing_stop_keeps_what_it_has_gained_when_the_order_is_changed(
    redis_url: str, session: str, sim: Simulator
) -> None:
    def stop() -> float:
        (open_order,) = sim.world.open_orders(1)
        assert open_order.order.trailStopPrice is not None
        return open_order.order.trailStopPrice

    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", totalQuantity=3, orderType="TRAIL", auxPrice=50)
        placed = await front.submit("place_order", key=KEY, **trail)
        first = stop()
        sim.skip(3600)
        gained = stop()
        fewer = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=2)
        kept = stop()
        wider = await front.submit("modify_order", orderId=placed["orderId"], auxPrice=60)
        moved = stop()

    assert gained > first
    assert (fewer["totalQuantity"], kept) == (2, gained)
    assert wider["auxPrice"] == 60
    assert moved == pytest.approx(gained - 10)


async def test_an_order_that_trails_by_a_percentage_has_no_amount_to_change(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", orderType="TRAIL", trailingPercent=5, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=3)
        fewer = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=1)

    assert (refused.code, "trails by a percentage" in refused.message) == ("invalid_arguments", True)
    assert (fewer["totalQuantity"], fewer["message"], frames(sim)) == (1, "TWS has confirmed the new terms.", 2)


async def test_a_stop_of_which_tws_says_nothing_is_not_sent_back(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ib_worker.order_entry.trailing_stop.TOLD_S", 0.3)
    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", orderType="TRAIL", auxPrice=50, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        sim.fault("on reqAllOpenOrders each ignore")
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=1)

    assert (refused.code, "where this order's stop is" in refused.message) == ("not_ready", True)
    assert frames(sim) == 1


async def test_a_change_that_tws_has_not_confirmed_can_be_taken_back(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ib_worker.order_entry.send.CHANGE_HELD_S", 0)
    async with trading(redis_url, session, sim) as front:
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
    assert unseen.message.startswith("orderKey: TWS names no such order")
    assert "The order is Filled" in done.message  # named by whichever of its names
    assert "orderType LMT has none; its price is lmtPrice" in wrong.message
    assert frames(sim) == 2


BRACKET: dict[str, Any] = {
    "symbol": "AAPL", "action": "BUY", "totalQuantity": 2, "takeProfitPrice": 600, "stopLossPrice": 300,
}  # fmt: skip


@pytest.mark.usefixtures("soon")
async def test_a_bracket_of_which_ibkr_knows_a_part_is_not_placed_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_bracket_order", key=KEY, **BRACKET)

    for line in ("swallow completedOrder 9", "swallow execDetails 9"):  # as on the day after the entry was filled
        sim.fault(line)
    async with trading(redis_url, f"{session}-new", sim) as front:
        error = await front.refused_order("place_bracket_order", key=KEY, **BRACKET)

    assert error.code == "idempotency_conflict"
    assert frames(sim) == 3


async def test_a_bracket_goes_out_whole_and_its_exits_wait(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_bracket_order", key=KEY, **BRACKET)
        again = await front.submit("place_bracket_order", key=KEY, **BRACKET)
        left = await front.ask("get_open_orders")

    assert told["entry"]["status"] == "Filled"
    assert [told[leg]["action"] for leg in ("takeProfit", "stopLoss")] == ["SELL", "SELL"]
    assert (told["takeProfit"]["lmtPrice"], told["stopLoss"]["auxPrice"]) == (600, 300)
    assert told["idempotencyKey"] == KEY
    assert {each["orderRef"] for each in left} == {order_ref(KEY, "takeProfit"), order_ref(KEY, "stopLoss")}
    assert again["entry"]["orderId"] == told["entry"]["orderId"]
    assert frames(sim) == 3
    assert [frame.request.placed[1].transmit for frame in sim.journal.orders()] == [False, False, True]


@pytest.mark.fault(54)
@pytest.mark.usefixtures("soon")
async def test_a_bracket_whose_exit_ibkr_does_not_have_says_so(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on order 2 ignore")
    async with trading(redis_url, session, sim) as front:
        told = await front.submit("place_bracket_order", key=KEY, **BRACKET)

    assert told["message"].startswith("IBKR does not have takeProfit: the entry stands without it. Each exit is good")
    assert (told["entry"]["status"], told["takeProfit"]["status"]) == ("Filled", "unknown")


async def test_while_orders_are_being_read_cancelling_all_does_not_say_that_there_are_none(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **resting())

    sim.fault("on reqOpenOrders hold 1")
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("syncing")
        early = await front.refused_order("cancel_all_orders")
        every = await front.submit("cancel_all_orders", everyClient=True)
        await front.writable()

        async def none_left() -> bool:
            return bool(await front.ask("get_open_orders") == [])

        await until(none_left, "the cancel of everything was carried out")

    assert early.code == "not_ready"
    assert "not known yet" in every["message"]


async def test_all_orders_are_cancelled_one_by_one(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for price in (400, 399, 398):
            await front.submit("place_order", **resting(lmtPrice=price))
        told = await front.submit("cancel_all_orders")
        nothing = await front.submit("cancel_all_orders")

    assert [each["status"] for each in told["orders"]] == ["Cancelled"] * 3
    assert told["message"] == "3 orders were open, and all of them have ended."
    assert (nothing["orders"], nothing["message"]) == ([], "None was open.")
    assert len(sim.journal.entries("in", CANCEL)) == 3


@pytest.mark.parametrize("name", ["orderKey", "orderRef", "permId"])
async def test_an_order_is_cancelled_by_any_of_its_names(
    redis_url: str, session: str, sim: Simulator, name: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        named: Any = {"orderKey": KEY, "orderRef": placed["orderRef"], "permId": placed["permId"]}[name]
        told = await front.submit("cancel_order", orderId=0, **{name: named})
        completed = await front.ask("get_completed_orders")

    assert told["status"] == "Cancelled"
    assert [each["permId"] for each in completed] == [placed["permId"]]


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


@pytest.mark.fault(105)
async def test_the_kill_switch_stops_orders_and_lets_cancels_pass(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        await set_halt(front.asker.pipe, front.asker.keys, "halt", "anna", "test")
        held = await front.refused_order(**order())
        change = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=401)
        cancelled = await front.submit("cancel_order", orderId=placed["orderId"])
        await clear_halt(front.asker.pipe, front.asker.keys, "bert")
        filled = await front.submit("place_order", **order())

    assert (held.code, change.code) == ("halted", "halted")
    assert (cancelled["status"], filled["status"]) == ("Cancelled", "Filled")
    assert frames(sim) == 2


async def test_a_closing_order_that_is_filled_in_part_can_be_changed_while_only_those_are_taken(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="TSLA", totalQuantity=10))
        leave = order(symbol="TSLA", action="SELL", totalQuantity=10, orderType="LMT", lmtPrice=9999)
        placed = await front.submit("place_order", **leave)
        sim.fault(f"fill {placed['orderId']} 4")

        async def part_is_sold() -> bool:
            found = await front.ask("get_positions")
            return any((each["contract"]["symbol"], each["position"]) == ("TSLA", 6) for each in found)

        await until(part_is_sold, "four are sold")
        await set_halt(front.asker.pipe, front.asker.keys, "reduce_only", "a human", "enough")
        changed = await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=9998)
        more = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=11)

    assert (changed["lmtPrice"], changed["filled"]) == (9998, 4)
    assert more.code == "halted"


LIVE: dict[str, Any] = {"trading_mode": "live", "live_accounts": frozenset({"DU1234567"})}


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is waived by name, which live mode wants."""
    for name in ("max_quantity", "max_order_value", "max_position_value", "max_short_option_value", "max_daily_loss",
                 "max_open_orders", "max_orders_per_minute", "max_orders_per_day", "price_collar", "duplicate_window_s",
                 "allowed_symbols", "allowed_sec_types", "allowed_currencies", "allowed_order_types"):  # fmt: skip
        monkeypatch.setenv(f"LIMIT_{name.upper()}", "off")
    monkeypatch.setenv("LIMIT_OUTSIDE_RTH", "refused")


@pytest.mark.usefixtures("no_limits")
async def test_a_live_order_waits_for_a_human(redis_url: str, session: str, sim: Simulator) -> None:
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        held = await front.refused_order(key=KEY, **order())
        (waiting,) = await waiting_approvals(front.asker.pipe, front.asker.keys)
        assert frames(sim) == 0
        wrong = await give_approval(front.asker.pipe, front.asker.keys, KEY, "another digest", "bert")
        given = await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        twice = await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        other = await front.refused_order(key="another-key", **order())
        filled = await front.submit("place_order", key=KEY, **order())

    assert (held.code, other.code) == ("approval_required", "approval_required")
    assert waiting.summary.startswith(
        "LIVE, real money. Place: BUY 1 AAPL (SMART NASDAQ USD conId 265598) as MKT, DAY, account DU***567. Worth"
    )
    assert (wrong, given, twice, filled["status"]) == (False, True, False, "Filled")
    assert frames(sim) == 1


@pytest.mark.usefixtures("no_limits")
async def test_a_previewed_order_that_waits_for_a_human_is_still_confirmed_when_it_comes_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        token = (await front.ask("preview_order", **order()))["confirmationToken"]
        held = await front.refused_order(key=KEY, **order(confirmationToken=token))
        (waiting,) = await waiting_approvals(front.asker.pipe, front.asker.keys)
        await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        filled = await front.submit("place_order", key=KEY, **order(confirmationToken=token))
        again = await front.refused_order(key="another-key", **order(confirmationToken=token))

    assert (held.code, filled["status"], again.code) == ("approval_required", "Filled", "confirmation_invalid")
    assert frames(sim) == 1


@pytest.mark.usefixtures("no_limits")
async def test_everything_is_cancelled_where_the_login_has_an_account_that_may_not_trade(
    redis_url: str, session: str
) -> None:
    async with (
        Simulator(SimulatorConfig(accounts=("DU1234567", "DU7654321"))) as sim,
        worker(redis_url, session, sim.port, **LIVE),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        wanted = order(orderType="LMT", lmtPrice=50, account="DU1234567")
        await front.refused_order(key=KEY, **wanted)
        (waiting,) = await waiting_approvals(front.asker.pipe, front.asker.keys)
        await give_approval(front.asker.pipe, front.asker.keys, KEY, waiting.digest, "anna")
        await front.submit("place_order", key=KEY, **wanted)

        every = await front.refused_order("cancel_all_orders", everyClient=True)
        told = await front.submit("cancel_all_orders")

    assert every.code == "wrong_account"
    assert [each["status"] for each in told["orders"]] == ["Cancelled"]


async def entries(front: Caller) -> list[AuditEntry]:
    lines = [line async for line in read_log(front.asker.pipe, front.asker.keys)]
    return [msgspec.json.decode(line, type=AuditEntry) for line in lines]


async def test_the_log_tells_the_intent_before_the_frame_and_rebuilds_every_order(
    redis_url: str, session: str, sim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        placed = await front.submit("place_order", **resting())
        await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
        await front.submit("cancel_order", orderId=placed["orderId"])
        await front.refused_order(**order(totalQuantity=20_000))
        told = {each["orderRef"]: each for each in await front.ask("get_completed_orders")}

        async def all_written() -> bool:
            return any(each.event == "refused" for each in await entries(front))

        await until(all_written, "the queue is written")
        written = await entries(front)
        lines = [line async for line in read_log(front.asker.pipe, front.asker.keys)]
        head = await read_head(front.asker.pipe, front.asker.keys.audit_head)
        verified = await asyncio.to_thread(main, ["audit", "verify", "--redis", redis_url, "--session", session])

    events = [each.event for each in written if each.orderRef == order_ref(KEY)]
    assert events[:3] == ["intent", "Sent", "Opened"]
    assert [each.caller for each in written if each.event == "intent"] == ["claude"] * 4
    assert not any("DU1234567" in line.decode() for line in lines)
    assert list(verify(lines, head)) == []
    assert (verified, f"{len(lines)} entries, 0 breaks" in capsys.readouterr().out) == (0, True)
    rebuilt = {state.orderRef: state for state in replay_orders(lines)}
    assert set(rebuilt) == set(told)
    for orderRef, state in rebuilt.items():
        report = told[orderRef]
        assert (state.status, state.filled, state.permId) == (report["status"], report["filled"], report["permId"])
        assert (state.avgFillPrice, state.commission) == (report["avgFillPrice"], report["commission"])
        assert state.terms.lmtPrice == report["lmtPrice"]


@pytest.mark.fault(71)
async def test_without_a_log_no_order_leaves_and_reads_go_on(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.asker.pipe.send("DEL", front.asker.keys.audit_head)
        await front.asker.pipe.send("SET", front.asker.keys.audit_head, "no hash")
        held = await front.refused_order(**order())
        positions = await front.ask("get_positions")
        await front.asker.pipe.send("DEL", front.asker.keys.audit_head)

    assert (held.code, len(positions) > 0, frames(sim)) == ("audit_unavailable", True, 0)


async def test_the_operator_halts_looks_and_resumes(
    redis_url: str,
    session: str,
    sim: Simulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = ["--redis", redis_url, "--session", session]

    async def typed(*words: str, status: int = 0) -> str:
        assert await asyncio.to_thread(main, [words[0], *where, *words[1:]]) == status
        said = capsys.readouterr()
        return said.out + said.err

    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        halted = await typed("halt", "odd fills")
        held = await front.refused_order(**order(totalQuantity=2))
        with terminal(monkeypatch) as person:
            person.type(session)
            await typed("resume")
            released = person.shown("released; it was")
        nothing = await typed("resume", status=1)
        await front.submit("place_order", **order(totalQuantity=2))
        flying = await typed("orders")
        one = await typed("orders", KEY, "never-used-key")
        waiting = await typed("approve")
        replayed = await typed("audit", "replay")

        async def logged() -> bool:
            return "resume" in {each.event for each in await entries(front)}

        await until(logged, "the log tells of the switch")
        switched = [each for each in await entries(front) if each.event in ("halt", "resume")]

    assert "halt, set by operator" in halted
    assert held.code == "halted"
    assert "released; it was halt" in released
    assert "is not set" in nothing
    assert [(each.event, each.status, each.details["reason"]) for each in switched] == [
        ("halt", "halt", "odd fills"), ("resume", "halt", "odd fills"),
    ]  # fmt: skip
    assert all(each.caller.startswith("operator ") for each in switched)
    assert "0 orders are accepted and not answered" in flying
    assert f"{KEY}  place_order  done  ok  by claude  gateway=127.0.0.1:{sim.port} sent=" in one
    assert "never-used-key  no record" in one
    assert "0 orders wait" in waiting
    assert [json.loads(line)["status"] for line in replayed.splitlines()] == ["Filled", "Filled"]


async def test_an_order_is_not_called_missing_while_orders_are_still_read(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        stand.session.ledger.known = False
        stand.session.record.set(standing.SYNCING)
        with pytest.raises(ToolError) as caught:
            require_own_order(stand.session, 7, OrderNameArguments())

    assert caught.value.code == "not_ready"


async def test_an_orders_life_goes_back_to_before_the_worker_started(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **resting())
        await front.submit("modify_order", orderId=placed["orderId"], lmtPrice=401)
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.reaches("ready")
        await front.writable()
        await front.submit("cancel_order", orderId=0, orderKey=KEY)
        life = await front.ask("get_order", orderKey=KEY)

    told = [each["source"] for each in life["events"]]
    assert told[0] == "sent"
    assert told.index("sent") < told.index("change sent") < told.index("cancel sent")
    assert life["events"][-1]["what"].startswith(("Cancelled", "202"))
    assert [each["at"] for each in life["events"]] == sorted(each["at"] for each in life["events"])


@pytest.mark.trial("D9")
@pytest.mark.parametrize("tool", ["place_order", "place_bracket_order", "modify_order"])
async def test_an_order_that_is_halted_is_told_by_whom_when_and_why(
    redis_url: str, session: str, sim: Simulator, tool: str
) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "place_order": order(),
        "place_bracket_order": order(symbol="NVDA", lmtPrice=100, takeProfitPrice=200, stopLossPrice=90),
        "modify_order": {"orderId": 0, "orderKey": "a-resting-order", "lmtPrice": 21},
    }
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", "a-resting-order", **order(symbol="MSFT", orderType="LMT", lmtPrice=20))
        halt = await front.asker.halt("anna", "odd fills – look first")
        error = await front.refused_order(tool, **arguments[tool])

    assert error.code == "halted"
    assert (
        f"(halt) by anna since {halt.since():%Y-%m-%d %H:%M:%S} UTC (server clock): odd fills – look first"
        in error.message
    )
    told = {name: error.details[name] for name in ("level", "by", "reason", "since")}
    assert told == {
        "level": "halt",
        "by": "anna",
        "reason": "odd fills – look first",
        "since": halt.since().isoformat(),
    }
