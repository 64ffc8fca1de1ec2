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

DEMO_SOCKET = Path(".state/redis/redis.sock")  # where `python -m cli up` has its own

Act = Callable[[Pipe, Keys], Awaitable[int]]


def add_bus_arguments(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("REDIS_URL") or (
        f"unix://{DEMO_SOCKET.absolute()}" if DEMO_SOCKET.exists() else "redis://127.0.0.1:6379/0"
    )
    parser.add_argument("--redis", default=default, metavar="URL", help="REDIS_URL of the stack, else the demo's own")
    parser.add_argument("--session", default=os.environ.get("IBKR_SESSION", "paper"), help="IBKR_SESSION (paper)")


def with_bus(options: argparse.Namespace, act: Act) -> int:
    """Run `act` on the bus; its result is the exit status, 1 where Redis does not answer."""
    try:
        return asyncio.run(_connected(options, act))
    except (BusError, ValueError) as error:
        sys.stderr.write(f"error: {error} (Redis at {options.redis}; see --redis and --session)\n")
        return 1


async def _connected(options: argparse.Namespace, act: Act) -> int:
    async with Pipe(options.redis) as pipe:
        await pipe.send("PING")
        return await act(pipe, Keys(options.session))


def caller() -> str:
    """Who types, as the records name them."""
    return f"operator {os.environ.get('USER') or os.getuid()}"
