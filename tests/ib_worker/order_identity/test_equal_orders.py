"""An equal order soon after another may be a repeated call: whose counts, for how long, and what is told."""

from dataclasses import replace
from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

RESTING = order(symbol="MSFT", orderType="LMT", lmtPrice=20)


@pytest.mark.trial("D7")
async def test_an_order_that_was_rejected_does_not_count(redis_url: str, session: str, sim: Simulator) -> None:
    sim.fault("on order answer 201 Order rejected - reason: no margin")
    async with trading(redis_url, session, sim) as front:
        error = await front.refused_order(**order())
        placed = await front.submit("place_order", **order())

    assert (error.code, placed["status"]) == ("rejected", "Filled")


@pytest.mark.trial("D7")
@pytest.mark.parametrize("tool", ["cancel_order", "cancel_all_orders"])
async def test_an_order_that_was_cancelled_does_not_count(
    redis_url: str, session: str, sim: Simulator, tool: str
) -> None:
    named: dict[str, Any] = {"orderId": 0, "orderKey": "the-first-key"} if tool == "cancel_order" else {}
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", "the-first-key", **RESTING)
        held = await front.refused_order(**RESTING)
        await front.submit(tool, **named)
        placed = await front.submit("place_order", **RESTING)
        again = await front.refused_order(**RESTING)

    assert (held.code, held.details["duplicateOf"]) == ("possible_duplicate", "the-first-key")
    assert placed["status"] == "Submitted"
    assert (again.code, again.details["duplicateOf"]) == ("possible_duplicate", placed["idempotencyKey"])


@pytest.mark.trial("D7")
async def test_an_equal_order_of_another_principal_passes_and_is_named_without_its_key(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", "the-first-key", **RESTING)
        other = await replace(front, name="bob", label="codex").submit("place_order", "bobs-own-key", **RESTING)
        held = await replace(front, name="bob", label="codex").refused_order(**RESTING)

        assert "Another client, claude, placed an equal order 0 s ago." in other["message"]
        assert "the-first-key" not in str(other)
        assert (held.code, held.details["duplicateOf"]) == ("possible_duplicate", "bobs-own-key")
        assert frames(sim) == 2


@pytest.mark.trial("D7")
async def test_another_client_of_the_same_principal_is_named_and_its_key_not_recommended(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        one = replace(front, name="local", label="claude-desktop")
        await one.submit("place_order", "the-first-key", **RESTING)
        own = await one.refused_order(**RESTING)
        others = await replace(one, label="codex").refused_order(**RESTING)

    assert "retry with its key" in own.message
    assert own.details["state"] == "Submitted"
    assert "the order of another client, claude-desktop" in others.message
    assert "retry with its key" not in others.message


@pytest.mark.trial("A33")
@pytest.mark.parametrize("told", [False, True])
async def test_an_order_whose_made_key_never_reached_its_client_holds_its_equals_for_a_quarter_of_an_hour(
    redis_url: str, session: str, sim: Simulator, told: bool
) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await replace(front, keyless=True).submit("place_order", "a-made-key", **order())
        if told:
            await front.bus_client.told("a-made-key")
        name = front.bus_client.keys.answer("a-made-key")
        accepted = int(await front.bus_client.pipe.send("HGET", name, "t_accepted"))
        await front.bus_client.pipe.send("HSET", name, "t_accepted", accepted - 600_000)  # ten minutes ago
        if told:
            placed = await front.submit("place_order", "another-key", **order())
        else:
            error = await front.refused_order(key="another-key", **order())
        await front.bus_client.pipe.send("HSET", name, "t_accepted", accepted - 901_000)
        later = await front.submit("place_order", "a-later-key", **order(), duplicateOf="another-key")

    assert first["status"] == later["status"] == "Filled"
    if told:
        assert placed["status"] == "Filled"
        return
    assert error.code == "possible_duplicate"
    assert (error.details["duplicateOf"], error.details["state"]) == ("a-made-key", "Filled")
    assert "under key a-made-key, and it is Filled" in error.message
    assert "Its answer may not have reached the client that asked for it" in error.message
