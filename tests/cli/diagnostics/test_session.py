"""The doctor's check of the session: what the gateway and the account do not allow has a line and a cure."""

from pathlib import Path

import pytest

from bridge.bus.controls.kill_switch import set_halt
from cli.diagnostics.checks import examine
from cli.diagnostics.gateway import instant_of
from ibgateway.simulator.model.config import Identity, SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.doctor import faults, stack
from tests.stacks.worker import caller
from tests.waiting import until


async def test_a_read_only_api(redis_url: str, session: str) -> None:
    script = "read-only on\non reqOpenOrders each answer 321 The API interface is currently in Read-Only mode."
    async with Simulator(SimulatorConfig(faults=script)) as sim, stack(redis_url, session, sim.port) as place:
        found = await faults(place)

    assert "Read-Only API off" in found["orders"].cure


async def test_a_competing_session(redis_url: str, session: str) -> None:
    async with (
        Simulator(SimulatorConfig(identity=Identity(competing=True))) as sim,
        stack(redis_url, session, sim.port) as place,
    ):
        found = await faults(place)

    assert "Another session of the same login" in found["market data"].told
    assert "Log out there" in found["market data"].cure


async def test_market_data_that_is_not_shared_with_the_paper_user(redis_url: str, session: str) -> None:
    async with (
        Simulator(SimulatorConfig(identity=Identity(entitlement="none"))) as sim,
        stack(redis_url, session, sim.port) as place,
    ):
        found = await faults(place)

    assert "share the real-time market data" in found["market data"].cure


async def test_delayed_prices_are_a_note_with_what_to_do_about_them(redis_url: str, session: str) -> None:
    async with (
        Simulator(SimulatorConfig(identity=Identity(entitlement="delayed"))) as sim,
        stack(redis_url, session, sim.port) as place,
    ):
        (told,) = [each for each in await examine(place) if each.part == "market data"]

    assert told.kind == "note"
    assert "share the real-time market data" in told.cure


async def test_a_rejected_login(redis_url: str, session: str, tmp_path: Path, unused_port: int) -> None:
    (tmp_path / "phase").write_text('{"phase": "login_rejected", "since": 1, "rejections": 3}\n')
    async with stack(redis_url, session, unused_port, "failed", gateway_phase_file=tmp_path / "phase") as place:

        async def rejected() -> bool:
            return "rejected" in (await faults(place))["session"].told

        await until(rejected, "the rejection is told", 20)
        found = await faults(place)

    assert "user name, password and trading mode" in found["session"].cure


async def test_a_gateway_that_is_too_old(redis_url: str, session: str) -> None:
    async with (
        Simulator(SimulatorConfig(faults="version 150")) as sim,
        stack(redis_url, session, sim.port, "failed") as place,
    ):
        found = await faults(place)

    assert "speaks protocol version 150" in found["gateway"].told
    assert "10.19" in found["gateway"].cure


async def test_a_live_account_in_paper_mode(redis_url: str, session: str) -> None:
    async with (
        Simulator(SimulatorConfig(accounts=("U1234567",))) as sim,
        stack(redis_url, session, sim.port, "failed") as place,
    ):
        found = await faults(place)

    assert "not paper accounts" in found["session"].told
    assert "TRADING_MODE=read_only" in found["session"].cure


async def test_a_kill_switch_that_is_set(redis_url: str, session: str) -> None:
    async with Simulator() as sim, stack(redis_url, session, sim.port) as place, caller(redis_url, session) as front:
        await set_halt(front.bus_client.pipe, front.bus_client.keys, "halt", "operator", "a test")
        found = await faults(place)

    assert "resume" in found["kill switch"].cure


@pytest.mark.parametrize("text", ["", "20260302", "20260302 09:00:00 Central European Standard Time"])
def test_a_time_that_cannot_be_placed_tells_nothing(text: str) -> None:
    assert instant_of(text) is None


@pytest.mark.trial("D21")
async def test_what_the_gateway_announces_has_a_line(redis_url: str, session: str) -> None:
    async with Simulator() as sim, stack(redis_url, session, sim.port) as place, caller(redis_url, session) as front:
        sim.fault("error 2172 This release will be desupported on 20991215. Minimum version 1050.1")
        sim.fault("error 2172 This release was desupported on 20251215.")

        async def told() -> bool:
            return sum("2172" in each["what"] for each in (await front.status())["concerns"]) == 2

        await until(told, "the status warns")
        lines = [each for each in await examine(place) if "2172" in each.told]

    assert [each.kind for each in lines] == ["fault", "note"]  # a day that has passed is a fault
    assert "to 10.50.1 or newer before 2099-12-15" in lines[1].cure


async def test_a_session_that_was_disconnected_has_a_cure_that_a_person_can_follow(
    redis_url: str, session: str
) -> None:
    async with (
        Simulator() as sim,
        stack(redis_url, session, sim.port) as place,
        caller(redis_url, session) as client,
    ):
        await client.ask("disconnect")
        found = await faults(place)

    assert "the console's page Session" in found["session"].cure
