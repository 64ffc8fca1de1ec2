"""`doctor` on a stack of real parts: each usual fault is found where it is, and named with its cure."""

import pytest

from cli.diagnostics.checks import examine
from cli.diagnostics.finding import Place
from ibgateway.simulator.server.server import Simulator
from tests.stacks.doctor import faults, stack
from tests.stacks.front import serving


async def test_a_stack_that_works_has_no_fault(redis_url: str, session: str) -> None:
    async with Simulator() as sim, stack(redis_url, session, sim.port) as place:
        found = await examine(place)

    assert {each.part for each in found if each.kind == "ok"} == {
        "front", "session", "orders", "market data", "redis", "gateway",
    }  # fmt: skip
    notes = {each.part for each in found if each.kind == "note"} - {"warning"}  # of the weekly login, on Saturdays
    assert notes == {"clock"}  # the simulator's, which is of 2025
    assert [each for each in found if each.kind == "fault"] == []


async def test_no_worker(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        found = await faults(Place(front.endpoint, None, None, redis_url, "none"))

    assert "Start the worker" in found["worker"].cure


@pytest.mark.parametrize("token", ["“quoted”", "two words", "ends\n"])
async def test_a_token_that_no_header_can_carry_is_named(token: str, redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        found = await faults(Place(front.endpoint, token, None, redis_url, "none"))

    assert "no token has" in found["token"].told
