"""The worker, Redis, fronts and clients fail: nothing is doubled, nothing is told that is not so."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from bridge.bus.controls.confirmation_tokens import TOKEN_S
from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker import liveness as beat
from ib_worker.pre_trade import checks as checking
from ib_worker.pre_trade.admission_rules import day_from_ms
from ib_worker.risk import confirmation_tokens as tokens
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from tests.busy import BUSY_S
from tests.mcp_front.test_main import program
from tests.stacks.front import MODERN, RawClient, serving
from tests.stacks.ib_worker_process import running
from tests.stacks.orders import resting
from tests.stacks.redis_relay import Shim
from tests.stacks.worker import Caller, caller, frames, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"
WATCH = "ibkr_stream_market_data"
START_S = 60  # a Python process with all it imports, on a machine that does much else


async def outcome(front: Caller, **options: Any) -> str:
    """`done`, or the code of the error, of an order that is asked for."""
    try:
        await front.submit("place_order", **options)
    except ToolError as error:
        return error.code
    return "done"


async def place(client: RawClient, **changes: Any) -> dict[str, Any]:
    """An order over HTTP: its result, or the error's details."""
    result = await client.call("ibkr_place_order", **order(**changes))
    told: dict[str, Any] = result["_meta"][ERROR_META] if result.get("isError") else result["structuredContent"]
    return told


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.fault(66, 72)
async def test_a_worker_that_stood_still_sends_nothing_that_was_asked_meanwhile(
    redis_url: str, session: str, sim: Simulator, tmp_path: Path
) -> None:
    """Longer than its lease: what was asked meanwhile waited in its socket, and its caller was told otherwise."""
    async with (
        running(redis_url, session, sim, tmp_path / "beat") as process,
        caller(redis_url, session) as front,
    ):
        await front.writable(START_S)
        process.send_signal(signal.SIGSTOP)
        told = await outcome(front, key=KEY, deadline_s=12, **order())
        process.send_signal(signal.SIGCONT)
        sent = frames(sim)
        await front.writable(START_S)
        again = await _until_answered(front)

        assert (told, sent) == ("not_executed", 0)
        assert (again, frames(sim)) == ("done", 1)


async def _until_answered(front: Caller) -> str:
    """What the same key comes to; until then its answers leave the outcome open, or say that nothing was sent."""
    told: list[str] = []

    async def answered() -> bool:
        told.append(await outcome(front, key=KEY, **order()))
        return told[-1] in {"done", "rejected", "not_found"}

    try:
        await until(answered, "the same key is answered", START_S)
    except AssertionError as late:
        raise AssertionError(f"{late}: {told[-5:]}, of {len(told)} answers; {await front.status()}") from None
    return told[-1]


@pytest.mark.fault(72)
async def test_a_loop_that_stood_still_says_so(tmp_path: Path, logs: list[EventDict]) -> None:
    living = asyncio.create_task(beat.touch_while_alive(tmp_path / "beat", every_s=0.01, late_s=0.2))
    await until((tmp_path / "beat").exists, "it beats")
    await asyncio.sleep(0)
    until_s = time.monotonic() + 0.4
    while time.monotonic() < until_s:  # the loop is held, as by a computation
        pass
    await until(lambda: logs, "it is told")
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)

    assert (logs[0]["event"], 0 < logs[0]["stalled_s"] < 1) == ("event_loop_stalled", True)


@pytest.mark.long
@pytest.mark.fault(73)
@pytest.mark.parametrize("jump_s", [3600, -3600])
async def test_a_jump_of_the_wall_clock_moves_no_deadline_and_no_token(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    async with trading(redis_url, session, sim) as front:
        status = await front.status()
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        placed = await front.submit("place_order", key=KEY, **resting(), confirmationToken=token)
        again = await front.submit("place_order", key=KEY, **resting(), confirmationToken=token)

        assert (placed["status"], again["replayed"], frames(sim)) == ("Submitted", True, 1)
        assert (await front.status())["since"] == status["since"]


@pytest.mark.fault(73, 106)
@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2025, 3, 9, 12, tzinfo=UTC), datetime(2025, 3, 9, 5, tzinfo=UTC)),  # clocks went forward at 07:00
        (datetime(2025, 3, 10, 3, 59, tzinfo=UTC), datetime(2025, 3, 9, 5, tzinfo=UTC)),
        (datetime(2025, 11, 2, 12, tzinfo=UTC), datetime(2025, 11, 2, 4, tzinfo=UTC)),  # and back
        (datetime(2025, 11, 3, 4, 59, tzinfo=UTC), datetime(2025, 11, 2, 4, tzinfo=UTC)),
        (datetime(2025, 11, 3, 5, 0, tzinfo=UTC), datetime(2025, 11, 3, 5, tzinfo=UTC)),
    ],
)
def test_the_days_counts_begin_at_midnight_in_new_york_also_when_the_clocks_change(
    now: datetime, midnight: datetime
) -> None:
    assert day_from_ms(now) == midnight.timestamp() * 1000


