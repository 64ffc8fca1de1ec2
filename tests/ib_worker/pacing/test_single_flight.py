"""One piece of work under way for each key, and its outcome for everybody who waits."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bridge.tool import ToolError
from ib_worker.pacing.caller import acting_for
from ib_worker.pacing.single_flight import SingleFlight
from tests.stacks.pacing import Asks


async def test_a_flight_that_landed_is_flown_again() -> None:
    flights = SingleFlight()
    ask = Asks()

    assert [await flights.share("key", ask) for _ in range(2)] == [1, 2]
    assert len(flights) == 0


async def test_everybody_on_a_flight_learns_of_its_failure() -> None:
    flights = SingleFlight()

    async def fail() -> int:
        raise ToolError("no_data", "nothing")

    outcomes = await asyncio.gather(*(flights.share("key", fail) for _ in range(2)), return_exceptions=True)

    assert [type(each) for each in outcomes] == [ToolError, ToolError]


async def left(flights: SingleFlight, fly: Callable[[], Coroutine[Any, Any, int]], *, for_good: bool) -> None:
    """A caller that gives up once the flight is in progress."""
    with acting_for("claude", lambda: for_good):
        asking = asyncio.create_task(flights.share("key", fly))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


class LongFlight:
    """A flight that lands when told to, and notes that it was cancelled."""

    def __init__(self) -> None:
        self.land = asyncio.Event()
        self.began = 0
        self.cancelled = 0

    async def __call__(self) -> int:
        self.began += 1
        try:
            await self.land.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.began


async def test_a_flight_ends_with_its_last_caller_who_has_gone() -> None:
    flights, fly = SingleFlight(), LongFlight()

    await left(flights, fly, for_good=True)
    await asyncio.sleep(0)

    assert (fly.began, fly.cancelled, len(flights)) == (1, 1, 0)


async def test_a_flight_goes_on_for_a_caller_whose_deadline_passed() -> None:
    flights, fly = SingleFlight(), LongFlight()
    await left(flights, fly, for_good=False)

    fly.land.set()

    assert await flights.share("key", fly) == 1
    assert fly.cancelled == 0


async def test_a_flight_goes_on_for_the_callers_that_stay() -> None:
    flights, fly = SingleFlight(), LongFlight()
    stays = asyncio.create_task(flights.share("key", fly))
    await left(flights, fly, for_good=True)

    fly.land.set()

    assert await stays == 1
    assert fly.cancelled == 0


async def test_nobody_joins_a_flight_that_ends() -> None:
    flights, fly = SingleFlight(), LongFlight()
    with acting_for("claude", lambda: True):
        asking = asyncio.create_task(flights.share("key", fly))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.sleep(0)
    fly.land.set()

    assert await flights.share("key", fly) == 2
    await flights.close()
