"""One answer's times are of one clock: the gateway's, where it lives at another date, as a simulator does."""

from datetime import UTC, datetime, timedelta

import pytest

from ib_worker.tws.clock import ahead_of
from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import forgotten
from tests.stacks.worker import order, trading

KEY = "a-key-of-the-caller"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.trial("C9")
@pytest.mark.parametrize(
    ("greeting", "ahead"),
    [
        ("20250611 10:30:00 US/Eastern", datetime(2025, 6, 11, 14, 30, tzinfo=UTC) - NOON),
        ("20260306 21:00:00 Tokyo Standard Time", timedelta(days=4)),
        ("20260302 12:00:30 GMT", timedelta(0)),  # a clock that is a little off is no other date
        ("20260302 21:20:00 JST", timedelta(0)),
        ("20260302 10:30:00 Nowhere Standard Time", timedelta(0)),
        ("", timedelta(0)),
        ("20261399 99:00:00 GMT", timedelta(0)),
    ],
)
def test_a_gateway_is_ahead_only_where_it_lives_at_another_date(greeting: str, ahead: timedelta) -> None:
    assert ahead_of(greeting, NOON) == ahead


@pytest.mark.trial("C9")
async def test_times_beside_simulated_prices_are_the_simulators(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        order = await front.submit("place_order", symbol="AAPL", action="BUY", totalQuantity=1)
        fills = await front.ask("get_executions")
        await front.ask("open_market_data", symbol="AAPL")
        stream = await front.ask("open_market_data", symbol="AAPL")
        status = await front.status()

    assert status["simulated"]
    assert stream["quote"]["simulated"]
    assert status["weekly_login_due"][:10] == "2025-06-15"  # the Sunday after
    told = [status["gateway_time"], status["since"], *status["as_of"].values()]
    told += [order["placed_at"], fills[-1]["time"], stream["quote"]["time"]]
    assert {each[:10] for each in told} == {"2025-06-11"}


@pytest.mark.trial("C9")
async def test_a_replay_and_the_kill_switch_say_of_which_clock_their_time_is(
    redis_url: str, session: str, sim: Simulator
) -> None:
    resting = order(orderType="LMT", lmtPrice=50)
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", KEY, **resting)
        replayed = await front.submit("place_order", KEY, **resting)
        await forgotten(front, KEY)
        found = await front.submit("place_order", KEY, **resting)
        await front.bus_client.halt("owner", "enough")
        refused = await front.refused_order(**resting | {"totalQuantity": 2})

    assert "UTC (server clock) to the first call" in replayed["message"]
    assert 'UTC (server clock): "enough"' in refused.message
    assert f"known since {found['placed_at'][:19].replace('T', ' ')} UTC" in found["message"]
    assert found["placed_at"].startswith("2025-06-11")
