"""One client: the version that both speak, what may come first, and what becomes of nonsense."""

from __future__ import annotations

import struct

import pytest

from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.wire.frames import MAX_FRAME
from tests.stacks.ibgateway.raw_client import framed, raw, started


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
