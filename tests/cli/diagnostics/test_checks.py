"""`doctor` on a stack of real parts: each usual fault is found where it is, and named with its cure."""

import asyncio
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.transport.pipeline import CommandPipeline
from cli.command_line import command
from cli.diagnostics import front as front_checks
from cli.diagnostics import gateway
from cli.diagnostics.checks import examine
from cli.diagnostics.finding import Finding, Place
from cli.diagnostics.gateway import instant_of
from cli.local_stack.embedded_redis import EmbeddedRedis
from cli.local_stack.state_folder import front_of, sole_user
from cli.terminal import Screen
from ibgateway.simulator.model.config import Identity, SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.front import serving
from tests.stacks.ibgateway import gateway_ports as servers
from tests.stacks.worker import caller, worker
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's containers are no part of these stacks."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(gateway, "USUAL_PORTS", ())  # where a stack of this machine may listen


@asynccontextmanager
async def stack(redis_url: str, session: str, port: int, state: str = "ready", **settings: Any) -> AsyncIterator[Place]:
    """Front and worker, the session being in `state`."""
    async with AsyncExitStack() as entered:
        enter = entered.enter_async_context
        await enter(worker(redis_url, session, port, **settings))
        front = await enter(serving(redis_url, session))
        await (await enter(caller(redis_url, session))).reaches(state)
        yield Place(front.endpoint, None, None, redis_url, "none")


async def faults(place: Place) -> dict[str, Finding]:
    return {each.part: each for each in await examine(place) if each.kind == "fault"}


async def test_a_stack_that_works_has_no_fault(redis_url: str, session: str) -> None:
    async with Simulator() as sim, stack(redis_url, session, sim.port) as place:
        found = await examine(place)

    assert {each.part for each in found if each.kind == "ok"} == {
        "front", "session", "orders", "market data", "redis", "gateway",
    }  # fmt: skip
    notes = {each.part for each in found if each.kind == "note"} - {"warning"}  # of the weekly login, on Saturdays
    assert notes == {"clock"}  # the simulator's, which is of 2025
    assert [each for each in found if each.kind == "fault"] == []


async def test_no_front(redis_url: str, session: str, unused_port: int) -> None:
    place = Place(f"http://127.0.0.1:{unused_port}/api/v1", None, None, redis_url, "none")

    found = await faults(place)

    assert "make paper" in found["front"].cure


async def test_something_else_at_the_fronts_place(redis_url: str, session: str) -> None:
    async with servers.listening(servers.web) as port:
        place = Place(f"http://127.0.0.1:{port}/api/v1", None, None, redis_url, "none")

        assert "no front" in (await faults(place))["front"].told


@pytest.mark.trial("D12")
async def test_bytes_of_a_foreign_port_never_reach_the_terminal(redis_url: str, session: str) -> None:
    async def impolite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"\x1b]0;owned\x07\x1b[31m" + b"\xff" * 5000 + b"\r\n\r\n")
        writer.close()

    async with servers.listening(impolite) as port:
        place = Place(f"http://127.0.0.1:{port}/api/v1", None, None, redis_url, "none")
        found = (await faults(place))["front"]

    shown = io.StringIO()
    Screen(Console(file=shown, width=120)).say(found.told)
    assert "No answer" in shown.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown.getvalue())
    assert len(shown.getvalue()) < 400


@pytest.mark.trial("D12")
def test_the_doctor_finds_the_front_of_the_demo_at_its_port(tmp_path: Path) -> None:
    before = front_of(tmp_path)
    with sole_user(tmp_path, "http://127.0.0.1:8017/api/v1"):
        during = front_of(tmp_path)

    assert (before, during, front_of(tmp_path)) == (None, "http://127.0.0.1:8017/api/v1", None)


@pytest.mark.trial("D12")
def test_a_command_that_a_text_names_runs_as_it_stands() -> None:
    shown = command("doctor", "--help")

    ran = subprocess.run(shown, shell=True, cwd=ROOT, capture_output=True, text=True)

    assert ran.stdout.startswith(f"usage: {command('doctor')}")


@pytest.mark.trial("D12")
def test_in_a_container_a_text_names_the_command_of_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI_COMMAND", "docker compose run --rm operator")

    assert command("resume", "--session", "paper") == "docker compose run --rm operator resume --session paper"


