"""The front's metrics over HTTP, from a front that has answered calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bridge.tool import ToolError
from mcp_front.__main__ import front_metrics
from mcp_front.settings import FrontSettings
from tests.stacks.front import MODERN, Running, answering, serving, worker
from tests.stacks.handlers import ORDER

Samples = dict[tuple[str, ...], float]


@asynccontextmanager
async def scraped(front: Running, redis_url: str, session: str) -> AsyncIterator[str]:
    settings = FrontSettings(redis_url=redis_url, ibkr_session=session, metrics_port=0)
    async with front_metrics(settings, front.front, front.server) as metrics:
        yield f"http://127.0.0.1:{await metrics.port}/metrics"


async def samples(url: str) -> Samples:
    """Return the values by name and the labels' values, in the order of the labels' names, without the session's."""
    async with httpx.AsyncClient(verify=False) as http:
        text = (await http.get(url)).text
    return {
        (each.name, *(value for name, value in sorted(each.labels.items()) if name != "session")): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


async def rejecting(_: object) -> bytes:
    raise ToolError("limit_exceeded", "Too large.")


async def test_calls_are_counted_by_tool_outcome_client_and_lane(redis_url: str, session: str) -> None:
    handlers = {"get_positions": answering([]), "place_order": rejecting}
    async with (
        worker(redis_url, session, handlers),
        serving(redis_url, session) as front,
        scraped(front, redis_url, session) as url,
    ):
        meta = {"io.modelcontextprotocol/clientInfo": {"name": "claude", "version": "1"}}
        await front.raw().call("ibkr_get_positions", meta)
        await front.raw().call("ibkr_place_order", meta, **ORDER)
        async with front.client(MODERN) as client:
            await client.call_tool("ibkr_get_positions", {})
        found = await samples(url)

    assert found["ibkr_front_calls_total", "ok", "get_positions"] == 2
    assert found["ibkr_front_calls_total", "limit_exceeded", "place_order"] == 1
    assert found["ibkr_front_call_duration_seconds_count", "get_positions"] == 2
    assert found["ibkr_front_client_call_duration_seconds_count", "claude"] == 2
    assert found["ibkr_front_lane_calls_total", "direct"] == 3
    assert found["ibkr_front_session_state", "ready"] == 1
    assert found["ibkr_front_session_state", "no_worker"] == 0
    assert found[("ibkr_front_redis_round_trip_seconds_count",)] > 0
    assert found[("ibkr_front_calls_running",)] == found[("ibkr_front_queue_waiting",)] == 0


async def test_a_front_without_a_worker_says_so(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, scraped(front, redis_url, session) as url:
        found = await samples(url)

    assert found["ibkr_front_session_state", "no_worker"] == 1
    assert ("ibkr_front_heartbeat_age_seconds",) not in found
