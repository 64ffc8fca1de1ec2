"""The front as a program: it refuses to start with an open door, and stops with an answer to whoever is served."""

import asyncio
import json
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client

from bridge.bus.server.request import RequestContext
from cli.local_stack.embedded_redis import free_port
from mcp_front import VERSION
from mcp_front.__main__ import main
from tests.stacks.front import ERAS, MODERN, RawClient, worker
from tests.stacks.ticking_worker import ticking
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
START_S = 60  # a Python process with all it imports, on a machine that does much else
WATCH: dict[str, Any] = {"symbol": "SPY", "duration_seconds": 60}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FRONT_HOST": "0.0.0.0"}, ["FRONT_HOST=0.0.0.0 lets any machine trade", "FRONT_TOKENS_FILE"]),
        ({"FRONT_PORT": "eighty"}, ["FRONT_PORT: Input should be a valid integer"]),
        ({"FRONT_TOOLSETS": "quotas"}, ["FRONT_TOOLSETS: no such toolset: quotas"]),
        ({"FRONT_TOKENS_FILE": "/nowhere/tokens.json"}, ["/nowhere/tokens.json"]),
        ({"IBKR_SESSION": "two words"}, ["IBKR_SESSION: "]),
    ],
)
def test_front_does_not_start_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], said: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    status = main()

    words = capsys.readouterr().err
    assert status == 2
    assert all(part in words for part in said)
    assert "Traceback" not in words


@asynccontextmanager
async def program(
    redis_url: str, session: str, **further: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`python -m mcp_front`, and its endpoint once it answers."""
    port = free_port()
    variables = {"REDIS_URL": redis_url, "IBKR_SESSION": session, "FRONT_PORT": str(port)} | further
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mcp_front", env=os.environ | variables, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    try:
        await answers(f"http://127.0.0.1:{port}/healthz")
        yield running, f"http://127.0.0.1:{port}/api/v1"
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def answers(url: str) -> None:
    async with asyncio.timeout(START_S), httpx.AsyncClient(verify=False) as http:
        while True:
            try:
                await http.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


class Watcher:
    """A client in the middle of a stream."""

    def __init__(self, url: str, era: str) -> None:
        self.heard = 0
        self._client = Client(url, mode=era if era == MODERN else "legacy", log_handler=self._count)

    async def _count(self, _message: object) -> None:
        self.heard += 1

    async def watch(self) -> dict[str, Any]:
        async with self._client:
            result = await self._client.call_tool("ibkr_stream_market_data", WATCH)
        return result.structured_content or {}


async def test_streams_get_their_summary_when_the_program_is_told_to_stop(redis_url: str, session: str) -> None:
    async with ticking(redis_url, session), program(redis_url, session) as (running, url):
        watchers = [Watcher(url, era) for era in ERAS]
        calls = [asyncio.create_task(watcher.watch()) for watcher in watchers]
        await until(lambda: all(watcher.heard for watcher in watchers), "both hear ticks", 20)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            summaries = await asyncio.gather(*calls)
            _, log = await running.communicate()

    for watcher, summary in zip(watchers, summaries, strict=True):
        assert "this front is stopping" in summary["message"]
        assert summary["updates_count"] == watcher.heard
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert {"serving", "call", "draining"} <= {line["event"] for line in lines}
    assert running.returncode == 0


@contextmanager
def limited_shell() -> Iterator[int]:
    """A soft limit of open files that a front raises; the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files_of(pid: int) -> int:
    (limit,) = re.findall(r"^Max open files +(\d+)", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
    return int(limit)


async def test_a_shells_limit_of_connections_is_raised_and_a_second_signal_waits_for_nobody(
    redis_url: str, session: str
) -> None:
    asked = asyncio.Event()

    async def hangs(_asked: RequestContext) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return b""

    with limited_shell() as hard:
        async with (
            worker(redis_url, session, {"get_historical_data": hangs}),
            program(redis_url, session, FRONT_DRAIN_S="60") as (running, url),
        ):
            if sys.platform.startswith("linux"):  # /proc tells a process' limits
                assert open_files_of(running.pid) == min(hard, 16_384)
            call = asyncio.create_task(RawClient(url, MODERN, {}).call("ibkr_get_historical_data", symbol="SPY"))
            await asked.wait()
            running.send_signal(signal.SIGTERM)
            running.send_signal(signal.SIGINT)
            async with asyncio.timeout(20):  # the call has a minute
                await running.communicate()
            await asyncio.gather(call, return_exceptions=True)


def test_version_is_the_projects() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
