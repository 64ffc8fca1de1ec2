"""Every fault of a gateway's socket and start: its line of script, and that it happens as stated."""

from __future__ import annotations

import asyncio
import time

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY, limit_order, market_order
from tests.stacks.ibgateway.raw_client import Raw, raw, started

DETAILS = (9, 8, 42, *SPY, 0, "", "", "")


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_door_shut_is_a_closed_port_until_it_opens(sim: Simulator) -> None:
    sim.fault("door shut 600")
    assert await refused(sim.port)

    sim.skip(600)
    await asyncio.sleep(0)
    async with started(sim.port) as client:
        await client.alive()


async def test_door_slam_accepts_and_closes(sim: Simulator) -> None:
    sim.fault("door slam")

    async with raw(sim.port) as client:
        assert await client.rest() == []


async def test_door_silent_accepts_and_says_nothing_until_the_login_is_done(sim: Simulator) -> None:
    sim.fault("door silent 600")

    async with raw(sim.port) as client:
        client.write(b"API\0\0\0\0\x09v100..200")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.read()
    async with raw(sim.port) as client:
        sim.skip(600)
        await client.handshake(200)
        assert client.version == 200


@pytest.mark.parametrize("message", ["nextValidId", "managedAccounts"])
async def test_a_handshake_without_the_ids_or_the_accounts(sim: Simulator, message: str) -> None:
    sim.fault(f"swallow {message}")

    async with raw(sim.port) as client:
        await client.handshake(200)
        told = {frame[0] for frame in await client.start(1)}

    assert told == {"9", "15", "4"} - {{"nextValidId": "9", "managedAccounts": "15"}[message]}


async def test_a_reserved_client_id_is_in_use(sim: Simulator) -> None:
    sim.fault("reserve 5")

    async with raw(sim.port) as client:
        await client.handshake(200)
        client.send(71, 2, 5, "")
        (refusal,) = await client.rest()
    assert refusal[2] == "326"

    sim.fault("unreserve 5")
    async with started(sim.port, clientId=5) as client:
        await client.alive()


async def test_reset_is_a_reset_and_not_an_orderly_end(sim: Simulator, client: Raw) -> None:
    sim.fault("reset")

    with pytest.raises(ConnectionResetError):
        await client.read()


async def test_close_is_an_orderly_end(sim: Simulator, client: Raw) -> None:
    sim.fault("close")

    assert await client.rest() == []


async def test_reset_with_requests_in_flight_answers_none_of_them(sim: Simulator, client: Raw) -> None:
    sim.fault("slow 3600")
    sim.fault("on reqContractDetails 20 reset")

    for reqId in range(20):
        client.send(9, 8, reqId, *SPY, 0, "", "", "")

    assert await client.rest() == []
    assert len(sim.journal.entries("in", 9)) == 20


async def test_half_open_neither_answers_nor_ends(sim: Simulator, client: Raw) -> None:
    sim.fault("half-open")
    client.send(49, 1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.read()
    assert sim.journal.entries("in", 49) == []


async def test_a_frozen_gateway_answers_late_and_loses_nothing(sim: Simulator, client: Raw) -> None:
    sim.fault("freeze 3")
    client.send(49, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.read()

    sim.skip(3)

    assert (await client.read())[0] == "49"


async def test_a_slow_gateway_answers_everything_later_in_the_same_order(sim: Simulator, client: Raw) -> None:
    sim.fault("slow 0.3")
    before = time.monotonic()
    client.send(49, 1)
    client.send(82)

    assert [(await client.read())[0], (await client.read())[0]] == ["49", "80"]
    assert time.monotonic() - before >= 0.3
    sim.fault("slow 0")
    await client.alive()


async def test_restart_cuts_off_refuses_and_rolls_order_ids_back(sim: Simulator, client: Raw) -> None:
    for orderId in range(1, 7):
        client.send(*limit_order(orderId))
        await client.until("3", str(orderId))
    sim.fault("restart 82 -4")
    await client.rest()
    assert await refused(sim.port)

    sim.skip(82)
    await asyncio.sleep(0)
    async with raw(sim.port) as again:
        await again.handshake(200)
        told = await again.start(1)

    assert [frame[2] for frame in told if frame[0] == "9"] == ["3"]
    assert len(sim.world.open_orders(1)) == 6


async def test_order_ids_can_be_reset_to_1(sim: Simulator, client: Raw) -> None:
    client.send(*limit_order(10))
    await client.until("3")
    sim.fault("ids 1")
    client.send(8, 1, 1)

    assert (await client.until("9"))[-1][2] == "1"


@pytest.mark.parametrize("kind", ["http", "giant", "zero", "hex:00000002"])
async def test_garbage_is_sent_as_it_is(sim: Simulator, client: Raw, kind: str) -> None:
    sim.fault(f"raw {kind}")

    data = await client.reader.read(4)

    assert data == {"http": b"HTTP", "giant": b"\x7f\xff\xff\xff", "zero": b"\0\0\0\0"}.get(kind, b"\0\0\0\2")


async def test_frames_byte_by_byte(sim: Simulator, client: Raw) -> None:
    sim.fault("fragment 1")

    await client.alive()
    client.send(*DETAILS)
    assert (await client.until("52"))[0][2] == "SPY"


async def test_a_newer_protocol_is_announced_and_spoken(sim: Simulator) -> None:
    sim.fault("version 210")
    async with raw(sim.port) as client:
        client.write(b"API\0\0\0\0\x09v100..178")
        assert (await client.read())[0] == "210"
        client.send(71, 2, 1, "")
        assert "\0".join(await client.read()).startswith("\0\0\0\x0f1")


async def test_a_zone_that_no_database_knows(sim: Simulator) -> None:
    sim.fault('zone "Central European Standard Time"')
    async with started(sim.port) as client:
        assert client.greeting[1].endswith(" Central European Standard Time")
        client.send(*market_order(1))
        execution = (await client.until("11"))[-1]

    assert execution[15].endswith(" Central European Standard Time")
