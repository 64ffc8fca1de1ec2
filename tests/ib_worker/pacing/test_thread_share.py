"""Long answers of one client take a small part of the worker's time; another's wait for nothing."""

import asyncio
import time

import pytest

from bridge.tool import ToolError
from ib_worker.pacing.caller import SESSION
from ib_worker.pacing.message_pacer import LONGEST_WAIT_S
from ib_worker.pacing.thread_share import AT_ONCE_S, SHARE, ThreadShare
from tests.stacks.pacing import Clock

pytestmark = pytest.mark.trial("B1")


def test_work_after_a_quiet_moment_waits_for_nothing() -> None:
    portions = ThreadShare(Clock())
    portions.had("hungry", AT_ONCE_S)

    assert portions.wait_s("hungry") == 0


def test_more_work_waits_for_its_callers_share_of_the_time() -> None:
    clock = Clock()
    portions = ThreadShare(clock)
    portions.had("hungry", AT_ONCE_S + 0.05)

    assert portions.wait_s("hungry") == pytest.approx(0.05 / SHARE)
    assert portions.wait_s("quiet") == 0
    clock.now += 0.05 / SHARE
    assert portions.wait_s("hungry") == pytest.approx(0)


def test_whoever_would_wait_too_long_is_told_so_at_once() -> None:
    portions = ThreadShare(Clock())
    portions.had("hungry", AT_ONCE_S + (LONGEST_WAIT_S + 1) * SHARE)

    with pytest.raises(ToolError, match="paced") as refused:
        portions.require_short_wait("hungry")
    assert refused.value.details["retry_after_s"] == pytest.approx(LONGEST_WAIT_S + 1)
    for other in ("quiet", SESSION):
        portions.require_short_wait(other)


async def test_a_hungry_caller_works_one_piece_at_a_time_and_another_beside_it() -> None:
    portions = ThreadShare(time.monotonic)
    for took_s in (AT_ONCE_S, 0.02 * SHARE):
        portions.had("hungry", took_s)
    order: list[str] = []

    async def piece(caller: str) -> None:
        async with portions.turn(caller):
            order.append(f"{caller} begins")
            await asyncio.sleep(0)
            order.append(f"{caller} ends")

    await asyncio.gather(piece("hungry"), piece("hungry"), piece("quiet"))

    assert order == ["quiet begins", "quiet ends", *["hungry begins", "hungry ends"] * 2]


async def test_a_caller_that_owes_nothing_is_forgotten() -> None:
    clock = Clock()
    portions = ThreadShare(clock)
    for number in range(1_000):
        async with portions.turn(f"caller-{number}"):
            portions.had(f"caller-{number}", 0.01)
        clock.now += 0.01 / SHARE

    assert len(portions) <= 1
