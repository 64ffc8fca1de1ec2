"""A few of the random runs of readers: `make faults ARGS=events` plays hundreds."""

import asyncio

import pytest

from tests.faults.event_runs import play
from tests.faults.stage import Stage


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_readers_miss_nothing_and_get_nothing_twice_in_a_few_runs() -> None:
    async with asyncio.timeout(290), Stage() as stage:
        results = [await play(stage, 1, number) for number in range(3)]

    assert [each.wrong for each in results] == [[]] * 3
    assert all(each.events and each.quotes and each.alerts for each in results)
