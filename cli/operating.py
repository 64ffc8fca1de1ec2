"""What the operator's commands share: which Redis and session they are about, and a connection to it."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from bridge.bus.connect import BusError
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.bus.sessions import is_known, known_sessions

DEMO_SOCKET = Path(".state/redis/redis.sock")  # where `python -m cli up` has its own

Act = Callable[[Pipe, Keys], Awaitable[int]]


def add_redis_argument(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("REDIS_URL") or (
        f"unix://{DEMO_SOCKET.absolute()}" if DEMO_SOCKET.exists() else "redis://127.0.0.1:6379/0"
    )
    parser.add_argument("--redis", default=default, metavar="URL", help="REDIS_URL of the stack, else the demo's own")


def add_bus_arguments(parser: argparse.ArgumentParser) -> None:
    add_redis_argument(parser)
    told = "IBKR_SESSION of the stack, else the only one that there is"
    parser.add_argument("--session", default=os.environ.get("IBKR_SESSION") or None, metavar="NAME", help=told)
    parser.add_argument("--force", action="store_true", help="although no worker has ever led this session")


def with_bus(options: argparse.Namespace, act: Act) -> int:
    """Run `act` on the bus; its result is the exit status, 1 where Redis does not answer or knows no such session."""
    try:
        return asyncio.run(_connected(options, act))
    except (BusError, ValueError) as error:
        sys.stderr.write(f"error: {error} (Redis at {masked(options.redis)}; see --redis and --session)\n")
        return 1


async def _connected(options: argparse.Namespace, act: Act) -> int:
    try:
        pipe = Pipe(options.redis)
    except ValueError:  # whose text may hold a piece of the password
        raise ValueError("--redis: an address such as redis://127.0.0.1:6379/0 is expected") from None
    async with pipe:
        await pipe.send("PING")
        return await act(pipe, await _keys(options, pipe))


async def _keys(options: argparse.Namespace, pipe: Pipe) -> Keys:
    """Of the session that is meant. Raises ValueError where that is not certain: a mistyped name would halt nothing."""
    if options.session is not None:
        keys = Keys(options.session)
        if options.force or await is_known(pipe, keys):
            return keys
    there = await known_sessions(pipe)
    if options.session is None and len(there) == 1:
        return Keys(there[0])
    which = f"there are {', '.join(there)}" if there else "there is none that a worker has ever led"
    if options.session is None:
        raise ValueError(f"--session: which one? {which[0].upper()}{which[1:]}")
    raise ValueError(f"no session is called {options.session}: {which}. --force acts on it all the same")


def masked(url: str) -> str:
    """Redis' address without user and password."""
    return url.rpartition("@")[2].partition("?")[0]


def caller() -> str:
    """Who types, as the records name them."""
    return f"operator {os.environ.get('USER') or os.getuid()}"
