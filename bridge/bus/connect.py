"""Opens connections to Redis with the options that the bus relies on, and names the ways in which one can fail."""

import asyncio
from urllib.parse import urlsplit

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, OutOfMemoryError, RedisError, ResponseError

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


class Full(Refused):
    """The server is out of memory or disk: it takes no write of anybody, and goes on reading."""


def refusal(error: ResponseError) -> Refused:
    """What a server's error reply stands for."""
    full = isinstance(error, OutOfMemoryError) or str(error).startswith("MISCONF")
    return Full(str(error)) if full else Refused(str(error))


class Server:
    """Where connections go: to the URL's server, or to the node of a Cluster that it names as the session's.

    All names of a session share one slot, so one node has everything, and following a redirection is all it takes.
    """

    def __init__(self, url: str) -> None:
        self._home = connections(url)
        self._pool = self._home

    def follow(self, moved: MovedError) -> None:
        """Open the next connections at the node that has the slot."""
        options = self._home.connection_kwargs | {"port": moved.port}
        if moved.host:  # an empty one means: where you asked
            options["host"] = moved.host
        self._pool = ConnectionPool(self._home.connection_class, **options)

    async def open(self) -> AbstractConnection:
        """A connection of one's own, to be disconnected in the end. Raises NotSent when there is none to be had."""
        pool, self._pool = self._pool, self._home  # a node that is gone must not be asked again
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call] # redis-py types it not
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.connect()  # type: ignore[no-untyped-call] # the same
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, (RedisError, OSError)):  # TimeoutError is an OSError
                raise NotSent(str(error) or "Redis did not answer the greeting") from error
            raise
        self._pool = pool
        return connection


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


def bus_down(url: str, reason: object) -> ToolError:
    """What a model is told when Redis fails; the address without its password."""
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
    if isinstance(reason, Full):
        text = (
            f"Redis at {where} is out of memory or disk and takes no writes ({reason}). Give it more, then ask again."
        )
        return ToolError("bus_down", text)
    return ToolError(
        "bus_down",
        f"Redis at {where} does not answer ({reason}). Start it or correct REDIS_URL, then ask again.",
    )
