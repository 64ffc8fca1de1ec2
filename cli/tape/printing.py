"""A tape as plain lines or as JSON, and the loop that prints one. A screen's tape is loaded where there is a screen."""

import asyncio
import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import NoReturn, Protocol

import structlog

from bridge.tools.session import SessionStatus
from cli.tape.feed import FeedTiming, TapeFeed
from cli.tape.items import TapeItem
from cli.tape.lines import json_line, plain_line

FOOTER_S = 0.5  # between two looks at the session's state
SCREEN, RICH = "cli.tape.screen", "rich"  # the operator's container has no rich, and prints plain lines


class TapePrinter(Protocol):
    """The printer of a tape. `pnl_s`: seconds between two looks at the profits."""

    pnl_s: float

    def add(self, item: TapeItem) -> None:
        """Print an item."""

    def show(self, status: SessionStatus | None) -> None:
        """Show the session's state; None where no worker serves it."""


class PlainPrinter:
    """Prints each item as a line of its own, so that a file or a pipe has it at once."""

    pnl_s = 10.0

    def __init__(self, as_json: bool = False) -> None:
        self._line = json_line if as_json else plain_line

    def add(self, item: TapeItem) -> None:
        print(self._line(item, datetime.now(UTC)), flush=True)

    def show(self, status: SessionStatus | None) -> None:
        """Print nothing: the tape has the session's states as events."""


def printer(*, as_json: bool = False) -> AbstractContextManager[TapePrinter]:
    """Return the printer for this process' output."""
    if as_json or not sys.stdout.isatty() or importlib.util.find_spec(RICH) is None:
        return nullcontext(PlainPrinter(as_json))
    chosen: AbstractContextManager[TapePrinter] = importlib.import_module(SCREEN).screen_printer()
    return chosen


async def follow(url: str, session: str, prints: TapePrinter) -> None:
    """Print the tape until this is cancelled, or its reader ends (BrokenPipeError)."""
    broken: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()

    def add(item: TapeItem) -> None:
        try:
            prints.add(item)
        except OSError as error:  # in a callback of the loop, which would only note it
            if not broken.done():
                broken.set_exception(error)

    feed = TapeFeed(url, session, add, FeedTiming(pnl_s=prints.pnl_s))
    tasks = [asyncio.ensure_future(each) for each in (feed.run(), _look(feed, prints))]
    try:
        with _without_logs():
            done, _ = await asyncio.wait([*tasks, broken], return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for task in (*tasks, broken):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _look(feed: TapeFeed, prints: TapePrinter) -> NoReturn:
    while True:
        prints.show(feed.status)
        await asyncio.sleep(FOOTER_S)


@contextmanager
def _without_logs() -> Iterator[None]:
    """Write no log lines between those of the tape, which says itself what they would."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
