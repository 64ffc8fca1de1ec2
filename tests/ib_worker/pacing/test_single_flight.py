"""One piece of work under way for each key, and its outcome for everybody who waits."""

import asyncio

from bridge.tool import ToolError
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
