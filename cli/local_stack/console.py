"""The console of a stack on this machine: its operator, who has no passphrase, and a link that signs in once."""

import asyncio
import html
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.bus.identity.links import make_link
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.errors import Problem

OPERATOR = "demo"
PAGE = "console.html"


def listening(port: int, flag: str) -> socket.socket:
    """Listen on the console's port, for a console that starts at the first visit. Raises Problem."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise Problem(f"port {port} is taken ({os.strerror(error.errno or 0)}): name another with {flag}") from None


async def first_visit(port: socket.socket) -> None:
    """Wait until a browser has connected. Its connection waits for the console to take it."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(port, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(port)


async def one_time_link(redis_url: str, session: str, console: str) -> str:
    """Add the operator, who signs in by links alone, and return a link for it. Raises BusError."""
    keys = Keys(session)
    async with CommandPipeline(redis_url) as pipe:
        await add_operator(pipe, keys, Operator(OPERATOR, ""))
        return await make_link(pipe, keys, OPERATOR, console)


@contextmanager
def opening_page(folder: Path) -> Iterator[Path]:
    """Name a page for `open_in_browser`, which is removed at the end."""
    page = folder / PAGE
    page.unlink(missing_ok=True)
    try:
        yield page
    finally:
        page.unlink(missing_ok=True)


async def open_in_browser(link: str, page: Path) -> None:
    """Open the link by way of a page that only this user reads: every user sees the arguments of a program, and the
    browser's would have the link in them. Ends with the program that opens it, which some browsers keep for long."""
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        written.write(f'<meta http-equiv="refresh" content="0; url={html.escape(link)}">\n')
    # A process of its own, without the terminal: a browser of text would take the terminal over.
    opener = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "webbrowser", page.as_uri(),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    await opener.wait()
