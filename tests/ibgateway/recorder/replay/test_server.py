"""The replay's server: many clients, pauses when they are asked for, and a close that the client sees."""

from __future__ import annotations

import asyncio

from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.replay.server import ReplayServer
from ibgateway.recorder.transcript.transcript import CLOSED_BY_GATEWAY, ConnectionEvent
from tests.stacks.ibgateway.raw_client import raw
from tests.stacks.ibgateway.recorded_lines import asked, session, told


async def answer_after(pause_s: float, speed: float | None) -> float:
    """How long a client waits for an answer that was recorded so long after its request."""
    lines = session(asked("49 1", 1.0), told("49 1 111", 1.0 + pause_s))
    clock = asyncio.get_running_loop().time
    async with ReplayServer(scripts(lines), speed=speed) as player, raw(player.port) as client:
        await client.handshake(178)
        client.send(71, 2, 3, "")
        await client.until("9")
        begun = clock()
        client.send(49, 1)
        assert (await client.read())[-1] == "111"
        return clock() - begun


async def test_pauses_are_kept_at_the_speed_that_is_given() -> None:
    assert await answer_after(0.6, speed=2.0) > 0.29


async def test_without_a_speed_nobody_waits() -> None:
    assert await answer_after(3600.0, speed=None) < 60


async def test_clients_are_answered_at_the_same_time() -> None:
    lines = session(asked("81 6 app"), told("79 6 0"))
    async with ReplayServer(scripts(lines)) as player, raw(player.port) as one, raw(player.port) as other:
        for client in (one, other):
            await client.handshake(178)
            client.send(71, 2, 3, "")
            await client.until("9")
        one.send(81, 11, "app")
        other.send(81, 12, "app")

        assert (await other.read())[1] == "12"
        assert (await one.read())[1] == "11"


async def test_the_end_of_a_refused_client_is_its_end_again() -> None:
    lines = session(told("4 2 -1 326 taken -"), ConnectionEvent(0.1, 1, CLOSED_BY_GATEWAY))
    async with ReplayServer(scripts(lines)) as player, raw(player.port) as client:
        await client.handshake(178)
        client.send(71, 2, 3, "")

        assert (await client.rest())[-1][3] == "326"
