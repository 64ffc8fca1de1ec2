"""Confirmation tokens: one order of the same caller and terms each."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.orders import resting
from tests.stacks.worker import Caller, frames, trading


@pytest.mark.fault(97)
async def test_a_token_places_its_own_order_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        other = await front.refused_order(**resting(totalQuantity=4), confirmationToken=token)
        used_up = await front.refused_order(**resting(), confirmationToken=token)
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        placed = await front.submit("place_order", **resting(), confirmationToken=token)
        again = await front.refused_order(**resting(lmtPrice=399), confirmationToken=token)

    assert (other.code, "other terms" in other.message) == ("confirmation_invalid", True)
    assert (used_up.code, again.code) == ("confirmation_invalid", "confirmation_invalid")
    assert "if it was used, find its order by ibkr_get_open_orders or ibkr_get_executions; else" in again.message
    assert placed["status"] in ("PreSubmitted", "Submitted")
    assert frames(sim) == 1


@pytest.mark.fault(97)
async def test_a_token_of_another_client_or_no_token_at_all_is_refused(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        token = (await front.ask("preview_order", **resting()))["confirmationToken"]
        theirs = Caller(front.bus_client, "somebody else")
        stolen = await theirs.refused_order(**resting(), confirmationToken=token)
        made_up = await front.refused_order(**resting(), confirmationToken="no token")

    assert "another client" in stolen.message
    assert "no token of ibkr_preview_order" in made_up.message
    assert frames(sim) == 0
