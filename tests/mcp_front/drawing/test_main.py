"""The drawing process, as the front starts it."""

import subprocess
import sys

import msgspec

from mcp_front.charts.drawing_process import COMMAND, ROOT
from mcp_front.drawing.figure import MOST_BYTES, ChartFigure, Panel

FIGURE = msgspec.json.encode(ChartFigure("SPY", "", "", 0, 1, [], [Panel(1, 0, 1, [], [])]))


def test_a_figure_becomes_a_png_and_one_too_large_is_refused() -> None:
    whole = subprocess.run(COMMAND, input=FIGURE, capture_output=True, cwd=ROOT, check=True)
    large = subprocess.run(COMMAND, input=b" " * (MOST_BYTES + 1), capture_output=True, cwd=ROOT, check=False)

    assert whole.stdout.startswith(b"\x89PNG")
    assert (large.returncode, str(MOST_BYTES) in large.stderr.decode()) == (2, True)


def test_it_limits_its_own_memory_and_time() -> None:
    code = "from mcp_front.drawing.__main__ import limit; limit(); bytearray(600 * 2**20)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False)

    assert b"MemoryError" in ended.stderr
