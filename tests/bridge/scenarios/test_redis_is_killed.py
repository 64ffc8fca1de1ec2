"""Redis itself is killed, restarted, emptied and frozen: what callers are told, and that all comes back by itself."""

import asyncio
import shutil
import signal
import time
from pathlib import Path

import pytest

from bridge.bus.client.client import BusClient
from bridge.bus.timing import BusTiming
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.busy import BUSY_S
from tests.stacks.bus import KEY, Broker, ask, front, serving, submit
from tests.waiting import until

SESSION = "faults"


async def kill(redis: EmbeddedRedis) -> None:
    assert redis.process is not None
    redis.process.kill()
    await redis.process.wait()


@pytest.mark.fault(75)
async def test_a_killed_redis_is_told_and_its_return_is_noticed(own_redis: EmbeddedRedis) -> None:
    broker = Broker()
    async with serving(own_redis.url, SESSION, broker.handle), front(own_redis.url, SESSION) as bus_client:
        broker.before.clear()
        reading = asyncio.create_task(ask(bus_client))
        await until(lambda: broker.asked, "the read is in hand")
        await kill(own_redis)
        with pytest.raises(ToolError, match=r"\[retry\]"):
            await reading
        began = time.perf_counter()
        with pytest.raises(ToolError, match=r"\[bus_down\]"):
            await ask(bus_client)
        with pytest.raises(ToolError) as caught:
            await submit(bus_client)
        assert time.perf_counter() - began < 4 + BUSY_S  # two seconds each
        broker.before.set()

        await own_redis.start()
        began = time.perf_counter()
        await until(lambda: _answers(bus_client), "reads are answered again")
        assert time.perf_counter() - began < 3 + BUSY_S
        assert await submit(bus_client) == broker.answer

    assert (caught.value.code, caught.value.details["reason"]) == ("not_executed", "bus_down")
    assert broker.sent[KEY] == 1


@pytest.mark.fault(75)
async def test_an_order_under_way_survives_a_restart_of_redis(own_redis: EmbeddedRedis) -> None:
    broker = Broker()
    broker.after.clear()
    async with serving(own_redis.url, SESSION, broker.handle), front(own_redis.url, SESSION) as bus_client:
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent, "the order is sent")
        await kill(own_redis)
        broker.after.set()  # the answer is there while Redis is not
        await own_redis.start()

        assert await call == broker.answer
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'

    assert broker.sent == {KEY: 1}


@pytest.mark.fault(76)
async def test_a_redis_that_comes_back_empty_takes_no_writes_until_reconciled(
    own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    broker = Broker()
    reconciled = asyncio.Event()
    reconciled.set()
    times: list[bool] = []

    async def reconcile() -> None:
        times.append(reconciled.is_set())
        await reconciled.wait()

    url = own_redis.url
    async with serving(url, SESSION, broker.handle, reconcile=reconcile) as bus, front(url, SESSION) as bus_client:
        broker.after.clear()
        call = asyncio.create_task(submit(bus_client))
        await until(lambda: broker.sent, "the order is sent")
        token = bus.lease.token
        reconciled.clear()
        await kill(own_redis)
        shutil.rmtree(tmp_path / "redis" / "appendonlydir")
        await own_redis.start()

        with pytest.raises(ToolError) as caught:
            await call
        await until(lambda: times == [True, False], "the worker reconciles anew")
        with pytest.raises(ToolError) as refused:
            await submit(bus_client, key="another-key")
        broker.after.set()
        reconciled.set()
        await until(lambda: _submits(bus_client, "another-key"), "writes are open again")
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'  # the worker knew, and wrote it anew
        assert bus.lease.token == token

    assert caught.value.code == "unknown"
    assert (refused.value.code, refused.value.details["reason"]) == ("unknown", "no_generation")
    assert broker.sent == {KEY: 1, "another-key": 1}


@pytest.mark.fault(77)
async def test_a_frozen_redis_is_told_in_time_and_nothing_is_done_twice(own_redis: EmbeddedRedis) -> None:
    broker, timing = Broker(), BusTiming(idle_s=0.5, silent_s=0.5)
    worker = serving(own_redis.url, SESSION, broker.handle, timing=timing)
    async with worker, front(own_redis.url, SESSION, timing=timing) as bus_client:
        await ask(bus_client)
        assert own_redis.process is not None
        own_redis.process.send_signal(signal.SIGSTOP)
        began = time.perf_counter()
        with pytest.raises(ToolError, match=r"\[bus_down\]"):
            await ask(bus_client)
        took = time.perf_counter() - began
        call = asyncio.create_task(submit(bus_client, deadline_s=1.5))  # thawed before the lease can lapse
        with pytest.raises(ToolError) as caught:
            await call
        own_redis.process.send_signal(signal.SIGCONT)
        await until(lambda: _answers(bus_client), "reads are answered again")
        assert await submit(bus_client) in (broker.answer, b'{"orderId":7,"replayed":true}')

    assert took < timing.answer_s + timing.connect_s + BUSY_S
    assert caught.value.code in ("unknown", "not_executed")
    assert broker.sent[KEY] == 1


async def _answers(bus_client: BusClient) -> bool:
    try:
        await ask(bus_client)
    except ToolError:
        return False
    return True


async def _submits(bus_client: BusClient, key: str) -> bool:
    try:
        await submit(bus_client, key=key)
    except ToolError:
        return False
    return True
