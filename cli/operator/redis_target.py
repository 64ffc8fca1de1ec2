"""The Redis and the session that an operator's command acts on, and a connection to it."""

import argparse
import asyncio
import os
import pwd
import sys
from collections.abc import Awaitable, Callable

from bridge.bus.keys import Keys
from bridge.bus.leadership.sessions import is_known, known_sessions
from bridge.bus.transport.address import USUAL, address_with_file
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.redaction import mask_url
from cli.local_stack.state_folder import STATE

# Where `python -m cli up` has its own, and where everybody's is.
DEMO_SOCKET = STATE / "redis" / "redis.sock"

Act = Callable[[CommandPipeline, Keys], Awaitable[int]]


def add_redis_argument(parser: argparse.ArgumentParser) -> None:
    told = (
        "REDIS_URL of the stack; left out: the demo's or the one at this machine's port 6379, whichever knows a session"
    )
    parser.add_argument("--redis", default=named_redis(), metavar="URL", help=told)


def add_bus_arguments(parser: argparse.ArgumentParser) -> None:
    add_redis_argument(parser)
    told = "IBKR_SESSION of the stack; left out: the only session there is"
    parser.add_argument("--session", default=os.environ.get("IBKR_SESSION") or None, metavar="NAME", help=told)
    parser.add_argument("--force", action="store_true", help="act on a session that no worker has ever led")


def named_redis() -> str | None:
    """Return the address that the environment names, with the password of REDIS_PASSWORD_FILE."""
    url = os.environ.get("REDIS_URL") or None
    try:
        return address_with_file(url, os.environ.get("REDIS_PASSWORD_FILE")) if url else None
    except ValueError as error:
        sys.exit(f"error: {error}")


def usual_places() -> list[str]:
    """Return the addresses to try when no Redis was named."""
    return [f"unix://{DEMO_SOCKET}", USUAL] if DEMO_SOCKET.exists() else [USUAL]


def with_bus(options: argparse.Namespace, act: Act) -> int:
    """Run `act` on the bus; its result is the exit status, 1 where Redis does not answer or knows no such session."""
    try:
        return asyncio.run(_connected(options, act))
    except (BusError, ValueError) as error:
        where = mask_url(options.redis) if options.redis else " or ".join(map(mask_url, usual_places()))
        sys.stderr.write(f"error: {error} (Redis at {where}; see --redis and --session)\n")
        return 1


async def _connected(options: argparse.Namespace, act: Act) -> int:
    url = options.redis or await _place(options.session)
    try:
        pipe = CommandPipeline(url)
    except ValueError:  # whose text may hold a piece of the password
        raise ValueError("--redis: an address such as redis://127.0.0.1:6379/0 is expected") from None
    async with pipe:
        await pipe.send("PING")
        keys = await _keys(options, pipe)
        if options.redis is None:
            sys.stderr.write(f"{keys.session}: at {mask_url(url)}\n")
        return await act(pipe, keys)


async def _place(session: str | None) -> str:
    """The Redis that knows the session, or any. Raises ValueError where two do: a halt of the wrong one is none."""
    places = usual_places()
    if len(places) == 1:
        return places[0]
    known = {url: there for url in places if (there := await sessions_at(url)) is not None}
    fit = [url for url, there in known.items() if (session in there if session else there)] or list(known)
    if len(fit) > 1:
        which = "; ".join(f"{mask_url(url)} has {', '.join(known[url]) or 'no session'}" for url in fit)
        raise ValueError(f"--redis: which one? {which}")
    return fit[0] if fit else places[-1]


async def sessions_at(url: str) -> list[str] | None:
    """The sessions that this Redis knows; None where nobody answers."""
    try:
        async with CommandPipeline(url) as pipe:
            return await known_sessions(pipe)
    except BusError:
        return None


async def _keys(options: argparse.Namespace, pipe: CommandPipeline) -> Keys:
    """Return the keys of the session. Raises ValueError if the session is not certain: a halt of a mistyped name halts
    nothing."""
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
    raise ValueError(f"no session is called {options.session}: {which}. --force acts on it anyway")


def caller() -> str:
    """Return the operator's name for the records: USER's, else that of the process's user, else the user's number."""
    name = os.environ.get("USER")
    if not name:
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # a container may run as a user that it has no name for
            name = f"uid {os.getuid()}"
    return f"operator {name}"
