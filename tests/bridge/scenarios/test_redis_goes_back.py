"""The leader's steps on a Redis that has gone back and is not found out yet: none hides it, and none forgets."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from bridge.bus.controls.kill_switch import clear_halt, read_halt, set_halt
from bridge.bus.messages import VERSION, Request
from bridge.bus.server.server import BusServer
from bridge.tool import ToolError
from tests.busy import BUSY_S
from tests.stacks.unrenewed_bus import KNOWN, counted, counts, found_out, unrenewed_bus
from tests.waiting import until

WRITE = Request(VERSION, "a-1", "place_order", msgspec.Raw(b"{}"), "f", 2**50, "claude", "r", key="k-1", digest="d")
pytestmark = pytest.mark.trial("A19")


@pytest_asyncio.fixture
async def bus(redis_url: str, session: str) -> AsyncIterator[BusServer]:
    async with unrenewed_bus(redis_url, session) as bus:
        yield bus


async def test_an_answer_that_is_stored_on_an_older_copy_does_not_hide_it(bus: BusServer) -> None:
    await counts(bus, KNOWN - 1)
    await bus.records.finish(WRITE, b"{}")

    assert await found_out(bus)


async def test_a_switch_that_the_leader_sets_on_an_older_copy_does_not_hide_it(bus: BusServer) -> None:
    await counts(bus, KNOWN - 1)
    await bus.halt("halt", "the worker", "a test")

    assert await read_halt(bus.pipe, bus.keys) is not None
    assert await found_out(bus)


async def test_a_switch_that_the_leader_has_set_is_missed_without_a_look_in_between(bus: BusServer) -> None:
    await set_halt(bus.pipe, bus.keys, "halt", "owner", "for a moment")
    await clear_halt(bus.pipe, bus.keys, "owner")  # a release that no renewal has seen
    await bus.halt("halt", "the worker", "a test")
    await bus.pipe.send("DEL", bus.keys.halt)

    assert await found_out(bus)


async def test_a_release_of_what_the_leader_has_set_is_no_loss(bus: BusServer) -> None:
    await bus.halt("halt", "the worker", "a test")
    await clear_halt(bus.pipe, bus.keys, "owner")

    assert not await found_out(bus)
    assert bus.watermark.known.halt is None


async def test_a_renewal_whose_question_is_older_than_what_is_known_finds_an_older_copy(bus: BusServer) -> None:
    renewing = asyncio.create_task(bus.lease.keep())
    await asyncio.sleep(0)  # its question waits for its turn
    bus.watermark.note(KNOWN + 1)  # the answer of the one before, which Redis no longer has
    await asyncio.wait_for(bus.lease.data_lost.wait(), 5 + BUSY_S)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)

    assert bus.watermark.known.revision > await counted(bus)  # whatever is asked next finds it too


async def test_an_acceptance_whose_question_is_older_than_what_is_known_sends_nothing(
    bus: BusServer, session: str
) -> None:
    await bus.pipe.send("SET", bus.keys.generation, "g")
    await bus.pipe.send("HSET", bus.keys.order("k-1"), "st", "new", "att", WRITE.id)
    accepting = asyncio.create_task(bus.records.accept(WRITE, "e-1"))
    await asyncio.sleep(0)
    bus.watermark.note(KNOWN + 1)

    with pytest.raises(ToolError, match="This call sent nothing"):
        await accepting
    assert await found_out(bus)


async def test_an_acceptance_that_is_repeated_after_a_lost_answer_is_one(bus: BusServer) -> None:
    await bus.pipe.send("HSET", bus.keys.order("k-1"), "st", "new", "att", WRITE.id)
    await bus.records.accept(WRITE, "e-1")
    await bus.records.accept(WRITE, "e-1")

    assert not await found_out(bus)


async def test_a_renewal_that_was_asked_before_the_restoring_finds_no_second_loss(bus: BusServer) -> None:
    await bus.pipe.send("SET", bus.keys.generation, "g")
    bus.watermark.note(generation="g")
    restoring = asyncio.create_task(bus.rebase())
    renewing = asyncio.create_task(bus.lease.keep())  # its question waits behind
    await restoring
    steps = bus.watermark.known.revision
    await until(lambda: bus.watermark.known.revision > steps, "a renewal has compared")
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)

    assert not bus.lease.data_lost.is_set()