@pytest.mark.long
@pytest.mark.fault(78)
async def test_a_worker_that_is_cut_off_from_redis_alone_takes_no_order_and_comes_back(
    redis_url: str, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with (
        Shim(redis_url) as shim,
        running(shim.url, session, sim, tmp_path / "beat"),
        caller(redis_url, session) as front,
    ):
        await front.writable(START_S)
        placed = await front.submit("place_order", key="an-earlier-key", **resting())
        shim.refusing = True
        shim.cut()
        told = await outcome(front, key=KEY, deadline_s=3, **order())
        assert (told, frames(sim)) == ("not_executed", 1)
        await until(lambda: not sim.gateway.connections, "the gateway is given up with the lease", 20)

        shim.refusing = False
        assert await _until_answered(front) == "done"
        assert [each["permId"] for each in await front.ask("get_open_orders")] == [placed["permId"]]
        assert frames(sim) == 2


@pytest.mark.long
@pytest.mark.fault(79)
async def test_a_front_that_is_cut_off_from_redis_says_so_and_others_work(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with (
        trading(redis_url, session, sim),
        Shim(redis_url) as shim,
        serving(shim.url, session) as cut_off,
        serving(redis_url, session) as whole,
    ):
        assert not (await cut_off.raw(MODERN).call("ibkr_get_positions")).get("isError")
        shim.refusing = True
        shim.cut()
        began = time.monotonic()
        refused = await cut_off.raw(MODERN).call("ibkr_get_positions")
        took = time.monotonic() - began

        assert refused["_meta"][ERROR_META]["code"] in {"bus_down", "retry"}
        assert took < 2 + BUSY_S
        assert not (await whole.raw(MODERN).call("ibkr_get_positions")).get("isError")


@pytest.mark.fault(81)
async def test_a_redis_that_became_a_replica_takes_no_order(own_redis: EmbeddedRedis, sim: Simulator) -> None:
    async with trading(own_redis.url, "replica", sim) as front:
        await front.ask("open_market_data", symbol="AAPL")
        await front.bus_client.pipe.send("REPLICAOF", "127.0.0.1", "1")
        told = await outcome(front, key=KEY, deadline_s=2, **order())
        sent = frames(sim)
        await front.bus_client.pipe.send("REPLICAOF", "NO", "ONE")

        assert (told, sent) == ("not_executed", 0)
        assert (await _until_answered(front), frames(sim)) == ("done", 1)


@pytest.mark.long
@pytest.mark.fault(71, 82)
async def test_a_redis_that_cannot_save_takes_no_order_and_answers_reads(
    own_redis: EmbeddedRedis, sim: Simulator, tmp_path: Path
) -> None:
    """MISCONF, as with a full disk: here its snapshot's place is taken."""
    (tmp_path / "redis" / "dump.rdb").mkdir()
    async with trading(own_redis.url, "misconf", sim) as front:
        send = front.bus_client.pipe.send
        await send("CONFIG", "SET", "save", "3600 1")
        await send("BGSAVE")

        async def failed() -> bool:
            return b"rdb_last_bgsave_status:err" in await send("INFO", "persistence")

        await until(failed, "the snapshot has failed")
        refused = await front.refused_order(key=KEY, deadline_s=2, **order())
        positions = await front.ask("get_positions")
        sent = frames(sim)
        await send("CONFIG", "SET", "save", "")

        assert refused.code == "not_executed"
        assert "MISCONF" in refused.details["error"]
        assert (bool(positions), sent) == (True, 0)
        assert (await _until_answered(front), frames(sim)) == ("done", 1)


@asynccontextmanager
async def fronts(redis_url: str, session: str, count: int) -> AsyncIterator[list[RawClient]]:
    """A client at each of so many fronts."""
    async with AsyncExitStack() as stack:
        yield [(await stack.enter_async_context(serving(redis_url, session))).raw(MODERN) for _ in range(count)]


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.fault(87)
async def test_an_order_of_a_front_that_was_killed_is_answered_by_another(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order hold 1")
    async with (
        trading(redis_url, session, sim),
        program(redis_url, session) as (process, url),
        fronts(redis_url, session, 1) as (other,),
    ):
        dying = RawClient(url, MODERN, {})
        call = asyncio.create_task(place(dying, idempotencyKey=KEY))
        await until(lambda: frames(sim) == 1, "the order is on the wire", START_S)
        os.kill(process.pid, signal.SIGKILL)
        lost = (await asyncio.gather(call, return_exceptions=True))[0]
        answer = await place(other, idempotencyKey=KEY)

        assert isinstance(lost, Exception)
        assert (answer["status"], answer["orderRef"], frames(sim)) == ("Filled", order_ref(KEY), 1)


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.fault(88)
async def test_a_stream_of_a_front_that_was_killed_goes_on_at_another_over_the_same_line(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with (
        trading(redis_url, session, sim),
        program(redis_url, session) as (process, url),
        fronts(redis_url, session, 1) as (other,),
    ):
        watching = asyncio.create_task(RawClient(url, MODERN, {}).call(WATCH, symbol="SPY", duration_seconds=60))
        await until(lambda: sim.journal.entries("in", 1), "the line is open", START_S)
        os.kill(process.pid, signal.SIGKILL)
        lost = (await asyncio.gather(watching, return_exceptions=True))[0]
        told = await other.call(WATCH, symbol="SPY", duration_seconds=2)

        assert isinstance(lost, Exception)
        assert told["structuredContent"]["updates_count"] > 0
        assert len(sim.journal.entries("in", 1)) == 1


@pytest.mark.long
@pytest.mark.fault(91, 92)
async def test_an_order_whose_caller_has_hung_up_follows_through(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on order hold 0.5")
    async with trading(redis_url, session, sim), fronts(redis_url, session, 1) as (client,):
        call = asyncio.create_task(place(client, idempotencyKey=KEY))
        await until(lambda: frames(sim) == 1, "the order is on the wire")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

        answer = await place(client, idempotencyKey=KEY)

        assert (answer["status"], frames(sim)) == ("Filled", 1)


@pytest.mark.long
@pytest.mark.fault(95)
async def test_the_same_order_twice_without_a_key_is_held(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim), fronts(redis_url, session, 2) as (one, other):
        first = await place(one)
        held = await place(other)
        meant = await place(other, duplicateOf=first["idempotencyKey"])

        assert (held["code"], held["duplicateOf"]) == ("possible_duplicate", first["idempotencyKey"])
        assert (meant["status"], frames(sim)) == ("Filled", 2)


@pytest.mark.fault(97)
async def test_a_token_that_has_expired_or_whose_price_has_moved_is_refused_and_a_restart_does_no_harm(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(redis_url, session, sim) as front:
        keys = front.bus_client.keys
        old = (await front.ask("preview_order", **resting()))["confirmationToken"]
        assert 0 < await front.bus_client.pipe.send("PTTL", keys.preview(old)) <= TOKEN_S * 1000
        await front.bus_client.pipe.send("PEXPIRE", keys.preview(old), 0)
        expired = await front.refused_order(**resting(), confirmationToken=old)

        moved = (await front.ask("preview_order", **resting()))["confirmationToken"]
        monkeypatch.setattr(tokens, "BAND", 0)
        monkeypatch.setattr(checking, "near_price", lambda intent, facts: 1.0)
        elsewhere = await front.refused_order(**resting(), confirmationToken=moved)
        monkeypatch.undo()
        kept = (await front.ask("preview_order", **resting()))["confirmationToken"]

    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **resting(), confirmationToken=kept)

    assert (expired.code, "older than 120 seconds" in expired.message) == ("confirmation_invalid", True)
    assert (elsewhere.code, "the price has moved" in elsewhere.message) == ("confirmation_invalid", True)
    assert (placed["status"], frames(sim)) == ("Submitted", 1)
