"""Opens connections to Redis with the options that the bus relies on, and names the ways in which one can fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bridge.tool import ToolError

CONNECT_S = 1.0  # with ANSWER_S it keeps "Redis is away" under two seconds in most cases
ANSWER_S = 1.5  # covers a slow fsync; redis-py's own 5 s are too long for a caller who waits


class BusError(Exception):
    """Redis could not be asked, or gave no usable answer. `sent`: whether the command may have had its effect."""

    sent = True


class NotSent(BusError):
    """No connection: the command certainly had no effect."""

    sent = False


class Unanswered(BusError):
    """The connection broke, or stayed silent, after the command went out: its effect is unknown."""


class Refused(BusError):
    """Redis said no (out of memory, read-only replica, loading, not permitted): the command had no effect."""

    sent = False


def connections(url: str) -> ConnectionPool:
    """A maker of connections. RESP2: its parser costs a third less and a sharded message is a plain array."""
    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": True}
    return ConnectionPool.from_url(
        url,
        protocol=2,
        socket_timeout=None,  # deadlines are this package's own: redis-py's send spends a task on each
        socket_connect_timeout=CONNECT_S,
        retry=Retry(NoBackoff(), 0),  # a command that is sent again could act twice
        health_check_interval=0,
        **keepalive,
    )


@asynccontextmanager
async def connected(pool: ConnectionPool) -> AsyncIterator[AbstractConnection]:
    """A connection of one's own. Raises NotSent when there is none to be had."""
    connection = await open_connection(pool)
    try:
        yield connection
    finally:
        await connection.disconnect(nowait=True)


async def open_connection(pool: ConnectionPool) -> AbstractConnection:
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call] # redis-py types it not
    try:
        async with asyncio.timeout(CONNECT_S):
            await connection.connect()  # type: ignore[no-untyped-call] # the same
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        await connection.disconnect(nowait=True)
        raise NotSent(str(error) or "Redis did not answer the greeting") from error
    return connection


def bus_down(url: str, reason: object) -> ToolError:
    """What a model is told when Redis fails; the address without its password."""
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
    return ToolError(
        "bus_down",
        f"Redis at {where} does not answer ({reason}). Start it or correct REDIS_URL, then ask again.",
    )
