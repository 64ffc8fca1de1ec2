"""The operator's commands: they act on a session that is there, say which, and say so where nothing was done."""

import ast
import asyncio
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.bus.controls.approvals import Approval, ask_approval, waiting_approvals
from bridge.bus.controls.kill_switch import read_halt, set_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.__main__ import main
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from tests.stacks.terminal import Terminal, terminal


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's environment says is no part of these stacks."""
    for name in ("REDIS_URL", "IBKR_SESSION"):
        monkeypatch.delenv(name, raising=False)


async def led(redis: EmbeddedRedis, *sessions: str) -> None:
    """What a worker leaves in Redis once it leads."""
    async with CommandPipeline(redis.url) as pipe:
        for each in sessions:
            await pipe.send("HSET", Keys(each).heartbeat, "state", "ready")


async def typed(redis: EmbeddedRedis, *words: str) -> int:
    return await asyncio.to_thread(main, [words[0], "--redis", redis.url, *words[1:]])


async def level(redis: EmbeddedRedis, session: str) -> str | None:
    async with CommandPipeline(redis.url) as pipe:
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
    assert "Only the operator can release the switch" in said
    assert "resume" not in said


async def test_what_waits_for_approval_is_told_with_its_session(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))

    listed = await typed(own_redis, "approve")
    wrong = await typed(own_redis, "approve", "key-2")
    unanswered = await typed(own_redis, "approve", "key-1")
    said = capsys.readouterr()

    assert (listed, wrong, unanswered) == (0, 1, 1)
    assert "live: 1 orders wait for approval" in said.out
    assert "live: BUY 1 SPY" in said.out
    assert "approve wants a terminal" in said.err
    assert "live: no order waits under key-2" in said.err


async def test_ctrl_c_at_the_question_approves_nothing_and_is_heard_at_once(own_redis: EmbeddedRedis) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        person, program = os.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "approve", "key-1", "--redis", own_redis.url,
            stdin=program, stdout=program, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which pytest-xdist ignores
        )  # fmt: skip
        asked = await asyncio.to_thread(Terminal(person).shown, "Type key-1 to approve: ")

        _, errors = await interrupted(process)  # what is typed never comes
        said = await asyncio.to_thread(Terminal(person).shown, "nothing was done")

        assert "BUY 1 SPY" in asked
        assert (process.returncode, "nothing was done" in said, errors) == (1, True, b"")
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
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        with terminal(monkeypatch) as person:
            person.type("key-1")
            status = await typed(own_redis, "approve", "key-1")
            shown = person.shown("approved;")

        assert "BUY 1 SPY" in shown
        assert (status, await waiting_approvals(pipe, Keys("live"))) == (0, [])


@pytest_asyncio.fixture
async def places(
    own_redis: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[EmbeddedRedis, EmbeddedRedis]]:
    """Where Redis is looked for when none is named: the demo's, and the one on the usual port."""
    async with EmbeddedRedis(tmp_path / "usual", port=free_port()) as usual:
        monkeypatch.setattr("cli.operator.redis_target.DEMO_SOCKET", tmp_path / "redis" / "redis.sock")
        monkeypatch.setattr("cli.operator.redis_target.USUAL", usual.url)
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


def test_the_operators_commands_need_nothing_that_the_workers_image_lacks() -> None:
    """It holds `cli` for them, on the worker's packages."""
    commands = "from cli.commands import approve, audit, halt, orders, resume; import sys; print(*sys.modules)"

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

    async with CommandPipeline(own_redis.url) as pipe:
        halt = await read_halt(pipe, Keys("demo"))
    assert halt is not None
    assert (status, halt.reason) == (0, reason)


@pytest.mark.trial("A28")
async def test_without_a_terminal_nothing_is_released_or_approved(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that says yes, or the very key, is a program's, such as a coding agent's."""
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        await set_halt(pipe, Keys("live"), "halt", "anna", "odd fills")
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        for words in (["resume"], ["approve", "key-1"]):
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdin", io.StringIO("live\nkey-1\nyes\n"))
                assert await typed(own_redis, *words) == 1
        with pytest.raises(SystemExit):
            await typed(own_redis, "approve", "key-1", "--yes")
        waiting = await waiting_approvals(pipe, Keys("live"))

    said = capsys.readouterr().err
    assert "resume wants a terminal on which live is typed" in said
    assert "approve wants a terminal on which key-1 is typed" in said
    assert await level(own_redis, "live") == "halt"
    assert [each.key for each in waiting] == ["key-1"]


@pytest.mark.trial("A28")
@pytest.mark.parametrize("words", [("resume",), ("approve", "key-1")])
@pytest.mark.parametrize("line", ["yes", "", "y", "KEY-1", "key-2", "liv"])
async def test_at_a_terminal_the_very_name_must_be_typed(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], line: str
) -> None:
    await led(own_redis, "live")
    async with CommandPipeline(own_redis.url) as pipe:
        await set_halt(pipe, Keys("live"), "halt", "anna", "odd fills")
        await ask_approval(pipe, Keys("live"), Approval("key-1", "digest", "claude", "BUY 1 SPY"))
        with terminal(monkeypatch) as person:
            person.type(line)
            status = await typed(own_redis, *words)
            shown = person.shown("nothing was done")
        waiting = await waiting_approvals(pipe, Keys("live"))

    assert status == 1
    assert ("halt by anna since " in shown) == (words == ("resume",))
    assert ("BUY 1 SPY" in shown) == (words != ("resume",))
    assert await level(own_redis, "live") == "halt"
    assert [each.key for each in waiting] == ["key-1"]


RELEASES = re.compile(r"(-m cli|run --rm \S+|exec \S+) (resume|approve)\b")
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.trial("A28")
def test_no_text_of_a_service_names_a_command_that_releases_or_approves() -> None:
    """What front and worker say reaches models, and a coding agent has a shell."""
    found = []
    for path in (each for part in ("bridge", "ib_worker", "mcp_front") for each in (ROOT / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [(path.name, each[0]) for each in RELEASES.finditer(node.value)]

    assert found == []
