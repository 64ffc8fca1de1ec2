"""The metrics' port: whom it answers, and that a slow or greedy peer costs it little."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from structlog.typing import EventDict

from bridge.metrics.server import AT_ONCE, MetricsServer, serving_metrics
from bridge.metrics.settings import MetricsSettings
from bridge.metrics.table import MetricSamples
from tests.waiting import until

TOKEN = "0123456789abcdef"


async def read() -> list[MetricSamples]:
    return [MetricSamples("gauge", "ibkr_waiting", "Waiting", (), {(): 3})]


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[str]:
    whole = MetricsSettings.model_validate({"metrics_port": 0} | settings)
    async with serving_metrics(whole, read, {"session": "paper"}) as server:
        yield f"http://127.0.0.1:{await server.port}"


async def get(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False) as http:
        return await http.request(method, url, headers=headers)


async def test_metrics_are_at_their_path_alone() -> None:
    async with serving() as url:
        found, elsewhere, changing = await get(f"{url}/metrics"), await get(url), await get(f"{url}/metrics", "POST")

    assert 'ibkr_waiting{session="paper"} 3.0' in found.text
    assert (elsewhere.status_code, changing.status_code) == (404, 404)


async def test_a_token_is_needed_where_one_is_set() -> None:
    async with serving(metrics_token=TOKEN) as url:
        without = await get(f"{url}/metrics")
        wrong = await get(f"{url}/metrics", authorization="Bearer fedcba9876543210")
        right = await get(f"{url}/metrics", authorization=f"Bearer {TOKEN}", host="metrics.example.com")

    assert [each.status_code for each in (without, wrong, right)] == [401, 401, 200]
    assert "ibkr_waiting" not in without.text + wrong.text


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:9100", 200), ("[::1]:9100", 200), ("localhost:9100", 200), ("worker:9100", 200),
     ("attacker.example.com:9100", 401), ("", 401)],
)  # fmt: skip
async def test_a_browsers_page_under_another_name_reads_nothing(host: str, status: int) -> None:
    async with serving() as url:
        answer = await get(f"{url}/metrics", host=host)

    assert answer.status_code == status


async def test_connections_that_send_nothing_take_no_more_than_their_places() -> None:
    async with serving() as url:
        port = int(url.rpartition(":")[2])
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
        with pytest.raises(httpx.TransportError):
            await get(f"{url}/metrics")
        for _, writer in silent:
            writer.close()

        async def answered() -> bool:
            try:
                return (await get(f"{url}/metrics")).status_code == 200
            except httpx.TransportError:
                return False

        await until(answered, "the places are free again")


async def test_a_head_without_end_is_cut_off() -> None:
    async with serving() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /metrics HTTP/1.1\r\nx: " + b"a" * 20_000)
        assert await reader.read() == b""
        writer.close()


async def test_a_port_that_is_taken_is_reported_and_tried_again(logs: list[EventDict]) -> None:
    async with serving() as url:
        settings = MetricsSettings(metrics_port=int(url.rpartition(":")[2]))
        second = MetricsServer(settings, read, {})
        running = asyncio.create_task(second.run(again_s=0.01))
        await until(lambda: any(line["event"] == "metrics_not_served" for line in logs), "the failure is logged")

    await until(second.port.done, "the port is free and served")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [line["event"] for line in logs].count("metrics_not_served") == 1
