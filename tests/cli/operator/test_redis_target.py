"""The Redis and the session that a command acts on: in doubt nothing is done, and the choices are named."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.__main__ import main
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.operator import redis_target
from tests.stacks.operator_commands import led, level, typed
from tests.stacks.terminal import terminal


async def test_a_mistyped_session_halts_nothing_and_those_that_are_there_are_named(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live", "paper")

    status = await typed(own_redis, "halt", "odd fills", "--session", "lvie")

    assert status == 1
    assert "no session is called lvie: there are live, paper" in capsys.readouterr().err
    assert await level(own_redis, "lvie") is None


async def test_a_session_that_no_worker_has_led_is_halted_by_force(own_redis: EmbeddedRedis) -> None:
    assert await typed(own_redis, "halt", "not yet", "--session", "next", "--force") == 0

    assert await level(own_redis, "next") == "halt"


@pytest.mark.parametrize("mark", ["heartbeat", "generation", "epoch"])
async def test_the_only_session_need_not_be_named(
    own_redis: EmbeddedRedis, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at once after a restore, which leaves of these the epoch alone."""
    async with CommandPipeline(own_redis.url) as pipe:
        await pipe.send("SET", getattr(Keys("demo"), mark), "1")
        await set_halt(pipe, Keys("demo"), "halt", "anna", "odd fills")

    with terminal(monkeypatch) as person:
        person.type("demo")
        status = await typed(own_redis, "resume")
        shown = person.shown("released")

    assert (status, await level(own_redis, "demo")) == (0, None)
    assert "demo: released" in shown


async def test_of_several_sessions_one_must_be_named(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live", "paper")

    status = await typed(own_redis, "resume")

    assert status == 1
    assert "--session: which one? There are live, paper" in capsys.readouterr().err


@pytest_asyncio.fixture
async def places(
    own_redis: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[EmbeddedRedis, EmbeddedRedis]]:
    """Where Redis is looked for when none is named: the demo's, and the one on the usual port."""
    async with EmbeddedRedis(tmp_path / "usual", port=free_port()) as usual:
        monkeypatch.setattr(redis_target, "DEMO_SOCKET", tmp_path / "redis" / "redis.sock")
        monkeypatch.setattr(redis_target, "USUAL", usual.url)
        yield own_redis, usual


Places = tuple[EmbeddedRedis, EmbeddedRedis]


async def test_a_halt_goes_to_the_redis_that_knows_the_session_and_says_which(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    demo, usual = places
    await led(demo, "demo")
    await led(usual, "paper")

    status = await asyncio.to_thread(main, ["halt", "odd fills", "--session", "paper"])

    assert (status, await level(usual, "paper"), await level(demo, "demo")) == (0, "halt", None)
    assert usual.url.removeprefix("redis://").removesuffix("/0") in capsys.readouterr().err


@pytest.mark.parametrize("flags", [(), ("--session", "paper"), ("--session", "next", "--force")])
async def test_where_two_would_do_nothing_is_halted_before_one_is_named(
    places: Places, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    demo, usual = places
    await led(demo, "demo", "paper")
    await led(usual, "paper")

    status = await asyncio.to_thread(main, ["halt", "odd fills", *flags])

    assert status == 1
    assert "--redis: which one?" in capsys.readouterr().err
    assert [await level(each, name) for each in places for name in ("demo", "paper", "next")] == [None] * 6


async def test_a_demo_that_has_ended_is_not_what_is_halted(
    places: Places, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    demo, usual = places
    await demo.stop()
    (tmp_path / "redis" / "redis.sock").touch()
    await led(usual, "paper")

    assert await asyncio.to_thread(main, ["halt", "odd fills"]) == 0

    assert await level(usual, "paper") == "halt"


@pytest.mark.parametrize(
    "url",
    [
        "redis://operator:hidden-word@127.0.0.1:{port}/0",
        "redis://127.0.0.1:{port}/0?password=hidden-word",
        "redis://operator:hidden-word/and@127.0.0.1:{port}/0",
        "redis://operator:hidden-word@127.0.0.1:no-port/0",
    ],
)
def test_no_error_shows_the_password_of_redis(url: str, unused_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["orders", "--redis", url.format(port=unused_port), "--session", "paper"])

    said = capsys.readouterr()
    assert status == 1
    assert "127.0.0.1" in said.err
    assert "hidden-word" not in said.err + said.out


def test_records_name_the_user_and_a_number_only_where_there_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "anna")
    named = redis_target.caller()
    monkeypatch.delenv("USER")
    monkeypatch.setattr("os.getuid", lambda: 0)
    by_number = redis_target.caller()
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)

    assert (named, by_number, redis_target.caller()) == ("operator anna", "operator root", "operator uid 4000000000")
