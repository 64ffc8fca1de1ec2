"""Clients of one contract share a line, which ends with the last of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from ibgateway.simulator.gateway import ticks
from ibgateway.simulator.gateway.quote_feeds import HEADS, QuoteFeed, QuoteWatcher
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.wire.messages import market_data
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw, started
from tests.stacks.ibgateway.world_and_trader import option


@dataclass
class Sent:
    """A sink."""

    payloads: list[bytes] = field(default_factory=list)

    def send(self, payload: bytes) -> None:
        self.payloads.append(payload)

    def send_all(self, payloads: Iterable[bytes]) -> None:
        self.payloads.extend(payloads)


async def test_two_clients_of_one_contract_cost_one_line_and_see_the_same_ticks(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        watch(client, 7)
        await client.everything()
        watch(other, 8)
        await other.everything()
        assert len(sim.gateway.feeds) == 1
        since = sim.journal.last
        for _ in range(10):
            sim.skip(1)
        ours, theirs = ([one.fields for one in sim.journal.entries("out", None, n, since)] for n in (1, 2))

    assert len(ours) > 10
    # The kind of tick and what it says: all but the request id.
    assert [(one[0], one[3:]) for one in ours] == [(one[0], one[3:]) for one in theirs]


@pytest.mark.parametrize("halted", [False, True])
def test_an_options_line_sends_all_that_changes_and_a_halt_at_once(halted: bool, world: World) -> None:
    call = world.resolve(option(430.0))
    feed, sink, looks = QuoteFeed(world, call, delayed=False), Sent(), [world.snapshot(call)]
    feed.join(QuoteWatcher(sink, 7, ticks.Style()))
    sink.payloads.clear()
    if halted:
        world.halt(call, world.now + 5)
    for _ in range(200):
        world.advance(world.now + 0.1)
        feed.advance(world.now)
        looks.append(world.snapshot(call))

    changes = [ticks.changes(before, after, ticks.Style()) for before, after in pairwise(looks)]
    head = {each: market_data.head(each, 7) for each in HEADS}
    assert [each for each in sink.payloads if not each.startswith(head[market_data.TICK_OPTION])] == [
        head[msgId] + tail for change in changes for msgId, tail in change
    ]
    assert bool(changes[0]) is halted


async def test_a_line_is_freed_when_its_last_client_leaves(sim: Simulator) -> None:
    async with started(sim.port, clientId=2) as one:
        watch(one, 7)
        await one.everything()
        assert len(sim.gateway.feeds) == 1
    async with started(sim.port, clientId=3) as other:
        await other.everything()

    assert len(sim.gateway.feeds) == 0


async def test_news_of_a_contract_come_as_ticks(sim: Simulator, client: Raw) -> None:
    watch(client, generics="292:BRFG")
    await client.everything()
    for _ in range(48):
        sim.skip(1800)

    assert [frame[0] for frame in await client.everything() if frame[0] == "84"]
