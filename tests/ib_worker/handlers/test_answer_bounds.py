"""No answer's length is the caller's to choose: bounds before the work, and long work beside the loop."""

from datetime import UTC, datetime

import pytest

from bridge.bus.messages import TRUNCATED
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.order_queries import OrderEvent
from bridge.tools.types import ContractArguments
from ib_worker.handlers import answer_bounds as bounds
from ib_worker.handlers.answer_bounds import BOUNDS, ListPart, bars_of, encoded, longest_of, require_short, session_s
from ib_worker.market_data.contracts import require_narrow
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
STOCK = "20250611:0930-20250611:1600;20250612:0930-20250612:1600;20250613:CLOSED"
FUTURE = "20250611:1700-20250612:1600;20250613:CLOSED"
STOCK_S = 23_400


@pytest.mark.parametrize(
    ("liquidHours", "seconds"),
    [
        (STOCK, STOCK_S), (FUTURE, 82_800), ("20250611:0930-1130,1300-1500;20250612:CLOSED", 14_400), ("", 86_400),
        ("20250611:1715-20250612:1715", 86_400), ("20250611:CLOSED", 86_400), ("nonsense", 86_400),
    ],
)  # fmt: skip
def test_a_day_is_as_long_as_its_sessions(liquidHours: str, seconds: int) -> None:
    assert session_s(liquidHours) == seconds


@pytest.mark.trial("B1")
@pytest.mark.parametrize(
    ("durationStr", "barSizeSetting", "bars"),
    [
        ("1 Y", "1 min", 261 * 390), ("1 Y", "1 day", 261), ("1 D", "1 secs", 23_400), ("3600 S", "5 secs", 720),
        ("1 Y", "1 week", 53), ("10 Y", "1 month", 122), ("1 M", "1 hour", 23 * 7),
    ],
)  # fmt: skip
def test_the_bars_of_a_series_are_estimated(durationStr: str, barSizeSetting: str, bars: int) -> None:
    assert bars_of(durationStr, barSizeSetting, "STK", STOCK_S) == bars


@pytest.mark.trial("B1")
@pytest.mark.parametrize("size", bounds.BAR_SIZES)
@pytest.mark.parametrize(("secType", "hours"), [("STK", STOCK), ("FUT", FUTURE), ("CRYPTO", ""), ("CASH", "")])
def test_the_longest_that_is_named_goes_and_twice_that_does_not(size: str, secType: str, hours: str) -> None:
    longest = longest_of(size, secType, session_s(hours))
    count, unit = longest.split()

    require_short(longest, size, secType, hours)
    if int(count) < bounds.LARGEST[unit]:
        with pytest.raises(ToolError, match=r"\[too_large\]"):
            require_short(f"{int(count) * 2 + 1} {unit}", size, secType, hours)


@pytest.mark.trial("B1")
@pytest.mark.parametrize("secType", ["STK", "FUT", "CASH", "CRYPTO", "IND", "OPT"])
def test_a_year_of_days_is_always_whole(secType: str) -> None:
    require_short("1 Y", "1 day", secType, "")


@pytest.mark.trial("B1")
async def test_a_year_of_minutes_is_refused_before_tws_is_asked(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_historical_data", symbol="MSFT", durationStr="1 Y", barSizeSetting="1 min")
        told = await front.ask(
            "get_historical_data", symbol="MSFT", durationStr=error.details["durationStr"], barSizeSetting="1 min"
        )

        assert error.code == "too_large"
        assert "durationStr 1 W with 1 min, or barSizeSetting 1 hour with 1 Y" in error.message
        assert len(sim.journal.entries("in", 20)) == 1  # of the second call
        assert 1_000 < len(told) <= BOUNDS["get_historical_data"].rows


@pytest.mark.trial("B2")
@pytest.mark.parametrize("secType", ["OPT", "FOP", "WAR"])
@pytest.mark.parametrize("more", [{}, {"right": "C"}, {"strike": 400.0}, {"exchange": "CBOE"}])
def test_a_whole_chain_is_refused(secType: str, more: dict[str, object]) -> None:
    with pytest.raises(ToolError, match=r"\[too_large\] lastTradeDateOrContractMonth"):
        require_narrow(ContractArguments.model_validate({"symbol": "AAPL", "secType": secType} | more))


@pytest.mark.trial("B2")
@pytest.mark.parametrize(
    "more", [{"conId": 7}, {"lastTradeDateOrContractMonth": "202506"}, {"right": "C", "strike": 400.0}]
)
def test_a_part_of_a_chain_is_asked_for(more: dict[str, object]) -> None:
    require_narrow(ContractArguments.model_validate({"symbol": "AAPL", "secType": "OPT"} | more))


@pytest.mark.trial("B2")
async def test_no_tool_asks_for_a_whole_chain(redis_url: str, session: str, sim: Simulator) -> None:
    chain = {"symbol": "SPY", "secType": "OPT"}
    async with trading(redis_url, session, sim) as front:
        for operation in ("get_contract_details", "get_historical_data", "open_market_data"):
            assert (await front.refused(operation, **chain)).code == "too_large"
        assert (await front.refused_order(**chain, action="BUY", totalQuantity=1)).code == "too_large"
        assert sim.journal.entries("in", 9) == []


def events(count: int, length: int = 10) -> list[OrderEvent]:
    return [OrderEvent(at=AT, source=str(number), what="x" * length) for number in range(count)]


@pytest.mark.trial("B1", "B2")
def test_rows_that_do_not_fit_are_left_out_and_counted() -> None:
    rows = events(2_000, length=1_000)

    first, newest = encoded("get_contract_details", rows, of=5_000), encoded("get_executions", rows, of=5_000)

    assert first.truncated is not None
    assert newest.truncated is not None
    assert 0 < len(first.json) <= bounds.ANSWER_BYTES
    assert (first.truncated["of"], first.truncated["rows"]) == (5_000, first.json.count(b'"source"'))
    assert b'"source":"0"' in first.json
    assert b'"source":"1999"' not in first.json
    assert b'"source":"1999"' in newest.json
    assert b'"source":"0"' not in newest.json


def test_rows_that_fit_are_whole() -> None:
    assert encoded("get_executions", events(3), of=3).truncated is None
    assert encoded("get_executions", [], of=0).json == b"[]"


@pytest.mark.trial("B1")
async def test_an_answer_that_was_cut_says_so(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BOUNDS, "get_positions", bounds.Bound(1, "Name a symbol."))
    declared = OPERATIONS["get_positions"]
    async with trading(redis_url, session, sim) as front:
        reply = await front.asker.reply(declared, declared.request(), caller="claude", request_id="r-1")
        one = await front.ask("get_positions", symbol="spy")

        assert reply.details[TRUNCATED]["rows"] == 1
        assert reply.details[TRUNCATED]["of"] > 1
        assert [each["contract"]["symbol"] for each in one] == ["SPY"]


def test_a_part_knows_how_many_there_are() -> None:
    assert ListPart([1, 2], of=9).of == 9
