"""Redis's protocol on a bare connection: replies in order and whole, errors by their class, and one end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import InvalidResponse, ResponseError

from bridge.bus.transport.connection import RedisServer
from bridge.bus.transport.protocol import BUFFER, RedisProtocol
from tests.stacks.redis_relay import Shim
from tests.waiting import until


class Peer:
    """The messages that a connection hears."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.reasons: list[BaseException] = []

    def take(self, reply: Any) -> None:
        if reply == b"boom":
            raise ValueError("a bug in whoever takes it")
        self.replies.append(reply)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[RedisProtocol, Peer]]:
    peer = Peer()
    connection = RedisProtocol(await RedisServer(url).open(), peer.take, peer.reasons.append)
    yield connection, peer
    await connection.close()


async def test_replies_come_in_order_and_whole(redis_url: str) -> None:
    long = b"x" * (3 * BUFFER)
    async with opened(redis_url) as (connection, peer):
        connection.send([("ECHO", "first"), ("ECHO", long), ("ECHO", 3)])
        await until(lambda: len(peer.replies) == 3, "three replies")

        assert peer.replies == [b"first", long, b"3"]


async def test_an_error_reply_is_a_reply(redis_url: str) -> None:
    async with opened(redis_url) as (connection, peer):
        connection.send([("NOSUCHCOMMAND",), ("PING",)])
        await until(lambda: len(peer.replies) == 2, "two replies")

        assert isinstance(peer.replies[0], ResponseError)
        assert peer.replies[1] == b"PONG"


async def test_a_command_without_a_form_sends_nothing(redis_url: str) -> None:
    async with opened(redis_url) as (connection, peer):
        with pytest.raises(TypeError):
            connection.send([("PING",), ("ECHO", object())])  # type: ignore[list-item]
        connection.send([("ECHO", "on")])
        await until(lambda: peer.replies, "a reply")

        assert peer.replies == [b"on"]


async def test_the_end_is_told_once_with_its_reason(redis_url: str) -> None:
    async with Shim(redis_url) as shim, opened(shim.url) as (connection, peer):
        shim.cut()
        await until(lambda: peer.reasons, "the end is told")
        await connection.close()

        assert connection.is_over
        assert [type(each) for each in peer.reasons] in ([ConnectionResetError], [BrokenPipeError])


async def test_what_a_reply_raises_ends_the_connection(redis_url: str) -> None:
    async with opened(redis_url) as (connection, peer):
        connection.send([("ECHO", "boom"), ("ECHO", "behind")])
        await until(lambda: peer.reasons, "the end is told")

        assert isinstance(peer.reasons[0], ValueError)
        assert not peer.replies


async def test_what_is_not_redis_ends_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            greeting = b"+OK\r\n" * data.count(b"*")
            writer.write(greeting if b"PING" not in data else b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, opened(url) as (connection, peer):
        connection.send([("PING",)])
        await until(lambda: peer.reasons, "the end is told")

        assert isinstance(peer.reasons[0], InvalidResponse)


async def test_closing_is_no_end_that_is_told(redis_url: str) -> None:
    async with opened(redis_url) as (connection, peer):
        await connection.close()
        await asyncio.sleep(0.01)

        assert connection.is_over
        assert not peer.reasons
