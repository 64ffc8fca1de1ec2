"""The equity curve: closes on record, and samples of what was watched, none of what is old."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.bus.client.client import BusClient
from bridge.bus.history.records import AccountSnapshot
from bridge.bus.history.store import OPERATOR, SNAPSHOTS, put, snapshot_record
from console.live.equity import EquitySamples, equity_curves
from tests.stacks.console import OVERVIEW, picture

START = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)


async def test_a_curve_has_the_closes_and_what_was_watched(redis_url: str, session: str) -> None:
    samples, shown = EquitySamples(), picture()
    for second in (0, 1, 6):
        known = OVERVIEW.model_copy(update={"time": START + timedelta(seconds=second)})
        samples.note(replace(shown, known=known))
    samples.note(replace(shown, problem="Redis does not answer"))
    close = AccountSnapshot("DU1", "2025-06-10", "2025-06-10T20:05:00+00:00", "close", "USD", 900.0)
    async with BusClient(redis_url, session, "console-1") as bus:
        await put(bus.pipe, bus.keys, OPERATOR, SNAPSHOTS, [snapshot_record(close)])
        (curve,) = await equity_curves(bus, samples)

    assert (curve.account, curve.currency, [amount for _, amount in curve.closes]) == ("DU1", "USD", [900.0])
    assert [(at - START.timestamp(), amount) for at, amount in curve.watched] == [(0, 1000.0), (6, 1000.0)]
