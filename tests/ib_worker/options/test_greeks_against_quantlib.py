"""The greeks that the tools tell, against QuantLib's on the simulator's own inputs.

The inputs are the option's terms, the underlying's price and the volatility of the same message, and the simulator's
rate and clock. QuantLib's Black formula takes the years as they are, so that a time of day counts as well.
"""

import math
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import ib_async
import pytest
import QuantLib as ql  # type: ignore[import-untyped]  # noqa: N813  # its users' name for it

from bridge.tools.market.options import CalculateOptionPrice, GetOptionQuotes
from ib_worker.handlers.market.options import calculate_option_price, get_option_quotes
from ib_worker.options.selection import Selection
from ib_worker.options.underlyings import listed_expiry
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session

RATE = 0.04  # the simulator's
CLOSE = 16  # New York's hour at which options end there
TOLERANCE = 1e-4
FUTURES_CLOSE = 17  # of options on futures
CHAINS: dict[str, dict[str, Any]] = {
    "stock, two days": {"symbol": "SPY", "expiry": "nearest"},
    "stock, a month": {"symbol": "SPY", "expiry": "next month"},
    "stock, a year and a half": {"symbol": "AAPL", "expiry": "600 days"},
    "index, weekly": {"symbol": "SPX", "expiry": "20250627"},
    "future": {"symbol": "ES", "secType": "FUT", "expiry": "next month"},
}


def years_to(day: str, hour: int, now: datetime) -> float:
    end = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), hour, tzinfo=ZoneInfo("America/New_York"))
    return (end - now).total_seconds() / (365 * 86_400)


def by_quantlib(option: Any, under: float, volatility: float, years: float) -> dict[str, float]:
    """Return QuantLib's values, vega of one point of volatility in percent and theta of one day, as TWS tells them."""
    forward = under if option.secType == "FOP" else under * math.exp(RATE * years)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if option.right == "C" else ql.Option.Put, option.strike)
    found = ql.BlackCalculator(payoff, forward, volatility * years**0.5, math.exp(-RATE * years))
    return {
        "optPrice": found.value(),
        "delta": found.delta(under),
        "gamma": found.gamma(under),
        "vega": found.vega(years) / 100,
        "theta": found.theta(under, years) / 365,
    }


@pytest.mark.parametrize("chain", CHAINS)
async def test_greeks_of_a_chain_are_quantlibs(sim: Simulator, chain: str) -> None:
    request = GetOptionQuotes(**CHAINS[chain], strikes="atm 8")
    async with ready_session(sim) as stand:
        listed = await listed_expiry(stand.session, request, request.expiry)
        legs = await Selection(stand.session, request, listed).legs()
        now = datetime.fromtimestamp(sim.world.now, ZoneInfo("UTC"))

    worst = 0.0
    for leg in legs:
        assert leg.values is not None
        greeks = leg.values.greeks
        assert greeks is not None
        assert greeks.undPrice is not None
        assert greeks.impliedVol is not None
        hour = FUTURES_CLOSE if leg.contract.secType == "FOP" else CLOSE
        years = years_to(leg.contract.lastTradeDateOrContractMonth, hour, now)
        for name, value in by_quantlib(leg.contract, greeks.undPrice, greeks.impliedVol, years).items():
            scale = max(abs(value), 1.0) if name == "optPrice" else 1.0
            worst = max(worst, abs(getattr(greeks, name) - value) / scale)

    assert len(legs) == 16
    assert worst < TOLERANCE


async def test_what_the_tools_answer_is_quantlibs_to_four_digits(sim: Simulator) -> None:
    terms: dict[str, Any] = {"symbol": "SPY", "lastTradeDateOrContractMonth": "20250718", "strike": 380, "right": "P"}
    async with ready_session(sim) as stand:
        told = await get_option_quotes(
            GetOptionQuotes(symbol="SPY", expiry="20250718", strikes="380", right="P"), stand.session
        )
        calculated = await calculate_option_price(
            CalculateOptionPrice(**terms, underPrice=376.0, volatility=0.2), stand.session
        )
        now = datetime.fromtimestamp(sim.world.now, ZoneInfo("UTC"))
    leg = ib_async.Contract(secType="OPT", strike=380.0, right="P")
    years = years_to("20250718", CLOSE, now)
    row = dict(zip(told.columns, told.rows[0], strict=True))
    quoted = by_quantlib(leg, told.underPrice or 0.0, float(row["impliedVol"] or 0), years)
    priced = by_quantlib(leg, 376.0, 0.2, years)

    for name in ("delta", "gamma", "vega", "theta"):
        assert row[name] == pytest.approx(quoted[name], abs=1.5e-4)  # the volatility itself has four digits
        assert getattr(calculated, name) == pytest.approx(priced[name], abs=TOLERANCE)
    assert calculated.optionPrice == pytest.approx(priced["optPrice"], rel=TOLERANCE)
