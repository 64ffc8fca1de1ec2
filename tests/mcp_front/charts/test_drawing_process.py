"""The process that draws: its picture, and what its caller is told where there is none."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bridge.tool import ToolError
from mcp_front.charts.drawing_process import ChartDrawing, DrawingLimits
from mcp_front.drawing.figure import ChartFigure, Line, Panel

FIGURE = ChartFigure("SPY", "", "", 0, 1, [], [Panel(1, 0, 1, [], [Line([(0, 0), (1, 1)], "main")])])


def program(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


async def refused(drawing: ChartDrawing) -> tuple[str, str]:
    with pytest.raises(ToolError) as error:
        await drawing.png(FIGURE)
    return error.value.code, error.value.message


async def test_a_figure_becomes_a_png() -> None:
    assert (await ChartDrawing().png(FIGURE)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        "import sys; sys.stdin.read(); print('no picture')",
        "import sys; sys.stdin.read(); sys.stdout.buffer.write(b'\\x89PNG\\r\\n' + bytes(2**21))",
        "raise SystemExit(1)",
    ],
    ids=["crashed", "no picture", "too large", "status"],
)
async def test_a_process_that_fails_is_a_typed_error(code: str) -> None:
    told, message = await refused(ChartDrawing(command=program(code)))

    assert told == "drawing_failed"
    assert "log" in message


async def test_a_process_that_hangs_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    told, _ = await refused(ChartDrawing(DrawingLimits(deadline_s=1.0), program(code)))

    assert told == "timeout"
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


async def test_it_gets_no_variable_of_the_fronts_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://:secret@example.com")
    code = "import os, sys; sys.exit(9 if 'REDIS_URL' in os.environ else 7)"

    assert "status 7" in (await refused(ChartDrawing(command=program(code))))[1]


async def test_charts_beyond_those_that_wait_are_paced() -> None:
    drawing = ChartDrawing(DrawingLimits(at_once=1, waiting=1, deadline_s=60), program("import time; time.sleep(60)"))
    first = asyncio.create_task(drawing.png(FIGURE))
    await asyncio.sleep(0)

    assert (await refused(drawing))[0] == "paced"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
