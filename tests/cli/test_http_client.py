"""One HTTP request to a front: its status, its headers, and no more of its body than is wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cli.http_client import LONGEST, HttpAnswer, send_request


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP server that always gives this answer, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api/v1", asked


async def sent(url: str, headers: dict[str, str] | None = None) -> HttpAnswer:
    return await asyncio.to_thread(send_request, url, "POST", "/readyz", 5.0, headers)


async def test_a_request_has_its_method_path_and_headers() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\n{}") as (url, asked):
        answer = await sent(url, {"Authorization": "Bearer x"})

    assert (answer.status, answer.headers["Date"], answer.body) == (200, "now", b"{}")
    assert asked[0].startswith(b"POST /readyz HTTP/1.1\r\n")
    assert b"Authorization: Bearer x\r\n" in asked[0]


async def test_a_redirect_is_not_followed() -> None:
    async with server(b"HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n") as (url, asked):
        answer = await sent(url)

    assert (answer.status, len(asked)) == (302, 1)


async def test_a_long_body_is_cut_and_one_of_no_told_length_is_not_read() -> None:
    long = b"x" * (LONGEST + 1)
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(long) + long) as (url, _):
        assert len((await sent(url)).body) == LONGEST
    async with server(b"HTTP/1.1 200 OK\r\n\r\n" + long) as (url, _):
        assert (await sent(url)).body == b""


async def test_nobody_at_the_port_is_an_error(unused_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        await sent(f"http://127.0.0.1:{unused_port}")
