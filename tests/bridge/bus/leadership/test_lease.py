"""One worker leads: it proves that without asking, stops before another can start, and is fenced when it did not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease, LeaseLost
from bridge.bus.server.server import BusServer
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from tests.stacks.bus import KEY, Broker, front, pipe_to, serving, submit, until_open
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import patient
from tests.waiting import until

SHORT = patient(lease_s=1.0, margin_s=0.3, renew_s=0.1, renew_again_s=0.05, standby_s=0.02)


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with pipe_to(redis_url, SHORT) as pipe:
        yield pipe


async def test_the_first_gets_it_and_the_next_waits(pipe: CommandPipeline, session: str) -> None:
    first, second = Lease(pipe, Keys(session)), Lease(pipe, Keys(session))
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())

    await until(lambda: not first.held(), "the first, which does not renew, stops by itself")
    assert not waiting.done()
    assert await waiting > first.token
    assert second.held()
    assert not first.held()


async def test_nothing_is_held_before_it_was_acquired(pipe: CommandPipeline, session: str) -> None:
    lease = Lease(pipe, Keys(session))

    assert not lease.held()
    assert lease.token == 0
    await lease.release()  # harmless
    assert await pipe.send("GET", Keys(session).lease) is None


async def test_it_is_held_for_less_than_redis_grants_it(pipe: CommandPipeline, session: str) -> None:
    lease = Lease(pipe, Keys(session))
    await lease.acquire()
    granted_ms = await pipe.send("PTTL", Keys(session).lease)
    held_s = lease._until - boottime()

    assert held_s < 0.7
    assert held_s < granted_ms / 1000 - 0.2


async def test_renewing_keeps_it(pipe: CommandPipeline, session: str) -> None:
    lease = Lease(pipe, Keys(session))
    await lease.acquire()
    keeper = asyncio.create_task(lease.keep())
    began = lease._until
    await until(lambda: lease._until > began + 1.2, "it was held for longer than one lease")

    assert lease.held()
    assert not keeper.done()
    keeper.cancel()


@pytest.mark.parametrize("written", [("SET", "yes"), ("HSET", "reason", "by hand"), ("RPUSH", "a")])
async def test_a_switch_that_was_written_by_hand_does_not_end_the_lease(
    pipe: CommandPipeline, session: str, written: tuple[str, ...]
) -> None:
    keys = Keys(session)
    lease = Lease(pipe, keys)
    await lease.acquire()
    await pipe.send(written[0], keys.halt, *written[1:])
    keeper = asyncio.create_task(lease.keep())
    await until(lambda: lease.watermark.known.halt is not None, "the worker knows the switch as set")
    keeper.cancel()

    assert lease.held()


async def test_whoever_loses_it_to_another_stops_at_once(pipe: CommandPipeline, session: str) -> None:
    lease = Lease(pipe, Keys(session))
    await lease.acquire()
    await pipe.send("SET", Keys(session).lease, lease.token + 1)

    with pytest.raises(LeaseLost, match="another worker"):
        await lease.keep()
    assert not lease.held()


async def test_a_lease_that_redis_lost_is_taken_again_under_the_same_token(pipe: CommandPipeline, session: str) -> None:
    keys = Keys(session)
    lease = Lease(pipe, keys)
    token = await lease.acquire()
    await pipe.send("SET", keys.generation, "g")
    keeper = asyncio.create_task(lease.keep())
    await lease.compared.wait()
    assert not lease.data_lost.is_set()
    await pipe.send("DEL", keys.lease, keys.epoch, keys.generation)
    await lease.data_lost.wait()
    keeper.cancel()

    assert await pipe.send("GET", keys.lease) == str(token).encode()
    assert await pipe.send("GET", keys.epoch) == str(token).encode()
    assert lease.held()


@pytest.mark.fault(78)
async def test_without_redis_it_is_given_up_in_time(redis_url: str, session: str) -> None:
    early = replace(SHORT, lease_s=8.0, margin_s=7.5)
    async with Shim(redis_url) as shim, pipe_to(shim.url, early) as pipe, pipe_to(redis_url) as direct:
        lease = Lease(pipe, Keys(session))
        await lease.acquire()
        shim.refusing = True
        shim.cut()
        with pytest.raises(LeaseLost, match="in time"):
            await lease.keep()

        assert await direct.send("GET", Keys(session).lease) is not None  # nobody else can have it yet


async def test_acquiring_waits_for_redis(redis_url: str, session: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url, SHORT) as pipe:
        shim.refusing = True
        lease = Lease(pipe, Keys(session))
        acquiring = asyncio.create_task(lease.acquire())
        await until(lambda: shim.accepted > 1, "it has tried in vain")
        assert not acquiring.done()
        shim.refusing = False
        assert await acquiring == lease.token


async def test_a_short_absence_of_redis_changes_nothing(redis_url: str, session: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(shim.url, SHORT) as pipe:
        lease = Lease(pipe, Keys(session))
        await lease.acquire()
        keeper = asyncio.create_task(lease.keep())
        shim.refusing = True
        shim.cut()
        before = shim.accepted
        await until(lambda: shim.accepted > before + 1, "renewals fail")
        shim.refusing = False
        renewed_from = lease._until
        await until(lambda: lease._until > renewed_from, "it is renewed again")

        assert lease.held()
        assert not keeper.done()
        keeper.cancel()


async def test_a_released_lease_is_free_at_once(pipe: CommandPipeline, session: str) -> None:
    first, second = Lease(pipe, Keys(session)), Lease(pipe, Keys(session))
    await first.acquire()
    await first.release()

    assert not first.held()
    assert await asyncio.wait_for(second.acquire(), 0.5) == second.token


async def test_serving_ends_with_the_lease(redis_url: str, session: str, pipe: CommandPipeline) -> None:
    broker = Broker()
    broker.after.clear()
    async with BusServer(redis_url, session, "w1", timing=SHORT) as bus, front(redis_url, session) as bus_client:
        await bus.lead()
        serving_task = asyncio.create_task(bus.serve(broker.handle))
        await until_open(bus.pipe, bus.keys)
        call = asyncio.create_task(submit(bus_client, deadline_s=1.5))
        await until(lambda: broker.sent, "the order is sent")
        await pipe.send("SET", bus.keys.lease, bus.lease.token + 1)

        with pytest.raises(LeaseLost):
            await serving_task
        assert not bus.lease.held()
        assert bus._in_hand == {}
        with pytest.raises(ToolError, match="pending"):
            await call
        await until(lambda: _nobody_listens(bus), "requests are not heard any more")


async def test_a_worker_that_lost_the_lease_may_lead_again(redis_url: str, session: str, pipe: CommandPipeline) -> None:
    broker = Broker()
    async with BusServer(redis_url, session, "w1", timing=SHORT) as bus, front(redis_url, session) as bus_client:
        first = await bus.lead()
        await pipe.send("DEL", bus.keys.lease)
        await pipe.send("INCR", bus.keys.epoch)
        with pytest.raises(LeaseLost):
            await bus.serve(broker.handle)
        second = await bus.lead()
        task = asyncio.create_task(bus.serve(broker.handle))
        await until_open(bus.pipe, bus.keys)
        assert await submit(bus_client) == broker.answer
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert second > first + 1


async def test_serving_needs_the_lease(redis_url: str, session: str) -> None:
    async with BusServer(redis_url, session, "w1", timing=SHORT) as bus:
        with pytest.raises(RuntimeError, match="lead"):
            await bus.serve(Broker().handle)


async def test_a_standby_takes_over_and_learns_what_is_unfinished(redis_url: str, session: str) -> None:
    broker, other = Broker(), Broker()
    broker.after.clear()
    async with (
        BusServer(redis_url, session, "standby", timing=SHORT) as standby,
        front(redis_url, session) as bus_client,
    ):
        async with serving(redis_url, session, broker.handle, worker="leader", timing=SHORT) as leader:
            leading = asyncio.create_task(standby.lead())
            call = asyncio.create_task(submit(bus_client))
            await until(lambda: broker.sent, "the order is sent")
            assert not leading.done()
        await leading  # the leader released it
        [record] = await standby.records.unfinished()
        assert (record.key, record.token) == (KEY, leader.lease.token)
        await standby.records.adopt(KEY)
        await standby.records.finish(
            record.request, b'{"v":1,"id":"%s","ok":true,"result":5}' % record.attempt.encode()
        )
        assert await call == b"5"
        task = asyncio.create_task(standby.serve(other.handle))
        await until_open(standby.pipe, standby.keys)
        assert await submit(bus_client, key="another-key") == other.answer
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert other.sent == {"another-key": 1}


@pytest.mark.fault(66)
async def test_an_old_leader_can_not_finish_what_was_adopted(
    redis_url: str, session: str, pipe: CommandPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker()
    broker.after.clear()
    async with BusServer(redis_url, session, "new", timing=SHORT) as new, front(redis_url, session) as bus_client:
        async with serving(redis_url, session, broker.handle, worker="old", timing=SHORT) as old:
            call = asyncio.create_task(submit(bus_client, deadline_s=3))
            await until(lambda: broker.sent, "the order is sent")
            await pipe.send("DEL", old.keys.lease)
            monkeypatch.setattr(old.lease, "_renew", _in_vain)  # as if it were frozen between looking and writing
            old.lease._until = float("inf")
            await new.lead()
            await new.records.adopt(KEY)
            assert old._in_hand
            broker.after.set()
            await until(lambda: not old._in_hand, "the old leader is through")
            assert broker.sent == {KEY: 1}
            record = await new.records.read(KEY)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    assert record is not None
    assert (record.state, record.token) == ("accepted", new.lease.token)


async def _in_vain() -> bool:
    return True


async def _nobody_listens(bus: BusServer) -> bool:
    _, count = await bus.pipe.send("PUBSUB", "SHARDNUMSUB", bus.keys.requests)
    return bool(count == 0)
