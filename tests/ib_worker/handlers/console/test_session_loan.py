"""A session that is lent to a person: nobody connects it meanwhile, and it comes back by itself, over a restart too."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from ib_worker.handlers.console import session_loan
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, caller, trading, worker
from tests.waiting import until


async def serves(front: Caller, earlier: str) -> bool:
    """Return whether another worker than the earlier one takes requests."""
    beat = await front.bus_client.status()
    return beat is not None and beat.worker != earlier and beat.receivers > 0


async def test_a_lent_session_is_no_clients_until_it_is_taken_back(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        loan = await front.ask("lend_session", minutes=60)
        lent = await front.reaches("disconnected")
        refused = [await front.refused(each) for each in ("connect", "disconnect")]
        earlier = lent["worker"]
    async with worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await until(partial(serves, front, earlier), "the next worker serves")
        still = await front.reaches("disconnected")  # it knows of the loan
        back = await front.ask("take_back_session")
        await front.reaches("ready")
        await front.ask("disconnect")  # a client may again

    assert datetime.fromisoformat(loan["until"]) > datetime.now(UTC) + timedelta(minutes=59)
    assert "has lent the session to a person: claude, until " in lent["cause"]
    assert still["cause"] == lent["cause"]
    assert [each.code for each in refused] == ["in_use", "in_use"]
    assert back == {"connected": True, "message": ""}


async def test_a_loan_ends_by_itself(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(redis_url, session, sim) as front:
        behind = timedelta(minutes=59, seconds=59)  # the loan has a second left
        monkeypatch.setattr(session_loan, "utcnow", lambda: datetime.now(UTC) - behind)
        await front.ask("lend_session", minutes=60)
        await front.reaches("disconnected")
        await front.reaches("ready")
