"""From a condition to a watch: what is not there is refused before anything is kept."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import watch
from tests.stacks.worker import caller, trading, worker


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"event": "price", "symbol": "NOSUCH", "above": 1}, "not_found"),
        ({"event": "position_pnl", "symbol": "SPY", "account": "DU999", "above": 1}, "wrong_account"),
        ({"event": "time", "at": "2026-02-30 10:00", "timeZone": "Etc/UTC"}, "invalid_arguments"),
        ({"event": "time", "at": "10:00", "timeZone": "Nowhere"}, "invalid_arguments"),
    ],
)
async def test_what_is_not_there_is_refused(
    redis_url: str, session: str, sim: Simulator, condition: dict[str, object], code: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("keep_watches", events=[condition])

        assert error.code == code
        assert await front.bus_client.pipe.send("HLEN", front.bus_client.keys.watches) == 0


async def test_a_line_that_has_no_room_is_refused(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, market_data_lines=1) as front:
        await watch(front, event="price", symbol="SPY", above=1e6)
        error = await front.refused("keep_watches", events=[{"event": "price", "symbol": "IBM", "above": 1}])

    assert error.code == "line_limit"


async def test_a_session_that_is_not_ready_can_not_tell(redis_url: str, session: str, unused_port: int) -> None:
    async with worker(redis_url, session, unused_port), caller(redis_url, session) as front:
        await front.reaches("failed", timeout_s=20)
        error = await front.refused("keep_watches", events=[{"event": "price", "symbol": "SPY", "above": 1}])

    assert error.code not in ("internal", "not_found")


async def test_a_contract_without_market_data_is_refused(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("entitlement none")
        error = await front.refused("keep_watches", events=[{"event": "price", "symbol": "IBM", "above": 1}])

    assert error.code == "no_data"