@pytest.mark.trial("D12")
def test_a_python_without_the_packages_is_told_which_has_them() -> None:
    bare = subprocess.run(
        [sys.executable, "-S", "-m", "cli", "doctor"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert bare.returncode == 1
    assert "python3 requirements/install.py local" in bare.stderr
    assert "make doctor" in bare.stderr


async def test_no_worker(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        found = await faults(Place(front.endpoint, None, None, redis_url, "none"))

    assert "Start the worker" in found["worker"].cure


async def test_no_redis(own_redis: EmbeddedRedis, session: str) -> None:
    async with serving(own_redis.url, session) as front:
        await own_redis.stop()
        found = await faults(Place(front.endpoint, None, None, own_redis.url, "none"))

    assert "Start Redis" in found["redis"].cure


@pytest.fixture
def usual_redis(own_redis: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedRedis:
    """On the port where it is looked for when none is named."""
    monkeypatch.setattr("cli.operator.redis_target.DEMO_SOCKET", tmp_path / "none")
    monkeypatch.setattr("cli.operator.redis_target.USUAL", own_redis.url)
    return own_redis


async def test_a_strangers_redis_is_not_judged(redis_url: str, session: str, usual_redis: EmbeddedRedis) -> None:
    async with CommandPipeline(usual_redis.url) as pipe:
        await pipe.send("CONFIG", "SET", "appendonly", "no")
    async with Simulator() as sim, stack(redis_url, session, sim.port) as place:
        (told,) = [each for each in await examine(replace(place, redis=None)) if each.part == "redis"]

    assert (told.kind, "not reachable from here" in told.told) == ("note", True)


async def test_the_stacks_own_redis_is_found_where_nobody_named_it(session: str, usual_redis: EmbeddedRedis) -> None:
    async with CommandPipeline(usual_redis.url) as pipe:
        await pipe.send("CONFIG", "SET", "appendfsync", "everysec")
    async with Simulator() as sim, stack(usual_redis.url, session, sim.port) as place:
        found = await faults(replace(place, redis=None))

    assert "appendfsync is everysec" in found["redis"].told


async def test_a_redis_that_could_lose_orders(own_redis: EmbeddedRedis, session: str) -> None:
    async with caller(own_redis.url, session) as front, serving(own_redis.url, session) as serves:
        await front.asker.pipe.send("CONFIG", "SET", "appendfsync", "everysec")
        found = await faults(Place(serves.endpoint, None, None, own_redis.url, "none"))

    assert "appendfsync is everysec" in found["redis"].told
    assert "--appendfsync always" in found["redis"].cure


async def test_the_port_of_the_jvm_in_place_of_the_forwarders(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "USUAL_PORTS", (4002, 4004))
    host = "127.0.77.4"  # loopback too, and nobody else's
    async with (
        Simulator(SimulatorConfig(host=host, ports=(4004,))),
        stack(redis_url, session, 4002, "failed", gateway_host=host) as place,
    ):
        found = await faults(place)

    assert found["gateway"].cure == "Set GATEWAY_PORT=4004 for the worker."


async def test_a_gateway_that_is_silent(redis_url: str, session: str) -> None:
    async with servers.listening(servers.silent) as port, stack(redis_url, session, port, "login_pending") as place:
        found = await faults(place)

    assert "second factor" in found["session"].cure
    assert "silent" not in found["gateway"].cure
    assert "second factor is pending" in found["gateway"].told


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
        await set_halt(front.asker.pipe, front.asker.keys, "halt", "operator", "a test")
        found = await faults(place)

    assert "resume" in found["kill switch"].cure


async def test_a_front_that_wants_a_token(redis_url: str, session: str, tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("[]")
    async with serving(redis_url, session, front_tokens_file=tmp_path / "tokens.json") as front:
        found = await faults(Place(front.endpoint, None, None, redis_url, "none"))

    assert "clients-paper add" in found["token"].cure
    assert "worker" in found  # told to everybody


async def test_a_token_that_may_not_read(redis_url: str, session: str, tmp_path: Path) -> None:
    entry = {"name": "desk", "sha256": hashlib.sha256(b"trade-only").hexdigest(), "scopes": ["trade"]}
    (tmp_path / "tokens.json").write_text(json.dumps([entry]))
    async with serving(redis_url, session, front_tokens_file=tmp_path / "tokens.json") as front:
        found = await faults(Place(front.endpoint, "trade-only", None, redis_url, "none"))

    assert "ibkr_get_status" in found["token"].told
    assert "--scopes read" in found["token"].cure
    assert "worker" in found  # told to everybody


async def test_a_clock_that_is_minutes_off(redis_url: str, session: str) -> None:
    async with Simulator(SimulatorConfig(start=time.time() - 300)) as sim, stack(redis_url, session, sim.port) as place:
        found = await faults(place)

    assert re.search(r"-\d+ s from this machine's", found["clock"].told)
    assert "NTP" in found["clock"].cure


@pytest.mark.parametrize("text", ["", "20260302", "20260302 09:00:00 Central European Standard Time"])
def test_a_time_that_cannot_be_placed_tells_nothing(text: str) -> None:
    assert instant_of(text) is None


@pytest.mark.parametrize("token", ["“quoted”", "two words", "ends\n"])
async def test_a_token_that_no_header_can_carry_is_named(token: str, redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        found = await faults(Place(front.endpoint, token, None, redis_url, "none"))

    assert "no token has" in found["token"].told


async def healthy_and_then_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if (await reader.readline()).startswith(b"GET /healthz"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


async def test_a_front_that_hangs_is_named(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_checks, "ANSWER_S", 0.3)
    async with servers.listening(healthy_and_then_silent) as port:
        found = await faults(Place(f"http://127.0.0.1:{port}/api/v1", None, None, redis_url, "none"))

    assert "does not answer it: timed out" in found["session"].told


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
