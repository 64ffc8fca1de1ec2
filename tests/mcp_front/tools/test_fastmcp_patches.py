"""What fastmcp 4.2.3 gets wrong for this front, and settings of its own that must not change the front."""

import subprocess
import sys

import fastmcp
import pytest

from tests.stacks.front import ERAS, MODERN, serving
from tests.stacks.ticking_worker import ticking, watch


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
from bridge.bus.client.client import BusClient
from mcp_front.__main__ import assemble
from mcp_front.settings import FrontSettings
assemble(FrontSettings(), BusClient("redis://127.0.0.1:1/0", "paper", "front-1"))
print("key_value.aio.stores.memory" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert ended.stdout.strip() == "True"
