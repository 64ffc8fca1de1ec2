"""The console's server: a request that comes too slowly ends, and only a proxy that was named tells addresses."""

import asyncio
import socket

import pytest
from starlette.types import Receive, Scope, Send

from console.web import server
from console.web.attempts import FREE
from tests.busy import BUSY_S
from tests.stacks.console import console
from tests.waiting import until

HEAD = "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 20\r\n\r\nname="


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WHOLE_S", 0.3)


async def ended_by(reader: asyncio.StreamReader) -> bool:
    """Return whether the other side ends within seconds, whatever it sends before."""
    try:
        async with asyncio.timeout(5 + BUSY_S):
            while await reader.read(4096):
                pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("pieces", [(), (HEAD,), (HEAD, FORM)], ids=["nothing", "a part of the head", "of the form"])
async def test_a_request_that_is_not_whole_in_time_ends(redis_url: str, session: str, pieces: tuple[str, ...]) -> None:
    async with console(redis_url, session) as visitor:
        host = visitor.base.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        for piece in pieces:
            writer.write(piece.format(host=host).encode())
        assert await ended_by(reader)
        writer.close()


@pytest.mark.usefixtures("soon")
async def test_a_connection_is_kept_for_further_requests(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        host = visitor.base.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        for _ in range(3):
            writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.4)
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n".encode())  # and no end
        assert await ended_by(reader)
        writer.close()


@pytest.mark.parametrize(("proxies", "last"), [("", 429), ("127.0.0.1", 403)])
async def test_an_address_is_taken_from_a_named_proxy_alone(
    redis_url: str, session: str, proxies: str, last: int
) -> None:
    """Else whoever guesses is somebody new with each try."""
    async with console(redis_url, session, forwarded_allow_ips=proxies) as visitor:
        for number in range(FREE + 1):
            visitor.http.headers["x-forwarded-for"] = f"198.51.100.{number}"
            answer = await visitor.sign_in(passphrase="wrong horse battery")

    assert answer.status_code == last


async def test_there_are_no_websockets(redis_url: str, session: str) -> None:
    upgrade = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13", "sec-websocket-key": "x"}
    async with console(redis_url, session) as visitor:
        answer = await visitor.http.get("/static/console.css", headers=upgrade)

    assert answer.status_code == 200


async def test_a_viewer_that_reads_no_more_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STOP_S", 1)

    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})

    async def nothing() -> None:
        """There is no feed to close."""

    listening = socket.create_server(("127.0.0.1", 0))
    serving = server.ConsoleServer(server.server_config(endless), nothing)
    task = asyncio.create_task(serving.serve([listening]))
    await until(lambda: serving.started, "it serves")
    with socket.create_connection(listening.getsockname()) as viewer:
        viewer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: bool(serving.server_state.tasks), "it answers")
        serving.should_exit = True
        async with asyncio.timeout(5 + BUSY_S):
            await task


async def test_one_address_has_a_part_of_the_connections_alone(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "OF_ONE", 2)
    async with console(redis_url, session) as visitor:
        await visitor.http.aclose()
        host, port = visitor.base.removeprefix("http://").split(":")
        silent = [await asyncio.open_connection(host, port) for _ in range(2)]
        reader, refused = await asyncio.open_connection(host, port)
        refused.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 503")

        silent[0][1].close()
        await until(lambda: is_served(host, port), "the place is free again")
        for _, each in (*silent, (reader, refused)):
            each.close()


async def is_served(host: str, port: str) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")
