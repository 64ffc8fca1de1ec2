"""Every query of the dashboard, asked of a real Prometheus that scrapes the real stack."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready
from tests.observability.files import FOLDER, needs_prometheus, queries
from tests.stacks.front import MODERN, RawClient
from tests.stacks.webhook import Webhook, listening
from tests.waiting import until

# The waits for what a scrape needs: the rate of a counter is of two scrapes at least.
SCRAPES_S, WINDOW = 1, "10s"
ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ibkr_get_positions", {}),
    ("ibkr_get_quotes", {"contracts": [{"symbol": "AAPL"}]}),
    ("ibkr_get_historical_data", {"symbol": "AAPL", "durationStr": "1 D", "barSizeSetting": "1 hour"}),
    ("ibkr_get_contract_details", {"symbol": "NOSUCHSYMBOL"}),
    ("ibkr_place_order", ORDER),
    ("ibkr_stream_market_data", {"symbol": "AAPL", "duration_seconds": 2}),
)


@asynccontextmanager
async def stack(folder: Path, hook: Webhook) -> AsyncIterator[tuple[int, dict[str, int]]]:
    """Yield the front's port, and the metrics' port of each service, of a stack of processes."""
    ports = {name: free_port() for name in ("front", "worker", "console")}
    gateway, front, console = free_port(), free_port(), free_port()
    async with EmbeddedRedis(folder / "redis") as redis, Children(folder) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "paper"}
        measured = {name: common | {"METRICS_PORT": str(port)} for name, port in ports.items()}
        pushed = {"ALERT_TARGETS": f"desk={hook.url}", "ALERT_EVENTS": "fills", "ALERT_SECRET": "0123456789abcdef"}
        worker = {"GATEWAY_PORT": str(gateway), "BEAT_FILE": str(folder / "beat")} | pushed
        await children.start("simulator", "ibgateway.simulator", "--port", str(gateway))
        await children.start("worker", "ib_worker", **measured["worker"], **worker)
        await children.start("front", "mcp_front", **measured["front"], FRONT_PORT=str(front))
        await children.start("console", "console", **measured["console"], CONSOLE_PORT=str(console))
        await until_ready(front, lambda _: None)
        async with httpx.AsyncClient(verify=False) as http:
            await http.get(f"http://127.0.0.1:{console}/")
            yield front, ports


@asynccontextmanager
async def prometheus(folder: Path, targets: dict[str, int]) -> AsyncIterator[httpx.AsyncClient]:
    """Scrape the targets with the repository's rules."""
    port = free_port()
    scrapes = [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{each}"]}]} for name, each in targets.items()
    ]
    every = {"scrape_interval": f"{SCRAPES_S}s", "evaluation_interval": f"{SCRAPES_S}s"}
    config = {"global": every, "rule_files": [str(FOLDER / "alerts.yaml")], "scrape_configs": scrapes}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    async with Children(folder) as children, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        await children.run(
            "prometheus", "prometheus", f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}",
        )  # fmt: skip
        yield http


async def asked(http: httpx.AsyncClient, query: str) -> list[Any]:
    """Return the samples of a query as Grafana would ask it. A parse error of Prometheus fails the test."""
    expanded = query.replace("$session", ".*").replace("$__rate_interval", WINDOW)
    answer = (await http.get("/api/v1/query", params={"query": expanded})).json()
    assert answer["status"] == "success", (query, answer)
    found: list[Any] = answer["data"]["result"]
    return [each for each in found if each["value"][1] != "NaN"]


async def call_all(front: int) -> None:
    client = RawClient(f"http://127.0.0.1:{front}/api/v1", MODERN, {})
    for name, arguments in CALLS:
        await client.request("tools/call", name=name, arguments=arguments)


@needs_prometheus
@pytest.mark.long
async def test_each_query_of_the_dashboard_has_data_and_no_alert_fires(tmp_path: Path) -> None:
    async with (
        listening(Webhook()) as hook,
        stack(tmp_path, hook) as (front, ports),
        prometheus(tmp_path, ports) as http,
    ):

        async def scraped() -> bool:
            try:
                return len(await asked(http, "up == 1")) == len(ports)
            except (httpx.TransportError, ValueError):  # it starts
                return False

        await until(scraped, "Prometheus has scraped all three", 30)
        empty = dict.fromkeys(queries())

        async def complete() -> bool:
            await call_all(front)
            for title, query in list(empty):
                if await asked(http, query):
                    del empty[title, query]
            return not empty

        try:
            await until(complete, "every query has data", 60)
        except AssertionError:
            assert not empty
        firing = {each["metric"]["alertname"] for each in await asked(http, 'ALERTS{alertstate="firing"}')}
    assert firing == set()


def test_a_query_is_asked_as_grafana_asks_it() -> None:
    """Grafana fills in its variables; any other `$` would stay as it is."""
    left = {query for _, query in queries() if "$" in re.sub(r"\$(session|__rate_interval)\b", "", query)}

    assert left == set()
