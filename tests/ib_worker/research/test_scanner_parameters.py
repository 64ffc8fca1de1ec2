"""The scanner's parameters, requested once a day."""

import asyncio
import time

import pytest

from bridge.tool import ToolError
from ib_worker.research.scanner_parameters import parameters_of, require_parameter
from ib_worker.research.scanner_xml import ScannerParameter
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.world.reference import scanner
from tests.stacks.worker import Stand, ready_session, trading

PARAMETERS = 24  # TWS's message id of reqScannerParameters


def of_two_million_characters() -> str:
    kept = scanner.parameters()
    filler = "".join(
        f"<ScanType><displayName>Scan {n}</displayName><scanCode>SCAN_{n}</scanCode>{'<x>y</x>' * 20}</ScanType>\n"
        for n in range(8_500)
    )
    return kept.replace("<ScanTypeList>", f"<ScanTypeList>{filler}")


async def longest_pause(stand: Stand) -> float:
    """Read the parameters, and return the longest time in which the event loop had no turn."""
    longest, began = 0.0, time.perf_counter()
    reading = asyncio.create_task(parameters_of(stand.session, "scanCode"))
    while not reading.done():
        await asyncio.sleep(0.001)
        longest, began = max(longest, time.perf_counter() - began), time.perf_counter()
    assert len(reading.result()) == 8_515
    return longest


async def test_callers_share_one_request_and_its_answer_is_kept(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        both = await asyncio.gather(*(parameters_of(stand.session, "filter") for _ in range(2)))
        await parameters_of(stand.session, "scanCode")

    assert both[0] == both[1]
    assert ScannerParameter("filter", "priceAbove", "Price Above", "number") in both[0]
    assert len(sim.journal.entries("in", PARAMETERS)) == 1


async def test_two_million_characters_are_read_beside_the_event_loop(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = of_two_million_characters()
    assert len(whole) > 2_000_000
    monkeypatch.setattr(scanner, "parameters", lambda: whole)
    async with ready_session(sim) as stand:
        assert await longest_pause(stand) < 0.5  # the reading alone takes longer on the loop's thread


async def test_a_code_is_required_and_named_with_the_nearest(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await require_parameter(stand.session, "scanCode", "scanCode", "MOST_ACTIVE")
        with pytest.raises(ToolError, match=r"scanCode: .* no scanCode MOST_ACTIV\. Near it: MOST_ACTIVE"):
            await require_parameter(stand.session, "scanCode", "scanCode", "MOST_ACTIV")


async def test_an_answer_that_is_no_xml_is_an_error_and_not_kept(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("rewrite scannerParameters 2 <!DOCTYPE 1")
        error = await front.refused("get_scanner_parameters")
        sim.fault("truncate scannerParameters 2 1")
        cut = await front.refused("get_scanner_parameters")
        again = await front.ask("get_scanner_parameters")

    assert error.code == "unsupported_gateway"
    assert cut.code == "unsupported_gateway"
    assert again["count"] == 15
