"""What a terminal shows of a command, as an SVG without anything to fetch."""

import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from cli.terminal import ROWS_IN_SIGHT, Screen, table

COLUMNS = 84
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")  # rich's, which name a server


class RecordingScreen(Screen):
    """Records what a screen shows at the end. Of rows that come one by one those stay that are then in sight."""

    def __init__(self) -> None:
        self._recorded = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
        super().__init__(self._recorded)

    @contextmanager
    def rows(self, columns: Sequence[str]) -> Iterator[Callable[[Sequence[str | Text]], None]]:
        latest: deque[Sequence[str | Text]] = deque(maxlen=ROWS_IN_SIGHT)
        yield latest.append
        self._print(table(columns, latest))

    def svg(self, title: str) -> str:
        """Return the record as an SVG with the fonts of its reader."""
        drawn = FONT_FACE.sub("", self._recorded.export_svg(title=title))
        return drawn.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
