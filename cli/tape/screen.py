"""A tape on a screen: a line of the screen's width for each item, with the session's state and profits below."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bridge.redaction import mask_accounts
from bridge.tools.account import PnL
from bridge.tools.session import SessionStatus
from cli.tape.items import TapeItem
from cli.tape.lines import FAINT, Part, parts_of, pnl_parts, time_of

STATE_STYLES = {"ready": "bold green", "syncing": "yellow", "connecting": "yellow"}
MODE_STYLES = {"live": "bold white on red", "paper": "bold black on cyan"}
SIMULATED, HALTED = "bold black on green", "bold white on red"


@contextmanager
def screen_printer(console: Console | None = None) -> Iterator["ScreenPrinter"]:
    """Print above a line that stays at the bottom, and remove that line at the end."""
    screen = console or Console(highlight=False)
    with Live(console=screen, auto_refresh=False, transient=True) as live:
        yield ScreenPrinter(screen, live)


class ScreenPrinter:
    """Prints items. The profits are below the tape, and no lines of it."""

    pnl_s = 2.0

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._status: SessionStatus | None = None
        self._profits: dict[str, PnL] = {}

    def add(self, item: TapeItem) -> None:
        """Print an item, in one line of the screen's width."""
        if isinstance(item, PnL):
            self._profits[item.account] = item
            self._refresh()
        else:
            self._console.print(tape_text(item, datetime.now(UTC)), no_wrap=True, overflow="ellipsis", crop=True)

    def show(self, status: SessionStatus | None) -> None:
        """Show the session's state."""
        self._status = status
        self._refresh()

    def _refresh(self) -> None:
        self._live.update(footer(self._status, list(self._profits.values())), refresh=True)


def tape_text(item: TapeItem, seen: datetime) -> Text:
    """Return an item's line with its colours."""
    at = time_of(item, seen).astimezone()
    return Text.assemble((f"{at:%H:%M:%S}  ", FAINT), *parts_of(item))


def footer(status: SessionStatus | None, profits: list[PnL]) -> Text:
    """Return the line below the tape: mode and state, the kill switch, the profits."""
    parts: list[Part] = [("no worker", "bold red")] if status is None else _state(status)
    for each in profits:
        parts += [("  │", FAINT), *((f" {text}", style) for text, style in pnl_parts(each) if text)]
    masked = [(mask_accounts(text), style) for text, style in parts if text]
    return Text.assemble(*masked, no_wrap=True, overflow="ellipsis")


def _state(status: SessionStatus) -> list[Part]:
    mode = (" simulated ", SIMULATED) if status.simulated else (f" {status.mode} ", _mode_style(status.mode))
    state = (f"  {status.state}", STATE_STYLES.get(status.state, "bold red"))
    return [mode, state, ("  ", ""), (" HALTED " if status.halted else "", HALTED)]


def _mode_style(mode: str | None) -> str:
    return MODE_STYLES.get(mode or "", "reverse")
