"""Three fronts behind deploy/vm's proxy, clients on all of them, and one front after another rolled over."""

import asyncio
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.local_stack.embedded_redis import free_port
from tests.deploy.tools import find_tool, needs
from tests.docker.calls import ORDER, Caller, Outcome, new_key
from tests.docker.faults import FINAL, sent
from tests.docker.stack import Stack, run, running
from tests.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600), needs("caddy")]

FRONTS, READERS, TRADERS, STREAMS = 3, 4, 2, 9
STREAM_S = 30  # so that the first fronts roll over in its midst
SETTLED_WITHIN_S = 60.0
NEXT = "next"  # the version that the front is built anew as


class Behind:
    """The stack as its clients see it."""

    def __init__(self, stack: Stack, journal: Path, proxy: str, token: str) -> None:
        self.stack, self.journal, self.proxy = stack, journal, proxy
        self.token = token

    def caller(self) -> Caller:
        return Caller(f"{self.proxy}/api/v1", self.token)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("caddy")
    shutil.copy(str(find_tool("caddy")), folder / "caddy")
    run(
        "docker", "build", "--quiet", "--file", "tests/docker/caddy.Dockerfile", "--tag", "ibkr-caddy:test", str(folder)
    )
    (folder / "tws_password.txt").write_text("the-right-password")
    with tempfile.TemporaryDirectory(prefix="journal-") as journal:
        Path(journal).chmod(0o777)  # the gateway's user writes there
        port = free_port()
        settings = {
            "IB_GATEWAY_COMMAND": "bash /gateway.sh",
            "TWS_PASSWORD_TXT": str(folder / "tws_password.txt"),
            "CADDY_IMAGE": "ibkr-caddy:test",
            "DOMAIN": "localhost",  # for which the proxy makes a certificate of its own
            "ACME_EMAIL": "you@example.com",
            "PROXY_PORT": str(port),
            "JOURNAL": journal,
            "FRONTS": str(FRONTS),
        }
        files = (
            "deploy/vm/compose.yaml",
            "deploy/vm/fronts.yaml",
            "tests/docker/compose.paper.yaml",
            "tests/docker/compose.login.yaml",
            "tests/docker/compose.proxy.yaml",
        )
        stack = Stack("ibkr-tws-mcp-fronts", free_port(), "paper", files, settings)
        with running(stack, wait=False):
            (token,) = re.findall(r"\s([\w-]{43})$", stack.compose("logs", "clients-paper"), re.MULTILINE)
            assert stack.inside("gateway-paper", "touch", "/tmp/approved").returncode == 0
            yield Behind(stack, Path(journal) / "frames.jsonl", f"https://localhost:{port}", token)


class Clients:
    """Readers that try again once, traders, and streams; what they were told is kept."""

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self.stopping = False
        self.first_tries: list[Outcome] = []
        self.second_tries: list[Outcome] = []
        self.orders: list[Outcome] = []
        self.streams: list[Outcome] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(self._read())
            for _ in range(TRADERS):
                group.create_task(self._trade())
            for _ in range(STREAMS):
                group.create_task(self._watch())

    async def _read(self) -> None:
        caller = self._behind.caller()
        while not self.stopping:
            self.first_tries.append(await caller.call("get_positions"))
            if self.first_tries[-1].told != "done":
                self.second_tries.append(await caller.call("get_positions"))
            await asyncio.sleep(0.1)
        await caller.close()

    async def _trade(self) -> None:
        caller = self._behind.caller()
        while not self.stopping:
            self.orders.append(await caller.call("place_order", new_key(), **ORDER))
            await asyncio.sleep(0.1)
        await caller.close()

    async def _watch(self) -> None:
        caller = self._behind.caller()
        self.streams.append(await caller.call("stream_market_data", symbol="SPY", duration_seconds=STREAM_S))
        await caller.close()


def upgraded(behind: Behind, wrapper: Path) -> float:
    """The machine's own upgrade to a front of another version; the seconds that it took."""
    files = [part for each in ("compose.yaml", *behind.stack.files) for part in ("--file", each)]
    wrapper.write_text(f'#!/bin/sh\nexec docker compose -p {behind.stack.project} {" ".join(files)} "$@"\n')
    wrapper.chmod(0o755)
    began = time.monotonic()
    environment = {**behind.stack.environment(), "IBKR": str(wrapper)}
    run("deploy/vm/upgrade.sh", "--quiet", "--build-arg", f"VERSION={NEXT}", "front-paper", env=environment)
    return time.monotonic() - began


async def versions(behind: Behind) -> list[str]:
    fronts = await asyncio.to_thread(behind.stack.inspected, "front-paper")
    return [each["Config"]["Labels"]["org.opencontainers.image.version"] for each in fronts]


async def kept(behind: Behind, service: str) -> list[str]:
    return [each["Id"] for each in await asyncio.to_thread(behind.stack.inspected, service)]


@pytest.mark.fault(87, 88, 89)
async def test_fronts_roll_over_one_by_one_and_no_client_loses_a_read_an_order_or_a_stream(
    behind: Behind, tmp_path: Path
) -> None:
    async with httpx.AsyncClient(verify=False, timeout=5) as http:

        async def ready() -> bool:
            try:
                return (await http.get(f"{behind.proxy}/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

        await until(ready, "the session is ready behind the proxy", 120)
    gateway, redis = await kept(behind, "gateway-paper"), await kept(behind, "redis")
    assert len(await kept(behind, "front-paper")) == FRONTS
    clients = Clients(behind)
    calling = asyncio.create_task(clients.run())
    await until(lambda: len(clients.orders) > 5 and len(clients.first_tries) > 20, "clients are at work", 60)

    took = await asyncio.to_thread(upgraded, behind, tmp_path / "ibkr")
    clients.stopping = True
    await calling

    last = await settled(behind, clients.orders)
    frames = sent(behind.journal, {each.key for each in clients.orders})
    failed = [each for each in clients.first_tries if each.told != "done"]
    told = {
        name: Counter(each.told for each in found) for name, found in vars(clients).items() if isinstance(found, list)
    }
    early = [each for each in clients.streams if each.told == "done" and each.seconds < STREAM_S]
    print(  # noqa: T201
        f"upgraded in {took:.1f} s; {len(clients.first_tries)} reads, "
        f"{len(failed)} of them tried again; {len(clients.orders)} orders; {len(clients.streams)} streams, "
        f"{len(early)} of them ended early with a summary: {told}"
    )
    assert [each.told for each in clients.second_tries if each.told != "done"] == []
    assert [key for key, count in frames.items() if count > 1] == []
    assert [key for key, told in last.items() if told not in FINAL] == []
    assert [each.told for each in clients.streams if each.cut or each.told in ("untyped", "no answer")] == []
    assert early
    assert await versions(behind) == [NEXT] * FRONTS
    assert (await kept(behind, "gateway-paper"), await kept(behind, "redis")) == (gateway, redis)


async def settled(behind: Behind, orders: list[Outcome]) -> dict[str, str]:
    """What each key came to, asked again where that was open."""
    caller = behind.caller()
    last = {each.key: each.told for each in orders}
    async with asyncio.timeout(SETTLED_WITHIN_S):
        for key in [key for key, told in last.items() if told not in FINAL]:
            while last[key] not in FINAL:
                last[key] = (await caller.call("place_order", key, **ORDER)).told
                await asyncio.sleep(0.2)
    await caller.close()
    return last
