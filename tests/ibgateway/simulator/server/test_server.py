"""The simulator over TCP: who gets in, in which version, and what becomes of nonsense."""

from __future__ import annotations

import asyncio
import struct
from contextlib import AsyncExitStack

import pytest

from ibgateway.simulator.model.config import START_NOTICES, SimulatorConfig
from ibgateway.simulator.server import client_socket as peer
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.wire.frames import MAX_FRAME
from tests.stacks.ibgateway.raw_client import framed, raw, started
from tests.waiting import until


@pytest.mark.parametrize(("offered", "agreed"), [(157, 157), (178, 178), (193, 193), (200, 200), (226, 200)])
async def test_the_agreed_version_is_the_clients_highest_but_never_above_200(
    sim: Simulator, offered: int, agreed: int
) -> None:
    async with raw(sim.port) as client:
        await client.handshake(offered)

        assert client.greeting == [str(agreed), "20250611 10:30:00 US/Eastern"]


@pytest.mark.parametrize(("lowest", "highest"), [(100, 156), (201, 226)])
async def test_a_client_that_shares_no_version_is_told_so_and_let_go(sim: Simulator, lowest: int, highest: int) -> None:
    async with raw(sim.port) as client:
        client.write(b"API\0" + framed(f"v{lowest}..{highest}".encode()))

        (refusal,) = await client.rest()

    assert "506" in refusal
    assert "157 to 200" in " ".join(refusal)


async def test_a_session_starts_with_accounts_then_the_next_id_then_the_farms(sim: Simulator) -> None:
    async with raw(sim.port) as client:
        await client.handshake(200)
        accounts, next_id, *notices = await client.start(5)

    assert accounts == ["15", "1", "DU1234567"]
    assert next_id[:2] == ["9", "1"]
    assert int(next_id[2]) >= 1
    assert [(int(one[2]), one[3]) for one in notices] == list(START_NOTICES)
    assert all(one[1] == "-1" for one in notices)


async def test_a_client_id_in_use_is_refused_and_free_again_after_its_client_left(sim: Simulator) -> None:
    async with started(sim.port, clientId=7), raw(sim.port) as second:
        await second.handshake(200)
        second.send(71, 2, 7, "")
        (refusal,) = await second.rest()
        assert refusal[2] == "326"

    await until(lambda: 7 not in sim.gateway.clients, "the first client is gone")
    async with started(sim.port, clientId=7) as third:
        third.send(49, 1)
        assert (await third.read())[0] == "49"


async def test_32_clients_are_served_and_the_33rd_is_not(sim: Simulator) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(started(sim.port, clientId=number)) for number in range(32)]
        for client in clients:
            client.send(49, 1)
        assert [(await client.read())[0] for client in clients] == ["49"] * 32

        extra = await stack.enter_async_context(raw(sim.port))
        await extra.handshake(200)
        extra.send(71, 2, 32, "")
        assert await extra.rest() == []


@pytest.mark.trial("F8")
async def test_sockets_that_never_log_in_take_no_clients_place(sim: Simulator) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(raw(sim.port))

        async with started(sim.port) as client:
            client.send(49, 1)
            assert (await client.read())[0] == "49"


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


async def test_nothing_is_answered_before_start_api(sim: Simulator) -> None:
    async with raw(sim.port) as client:
        await client.handshake(200)
        client.send(49, 1)

        assert (await client.read())[2] == "321"


async def test_an_unknown_message_id_is_answered_and_the_connection_lives(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.send(250, 1, 2)
        refusal = await client.read()
        client.send(49, 1)

        assert (refusal[2], "250" in refusal[3]) == ("321", True)
        assert (await client.read())[0] == "49"


@pytest.mark.parametrize(
    "fields",
    [(49,), (49, 1, 1), (49, "x"), (88, 42, "nonsense"), ("x",), (3, 1, "AAPL"), (10, 5, 42)],
    ids=str,
)
async def test_a_strict_simulator_answers_wrong_fields_with_an_error_and_a_clean_close(
    fields: tuple[object, ...],
) -> None:
    async with Simulator(SimulatorConfig(strict=True)) as sim:
        async with started(sim.port) as client:
            client.send(*fields)

            (refusal,) = await client.rest()

        assert refusal[2] == "320"
        assert sim.gateway.connections == []


@pytest.mark.trial("F4")
@pytest.mark.parametrize("fields", [(49,), (49, 1, 1), (49, "x"), (88, 42, "nonsense"), ("x",)], ids=str)
async def test_a_frame_with_a_bad_field_is_an_error_and_the_connection_goes_on(
    sim: Simulator, fields: tuple[object, ...]
) -> None:
    async with started(sim.port) as client:
        client.send(*fields)
        refusal = await client.read()
        client.send(49, 1)

        assert refusal[2] == "320"
        assert (await client.read())[0] == "49"


@pytest.mark.trial("F4")
async def test_an_order_that_lacks_its_terms_is_refused_and_the_connection_goes_on(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.send(3, 1, 0, "AAPL", "STK", "", 0, "", "", "SMART", "", "USD", "", "", "", "", "BUY", 1)
        refusal = await client.read()

        assert (refusal[0], refusal[1]) == ("4", "1")
        assert sim.world.open_orders(None) == []


@pytest.mark.parametrize("length", [0, MAX_FRAME + 1, 0x7FFFFFFF])
async def test_an_impossible_length_gets_507_and_a_clean_close(sim: Simulator, length: int) -> None:
    async with started(sim.port) as client:
        client.write(struct.pack(">I", length))

        (refusal,) = await client.rest()

    assert refusal[2] == "507"


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"API\0" + framed(b"hello")])
async def test_who_does_not_speak_the_protocol_gets_507_and_a_clean_close(sim: Simulator, data: bytes) -> None:
    async with raw(sim.port) as client:
        client.write(data)

        (refusal,) = await client.rest()

    assert "507" in refusal


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


async def test_several_ports_lead_to_the_same_world() -> None:
    async with (
        Simulator(SimulatorConfig(ports=(0, 0))) as sim,
        started(sim.ports[0], clientId=1),
        started(sim.ports[1], clientId=2),
    ):
        assert sorted(sim.gateway.clients) == [1, 2]


async def test_the_clock_runs_at_the_chosen_speed_and_can_be_moved() -> None:
    async with Simulator(SimulatorConfig(time_factor=1000.0)) as sim, started(sim.port) as client:
        client.send(49, 1)
        first = int((await client.read())[2])
        sim.skip(3600)
        client.send(49, 1)

        assert int((await client.read())[2]) >= first + 3600


async def test_current_time_in_milliseconds(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.send(105)
        told = await client.read()

    assert told[0] == "109"
    assert 0 <= int(told[1]) / 1000 - sim.config.start < 60


async def test_a_client_that_does_not_read_is_dropped(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ibgateway.simulator.server.client_socket.MAX_UNSENT", 100_000)
    details = framed(b"9\x008\x009\x000\0AAPL\0STK\0\0\0\0\0\0\0USD\0\0\x000\0\0\0\0")
    async with started(sim.port, clientId=3) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]

        def drowned() -> bool:
            client.write(details)
            return 3 not in sim.gateway.clients

        await until(drowned, "the client that does not read is gone")

    assert "does not read" in caplog.text
