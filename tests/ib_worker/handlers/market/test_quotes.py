"""QuoteTable of many contracts in one call, at the simulator over TCP."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.market.quotes import GetQuotes, QuoteTable
from bridge.tools.types import ContractArguments
from ib_worker.handlers.market.quotes import get_quotes
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.checks import look_at
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.worker import Stand, caller, order, ready_session, trading, worker
from tests.waiting import until

# TWS's message ids of reqMktData, cancelMktData, placeOrder and reqContractDetails
REQUEST, CANCEL, PLACE_ORDER, DETAILS = 1, 2, 3, 9
TYPE = 59  # reqMarketDataType
CLOSED = 1749916800.0  # Saturday 2025-06-14 12:00:00 US/Eastern
SYMBOLS = (
    "AAPL", "MSFT", "IBM", "GOOG", "META", "SPY", "VTI", "QQQ", "IWM", "DIA", "GLD", "TLT", "EEM", "EFA", "XLF", "XLK",
    "AMD", "BAC", "CVX", "GE",
)  # fmt: skip
MIXED: list[dict[str, Any]] = [
    {"symbol": "SPY"},
    {"symbol": "EUR", "secType": "CASH", "currency": "USD", "exchange": "IDEALPRO"},
    {"symbol": "SPX", "secType": "IND", "exchange": "CBOE"},
    {"symbol": "ES", "secType": "FUT", "exchange": "CME", "lastTradeDateOrContractMonth": "202506"},
    {"symbol": "SPY", "secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 400, "right": "P"},
]


async def quotes_of(stand: Stand, *contracts: str | dict[str, Any]) -> QuoteTable:
    return await get_quotes(GetQuotes.model_validate({"contracts": list(contracts)}), stand.session)


def cells(quotes: QuoteTable, column: str) -> list[Any]:
    if column in quotes.same:
        return [quotes.same[column]] * quotes.count
    return [row[quotes.columns.index(column)] for row in quotes.rows]


async def test_contracts_of_every_type_are_rows_in_the_order_of_the_request(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = QuoteTable.model_validate(await front.ask("get_quotes", contracts=MIXED))

    assert cells(told, "name") == ["SPY", "EUR.USD", "SPX IND", "ES JUN25", "SPY 18JUL25 400 P"]
    assert (told.count, told.truncated, told.simulated, told.failed) == (5, False, True, [])
    assert told.same == {"currency": "USD", "marketDataType": "live", "halted": False}
    assert cells(told, "conId")[0] == 756733
    for bid, ask, last in zip(*(cells(told, name) for name in ("bid", "ask", "last")), strict=True):
        assert (bid is None and last > 0) or 0 < bid <= ask  # an index has no bid
    for price, close, change in zip(*(cells(told, name) for name in ("last", "close", "changePercent")), strict=True):
        assert price is None or change == round((price - close) / close * 100, 2)
    assert all(0 <= age < 5 for age in cells(told, "age_s"))


async def test_a_contract_that_fails_is_an_entry_beside_the_others(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, "SPY", "NOSUCH", {"symbol": "ES", "secType": "FUT", "exchange": "CME"}, "AAPL")

    assert cells(told, "name") == ["SPY", "AAPL"]
    assert [(each.entry, each.contract, each.code) for each in told.failed] == [
        (1, "NOSUCH", "not_found"), (2, "ES FUT", "ambiguous_contract"),
    ]  # fmt: skip
    assert "ES JUN25" in told.failed[1].message
    assert told.failed[0].twsCode == 200


async def test_a_symbol_alone_that_is_no_stocks_means_the_index_or_the_next_future(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, "VIX", "ES", "EUR/USD", "SPY")

    assert cells(told, "name") == ["VIX IND", "ES JUN25", "EUR.USD", "SPY"]
    assert told.failed == []


async def test_a_type_that_was_given_is_not_changed(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, {"symbol": "VIX", "secType": "STK"}, {"symbol": "ES", "currency": "USD"})

    assert [each.code for each in told.failed] == ["not_found", "not_found"]
    assert told.count == 0


async def test_what_is_not_subscribed_comes_delayed_and_says_so(sim: Simulator) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, "SPY", "AAPL")

    assert told.same["marketDataType"] == "delayed"
    assert None not in cells(told, "bid")


@pytest.mark.parametrize("setting", ["live", "frozen"])
async def test_what_is_not_subscribed_comes_delayed_where_the_operator_wants_live_data(
    sim: Simulator, setting: str
) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim, market_data_type=setting) as stand:
        told = await quotes_of(stand, "SPY", "AAPL")
        asked = len(sim.journal.entries("in", REQUEST))
        again = await quotes_of(stand, "AAPL")

        assert told.same["marketDataType"] == again.same["marketDataType"] == "delayed"
        assert None not in cells(told, "bid")
        assert (asked, len(sim.journal.entries("in", REQUEST))) == (4, 4)
        types = [int(each.fields[2]) for each in sim.journal.entries("in", TYPE)]
        usual = {"live": 1, "frozen": 2}[setting]
        assert (types[0::2], types[1::2]) == ([usual] * len(types[0::2]), [4] * len(types[1::2]))  # switched back


async def test_a_subscribed_contract_stays_live_beside_one_that_is_not(sim: Simulator) -> None:
    async with ready_session(sim, market_data_type="live") as stand:
        line = await stand.session.quotes.open(await stand.session.contracts.contract(ContractArguments(symbol="SPY")))
        await line.settled.wait()
        sim.fault("entitlement delayed")
        told = await quotes_of(stand, "SPY", "AAPL")
        stand.session.abandoned(line.stream)

        assert cells(told, "marketDataType") == ["live", "delayed"]
        assert stand.published.of("gap") == []


async def test_delayed_prices_of_a_quote_reach_no_order_stream_or_watch(sim: Simulator) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim, market_data_type="live") as stand:
        quotes, heard = stand.session.quotes, []
        quotes.on_quote = lambda line: heard.append(line.contract.symbol)
        contract = await stand.session.contracts.contract(ContractArguments(symbol="AAPL"))
        quotes.hold(contract.conId)
        told = await quotes_of(stand, "AAPL")
        looked = await look_at(stand.session, True, contract)
        line = quotes.known(contract.conId)

        assert told.count == 1
        assert (looked.bid, looked.ask, looked.last, heard) == (None, None, None, [])
        assert line is not None
        assert line.problem is not None


@pytest.mark.parametrize(("kind", "expected"), [("live", "frozen"), ("delayed", "delayed-frozen")])
async def test_a_closed_market_is_told_by_its_last_quotes(kind: str, expected: str) -> None:
    async with Simulator(SimulatorConfig(start=CLOSED)) as sim, ready_session(sim) as stand:
        sim.fault(f"entitlement {kind}")
        told = await quotes_of(stand, "AAPL")
        index = await quotes_of(stand, {"symbol": "SPX", "secType": "IND", "exchange": "CBOE"})

        assert (told.same["marketDataType"], told.failed, index.count) == (expected, [], 1)
        assert None not in cells(told, "bid")
        assert len(sim.journal.entries("in", REQUEST)) == 3


async def test_many_contracts_without_a_subscription_share_one_change_of_the_type(sim: Simulator) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim, market_data_type="live") as stand:
        told = await quotes_of(stand, *SYMBOLS[:10])

        assert (told.count, told.same["marketDataType"]) == (10, "delayed")
        assert len(sim.journal.entries("in", REQUEST)) == 20
        assert len(sim.journal.entries("in", TYPE)) < 1 + 2 * 10


async def test_without_a_line_for_frozen_quotes_the_last_prices_are_told() -> None:
    async with Simulator(SimulatorConfig(start=CLOSED)) as sim, ready_session(sim, market_data_lines=1) as stand:
        contract = await stand.session.contracts.contract(ContractArguments(symbol="AAPL"))
        stand.session.quotes.hold(contract.conId)  # so that its line is given to nobody
        told = await quotes_of(stand, "AAPL")

    assert (told.failed, told.same["marketDataType"], cells(told, "bid")) == ([], "live", [None])
    assert cells(told, "last")[0] > 0


async def test_lines_of_delayed_prices_end_with_their_time_and_with_the_connection(sim: Simulator) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim, market_data_type="live") as stand:
        quotes = stand.session.quotes
        contract = await stand.session.contracts.contract(ContractArguments(symbol="AAPL"))
        line = await quotes.open_substitute(contract, 1.0)
        await line.settled.wait()
        assert await quotes.open_substitute(contract, 1.0) is line
        await until(lambda: quotes.substitute(contract) is None, "the line is given back")
        await until(lambda: len(sim.journal.entries("in", CANCEL)) == 1, "TWS is told")
        await quotes.open_substitute(contract)
        sim.fault("reset")
        await stand.reaches("connecting")
        assert quotes.substitute(contract) is None
        await stand.ready()


@pytest.mark.parametrize(("kind", "setting", "code"), [("none", "delayed", 10168), ("none", "live", 10089)])
async def test_a_contract_without_permission_has_tws_code_and_text(
    sim: Simulator, kind: str, setting: str, code: int
) -> None:
    sim.fault(f"entitlement {kind}")
    async with ready_session(sim, market_data_type=setting) as stand:
        told = await quotes_of(stand, "SPY")

    (failed,) = told.failed
    assert (told.count, told.rows, failed.code, failed.twsCode) == (0, [], "no_data", code)
    assert "subscri" in failed.message


async def test_a_contract_without_a_price_is_waited_for_once_beside_the_others(sim: Simulator) -> None:
    sim.fault("on reqMktData each ignore")
    clock = asyncio.get_running_loop().time
    async with ready_session(sim) as stand:
        began = clock()
        told = await quotes_of(stand, *SYMBOLS[:5])
        first, began = clock() - began, clock()
        again = await quotes_of(stand, *SYMBOLS[:5])

        assert {each.code for each in told.failed + again.failed} == {"no_data"}
        assert (told.count, again.count) == (0, 0)
        assert 2 <= first < 6
        assert clock() - began < 1


async def test_a_watched_contract_answers_from_its_line(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        quotes = stand.session.quotes
        line = await quotes.open(await stand.session.contracts.contract(ContractArguments(symbol="SPY")))
        await line.settled.wait()
        told = await quotes_of(stand, "SPY", "AAPL", "SPY")
        again = await quotes_of(stand, "AAPL")

        assert cells(told, "name") == ["SPY", "AAPL", "SPY"]
        assert again.count == 1
        assert len(sim.journal.entries("in", REQUEST)) == 2
        assert [each.fields[-2] for each in sim.journal.entries("in", REQUEST)] == ["0", "0"]  # regulatorySnapshot
        assert stand.published.open == [line.stream]  # a quote's line has no listener to publish for


async def test_a_quotes_line_goes_after_its_time(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        quotes = stand.session.quotes
        line = await quotes.open_briefly(await stand.session.contracts.contract(ContractArguments(symbol="SPY")), 0.05)
        await line.settled.wait()
        await until(lambda: sim.journal.entries("in", CANCEL), "the line is given back")

        assert len(quotes) == 0


async def test_a_line_that_a_stream_leaves_stays_for_quotes_until_their_time_is_over(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        quotes = stand.session.quotes
        contract = await stand.session.contracts.contract(ContractArguments(symbol="SPY"))
        await quotes.open_briefly(contract, 0.3)
        line = await quotes.open(contract)
        stand.session.abandoned(line.stream)
        assert quotes.known(contract.conId) is line
        await until(lambda: quotes.known(contract.conId) is None, "the line is given back")


async def test_few_lines_are_used_one_after_another_and_leave_some_to_orders(sim: Simulator) -> None:
    async with ready_session(sim, market_data_lines=6) as stand:  # of which quotes use three
        told = await quotes_of(stand, *SYMBOLS[:8])

        assert cells(told, "name") == list(SYMBOLS[:8])
        await until(lambda: len(stand.session.quotes) == 3, "the other lines are given back")
        contracts = [await stand.session.contracts.contract(ContractArguments(symbol=each)) for each in SYMBOLS[8:15]]
        for each in contracts[:6]:
            await stand.session.quotes.open(each, Priority.ORDERS)
        with pytest.raises(ToolError, match="line_limit"):
            await stand.session.quotes.open(contracts[6], Priority.ORDERS)
        full = await quotes_of(stand, SYMBOLS[0])

    assert [each.code for each in full.failed] == ["line_limit"]
    open_lines, most = 0, 0
    for entry in sim.journal.entries("in"):
        open_lines += (entry.msgId == REQUEST) - (entry.msgId == CANCEL)
        most = max(most, open_lines)
    assert most <= 6


async def test_an_order_overtakes_another_callers_quotes(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.ask("get_quotes", contracts=[{"symbol": "AAPL"}])
        contracts = [{"symbol": each} for each in SYMBOLS]
        async with caller(redis_url, session, "reader") as reader:
            asking = asyncio.create_task(reader.ask("get_quotes", contracts=contracts))
            await until(lambda: len(sim.journal.entries("in", DETAILS)) > 3, "the quotes are under way")
            await front.submit("place_order", **order())
            assert (await asking)["count"] == len(SYMBOLS)

    (placed,) = sim.journal.entries("in", PLACE_ORDER)
    assert placed.number < sim.journal.entries("in", DETAILS)[-1].number


async def test_without_a_gateway_the_call_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqMktData reset")
        broken = await front.refused("get_quotes", contracts=[{"symbol": "SPY"}, {"symbol": "AAPL"}])
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = await front.refused("get_quotes", contracts=[{"symbol": "SPY"}])

    assert broken.code == "retry"
    assert down.code == "gateway_unreachable"


async def test_one_bad_spelling_fails_alone_with_what_to_write(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        quotes = await quotes_of(stand, "SPY", "^VIX", "/ES")

    assert cells(quotes, "name") == ["SPY"]
    assert [(each.entry, each.code) for each in quotes.failed] == [(1, "invalid_arguments"), (2, "invalid_arguments")]
    assert "Write VIX" in quotes.failed[0].message
    assert "ES DEC26" in quotes.failed[1].message
