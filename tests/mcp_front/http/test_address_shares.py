"""An address's connections are bounded until its clients are authenticated, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from mcp_front.admission.fair_queueing import AUTHENTICATED
from mcp_front.http.address_shares import AddressShares
from mcp_front.http.server import http_config
from tests.busy import BUSY_S
from tests.waiting import until

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""
SHARE = 3
KNOWN = b"GET /known HTTP/1.1\r\nhost: localhost\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Knows the clients that ask for /known."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/known":
        scope[AUTHENTICATED]()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def front(share: int | None) -> AsyncIterator[int]:
    config = http_config(app, "127.0.0.1", 0, share=share)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started or task.done(), "the server listens")
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def connections(port: int, number: int) -> AsyncIterator[list[Connection]]:
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]
    try:
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


async def asked(connection: Connection, request: bytes = KNOWN.replace(b"/known", b"/")) -> bytes:
    reader, writer = connection
    writer.write(request)
    async with asyncio.timeout(5 + BUSY_S):
        return await reader.read(4096)


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own address is one like another."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")


@pytest.mark.usefixtures("remote")
async def test_connections_beyond_an_address_share_are_answered_503_and_closed() -> None:
    async with front(SHARE) as port, connections(port, SHARE) as first:
        async with connections(port, 1) as (beyond,):
            refused = await asked(beyond, b"")
            async with asyncio.timeout(5 + BUSY_S):
                assert await beyond[0].read() == b""
        answers = [await asked(each) for each in first]

    assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b'"code": "too_many_connections"' in refused
    assert all(each.startswith(b"HTTP/1.1 200") for each in answers)


@pytest.mark.usefixtures("remote")
async def test_authenticated_client_has_as_many_connections_as_it_opens() -> None:
    async with front(SHARE) as port, connections(port, SHARE) as first:
        for each in first:
            await asked(each, KNOWN)
        async with connections(port, SHARE) as more:
            answers = [await asked(each) for each in more]

    assert all(each.startswith(b"HTTP/1.1 200") for each in answers)


@pytest.mark.usefixtures("remote")
async def test_closed_connection_gives_its_share_back() -> None:
    async with front(SHARE) as port:
        for _ in range(3):
            async with connections(port, SHARE) as all_of_them:
                answers = [await asked(each) for each in all_of_them]
                assert all(each.startswith(b"HTTP/1.1 200") for each in answers)
            await asyncio.sleep(0.05)  # the server hears of the end of each


@pytest.mark.parametrize(("share", "proxies"), [(SHARE, "127.0.0.1"), (SHARE, "127.0.0.0/8"), (SHARE, "*"), (None, "")])
async def test_proxies_and_fronts_without_tokens_have_no_shares(
    share: int | None, proxies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
    async with front(share) as port, connections(port, 4 * SHARE) as opened:
        answers = [await asked(each) for each in opened]

    assert all(each.startswith(b"HTTP/1.1 200") for each in answers)


def test_a_containers_gateway_has_no_share(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(ROUTES, encoding="ascii")
    shares = AddressShares(1, [], routes)

    assert [shares.take("172.17.0.1") for _ in range(3)] == [True] * 3
    assert [shares.take("172.17.0.2") for _ in range(3)] == [True, False, False]


def test_a_machine_without_a_table_of_routes_has_no_gateways(tmp_path: Path) -> None:
    shares = AddressShares(1, [], tmp_path / "none")

    assert [shares.take("172.17.0.1") for _ in range(2)] == [True, False]
    shares.give_back("172.17.0.1")
    assert shares.take("172.17.0.1")
