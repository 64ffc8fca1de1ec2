"""Whatever is missing, every tool says within two seconds what it is and what to do."""

import asyncio
from typing import Any

import pytest

from bridge.tool import Effect
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from tests.busy import BUSY_S
from tests.mcp_front.scenarios.test_calls_over_http import answers_of_all_tools
from tests.stacks.front import ERAS, RawClient, serving
from tests.stacks.worker import caller, worker

# A wait lasts until somebody serves again, and handles are in Redis.
NEED_NO_WORKER = {
    "ibkr_halt_trading", "ibkr_wait_for", "ibkr_get_streams", "ibkr_read_stream", "ibkr_unsubscribe"
}  # fmt: skip
NEED_NO_GATEWAY = {"ibkr_create_alert", "ibkr_get_alerts", "ibkr_cancel_alert"}


async def texts(client: RawClient, *but: Effect) -> dict[str, str]:
    """What each tool says in its error; ibkr_get_status has none, and says it in its answer."""
    said = {}
    for name, result in (await answers_of_all_tools(client, *but)).items():
        if name == "ibkr_get_status":
            status = result["structuredContent"]
            said[name] = f"[{status['state']}] {status['cause']}"
            assert (status["is_connected"], bool(status["remedy"])) == (False, True)
        elif result.get("isError"):
            said[name] = result["content"][0]["text"]
            assert said[name].startswith(f"[{result['_meta'][ERROR_META]['code']}] ")
    return said


def but(said: dict[str, str], without: set[str]) -> dict[str, str]:
    return {name: text for name, text in said.items() if name not in without}


@pytest.mark.parametrize("era", ERAS)
async def test_no_worker(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        said = but(await texts(front.raw(era), Effect.HALT), NEED_NO_WORKER)

    assert set(said) == {each.tool_name for each in offered_tools()} - NEED_NO_WORKER
    for name, text in said.items():
        assert "orker" in text, name
        assert "Start" in text or name == "ibkr_get_status", name


@pytest.mark.parametrize("era", ERAS)
async def test_worker_that_went(redis_url: str, session: str, era: str) -> None:
    async with Simulator() as sim, worker(redis_url, session, sim.port), caller(redis_url, session) as other:
        await other.writable()
    async with serving(redis_url, session) as front:
        said = but(await texts(front.raw(era), Effect.HALT), NEED_NO_WORKER)

    assert set(said) == {each.tool_name for each in offered_tools()} - NEED_NO_WORKER
    for name, text in said.items():
        assert "orker" in text, name
    assert "[not_executed]" in said["ibkr_place_order"]
    assert "Start ib_worker" in said["ibkr_place_order"]


@pytest.mark.fault(1)
@pytest.mark.parametrize("era", ERAS)
async def test_no_gateway(redis_url: str, session: str, unused_port: int, era: str) -> None:
    async with (
        worker(redis_url, session, unused_port),
        serving(redis_url, session) as front,
        caller(redis_url, session) as other,
    ):
        await other.reaches("failed")
        # Those that are left out change what the others look at.
        others = await texts(front.raw(era), Effect.SESSION, Effect.OWN, Effect.HALT)
        async with asyncio.timeout(2 + BUSY_S):
            connect = await front.raw(era).call("ibkr_connect")

    said = but(others, NEED_NO_WORKER) | {"ibkr_connect": connect["content"][0]["text"]}
    unneeded = NEED_NO_WORKER | NEED_NO_GATEWAY | {"ibkr_disconnect"}
    assert set(said) == {each.tool_name for each in offered_tools()} - unneeded
    for name, text in said.items():
        assert f"127.0.0.1:{unused_port}" in text, name


@pytest.mark.fault(79)
@pytest.mark.parametrize("era", ERAS)
async def test_no_redis(own_redis: EmbeddedRedis, session: str, era: str) -> None:
    async with (
        Simulator() as sim,
        worker(own_redis.url, session, sim.port),
        serving(own_redis.url, session) as front,
        caller(own_redis.url, session) as other,
    ):
        await other.writable()
        await own_redis.stop()
        said = await texts(front.raw(era))
        await own_redis.start()

    assert len(said) == len(offered_tools())
    for name, text in said.items():
        assert "Redis" in text, name


async def test_everything_works_again_when_what_was_missing_is_back(own_redis: EmbeddedRedis, session: str) -> None:
    async with (
        Simulator() as sim,
        worker(own_redis.url, session, sim.port),
        serving(own_redis.url, session) as front,
        caller(own_redis.url, session) as other,
    ):
        await other.writable()
        await own_redis.stop()
        await own_redis.start()
        positions = await positions_again(front.raw())

    assert "result" in positions


async def positions_again(client: RawClient) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            result = await client.call("ibkr_get_positions")
            if not result.get("isError"):
                content: dict[str, Any] = result["structuredContent"]
                return content
            await asyncio.sleep(0.1)
