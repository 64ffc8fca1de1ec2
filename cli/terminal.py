"""The terminal's output: plain lines in a file or a pipe, colour and motion on a screen."""

import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

INDENT = 5  # of what belongs to a step
BARS = "▁▂▃▄▅▆▇█"
LINE_WIDTH = 60  # of a drawn line of prices
ROWS_IN_SIGHT = 8  # of a stream, on a screen
FIRST_CELL, CELL = 12, 9  # columns that the first value and each other one take where rows are plain lines


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def say(self, text: str | Text = "") -> None:
        """As it is: a line that is too long for the screen is not cut up, so that it can be copied."""
        self._console.print(text if isinstance(text, Text) else Text(printable(text)), soft_wrap=True)

    def problem(self, text: str) -> None:
        self.say(Text.assemble(("error: ", "bold red"), printable(text)))

    def step(self, number: int, count: int, title: str) -> None:
        self.say()
        self._console.print(
            Rule(Text(f"{number} of {count}  {title}", "bold"), align="left", style="dim", characters="─")
        )

    def asked(self, tool: str, arguments: Mapping[str, object]) -> None:
        shown = [part for name, value in arguments.items() for part in ((f"  {name}=", "dim"), (str(value), "none"))]
        self._print(Text.assemble((tool, "cyan"), *shown))

    def answered(self, text: str, took_s: float) -> None:
        self._print(Text.assemble(("✓ ", "green"), text, (f"  {took_s * 1000:,.0f} ms", "dim")))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
        self._print(table(columns, rows))

    def prices(self, values: Sequence[float]) -> None:
        self._print(Text(sparkline(values), "green" if values[-1] >= values[0] else "red"))

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[str], None]]:
        """Says what is waited for while it lasts, with the news that it is given, and at the end how long it took."""
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(Text(f"waiting for {what}")) as status:
                yield lambda news: status.update(Text.assemble(f"waiting for {what}: ", (news, "dim")))
        else:
            yield lambda news: None
        self.say(Text.assemble((" ✓ ", "green"), what, (f"  {time.monotonic() - began:.1f} s", "dim")))

    @contextmanager
    def rows(self, columns: Sequence[str]) -> Iterator[Callable[[Sequence[str | Text]], None]]:
        """Takes rows one by one: the latest in place on a screen, each as a line elsewhere."""
        if not self._console.is_terminal:
            self._print(Text(spaced(columns), "dim"))
            yield lambda row: self._print(Text(spaced(row)))
            return
        latest: deque[Sequence[str | Text]] = deque(maxlen=ROWS_IN_SIGHT)
        with Live(console=self._console, refresh_per_second=20) as live:

            def add(row: Sequence[str | Text]) -> None:
                latest.append(row)
                live.update(Padding.indent(table(columns, latest), INDENT))

            yield add

    def _print(self, what: RenderableType) -> None:
        self._console.print(Padding.indent(what, INDENT))


def printable(text: str) -> str:
    """Return the text without what steers a terminal: control, format and private characters; lines stay lines."""
    return "".join(
        each if each == "\n" or unicodedata.category(each)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """The first column to the left, as it names the row; the others, which are numbers, to the right."""
    drawn = Table(box=SIMPLE_HEAD, header_style="dim", show_edge=False, pad_edge=False)
    for place, name in enumerate(columns):
        drawn.add_column(name, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    return drawn


def spaced(cells: Sequence[str | Text]) -> str:
    first, *others = cells
    return f"{first!s:<{FIRST_CELL}}{''.join(f'{each!s:<{CELL}}' for each in others)}".rstrip()


def sparkline(values: Sequence[float]) -> str:
    """Prices as one line of blocks, the lowest as the shortest."""
    count = min(LINE_WIDTH, len(values))
    picked = [values[place * (len(values) - 1) // max(count - 1, 1)] for place in range(count)]
    low, high = min(picked), max(picked)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0
    return "".join(BARS[round((value - low) * scale)] for value in picked)
