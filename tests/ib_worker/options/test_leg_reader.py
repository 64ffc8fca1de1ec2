"""Options that are read from their lines, at the simulator over TCP."""

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.options.leg_reader import LegReader
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session


def put(strike: float) -> ib_async.Contract:
    return ib_async.Contract(
        symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="20250718", strike=strike, right="P",
        exchange="SMART", currency="USD", multiplier="100", tradingClass="SPY",
    )  # fmt: skip


async def test_options_have_values_or_an_error_each(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        good, absent = await LegReader(stand.session).read([put(400), put(401.5)])

    assert good.error is None
    assert good.values is not None
    assert good.values.greeks is not None
    assert absent.unlisted
    assert absent.values is None


async def test_a_price_is_the_underlyings(sim: Simulator) -> None:
    spy = ib_async.Contract(symbol="SPY", secType="STK", exchange="SMART", currency="USD", conId=756733)
    async with ready_session(sim) as stand:
        price = await LegReader(stand.session).price(spy)
        sim.fault("on reqMktData each ignore")
        with pytest.raises(ToolError, match="no price of AAPL"):
            await LegReader(stand.session).price(
                ib_async.Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD", conId=265598)
            )

    assert 300 < price < 500
