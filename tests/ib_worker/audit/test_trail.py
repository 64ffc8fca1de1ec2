"""The audit log's entries: the intent before the frame, and no order without a log."""

import asyncio

import pytest

from bridge.audit_chain import verify
from bridge.bus.controls.audit_log import read_head, read_log
from bridge.order_references import order_ref
from cli.__main__ import main
from ib_worker.audit.replay import replay_orders
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import entries, resting
from tests.stacks.worker import frames, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"


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
        lines = [line async for line in read_log(front.bus_client.pipe, front.bus_client.keys)]
        head = await read_head(front.bus_client.pipe, front.bus_client.keys.audit_head)
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
        assert (state.avgFillPrice, state.commission) == (report.get("avgFillPrice"), report.get("commission"))
        assert state.terms.lmtPrice == report.get("lmtPrice")


@pytest.mark.fault(71)
async def test_without_a_log_no_order_leaves_and_reads_go_on(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.bus_client.pipe.send("DEL", front.bus_client.keys.audit_head)
        await front.bus_client.pipe.send("SET", front.bus_client.keys.audit_head, "no hash")
        held = await front.refused_order(**order())
        positions = await front.ask("get_positions")
        await front.bus_client.pipe.send("DEL", front.bus_client.keys.audit_head)

    assert (held.code, len(positions) > 0, frames(sim)) == ("audit_unavailable", True, 0)
