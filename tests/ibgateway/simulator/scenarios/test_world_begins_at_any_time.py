"""A world can begin at any time from 2000 to 2030: on a Sunday, at night, on a holiday, in the year 2001."""

from __future__ import annotations

from datetime import datetime

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.time.calendar import last_open_session
from tests.stacks.ibgateway.world_and_trader import AAPL, ACCOUNT, ES, EURUSD, NEW_YORK, Trader, new_world, stock

STARTS = (
    datetime(2001, 1, 3, 11),
    datetime(2008, 10, 10, 15, 59, 59),
    datetime(2024, 12, 25, 12),
    datetime(2025, 6, 8, 3),
    datetime(2025, 6, 8, 18),
    datetime(2025, 6, 11, 3),
    datetime(2025, 6, 11, 9, 30),
    datetime(2025, 6, 11, 16),
    datetime(2025, 11, 28, 13, 30),
    datetime(2030, 12, 12, 10),
)


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_everything_answers_whenever_a_world_begins(start: datetime) -> None:
    world = new_world(start=start.replace(tzinfo=NEW_YORK).timestamp())
    trader = Trader(world)
    front = next(each.contract for each in world.contract_details(Contract(symbol="ES", secType="FUT", exchange="CME")))
    for asked in (AAPL, stock("SPY"), stock("SAP", "EUR"), stock("NVDA"), EURUSD, front):
        contract = world.resolve(asked)
        shown = world.snapshot(contract)
        assert shown.close is not None
        assert shown.quote.bid is None or shown.quote.bid < (shown.quote.ask or 0)
        what = "MIDPOINT" if contract.secType == "CASH" else "TRADES"
        bars = world.bars(contract, None, "10 D", "1 day", what, True).bars
        assert len(bars) == 10
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert world.pnl(ACCOUNT, "").dailyPnL is not None
    assert len(world.account_values(ACCOUNT)) > 100

    orderId = trader.place("BUY", 1, "MKT", tif="GTC")
    trader.wait(world.now + 5 * 86_400)
    statuses = trader.statuses(orderId)
    assert (statuses or ["Filled"])[-1] == "Filled"
    assert trader.position("AAPL") == 1


def test_a_month_passes_in_one_step() -> None:
    trader = Trader(new_world())
    trader.place("BUY", 10, "LMT", lmtPrice=300.0, tif="GTC")
    trader.place("SELL", 10, "TRAIL", auxPrice=100.0, tif="GTC")
    trader.place("BUY", 1, "LMT", ES, lmtPrice=2000.0, tif="GTC")
    trader.wait(trader.world.now + 30 * 86_400)

    assert len(trader.world.open_orders(1)) + len({fill.orderId for fill in trader.fills()}) == 3


@pytest.mark.trial("C9")
@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-29T14:00", "2026-11-27T10:30"),  # a Sunday: Friday's session
        ("2026-11-26T12:00", "2026-11-25T10:30"),  # Thanksgiving
        ("2026-11-27T12:30", "2026-11-27T10:30"),  # half an hour before an early close
        ("2026-11-25T10:00", "2026-11-24T10:30"),  # half an hour after the opening: the day before
        ("2026-11-25T11:45", "2026-11-25T11:45"),  # in the midst of a session: now
        ("2026-11-25T15:30", "2026-11-25T10:30"),
        ("2026-11-25T23:00", "2026-11-25T10:30"),
    ],
)
def test_the_last_open_session_is_one_in_which_everything_trades(now: str, start: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=NEW_YORK).timestamp()

    found = last_open_session(at)

    assert datetime.fromtimestamp(found, NEW_YORK) == datetime.fromisoformat(start).replace(tzinfo=NEW_YORK)
