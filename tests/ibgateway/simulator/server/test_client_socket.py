"""One socket: bytes in any pieces, turns, and an end for who does not log in or read."""

from __future__ import annotations

import asyncio

import pytest

from ibgateway.simulator.server import client_socket as peer
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.raw_client import framed, raw, started
from tests.waiting import until


@pytest.mark.trial("F8")
@pytest.mark.parametrize(
    "sent", [b"", b"API\0", b"API\0\x00\x00\x00\x09v100"], ids=["nothing", "a prefix", "half an offer"]
)
async def test_a_socket_that_does_not_log_in_is_closed(
    sim: Simulator, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "LOGIN_S", 0.1)
    async with raw(sim.port) as client:
        client.write(sent)
        assert await client.rest() == []
    async with raw(sim.port) as client:
        await client.handshake(200)
        assert await client.rest() == []


@pytest.mark.trial("F8")
async def test_a_gateway_that_keeps_silent_itself_closes_nobody(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "LOGIN_S", 0.05)
    sim.fault("door silent")
    async with raw(sim.port) as client:
        client.write(b"API\0" + framed(b"v100..200"))
        loop = asyncio.get_running_loop()
        over = loop.time() + 0.2
        await until(lambda: loop.time() > over, "a client's time to log in is over")

        assert [one.closing for one in sim.gateway.connections] == [False]


async def test_a_request_that_arrives_byte_by_byte_is_answered(sim: Simulator) -> None:
    async with started(sim.port) as client:
        for byte in framed(b"49\x001\0"):
            client.write(bytes([byte]))
            await client.writer.drain()

        assert (await client.read())[0] == "49"


async def test_requests_that_arrive_together_are_answered_in_their_order(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.write(framed(b"91\x0026\0") + framed(b"49\x001\0") + framed(b"82\0"))

        assert [(await client.read())[0] for _ in range(3)] == ["93", "49", "80"]


async def test_a_client_that_does_not_read_is_dropped(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(peer, "MAX_UNSENT", 100_000)
    details = framed(b"9\x008\x009\x000\0AAPL\0STK\0\0\0\0\0\0\0USD\0\0\x000\0\0\0\0")
    async with started(sim.port, clientId=3) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]

        def drowned() -> bool:
            client.write(details)
            return 3 not in sim.gateway.clients

        await until(drowned, "the client that does not read is gone")

    assert "does not read" in caplog.text
