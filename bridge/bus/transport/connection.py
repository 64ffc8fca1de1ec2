"""Opens connections to Redis with the options that the bus relies on, and names the ways in which one can fail."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.bus.timing import USUAL
from bridge.bus.transport.address import redis_address
from bridge.bus.transport.redis_parts import (
    AbstractConnection,
    ConnectionPool,
    MovedError,
    NoBackoff,
    OutOfMemoryError,
    RedisError,
    ResponseError,
    Retry,
)
from bridge.redaction import mask_url
from bridge.tool import ToolError

# What a server says that answers and refuses: signs in its text (a library drops some codes), what that means, and what
# to do. See https://redis.io/docs/latest/develop/reference/protocol-spec/ for the form of an error's code.
REFUSALS = (
    (("OOM ", "'maxmemory'"), "is out of memory and accepts no writes", "Raise its maxmemory, or give it more memory"),
    (("MISCONF",), "accepts no writes, because it cannot write to its disk", "Free its disk, or give it a larger one"),
    (
        ("READONLY", "read only replica"),
        "is a read-only replica",
        "Set REDIS_URL to the primary, or promote this replica",
    ),
    (
        ("NOREPLICAS",),
        "accepts no writes, because too few replicas follow it",
        "Start them, or lower min-replicas-to-write",
    ),
    (("LOADING", "loading the dataset"), "is still loading its data", "Wait until it has loaded its data"),
    (("MASTERDOWN", "link with MASTER"), "is a replica without its primary", "Set REDIS_URL to the primary"),
    (("CLUSTERDOWN",), "belongs to a cluster that is down", "Start the cluster's missing nodes"),
    (("NOAUTH", "Authentication required"), "requires a password", "Put the password into REDIS_URL"),
    (("WRONGPASS", "invalid username-password"), "rejects the user or the password", "Correct REDIS_URL"),
    (
        ("NOPERM", "no permissions"),
        "does not permit this command to its user",
        "Grant the user of REDIS_URL the missing permission",
    ),
)


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
    """Return the exception for a server's error reply."""
    full = isinstance(error, OutOfMemoryError) or str(error).startswith("MISCONF")
    return Full(str(error)) if full else Refused(str(error))


class RedisServer:
    """The target of connections: the URL's server, or the Cluster node that it names for the session.

    All names of a session share one slot, so one node has everything, and following a redirection is enough.
    """

    def __init__(self, url: str, connect_s: float = USUAL.connect_s) -> None:
        self._connect_s = connect_s
        self._home = connections(url, connect_s)
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
            async with asyncio.timeout(self._connect_s):
                await connection.connect()  # type: ignore[no-untyped-call] # the same
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, (RedisError, OSError)):  # TimeoutError is an OSError
                raise NotSent(str(error) or "Redis did not answer the greeting") from error
            raise
        self._pool = pool
        return connection


def connections(url: str, connect_s: float = USUAL.connect_s) -> ConnectionPool:
    """A maker of connections. RESP2: its parser costs a third less and a sharded message is a plain array. Raises
    ValueError for what is no address of a Redis."""
    redis_address(url)
    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": True}
    return ConnectionPool.from_url(
        url,
        protocol=2,
        socket_timeout=None,  # deadlines are this package's own: redis-py's send spends a task on each
        socket_connect_timeout=connect_s,
        retry=Retry(NoBackoff(), 0),  # a command that is sent again could act twice
        health_check_interval=0,
        **keepalive,
    )


def bus_down(url: str, reason: object) -> ToolError:
    """Return the ToolError bus_down for a failure of Redis; it shows the address without its password."""
    where = mask_url(url)
    if (found := refusing(reason)) is not None:
        what, remedy = found
        return ToolError("bus_down", f"Redis at {where} answers, but {what} ({reason}). {remedy}, then retry.")
    return ToolError(
        "bus_down",
        f"Redis at {where} does not answer ({reason}). Start it or correct REDIS_URL, then retry.",
    )


@contextmanager
def bus_errors(url: str) -> Iterator[None]:
    """Raise a BusError of the block as ToolError bus_down."""
    try:
        yield
    except BusError as error:
        raise bus_down(url, error) from error


def refusing(reason: object) -> tuple[str, str] | None:
    """Return why a server that answers rejects commands, and the cure; None for a server that does not answer."""
    text = str(reason)
    for signs, what, remedy in REFUSALS:
        if any(sign in text for sign in signs):
            return what, remedy
    return ("rejects a command", "Check its configuration") if isinstance(reason, Refused) else None
