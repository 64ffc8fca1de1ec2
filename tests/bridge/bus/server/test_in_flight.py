"""The worker takes so many requests at once, and refuses more."""

import asyncio

import pytest

from bridge.bus.server import in_flight
from bridge.tool import ToolError
from tests.stacks.bus import Broker, ask, front, serving, submit
from tests.waiting import until


@pytest.mark.fault(85)
async def test_more_than_the_worker_can_have_in_hand_is_refused(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "AT_ONCE", 2)
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        held = [asyncio.create_task(ask(bus_client)) for _ in range(2)]
        await until(lambda: len(broker.asked) == 2, "two requests are in hand")
        with pytest.raises(ToolError) as caught:
            await ask(bus_client)
        broker.before.set()
        assert await asyncio.gather(*held) == [broker.answer] * 2
        assert await ask(bus_client) == broker.answer

    assert (caught.value.code, caught.value.details) == ("overloaded", {"retry_after_s": 1})


async def test_one_callers_flood_leaves_room_for_another_caller_and_for_writes(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "AT_ONCE_OF_ONE", 2)
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        held = [asyncio.create_task(ask(bus_client)) for _ in range(2)]
        await until(lambda: len(broker.asked) == 2, "two requests are in hand")
        with pytest.raises(ToolError, match="overloaded"):
            await ask(bus_client)

        held += [asyncio.create_task(ask(bus_client, "quiet")), asyncio.create_task(submit(bus_client))]
        await until(lambda: len(broker.asked) == 4, "another caller's request and an order are in hand")
        broker.before.set()
        await asyncio.gather(*held)
