"""The market scanner, at the simulator over TCP."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.market.scanners import GetScannerParameters, RunScanner, ScannerParameterTable, ScannerRows
from ib_worker.handlers.market.scanners import get_scanner_parameters, run_scanner
from ib_worker.pacing.caller import acting_for
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, caller, ready_session, trading, worker
from tests.waiting import until

SCAN, CANCEL, PARAMETERS = 22, 23, 24  # TWS's message ids


async def parameters(stand: Stand, **arguments: Any) -> ScannerParameterTable:
    return await get_scanner_parameters(GetScannerParameters(**arguments), stand.session)


async def scan(stand: Stand, **arguments: Any) -> ScannerRows:
    return await run_scanner(RunScanner(**{"scanCode": "TOP_PERC_GAIN"} | arguments), stand.session)


async def test_codes_are_found_by_words_and_the_xml_is_read_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        gainers = ScannerParameterTable.model_validate(await front.ask("get_scanner_parameters", words="Gain %"))
        places = await front.ask("get_scanner_parameters", kind="locationCode", words="nasdaq")
        filters = await front.ask("get_scanner_parameters", kind="filter", words="cap above")
        every = await front.ask("get_scanner_parameters")

    assert ["TOP_PERC_GAIN", "Top % Gainers"] in gainers.rows
    assert (gainers.columns, gainers.truncated, gainers.simulated, gainers.next) == (
        ["code", "name"],
        False,
        True,
        None,
    )
    assert [row[0] for row in places["rows"]] == ["STK.US.MAJOR", "STK.NASDAQ"]
    assert filters["columns"] == ["code", "name", "takes"]
    assert filters["rows"] == [["marketCapAbove1e6", "Market Cap (M) Above", "number"]]
    assert every["count"] == every["of"] == 15
    assert len(sim.journal.entries("in", PARAMETERS)) == 1


async def test_words_that_no_code_has_are_an_error(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=r"not_found.*none of TWS's 15 codes of kind scanCode"):
            await parameters(stand, words="zebra")


async def test_a_scan_is_a_table_and_its_subscription_ends_at_once(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = ScannerRows.model_validate(await front.ask("run_scanner", scanCode="MOST_ACTIVE", limit=5))
        await until(lambda: sim.journal.entries("in", CANCEL), "the scan is cancelled")

    assert (told.count, told.truncated, told.simulated, told.warning) == (5, True, True, None)
    assert told.same["currency"] == "USD"
    assert [row[told.columns.index("rank")] for row in told.rows] == [1, 2, 3, 4, 5]
    assert len({row[told.columns.index("conId")] for row in told.rows}) == 5
    assert not sim.journal.entries("in", PARAMETERS)  # two million characters, which a scan without filters needs not


async def test_filters_narrow_the_scan_and_are_written_as_a_list_or_an_object(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        everything = await scan(stand, limit=50)
        dear = await scan(stand, limit=50, filters=["priceAbove=300"])
        same = await scan(stand, limit=50, filters={"priceAbove": 300})

    assert 0 < dear.count < everything.count
    assert dear.rows == same.rows


async def test_a_scan_that_finds_nothing_says_so(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await scan(stand, filters=["priceAbove=900000"])

    assert (told.count, told.rows, told.truncated) == (0, [], False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"filters": ["priceOver=5"]}, r"filters: TWS's scanner has no filter priceOver\. Near it: priceAbove"),
        ({"scanCode": "TOP_PERCENT_GAIN"}, r"scanCode: .* no scanCode TOP_PERCENT_GAIN\. Near it: TOP_PERC_GAIN"),
        ({"locationCode": "STK.US.MINOR"}, r"locationCode: .* Near it: STK\.US"),
    ],
)
async def test_a_code_that_the_scanner_does_not_have_is_named_with_the_nearest(
    sim: Simulator, arguments: dict[str, Any], said: str
) -> None:
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=said) as error:
            await scan(stand, **arguments)

    assert error.value.code == "invalid_arguments"


async def test_equal_scans_share_one_subscription_and_five_run_at_once(sim: Simulator) -> None:
    codes = ("TOP_PERC_GAIN", "TOP_PERC_LOSE", "MOST_ACTIVE", "HOT_BY_VOLUME", "HOT_BY_PRICE", "HIGH_OPEN_GAP")
    async with ready_session(sim) as stand:
        await asyncio.gather(*(scan(stand, scanCode=code) for code in (*codes, *codes)))
        await until(lambda: len(sim.journal.entries("in", CANCEL)) == len(codes), "the scans are cancelled")

    running, most = 0, 0
    for entry in sim.journal.entries("in"):
        running += (entry.msgId == SCAN) - (entry.msgId == CANCEL)
        most = max(most, running)
    assert most == 5


async def test_a_caller_that_hangs_up_ends_its_scan_at_tws(sim: Simulator) -> None:
    sim.fault("on reqScannerSubscription ignore")
    async with ready_session(sim) as stand:
        with acting_for("claude", lambda: True):
            asking = asyncio.create_task(scan(stand))
        await until(lambda: sim.journal.entries("in", SCAN), "the scan is requested")
        asking.cancel()
        await until(lambda: sim.journal.entries("in", CANCEL), "the scan is cancelled")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('162 "Historical Market Data Service error message:No market data permissions"', "no_data"),
        ("420 pacing", "paced"),
    ],
)
async def test_a_scan_that_tws_refuses_has_its_code_and_text(
    redis_url: str, session: str, sim: Simulator, answer: str, code: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(f"on reqScannerSubscription answer {answer}")
        error = await front.refused("run_scanner", scanCode="MOST_ACTIVE")

    assert (error.code, error.details["twsCode"]) == (code, int(answer.split()[0]))


async def test_data_that_are_not_live_are_said_in_tws_words(sim: Simulator) -> None:
    sim.fault('on reqScannerSubscription notice 492 "You must subscribe for precise results"')
    async with ready_session(sim) as stand:
        told = await scan(stand)

    assert told.count == 25
    assert told.warning == 'TWS said (492): "You must subscribe for precise results".'


async def test_without_a_gateway_the_call_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqScannerSubscription reset")
        broken = await front.refused("run_scanner", scanCode="MOST_ACTIVE")
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = await front.refused("get_scanner_parameters")

    assert broken.code == "retry"
    assert down.code == "gateway_unreachable"
