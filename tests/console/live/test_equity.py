"""The equity curve: closes on record, and the last day as the worker recorded it and as somebody watched it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.bus.client.client import BusClient
from bridge.bus.history.records import AccountSnapshot, EquitySample
from bridge.bus.history.store import EQUITY, OPERATOR, SNAPSHOTS, equity_record, put, snapshot_record
from console.live.equity import EquityReader, EquitySamples
from tests.stacks.console import OVERVIEW, live_state
from tests.stacks.timing import PATIENT

START = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)


async def test_a_curve_has_the_closes_and_the_last_day_whoever_watched(redis_url: str, session: str) -> None:
    samples, shown = EquitySamples(), live_state()
    for second in (0, 1, 6):
        known = OVERVIEW.model_copy(update={"time": START + timedelta(seconds=second)})
        samples.note(replace(shown, known=known))
    samples.note(replace(shown, problem="Redis does not answer"))
    close = AccountSnapshot("DU1", "2025-06-10", "2025-06-10T20:05:00+00:00", "close", "USD", 900.0)
    async with BusClient(redis_url, session, "console-1", PATIENT) as bus:
        await put(bus.pipe, bus.keys, OPERATOR, SNAPSHOTS, [snapshot_record(close)])
        hours = {at: START - timedelta(hours=at) for at in (0.5, 20, 25)}
        recorded = [EquitySample("DU1", each.isoformat(), 800.0 + at, "USD") for at, each in hours.items()]
        later = EquitySample("DU1", (START + timedelta(days=1)).isoformat(), 1.0)  # of a simulator's other date
        await put(bus.pipe, bus.keys, OPERATOR, EQUITY, [equity_record(each) for each in (*recorded, later)])
        reader = EquityReader(bus, samples)
        (curve,) = await reader.curves()
        again = await reader.curves()

    assert (curve.account, curve.currency, [amount for _, amount in curve.closes]) == ("DU1", "USD", [900.0])
    assert again == [curve]
    assert [(at - START.timestamp(), amount) for at, amount in curve.day] == [
        (-20 * 3600, 820.0), (-1800, 800.5), (0, 1000.0), (6, 1000.0),
    ]  # fmt: skip
