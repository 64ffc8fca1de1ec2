"""A real client's session with the simulator: recorded, replayed to the same results, compared without a difference."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB, LimitOrder, MarketOrder, RequestError, Stock

from ibgateway.recorder.__main__ import scrub_again
from ibgateway.recorder.compare import compare, table
from ibgateway.recorder.recording_proxy import RecordingProxy, SocketAddress
from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.replay.server import ReplayServer
from ibgateway.recorder.simulator_run import SimulatorSetup, drive, recorded_start
from ibgateway.recorder.transcript import transcript
from ibgateway.recorder.transcript.scrub import Scrubber
from ibgateway.recorder.transcript.transcript import Line, TranscriptFrame
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.waiting import until

ACCOUNT = "DU7654321"
REF = "grid-0042a"
AAPL = Stock("AAPL", "SMART", "USD", conId=265598)
DEADLINE_S = 10.0


class Recorded:
    """A session that was recorded, and what its client learnt."""

    def __init__(self, path: Path, scrubber: Scrubber, results: dict[str, Any]) -> None:
        self.path = path
        self.results = results
        self._scrubber = scrubber

    @property
    def lines(self) -> list[Line]:
        with self.path.open() as file:
            return list(transcript.read(file))

    def masked(self, results: dict[str, Any]) -> dict[str, str]:
        """What somebody learns who sees masks only."""
        return {name: self._scrubber.fields(["text"], [repr(found)])[0] for name, found in results.items()}


@asynccontextmanager
async def connected(port: int, clientId: int = 3) -> AsyncIterator[IB]:
    ib = IB()
    ib.RaiseRequestErrors = True
    await ib.connectAsync("127.0.0.1", port, clientId=clientId, timeout=DEADLINE_S)
    try:
        yield ib
    finally:
        ib.disconnect()


async def research(ib: IB) -> dict[str, Any]:
    """Questions about the market."""
    ib.reqMarketDataType(1)
    ticker = ib.reqMktData(AAPL)
    await until(lambda: ticker.hasBidAsk(), "a quote")
    results = {
        "details": await ib.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD")),
        "bars": await ib.reqHistoricalDataAsync(AAPL, "", "2 D", "1 hour", "TRADES", True),
        "daily": await ib.reqHistoricalDataAsync(AAPL, "20250610 16:00:00 US/Eastern", "1 M", "1 day", "TRADES", True),
        "symbols": await ib.reqMatchingSymbolsAsync("app"),
        "chain": await ib.reqSecDefOptParamsAsync("AAPL", "", "STK", 265598),
        "schedule": await ib.reqHistoricalScheduleAsync(AAPL, 5),
        "rule": await ib.reqMarketRuleAsync(26),
        "time": await ib.reqCurrentTimeAsync(),
        "unknown": await refusal(ib.reqContractDetailsAsync(Stock("NOSUCH", "SMART", "USD"))),
    }
    ib.cancelMktData(AAPL)
    return results


async def refusal(request: Awaitable[Any]) -> tuple[int, str]:
    with pytest.raises(RequestError) as raised:
        await request
    return raised.value.code, raised.value.message


async def trade(ib: IB) -> dict[str, Any]:
    """Orders and what they change."""
    before = await ib.reqPositionsAsync()
    resting = ib.placeOrder(AAPL, LimitOrder("BUY", 10, 100, orderRef=REF, account=ACCOUNT))
    await until(lambda: resting.orderStatus.status == "Submitted", "the limit order rests")
    ib.cancelOrder(resting.order)
    await until(lambda: resting.orderStatus.status == "Cancelled", "the limit order is cancelled")
    bought = ib.placeOrder(AAPL, MarketOrder("BUY", 5, orderRef=REF))
    await until(lambda: bought.fills and bought.fills[-1].commissionReport.commission, "the market order fills")
    return {
        "before": before,
        "statuses": [[entry.status for entry in order.log] for order in (resting, bought)],
        "fills": [(fill.execution, fill.commissionReport) for fill in bought.fills],
        "order": (bought.order.permId, bought.order.orderRef, bought.order.account),
        "executions": [fill.execution for fill in await ib.reqExecutionsAsync()],
        "completed": [one.order for one in await ib.reqCompletedOrdersAsync(False)],
        "summary": [one for one in await ib.accountSummaryAsync() if one.tag == "AccountType"],
    }


Doing = Callable[[IB], Awaitable[dict[str, Any]]]


async def record(path: Path, *doings: Doing, sessions: int = 1) -> Recorded:
    """The same things done in one session, or in several, one after the other."""
    scrubber = Scrubber(b"0123456789abcdef")
    results: dict[str, Any] = {}
    with path.open("w") as out:
        out.write(transcript.header("2025-06-11T14:30:00+00:00") + "\n")
        async with (
            Simulator(SimulatorConfig(accounts=(ACCOUNT,))) as simulator,
            RecordingProxy(
                SocketAddress("127.0.0.1", 0), SocketAddress("127.0.0.1", simulator.port), out, scrubber
            ) as recorder,
        ):
            for number in range(1, sessions + 1):
                async with connected(recorder.port) as ib:
                    for doing in doings:
                        results |= await doing(ib)
                closed = f'"client": {number}, "event": "closed by client"'
                await until(lambda end=closed: end in path.read_text(), "the end of the session")  # type: ignore[misc]
    scrub_again(path, scrubber)
    return Recorded(path, scrubber, results)


async def replay(recorded: Recorded, *doings: Doing) -> dict[str, Any]:
    results: dict[str, Any] = {}
    async with ReplayServer(scripts(recorded.lines)) as player, connected(player.port) as ib:
        for doing in doings:
            results |= await doing(ib)
    return results


async def test_a_replay_gives_a_client_the_results_of_the_recording(tmp_path: Path) -> None:
    recorded = await record(tmp_path / "session.jsonl", research, trade)

    again = await replay(recorded, research, trade)

    assert {name: repr(found) for name, found in again.items()} == recorded.masked(recorded.results)
    assert len(again["bars"]) > 5
    assert len(again["fills"]) >= 1


async def test_a_replay_does_not_mind_another_order_of_requests(tmp_path: Path) -> None:
    recorded = await record(tmp_path / "session.jsonl", research, trade)

    again = await replay(recorded, trade, research)

    numbered = ("fills", "executions")  # by the client, whose next order id is another one now
    assert [again[name][0][0].orderId if name == "fills" else again[name][0].orderId for name in numbered] == [4, 4]
    ours = {name: repr(found) for name, found in again.items() if name not in numbered}
    theirs = recorded.masked(recorded.results)
    assert ours == {name: found for name, found in theirs.items() if name not in numbered}


async def test_a_replay_refuses_what_was_not_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorded = await record(tmp_path / "session.jsonl", trade)
    caplog.set_level(logging.WARNING, "ibgateway.recorder")

    errors: list[tuple[int, int, str]] = []

    async with ReplayServer(scripts(recorded.lines)) as player, connected(player.port) as ib:
        ib.errorEvent += lambda reqId, code, text, _: errors.append((reqId, code, text))
        ib.client.reqHistogramData(77, AAPL, True, "3 days")  # type: ignore[no-untyped-call]
        await until(lambda: errors, "the refusal")

    assert [(reqId, code) for reqId, code, _ in errors] == [(77, 321)]
    assert "not in the transcript" in errors[0][2]
    assert "the transcript lacks reqHistogramData" in caplog.text


async def test_nothing_in_the_file_tells_who_it_was(tmp_path: Path) -> None:
    recorded = await record(tmp_path / "session.jsonl", trade)

    text = recorded.path.read_text()

    execution = recorded.results["fills"][0][0]
    assert all(line.known for line in recorded.lines if isinstance(line, TranscriptFrame))
    for secret in (ACCOUNT, REF, str(recorded.results["order"][0]), execution.execId, "127.0.0.1"):
        assert secret not in text


async def test_a_recording_of_the_simulator_does_not_differ_from_the_simulator(tmp_path: Path) -> None:
    lines = (await record(tmp_path / "session.jsonl", research, trade, sessions=2)).lines

    start = recorded_start(lines)
    assert start is not None
    found = compare(lines, drive(lines, SimulatorSetup(start)))

    assert not found, table(found)
