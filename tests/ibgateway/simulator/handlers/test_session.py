"""The start of a session, its times and display groups."""

from __future__ import annotations

from ibgateway.simulator.model.config import START_NOTICES
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.raw_client import Raw, raw, started


async def test_a_display_groups_contract_is_told_to_all_its_subscribers(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        client.send(68, 1, 7, 3)
        other.send(68, 1, 8, 3)
        assert await other.everything() == [["68", "1", "8", "none"]]
        client.send(69, 1, 7, "8314@SMART")

        assert (await client.everything())[-1] == ["68", "1", "7", "8314@SMART"]
        assert await other.everything() == [["68", "1", "8", "8314@SMART"]]


async def test_a_session_starts_with_accounts_then_the_next_id_then_the_farms(sim: Simulator) -> None:
    async with raw(sim.port) as client:
        await client.handshake(200)
        accounts, next_id, *notices = await client.start(5)

    assert accounts == ["15", "1", "DU1234567"]
    assert next_id[:2] == ["9", "1"]
    assert int(next_id[2]) >= 1
    assert [(int(one[2]), one[3]) for one in notices] == list(START_NOTICES)
    assert all(one[1] == "-1" for one in notices)


async def test_current_time_in_milliseconds(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.send(105)
        told = await client.read()

    assert told[0] == "109"
    assert 0 <= int(told[1]) / 1000 - sim.config.start < 60
