"""Errors beside answers: a warning or an unknown code ends no request that gets data, and what can't be answered is
told at once."""

import asyncio
from typing import Any

import pytest

from bridge.tools.types import ContractArguments
from ib_worker.orders.timing import OrderTiming
from ib_worker.tws.errors import TwsError, WarningReported, as_tool_error
from ib_worker.tws.requests import PendingRequests
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import order, ready_session, trading
from tests.waiting import until

SHORT = OrderTiming(error_grace_s=0.2, preview_warning_wait_s=0.3)
SUMMARY, DETAILS = "get_account_summary", "get_contract_details"
HISTORY = ("get_historical_data", {"symbol": "SPY", "durationStr": "1 D", "barSizeSetting": "1 hour"})
READS: list[tuple[str, dict[str, Any], str]] = [
    (*HISTORY, "reqHistoricalData"),
    (SUMMARY, {}, "reqAccountSummary"),
    (DETAILS, {"symbol": "MSFT"}, "reqContractDetails"),
    ("get_pnl", {}, "reqPnL"),
    ("get_pnl_single", {"symbol": "SPY"}, "reqPnLSingle"),
]


@pytest.mark.trial("B9")
@pytest.mark.parametrize("code", [2187, 10167, 99999, 2399])
async def test_no_warning_and_no_unknown_code_ends_a_read_that_gets_its_data(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    async with trading(redis_url, session, sim, order_timing=SHORT) as front:
        for operation, arguments, asks in READS:
            sim.fault(f'on {asks} notice {code} "only a warning"')
            assert await front.ask(operation, **arguments)


@pytest.mark.trial("B9")
async def test_an_unknown_code_without_data_ends_a_read_in_tws_words(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SHORT) as front:
        for operation, arguments, asks in READS:
            sim.fault(f'on {asks} answer 99999 "a code of next year"')
            error = await front.refused(operation, **arguments)
            assert (error.code, error.details["twsCode"]) == ("gateway_refused", 99999)
            assert '"a code of next year"' in error.message


@pytest.mark.trial("B9")
async def test_an_answer_that_stops_after_an_unknown_code_ends_and_one_that_goes_on_does_not() -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    loop = asyncio.get_running_loop()
    with requests.expect(7) as goes_on, requests.expect(8) as stops, requests.expect(9, patience_s=0.1) as warned:
        for key in (7, 8, 9):
            requests.add(key, "part") if key != 9 else None
            requests.error(key, 99999 if key != 9 else 2187, "beware")
        loop.call_later(0.1, requests.add, 7, "more")
        loop.call_later(0.3, requests.finish, 7)

        assert await goes_on.answer == ["part", "more"]
        with pytest.raises(TwsError):
            await stops.answer
        with pytest.raises(WarningReported) as silent:
            await warned.answer
    told = as_tool_error(silent.value)
    assert told is not None
    assert (told.code, 'TWS said (2187): "beware".' in told.message) == ("timeout", True)


@pytest.mark.trial("B9")
@pytest.mark.parametrize("code", [2187, 10167, 99999])
async def test_a_stream_goes_on_after_warnings_and_unknown_codes(sim: Simulator, code: int) -> None:
    async with ready_session(sim, order_timing=SHORT) as stand:
        sim.fault(f'on reqMktData notice {code} "only a warning"')
        contract = await stand.session.contracts.contract(ContractArguments(symbol="SPY"))
        line = await stand.session.quotes.open(contract)
        await asyncio.wait_for(line.settled.wait(), 5 + BUSY_S)
        ticks = line.ticks
        await until(lambda: line.ticks > ticks + 3, "ticks go on")

        assert line.problem is None


@pytest.mark.trial("B9")
async def test_a_stream_that_stops_at_an_unknown_code_is_asked_for_anew_once_and_then_ends(sim: Simulator) -> None:
    async with ready_session(sim, order_timing=SHORT) as stand:
        session = stand.session
        line = await session.quotes.open(await session.contracts.contract(ContractArguments(symbol="SPY")))
        await asyncio.wait_for(line.settled.wait(), 5 + BUSY_S)
        first = line.reqId
        sim.fault("farm broken usfarm")
        sim.fault("on reqMktData each answer 99999 gone")
        sim.fault(f"send 4 2 {first} 99999 gone -")

        await until(lambda: line.problem is not None, "the line ends")

        assert line.problem is not None
        assert (line.problem.code, line.problem.details["twsCode"]) == ("gateway_refused", 99999)
        assert len(sim.journal.entries("in", 1)) == 2  # reqMktData


@pytest.mark.trial("A14")
@pytest.mark.parametrize("code", [10311, 399, 99999, 201])
async def test_a_preview_that_tws_speaks_against_ends_with_the_words(
    redis_url: str, session: str, sim: Simulator, code: int
) -> None:
    async with trading(redis_url, session, sim, order_timing=SHORT) as front:
        sim.fault(f'on whatIf notice {code if code in (399, 99999) else 399} "only a warning"')
        assert (await front.ask("preview_order", **order()))["commission"] is not None

        sim.fault(f'on whatIf answer {code} "not like this"')
        error = await front.refused("preview_order", **order())

    assert (error.code, error.details["twsCode"]) == ("preview_unavailable", code)
    assert '"not like this"' in error.message


@pytest.mark.trial("B10")
@pytest.mark.parametrize(("operation", "arguments", "asks"), [*READS, ("get_open_orders", {}, "reqAllOpenOrders")])
async def test_an_error_without_an_id_ends_the_request_that_waits(
    redis_url: str, session: str, sim: Simulator, operation: str, arguments: dict[str, Any], asks: str
) -> None:
    async with trading(redis_url, session, sim, order_timing=SHORT) as front:
        sim.fault(f"on {asks} error 321 Error validating request.-'bX' : cause - the field is missing")
        sim.fault(f"on {asks} ignore")
        error = await front.refused(operation, **arguments)

    assert (error.code, error.details["twsCode"]) == ("gateway_refused", 321)
    assert "the field is missing" in error.message


@pytest.mark.trial("B10")
async def test_an_error_without_an_id_ends_the_opening_of_account_updates(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SHORT) as front:
        sim.fault("on reqAccountUpdates error 322 Error processing request")
        sim.fault("on reqAccountUpdates ignore")
        error = await front.refused("open_account_updates")
        assert (error.code, error.details["twsCode"]) == ("gateway_refused", 322)

        assert (await front.ask("open_account_updates"))["updates"]
