"""No answer's length is the caller's to choose: bounds before the work, and long work beside the loop."""

import pytest

from bridge.bus.messages import TRUNCATED
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.account import GetPositions
from bridge.tools.order_queries import GetExecutions
from bridge.tools.types import MOST_ROWS, ContractArguments
from ib_worker.answers import bounds
from ib_worker.answers.bounds import ListPart, bars_of, kept, longest_of, require_short, session_s
from ib_worker.market_data.contracts import require_narrow
from ibgateway.simulator.server.server import Simulator
from tests.stacks.bus import CALLER
from tests.stacks.worker import trading

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
            "get_historical_data",
            symbol="MSFT",
            durationStr=error.details["durationStr"],
            barSizeSetting="1 min",
            limit=2_000,
        )

        assert error.code == "too_large"
        assert "durationStr 1 W with 1 min, or barSizeSetting 1 hour with 1 Y" in error.message
        assert len(sim.journal.entries("in", 20)) == 1  # of the second call
        assert 1_000 < len(told) <= MOST_ROWS


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


@pytest.mark.parametrize("operation", ["get_positions", "get_open_orders", "get_account_summary"])
def test_what_a_decision_rests_on_is_never_cut_unless_that_is_asked_for(operation: str) -> None:
    rows = list(range(5_000))

    assert kept(operation, rows, GetPositions()) == rows
    assert len(kept(operation, rows, GetPositions(limit=3))) == 3
    assert kept(operation, [], GetPositions(limit=3)) == []


def test_the_newest_are_kept_of_what_has_a_bound() -> None:
    rows = list(range(700))

    assert kept("get_executions", rows, GetExecutions()) == rows[-500:]
    assert kept("get_executions", rows, GetExecutions(limit=600)) == rows[-600:]
    assert kept("get_contract_details", rows, GetExecutions(limit=2)) == [0, 1]
    assert kept("get_executions", [], GetExecutions()) == []
    assert kept("get_executions", rows, GetExecutions(format="summary")) == rows  # totals are of all


@pytest.mark.trial("B1")
async def test_an_answer_that_was_cut_says_so(redis_url: str, session: str, sim: Simulator) -> None:
    declared = OPERATIONS["get_positions"]
    async with trading(redis_url, session, sim) as front:
        reply = await front.bus_client.reply(declared, GetPositions(limit=1), CALLER)
        one = await front.ask("get_positions", symbol="spy")

        assert reply.details[TRUNCATED]["rows"] == 1
        assert reply.details[TRUNCATED]["of"] > 1
        assert [each["contract"]["symbol"] for each in one] == ["SPY"]


def test_a_part_knows_how_many_there_are() -> None:
    assert ListPart([1, 2], of=9).of == 9
