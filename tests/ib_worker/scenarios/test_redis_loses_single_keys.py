"""Single keys of Redis are deleted or written over by something else: what they held is restored, or counts as lost."""

from pathlib import Path

import pytest

from bridge.audit_chain import verify
from bridge.bus.controls.audit_log import read_head, read_log
from bridge.bus.controls.kill_switch import clear_halt, read_halt, set_halt
from bridge.bus.halt import Level
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, Caller, caller, frames, order, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
RESTING = order(orderType="LMT", lmtPrice=50)
WRITTEN_OVER = {
    "a list": ("RPUSH", b"x"),
    "no text": ("SET", b"x\xff"),
    "a number beyond all": ("SET", b"9" * 400),
    "odd fields": ("HSET", b"seq", b"x\xff", b"digest", b"\xff", b"day_from", b"x", b"level", b"odd"),
}
CONTROL = (
    "epoch", "generation", "revision", "heartbeat", "inflight", "order_ids", "accepted", "halts", "switched",
    "audit_head", "audit_index", "steering", "refusals",
)  # fmt: skip


async def is_writable(front: Caller) -> bool:
    try:
        await front.writable(0.1)
    except Exception:  # noqa: BLE001 - it holds anything
        return False
    return True


async def write_over(front: Caller, name: str, command: tuple[str | bytes, ...]) -> None:
    key = getattr(front.bus_client.keys, name)
    await front.bus_client.pipe.send("DEL", key)
    await front.bus_client.pipe.send(command[0], key, *command[1:])


async def revision(front: Caller) -> int:
    return int(await front.bus_client.pipe.send("GET", front.bus_client.keys.revision) or 0)


async def renewed(front: Caller) -> None:
    before = await revision(front)

    async def later() -> bool:
        return await revision(front) > before

    await until(later, "the lease was renewed since")


@pytest.mark.trial("A19", "B7")
@pytest.mark.parametrize("how", WRITTEN_OVER)
@pytest.mark.parametrize("when", ["while it leads", "while none runs"])
async def test_a_worker_serves_again_whatever_its_keys_hold(
    redis_url: str, session: str, sim: Simulator, how: str, when: str
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        await front.submit("place_order", key=KEY, **RESTING)
        for name in CONTROL if when == "while it leads" else ():
            await write_over(front, name, WRITTEN_OVER[how])
        if when == "while it leads":
            await _serves(front, sim)
            return
        for name in CONTROL:
            await write_over(front, name, WRITTEN_OVER[how])
    async with worker(redis_url, session, sim.port, order_timing=SOON), caller(redis_url, session) as front:
        await _serves(front, sim)


async def _halted(front: Caller) -> bool:
    return await read_halt(front.bus_client.pipe, front.bus_client.keys) is not None


async def _set_to(front: Caller, level: Level) -> bool:
    halt = await read_halt(front.bus_client.pipe, front.bus_client.keys)
    return halt is not None and halt.level == level


async def _serves(front: Caller, sim: Simulator) -> None:
    await until(lambda: _halted(front), "the worker has noticed")
    await until(lambda: is_writable(front), "it takes writes", 20)
    await clear_halt(front.bus_client.pipe, front.bus_client.keys, "owner")
    again = await front.submit("place_order", key=KEY, **RESTING)
    await front.submit("place_order", key="another-key", **order(orderType="LMT", lmtPrice=51))
    await front.submit("cancel_order", orderKey=KEY)

    assert again["replayed"]
    assert frames(sim) == 2


@pytest.mark.trial("A19", "A20")
@pytest.mark.parametrize("level", ["halt", "reduce_only"])
async def test_a_switch_that_is_gone_without_a_release_is_set_again_and_lets_no_order_pass(
    redis_url: str, session: str, sim: Simulator, level: Level
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await set_halt(pipe, keys, level, "owner", "enough for today")
        await renewed(front)
        await pipe.send("DEL", keys.halt)
        refused = await front.refused_order(**RESTING)
        await until(lambda: _set_to(front, "halt"), "the worker has noticed")
        halt = await read_halt(pipe, keys)

    assert refused.code in ("unknown", "halted")  # before it is noticed, and after
    assert halt is not None
    assert (halt.by == "owner") == (level == "halt")  # the worker has only tightened what was set
    assert frames(sim) == 0


@pytest.mark.trial("A19")
async def test_a_release_is_no_loss_while_the_worker_leads_and_while_none_runs(
    redis_url: str, session: str, sim: Simulator, tmp_path: Path
) -> None:
    file, limits = tmp_path / "watermark", Limits(duplicate_window_s="off")
    async with trading(redis_url, session, sim, watermark_file=file, limits=limits, order_timing=SOON) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        for _ in range(2):
            await set_halt(pipe, keys, "halt", "owner", "for a moment")
            await renewed(front)
            await clear_halt(pipe, keys, "owner")
            await front.submit("place_order", **RESTING)
        await set_halt(pipe, keys, "halt", "owner", "over the night")
        await renewed(front)
    async with caller(redis_url, session) as front:
        await clear_halt(front.bus_client.pipe, front.bus_client.keys, "owner")
    async with trading(redis_url, session, sim, watermark_file=file, order_timing=SOON) as front:
        await renewed(front)
        assert not await _halted(front)


@pytest.mark.trial("A19")
async def test_where_the_log_ends_is_read_from_the_log_when_that_alone_is_lost(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await front.submit("place_order", key=KEY, **RESTING)
        await pipe.send("DEL", keys.audit_head)
        await _serves(front, sim)
        head = await read_head(pipe, keys.audit_head)
        broken = list(verify([line async for line in read_log(pipe, keys, until=head[0])], head))

    assert broken == []


@pytest.mark.trial("A19")
async def test_the_days_orders_count_though_their_list_is_gone(redis_url: str, session: str, sim: Simulator) -> None:
    limits = Limits(max_orders_per_day=2, duplicate_window_s="off")
    async with trading(redis_url, session, sim, limits=limits, order_timing=SOON) as front:
        for _ in range(2):
            await front.submit("place_order", **RESTING)
        await front.bus_client.pipe.send("DEL", front.bus_client.keys.accepted)
        refused = await front.refused_order(**RESTING)

    assert refused.details["limit"] == "max_orders_per_day"
    assert frames(sim) == 2
