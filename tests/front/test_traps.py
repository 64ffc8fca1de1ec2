"""What fastmcp 4.1.2 gets wrong for this front, each shown by a test that fails without the fix in traps.py."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import fastmcp
import pytest
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import Tool

from tests.front.stack import ERAS, LEGACY, MODERN, answering, serving, worker
from tests.front.test_calls import PNL
from tests.front.ticking import ticking, watch


class Lists(Middleware):
    """Counts how often the tools are listed."""

    def __init__(self) -> None:
        self.count = 0

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Sequence[Tool]]
    ) -> Sequence[Tool]:
        self.count += 1
        return await call_next(context)


@pytest.mark.parametrize("era", ERAS)
async def test_call_does_not_list_the_tools(redis_url: str, session: str, era: str) -> None:
    lists = Lists()
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        front.front.mcp.add_middleware(lists)
        await front.raw(era).call("ibkr_get_pnl", account="DU1234567")
        assert lists.count == 0

        await front.raw(era).request("tools/list")
        assert lists.count == 1


@pytest.mark.parametrize("era", ERAS)
async def test_level_that_one_client_sets_does_not_silence_others(redis_url: str, session: str, era: str) -> None:
    async with ticking(redis_url, session), serving(redis_url, session) as front:
        answer = await front.raw(LEGACY).request("logging/setLevel", level="emergency")
        _, messages, _ = await watch(front, era, 1)

    assert answer["result"] == {}
    assert messages


@pytest.mark.parametrize("era", ERAS)
async def test_message_to_a_client_is_not_logged_here(redis_url: str, session: str, era: str) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign, assignment]
    logger = logging.getLogger("fastmcp.server.context.to_client")
    logger.addHandler(handler)
    try:
        async with ticking(redis_url, session), serving(redis_url, session) as front:
            _, messages, _ = await watch(front, era, 1)
    finally:
        logger.removeHandler(handler)

    assert messages
    assert records == []


@pytest.mark.parametrize("era", ERAS)
async def test_setting_from_outside_cannot_turn_streaming_off(
    redis_url: str, session: str, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastmcp.settings, "json_response", True)
    monkeypatch.setattr(fastmcp.settings, "stateless_http", False)
    async with ticking(redis_url, session), serving(redis_url, session) as front:
        _, messages, progress = await watch(front, era, 1)

    assert messages
    assert progress


async def test_modern_client_that_asks_for_no_messages_gets_progress_and_the_summary(
    redis_url: str, session: str
) -> None:
    async with ticking(redis_url, session), serving(redis_url, session) as front:
        arguments = {"symbol": "SPY", "duration_seconds": 1}
        answer = await front.raw(MODERN).messages(
            "tools/call", {"progressToken": 7}, name="ibkr_stream_market_data", arguments=arguments
        )

    methods = {message.get("method") for message in answer[:-1]}
    assert methods == {"notifications/progress"}
    assert answer[-1]["result"]["structuredContent"]["updates_count"] > 0


def test_session_store_is_imported_before_the_first_call() -> None:
    program = """
import sys
from bridge.bus.asking import Asker
from mcp_front.__main__ import assemble
from mcp_front.settings import Settings
assemble(Settings(), Asker("redis://127.0.0.1:1/0", "paper", "front-1"))
print("key_value.aio.stores.memory" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert ended.stdout.strip() == "True"
