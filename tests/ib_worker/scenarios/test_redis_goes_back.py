"""Redis is put back to an older copy of its data, which still answers: what was known and is gone stops trading."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.audit_chain import AuditEntry, ChainBreak, verify
from bridge.bus.controls.audit_log import read_head, read_log
from bridge.bus.controls.kill_switch import clear_halt, read_halt
from bridge.bus.halt import Halt
from bridge.bus.identity.clients import Client, grant_access, read_registry, remove_client, store_client
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.rights import Rights
from bridge.bus.identity.sign_ins import begin_sign_in, end_sign_ins_of, sign_in_id, sign_ins, signed_in_operator
from bridge.bus.oauth.grants import ClientGrant, begin_grant, end_grant, grant_id, grants, redeem
from bridge.bus.timing import BusTiming
from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import SOON, Caller, caller, copy_of, frames, goes_back, order, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"
RESTING = order(orderType="LMT", lmtPrice=50)

GRANTED = ClientGrant("c", "claude-1", "Claude", "anna", "read", "r", "http://localhost/cb", True, "c" * 43, "{}")
DAY_MS = 24 * 60 * 60 * 1000


async def counted(front: Caller) -> int:
    return int(await front.bus_client.pipe.send("ZCARD", front.bus_client.keys.accepted))


async def switch(front: Caller) -> Halt | None:
    return await read_halt(front.bus_client.pipe, front.bus_client.keys)


async def breaks(front: Caller) -> list[ChainBreak]:
    pipe, keys = front.bus_client.pipe, front.bus_client.keys
    head = await read_head(pipe, keys.audit_head)
    return list(verify([line async for line in read_log(pipe, keys, until=head[0])], head))


async def revision(front: Caller) -> int:
    return int(await front.bus_client.pipe.send("GET", front.bus_client.keys.revision) or 0)


async def reconciled(front: Caller, copied: bytes | None) -> None:
    """Wait until the worker has noticed, and takes writes in a new generation."""

    async def anew() -> bool:
        now = await front.bus_client.pipe.send("GET", front.bus_client.keys.generation)
        return now not in (None, copied)

    await until(lambda: _quiet(anew()), "the worker has reconciled", 20)


async def _quiet(step: Any) -> bool:
    try:
        return bool(await step)
    except Exception:  # noqa: BLE001 - Redis is being started
        return False


async def generation(front: Caller) -> bytes | None:
    found: bytes | None = await front.bus_client.pipe.send("GET", front.bus_client.keys.generation)
    return found


@pytest.mark.trial("A19")
async def test_an_older_copy_brings_back_neither_the_switch_nor_the_days_count_nor_the_log(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(own_redis.url, session, sim, order_timing=SOON) as front:
        copy, before = copy_of(own_redis, tmp_path), await generation(front)
        await front.submit("place_order", key=KEY, **RESTING)
        await front.bus_client.halt("owner", "enough for today")
        await until(lambda: _logged(front, b'"halt"'), "the switch is in the log")
        count = await counted(front)
        await goes_back(own_redis, tmp_path, copy)
        await reconciled(front, before)

        halt, after, [cut] = await switch(front), await counted(front), await breaks(front)
        await until(lambda: _logged(front, b'"halt"'), "the switch is in the log again")
        events = await events_after(front, cut.seq)
        told = (await front.status())["concerns"][0]
        refused = await front.refused_order(**RESTING)
        again = await front.submit("place_order", key=KEY, **RESTING)

    assert halt is not None
    assert (halt.level, halt.by, halt.reason) == ("halt", "owner", "enough for today")
    assert after >= count == 1
    assert events[0] == "data_loss"
    assert events.count("halt") == 1  # written once, however often it was tried while the log was cut
    assert "Redis lost the end of its log here" in cut.reason
    assert "older copy" in told["what"]
    assert "the operator releases the kill switch" in told["remedy"]
    assert refused.code == "halted"
    assert again["orderRef"] == order_ref(KEY)
    assert frames(sim) == 1


async def _logged(front: Caller, word: bytes) -> bool:
    lines = [line async for line in read_log(front.bus_client.pipe, front.bus_client.keys)]
    return any(word in line for line in lines)


async def events_after(front: Caller, seq: int) -> list[str]:
    lines = [line async for line in read_log(front.bus_client.pipe, front.bus_client.keys, after=seq - 1)]
    return [msgspec.json.decode(line, type=AuditEntry).event for line in lines]


@pytest.mark.trial("A19")
async def test_the_leader_after_it_knows_from_its_file_what_redis_must_know(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    file = tmp_path / "watermark"
    async with trading(own_redis.url, session, sim, watermark_file=file, order_timing=SOON) as front:
        copy, before = copy_of(own_redis, tmp_path), await generation(front)
        await front.submit("place_order", key=KEY, **RESTING)
        await front.bus_client.halt("owner", "enough for today")
        await until(lambda: _logged(front, b'"halt"'), "the switch is in the log")
    await goes_back(own_redis, tmp_path, copy)

    async with (
        worker(own_redis.url, session, sim.port, watermark_file=file, order_timing=SOON),
        caller(own_redis.url, session) as front,
    ):
        await reconciled(front, before)
        halt, after, [cut] = await switch(front), await counted(front), await breaks(front)

    assert halt is not None
    assert (halt.by, halt.reason) == ("owner", "enough for today")
    assert after == 1
    assert "Redis lost the end of its log" in cut.reason


@pytest.mark.trial("A19")
async def test_without_a_file_an_order_at_ibkr_that_redis_lacks_tells_of_an_older_copy(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(own_redis.url, session, sim, order_timing=SOON) as front:
        copy, before = copy_of(own_redis, tmp_path), await generation(front)
        await front.submit("place_order", key=KEY, **RESTING)
    await goes_back(own_redis, tmp_path, copy)

    async with worker(own_redis.url, session, sim.port, order_timing=SOON), caller(own_redis.url, session) as front:
        await reconciled(front, before)
        halt = await switch(front)

    assert halt is not None
    assert "IBKR has order" in halt.reason


@pytest.mark.trial("A19")
async def test_a_resumed_session_trades_on_and_its_status_is_quiet_again(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(own_redis.url, session, sim, order_timing=SOON) as front:
        copy, before = copy_of(own_redis, tmp_path), await generation(front)
        await front.submit("place_order", key=KEY, **RESTING)
        await goes_back(own_redis, tmp_path, copy)
        await reconciled(front, before)
        await clear_halt(front.bus_client.pipe, front.bus_client.keys, "owner")

        async def quiet() -> bool:
            return not any("older copy" in each["what"] for each in (await front.status())["concerns"])

        await until(quiet, "the status says nothing of it any more")
        await front.submit("place_order", key="another", **order(orderType="LMT", lmtPrice=51))

    assert frames(sim) == 2


@pytest.mark.trial("A19")
async def test_a_switch_is_known_to_the_worker_at_once_and_not_with_its_next_look(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    """A copy of right before the switch would lack no step of a leader that looks once a second."""
    rarely = BusTiming(renew_s=3.0)  # the lease lasts longer
    async with trading(own_redis.url, session, sim, order_timing=SOON, bus_timing=rarely) as front:
        before, steps = await generation(front), await revision(front)
        await until(lambda: _above(front, steps), "a pause begins")
        copy, steps = copy_of(own_redis, tmp_path), await revision(front)
        await front.bus_client.halt("owner", "enough for today")
        await until(lambda: _above(front, steps), "the worker has looked", 2 + BUSY_S)
        await goes_back(own_redis, tmp_path, copy)
        await reconciled(front, before)
        halt = await switch(front)

    assert halt is not None
    assert (halt.by, halt.reason) == ("owner", "enough for today")


@pytest.mark.trial("A20")
@pytest.mark.parametrize("how", ["FLUSHALL", "the keys deleted"])
async def test_a_switch_that_was_set_stays_set_when_redis_loses_its_data_also_on_paper(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, how: str
) -> None:
    async with trading(
        own_redis.url, session, sim, breakers=CircuitBreakerSettings(data_loss="off"), order_timing=SOON
    ) as front:
        await front.bus_client.halt("owner", "enough for today")
        await until(lambda: _logged(front, b'"halt"'), "the worker has seen the switch")
        before = await revision(front)
        await until(lambda: _above(front, before + 1), "the lease was renewed since")
        if how == "FLUSHALL":
            await front.bus_client.pipe.send("FLUSHALL")
        else:
            keys = await front.bus_client.pipe.send("KEYS", f"ibkr:{{{session}}}:*")
            await front.bus_client.pipe.send("DEL", *keys)
        await reconciled(front, None)
        halt = await switch(front)

    assert halt is not None
    assert (halt.by, halt.reason) == ("owner", "enough for today")


async def _above(front: Caller, than: int) -> bool:
    return await revision(front) > than


@pytest.mark.trial("A30")
async def test_an_order_that_redis_took_back_to_accepted_is_answered_by_the_same_leader(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(own_redis.url, session, sim, order_timing=SOON) as front:
        before = await generation(front)
        sim.fault("on order each hold 0.15")
        call = asyncio.create_task(front.submit("place_order", key=KEY, **RESTING))
        await until(lambda: frames(sim), "the frame is out")
        copy = copy_of(own_redis, tmp_path)
        await call
        await goes_back(own_redis, tmp_path, copy)
        await reconciled(front, before)

        async def settled() -> bool:
            return not await front.bus_client.pipe.send("SMEMBERS", front.bus_client.keys.inflight)

        await until(settled, "no key is pending")
        again = await front.submit("place_order", key=KEY, **RESTING)

    assert again["orderRef"] == order_ref(KEY)
    assert frames(sim) == 1


@pytest.mark.trial("A30")
async def test_an_older_copy_accepts_nothing_before_it_is_noticed_and_never_says_not_executed(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    unnoticed = BusTiming(lease_s=3600.0, renew_s=3600.0)  # no renewal notices it
    async with trading(own_redis.url, session, sim, order_timing=SOON, bus_timing=unnoticed) as front:
        copy = copy_of(own_redis, tmp_path)
        await front.submit("place_order", key=KEY, **RESTING)
        await goes_back(own_redis, tmp_path, copy)
        codes = set()
        for key, price in ((KEY, 50), ("another", 51), ("a-third", 52)):
            try:
                await front.submit("place_order", key=key, **order(orderType="LMT", lmtPrice=price))
            except ToolError as error:
                codes.add(error.code)

    assert codes <= {"unknown", "idempotency_conflict"}  # IBKR has another order under the first key
    assert frames(sim) == 1


@pytest.mark.trial("A19")
async def test_a_redis_that_goes_back_again_while_the_gateway_is_away_is_halted_again(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(own_redis.url, session, sim, order_timing=SOON) as front:
        copy = copy_of(own_redis, tmp_path)
        await front.submit("place_order", key=KEY, **RESTING)
        await front.ask("disconnect")  # nothing can be reconciled
        for _ in range(2):
            await goes_back(own_redis, tmp_path, copy)
            await until(lambda: _quiet(_set(front)), "the switch is set", 20)
        refused = await front.refused_order(**RESTING)
        halt = await switch(front)

    assert refused.code in ("unknown", "not_ready")
    assert halt is not None
    assert frames(sim) == 1


async def _set(front: Caller) -> bool:
    return await switch(front) is not None


async def test_a_sign_in_or_a_grant_that_was_ended_does_not_come_back_with_an_older_copy(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(own_redis.url, session, sim, order_timing=SOON) as front:
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await add_operator(pipe, keys, Operator("anna", "$argon2id$hash"))
        token = await begin_sign_in(pipe, keys, "anna", "command line")
        granted = await begin_grant(pipe, keys, GRANTED, sign_in_id(token), DAY_MS)
        refresh = (await redeem(pipe, keys, granted))[1]
        await store_client(pipe, keys, Client("claude-1", Rights(frozenset({"read"}))))
        await grant_access(pipe, keys, "a-proof", "claude-1", DAY_MS)
        copy, before, steps = copy_of(own_redis, tmp_path), await generation(front), await revision(front)
        await end_sign_ins_of(pipe, keys, "anna")
        await end_grant(pipe, keys, grant_id(granted))
        await remove_client(pipe, keys, "claude-1")
        async with asyncio.timeout(0.5):  # not at the next renewal, a second later
            await until(lambda: _above(front, steps), "the leader has counted it")
        await goes_back(own_redis, tmp_path, copy)
        await reconciled(front, before)

        assert await sign_ins(pipe, keys) != {}  # it is there again
        assert await signed_in_operator(pipe, keys, token) == ""
        assert (list(await grants(pipe, keys)), list((await read_registry(pipe, keys)).clients)) != ([], [])
        assert (await read_registry(pipe, keys)).access == {}
        assert await redeem(pipe, keys, refresh) == ("unknown", "")
        anew = await begin_sign_in(pipe, keys, "anna", "command line")
        assert await signed_in_operator(pipe, keys, anew) == "anna"
