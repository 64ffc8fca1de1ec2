"""The console of a stack on this machine: its operator, who has no passphrase, and a link that signs in once."""

import asyncio
import html
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from bridge.bus.identity.links import make_link
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.errors import Problem
from cli.http_client import send_request

OPERATOR = "demo"
READY_WITHIN_S = 30.0
LOOK_AGAIN_S, ANSWER_S = 0.1, 2.0
PAGE = "console.html"


async def until_serving(url: str) -> None:
    """Wait until the console answers. Raises Problem."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                if await asyncio.to_thread(_answers, url):
                    return
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise Problem(f"the console does not answer at {url} within {READY_WITHIN_S:g} s") from None


def _answers(url: str) -> bool:
    try:
        return send_request(url, "GET", "/healthz", ANSWER_S).status == 200
    except (OSError, HTTPException):
        return False


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
