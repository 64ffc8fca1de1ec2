"""The options that one call reads, at the simulator over TCP."""

import time
from typing import Any

import ib_async
import pytest

from bridge.tools.market.options import GetOptionQuotes
from ib_worker.market_data.option_chains import OptionChains, Parameters
from ib_worker.options.leg_reader import OptionLeg
from ib_worker.options.selection import PROBES, Selection
from ib_worker.options.underlyings import listed_expiry
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, ready_session

JULY = "20250718"


async def selected(stand: Stand, **arguments: Any) -> tuple[Selection, list[OptionLeg]]:
    request = GetOptionQuotes(symbol="SPY", expiry=JULY, **arguments)
    selection = Selection(stand.session, request, await listed_expiry(stand.session, request, request.expiry))
    return selection, await selection.legs()


def strikes(legs: list[OptionLeg]) -> list[float]:
    return [leg.contract.strike for leg in legs]


async def test_strikes_of_other_expiries_are_passed_over(sim: Simulator) -> None:
    """The strikes that TWS lists are those of all expiries together; the simulator's options are 5 apart."""

    async def fine(under: ib_async.Contract, exchange: str) -> list[Parameters]:
        return [("SMART", "SPY", "100", [JULY], [each / 2 for each in range(720, 800)])]

    async with ready_session(sim) as stand:
        stand.session.option_chains = OptionChains(fine, time.monotonic)
        around, legs = await selected(stand, strikes="atm 4", right="C")
        asked = len(sim.journal.entries("in", 1))
        _, between = await selected(stand, strikes="365-385", right="C")

    assert strikes(legs) == [365, 370, 375, 380] or strikes(legs) == [370, 375, 380, 385]
    assert [leg.error for leg in legs] == [None] * 4
    assert around.unlisted == set()
    assert asked < 20  # of the 80 that are listed
    assert strikes(between) == [365, 370, 375, 380, 385]


async def test_a_price_of_the_last_minute_saves_a_line_and_the_options_correct_it(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        _, legs = await selected(stand, strikes="atm 2", right="C")
        chains = stand.session.option_chains
        spy = 756733
        recent = chains.recent_price(spy)
        chains.note_price(spy, 300.0)
        await stand.session.quotes.release()
        asked = len(sim.journal.entries("in", 1))
        selection, again = await selected(stand, strikes="atm 2", right="C")

    assert recent is not None
    assert 370 < recent < 380
    assert strikes(again) == strikes(legs)
    assert selection.price == pytest.approx(recent, abs=2)
    assert len(sim.journal.entries("in", 1)) == asked + 4  # two about 300, and then two about the money


async def test_a_delta_is_looked_for_among_the_given_strikes(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        selection, legs = await selected(stand, strikes="400-420", delta="0.5", right="C")

    assert strikes(legs) == [400]
    assert selection.cut == 0


async def test_many_of_a_range_of_deltas_are_cut(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        selection, legs = await selected(stand, delta="0.1-0.9", right="P", limit=3)

    assert len(legs) == 3
    assert selection.cut > 0
    assert len(sim.journal.entries("in", 1)) <= 1 + 3 + PROBES
