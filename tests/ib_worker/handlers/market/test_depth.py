"""The order book of one contract, at the simulator over TCP."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.market.depth import GetMarketDepth, MarketDepth
from bridge.tools.types import ContractArguments
from ib_worker.handlers.market.depth import get_market_depth
from ib_worker.pacing.caller import acting_for
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, caller, ready_session, trading, worker
from tests.waiting import until

REQUEST, CANCEL = 10, 11  # TWS's message ids of reqMktDepth and cancelMktDepth
FUTURE = {"symbol": "ES", "secType": "FUT", "exchange": "CME", "lastTradeDateOrContractMonth": "202506"}


async def depth(stand: Stand, symbol: str = "SPY", **arguments: Any) -> MarketDepth:
    return await get_market_depth(GetMarketDepth(**{"symbol": symbol} | arguments), stand.session)


def side(told: MarketDepth, name: str) -> list[Any]:
    return [row[told.columns.index(name)] for row in told.rows]


async def test_the_book_is_a_table_of_levels_and_its_subscription_ends_at_once(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        told = MarketDepth.model_validate(await front.ask("get_market_depth", symbol="SPY"))
        await until(lambda: sim.journal.entries("in", CANCEL), "the book is given back")

    assert (told.name, told.exchange, told.count, told.truncated) == ("SPY", "SMART", 5, False)
    assert (told.simulated, told.marketDataType, told.warning) == (True, "live", None)
    bids, asks = side(told, "bid"), side(told, "ask")
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert all(size > 0 for size in side(told, "bidSize") + side(told, "askSize"))
    assert all(side(told, "bidMarketMaker") + side(told, "askMarketMaker"))
    assert [each.fields[-2:] for each in sim.journal.entries("in", REQUEST)] == [["1", ""]]  # isSmartDepth


async def test_a_futures_exchange_has_levels_without_market_makers(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await depth(stand, levels=10, **FUTURE)

    assert (told.name, told.exchange, told.count) == ("ES JUN25", "CME", 10)
    assert set(side(told, "bidMarketMaker")) == {None}


async def test_equal_requests_share_one_book_and_three_are_open_at_once(sim: Simulator) -> None:
    symbols = ("SPY", "AAPL", "MSFT", "IBM", "QQQ")
    async with ready_session(sim) as stand:
        sim.fault("limit depth 3")
        told = await asyncio.gather(*(depth(stand, each) for each in (*symbols, *symbols)))
        await until(lambda: len(sim.journal.entries("in", CANCEL)) == len(symbols), "the books are given back")

    assert [each.name for each in told] == [*symbols, *symbols]
    running, most = 0, 0
    for entry in sim.journal.entries("in"):
        running += (entry.msgId == REQUEST) - (entry.msgId == CANCEL)
        most = max(most, running)
    assert most == 3


async def test_a_book_that_a_stream_keeps_is_told_without_another_subscription(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        running = asyncio.create_task(stand.session.feeds.run())
        contract = await stand.session.contracts.contract(ContractArguments(symbol="SPY"))
        feed = stand.session.feeds.open("depth", contract)
        await until(lambda: feed.published, "the book came")
        told = await depth(stand)
        other = await depth(stand, exchange="ARCA")
        running.cancel()

    assert (feed.stream, told.count) == ("depth-756733-SMART", 5)
    assert other.exchange == "ARCA"
    assert [each.fields[-2] for each in sim.journal.entries("in", REQUEST)] == ["1", "0"]


async def test_a_caller_that_hangs_up_gives_its_book_back(sim: Simulator) -> None:
    sim.fault("on reqMktDepth ignore")
    async with ready_session(sim) as stand:
        with acting_for("claude", lambda: True):
            asking = asyncio.create_task(depth(stand))
        await until(lambda: sim.journal.entries("in", REQUEST), "the book is requested")
        asking.cancel()
        await until(lambda: sim.journal.entries("in", CANCEL), "the book is given back")


async def test_exchanges_that_the_account_may_not_see_are_said_in_tws_words(sim: Simulator) -> None:
    sim.fault('on reqMktDepth notice 2152 "Need additional market data permissions - Depth: NASDAQ"')
    async with ready_session(sim) as stand:
        told = await depth(stand)

    assert told.count == 5
    assert told.warning == 'TWS said (2152): "Need additional market data permissions - Depth: NASDAQ".'


@pytest.mark.parametrize(
    ("fault", "code", "twsCode", "said"),
    [
        ("entitlement none", "no_data", 10089, "subscription"),
        ("limit depth 0", "line_limit", 309, "End a stream of depth"),
        ('on reqMktDepth answer 10092 "Deep market data is not supported"', "no_data", 10092, "validExchanges"),
        ('on reqMktDepth answer 2152 "Need additional market data permissions"', "no_data", None, r"TWS said \(2152\)"),
        ("on reqMktDepth ignore", "no_data", None, "The market may be closed"),
    ],
)
async def test_a_book_that_does_not_come_is_an_error_that_says_why(
    redis_url: str, session: str, sim: Simulator, fault: str, code: str, twsCode: int | None, said: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(fault)
        error = await front.refused("get_market_depth", symbol="SPY")

    assert (error.code, error.details.get("twsCode")) == (code, twsCode)
    with pytest.raises(ToolError, match=said):
        raise error


async def test_a_contract_that_does_not_exist_and_one_that_is_many_are_errors(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        missing = await front.refused("get_market_depth", symbol="NOSUCH")
        many = await front.refused("get_market_depth", symbol="ES", secType="FUT", exchange="CME")

    assert (missing.code, many.code) == ("not_found", "ambiguous_contract")


async def test_without_a_gateway_the_call_is_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqMktDepth reset")
        broken = await front.refused("get_market_depth", symbol="SPY")
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = await front.refused("get_market_depth", symbol="SPY")

    assert broken.code == "retry"
    assert down.code == "gateway_unreachable"


async def test_a_book_that_does_not_come_because_the_link_is_down_is_no_closed_market(sim: Simulator) -> None:
    sim.fault("on reqMktDepth link down")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match="link_down"):
            await depth(stand)
