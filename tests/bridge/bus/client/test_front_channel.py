"""The channel of all fronts: one running read ends, whichever front has it; in doubt none does."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bridge.bus.client.client import BusClient
from bridge.bus.client.front_channel import RequestId, RunningRead
from bridge.bus.keys import Keys
from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport.pubsub import PubSubListener
from tests.stacks.bus import front
from tests.stacks.timing import PATIENT, patient
from tests.waiting import until


class Front:
    """One front's running calls by JSON-RPC id, and the calls that it was told to end."""

    def __init__(self, bus_client: BusClient, **running: RunningRead) -> None:
        self.channel = bus_client.fronts
        self.running = running
        self.ended: list[str] = []
        self.channel.serve(self.find, self.end)

    def end(self, token: str) -> None:
        if token in {each.token for each in self.running.values()}:
            self.ended.append(token)

    def find(self, caller: str, label: str, request_id: RequestId) -> list[RunningRead]:
        found = self.running.get(str(request_id))
        return [found] if found and (caller, label) == ("claude", "desk") else []


@asynccontextmanager
async def fronts(
    url: str, session: str, *running: dict[str, RunningRead], timing: BusTiming = USUAL
) -> AsyncIterator[list[Front]]:
    async with AsyncExitStack() as stack:
        bus_clients = [
            await stack.enter_async_context(front(url, session, f"f{n}", timing)) for n in range(len(running))
        ]

        async def hear() -> bool:
            channel = bus_clients[0].keys.fronts
            _, heard = await bus_clients[0].pipe.send("PUBSUB", "SHARDNUMSUB", channel)
            return int(heard) == len(bus_clients)

        await until(hear, "every front listens")
        yield [Front(bus_client, **each) for bus_client, each in zip(bus_clients, running, strict=True)]


async def test_the_front_that_runs_a_read_ends_it(redis_url: str, session: str) -> None:
    async with fronts(redis_url, session, {}, {"seven": RunningRead("t1", endable=True)}) as (asking, running):
        assert await asking.channel.end_only("claude", "desk", "seven")
        await until(lambda: running.ended, "the other front hears it")

    assert (asking.ended, running.ended) == ([], ["t1"])


@pytest.mark.parametrize(
    "other", [{"seven": RunningRead("t2", endable=True)}, {"seven": RunningRead("t2", endable=False)}]
)
async def test_nothing_ends_where_two_fronts_have_the_id(
    redis_url: str, session: str, other: dict[str, RunningRead]
) -> None:
    async with fronts(redis_url, session, {"seven": RunningRead("t1", endable=True)}, other) as both:
        assert not await both[0].channel.end_only("claude", "desk", "seven")

    assert [each.ended for each in both] == [[], []]


async def test_nothing_ends_that_may_not_end_or_is_another_callers(redis_url: str, session: str) -> None:
    async with fronts(redis_url, session, {"a": RunningRead("t1", endable=False)}) as (only,):
        assert not await only.channel.end_only("claude", "desk", "a")
        assert not await only.channel.end_only("claude", "desk", "b")
        assert not await only.channel.end_only("somebody", "desk", "a")

    assert only.ended == []


async def test_nothing_ends_while_a_front_does_not_answer(redis_url: str, session: str) -> None:
    silent = PubSubListener(redis_url, lambda *_: None, lambda: None, PATIENT)
    async with (
        silent,
        fronts(redis_url, session, {"a": RunningRead("t1", endable=True)}, timing=patient(front_answer_s=0.05)) as (
            asking,
        ),
    ):
        channel = Keys(session).fronts
        silent.subscribe(channel)
        await silent.confirmed(channel, 5)

        assert not await asking.channel.end_only("claude", "desk", "a")

    assert asking.ended == []
