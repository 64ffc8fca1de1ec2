"""The operator's commands: they act on a session that is there, say which, and say so where nothing was done."""

import asyncio
import io
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.bus.approving import Approval, ask_approval, waiting_approvals
from bridge.bus.halting import read_halt, set_halt
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from cli.__main__ import main
from cli.embedded_redis import EmbeddedRedis, free_port


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's environment says is no part of these stacks."""
    for name in ("REDIS_URL", "IBKR_SESSION"):
        monkeypatch.delenv(name, raising=False)


async def led(redis: EmbeddedRedis, *sessions: str) -> None:
    """What a worker leaves in Redis once it leads."""
    async with Pipe(redis.url) as pipe:
        for each in sessions:
            await pipe.send("HSET", Keys(each).heartbeat, "state", "ready")


async def typed(redis: EmbeddedRedis, *words: str) -> int:
    return await asyncio.to_thread(main, [words[0], "--redis", redis.url, *words[1:]])


async def level(redis: EmbeddedRedis, session: str) -> str | None:
    async with Pipe(redis.url) as pipe:
        halt = await read_halt(pipe, Keys(session))
    return halt.level if halt else None


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
    own_redis: EmbeddedRedis, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither at once after a restore, which leaves of these the epoch alone."""
    async with Pipe(own_redis.url) as pipe:
        await pipe.send("SET", getattr(Keys("demo"), mark), "1")
        await set_halt(pipe, Keys("demo"), "halt", "anna", "odd fills")

    status = await typed(own_redis, "resume")

    assert (status, await level(own_redis, "demo")) == (0, None)
    assert "demo: released" in capsys.readouterr().out


async def test_of_several_sessions_one_must_be_named(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live", "paper")

    status = await typed(own_redis, "resume")

    assert status == 1
    assert "--session: which one? There are live, paper" in capsys.readouterr().err


async def test_releasing_what_is_not_set_is_no_success(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "demo")

    status = await typed(own_redis, "resume", "--session", "demo")

    assert status == 1
    assert "demo: the kill switch is not set" in capsys.readouterr().err


async def test_a_halt_names_no_command_that_releases_it(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "demo")

    assert await typed(own_redis, "halt", "odd fills") == 0

    said = capsys.readouterr().out
    assert "Only the operator releases the switch" in said
    assert "resume" not in said


async def test_what_waits_for_approval_is_told_with_its_session(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await led(own_redis, "live")
    async with Pipe(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))

    listed = await typed(own_redis, "approve")
    wrong = await typed(own_redis, "approve", "key-2")
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # a container that was started without a terminal
    unanswered = await typed(own_redis, "approve", "key-1")
    said = capsys.readouterr()

    assert (listed, wrong, unanswered) == (0, 1, 1)
    assert "live: 1 orders wait for approval" in said.out
    assert "live: BUY 1 SPY" in said.out
    assert "not approved" in said.out
    assert "live: nothing waits under key-2" in said.err


async def test_ctrl_c_at_the_question_approves_nothing_and_is_heard_at_once(own_redis: EmbeddedRedis) -> None:
    await led(own_redis, "live")
    async with Pipe(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "approve", "key-1", "--redis", own_redis.url,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which pytest-xdist ignores
        )  # fmt: skip
        assert process.stdout is not None
        asked = await process.stdout.readuntil(b"Type yes: ")

        said, errors = await interrupted(process)  # what is typed never comes

        assert b"BUY 1 SPY" in asked
        assert (process.returncode, b"not approved" in said, errors) == (1, True, b"")
        assert [each.key for each in await waiting_approvals(pipe, Keys("live"))] == ["key-1"]


async def interrupted(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """What it says to its end. A signal between the prompt and the read is heard with the next: a human types again."""
    ended = asyncio.ensure_future(process.communicate())
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        await asyncio.wait({ended}, timeout=3)
        if ended.done():
            break
    return await ended


async def test_what_was_read_is_what_is_approved(own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    await led(own_redis, "live")
    async with Pipe(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))

        status = await typed(own_redis, "approve", "key-1")

        assert (status, await waiting_approvals(pipe, Keys("live"))) == (0, [])


@pytest_asyncio.fixture
async def places(
    own_redis: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[EmbeddedRedis, EmbeddedRedis]]:
    """Where Redis is looked for when none is named: the demo's, and the one on the usual port."""
    async with EmbeddedRedis(tmp_path / "usual", port=free_port()) as usual:
        monkeypatch.setattr("cli.operating.DEMO_SOCKET", tmp_path / "redis" / "redis.sock")
        monkeypatch.setattr("cli.operating.USUAL", usual.url)
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
    assert usual.url.removeprefix("redis://") in capsys.readouterr().err


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


def test_the_operators_commands_need_nothing_that_the_workers_image_lacks() -> None:
    """It holds `cli` for them, on the worker's packages."""
    commands = "import cli.halt, cli.resume, cli.approve, cli.orders, cli.audit, sys; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", commands], capture_output=True, text=True, check=True)

    assert {"fastmcp", "mcp", "httpx2", "uvicorn"}.isdisjoint(done.stdout.split())


@pytest.mark.trial("E1")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["stop", "–", "now"], "stop – now"),
        ([], "no reason given"),
        (["two\nlines\udcff"], "two lines"),
        (["x" * 300], "x" * 199 + "…"),
    ],
)
async def test_a_halt_at_the_command_line_takes_any_words_as_its_reason(
    own_redis: EmbeddedRedis, words: list[str], reason: str
) -> None:
    await led(own_redis, "demo")

    status = await typed(own_redis, "halt", *words)

    async with Pipe(own_redis.url) as pipe:
        halt = await read_halt(pipe, Keys("demo"))
    assert halt is not None
    assert (status, halt.reason) == (0, reason)
