"""Places for subscriptions of which TWS has only so many."""

import asyncio

import pytest

from bridge.tool import ToolError
from ib_worker.pacing import subscription_places
from ib_worker.pacing.subscription_places import SubscriptionPlaces
from tests.busy import BUSY_S


async def test_a_place_that_is_given_back_goes_to_who_waits() -> None:
    places = SubscriptionPlaces(1, "books")
    await places.take()
    waiting = asyncio.create_task(places.take())
    await asyncio.sleep(0)
    assert not waiting.done()

    places.give_back()

    await waiting


async def test_who_waits_in_vain_is_told_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription_places, "PLACE_S", 0.01)
    places = SubscriptionPlaces(1, "books")
    await places.take()

    with pytest.raises(ToolError, match=r"line_limit.*All 1 books are in use\. Retry in a few seconds"):
        await places.take()


async def test_who_gives_up_in_the_moment_of_its_turn_hands_the_place_on() -> None:
    places = SubscriptionPlaces(1, "books")
    places.take_now()
    gone, next_ = (asyncio.create_task(places.take()) for _ in range(2))
    await asyncio.sleep(0)
    places.give_back()
    gone.cancel()

    async with asyncio.timeout(1 + BUSY_S):
        await next_
    with pytest.raises(ToolError, match="line_limit"):
        places.take_now()
