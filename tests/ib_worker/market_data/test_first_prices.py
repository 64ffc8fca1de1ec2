"""One wait for the first prices of many lines, at the simulator over TCP."""

import asyncio

import ib_async

from ib_worker.market_data.first_prices import PRICE_S, FirstPrices
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, ready_session

PUT = ib_async.Contract(
    symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="20250718", strike=400.0, right="P", exchange="SMART",
    currency="USD", multiplier="100", tradingClass="SPY",
)  # fmt: skip


def stock(symbol: str, conId: int) -> ib_async.Contract:
    return ib_async.Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD", conId=conId)


def first_prices(stand: Stand, *, greeks: bool = False) -> FirstPrices:
    session = stand.session
    return FirstPrices(session.quotes, session.tws, session.settings.market_data_type, greeks=greeks)


async def test_an_options_greeks_are_waited_for_where_they_are_wanted(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        line = await first_prices(stand, greeks=True).line(PUT)

        assert line.values.priced
        assert line.computed.is_set()
        assert line.readers == 0


async def test_the_lines_of_one_call_share_one_wait(sim: Simulator) -> None:
    sim.fault("on reqMktData each ignore")
    clock = asyncio.get_running_loop().time
    async with ready_session(sim, market_data_type="delayed-frozen") as stand:
        prices, began = first_prices(stand), clock()
        lines = await asyncio.gather(prices.line(stock("SPY", 756733)), prices.line(stock("AAPL", 265598)))

        assert [each.quiet for each in lines] == [True, True]
        assert PRICE_S <= clock() - began < PRICE_S * 2
