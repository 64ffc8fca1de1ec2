"""Starts a process that draws one chart, with a deadline, a bound on its answer, and few of them at once."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from bridge.tool import ToolError
from mcp_front.drawing.figure import MOST_BYTES, ChartFigure

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-s", "-m", "mcp_front.drawing")
PASSED = ("PATH", "SYSTEMROOT", "TEMP", "LD_LIBRARY_PATH")  # of the environment: no address and no secret of the front
PNG = b"\x89PNG\r\n"
ERROR_BYTES = 4096  # of what a process that fails writes
FIGURES = "The figures themselves are in ibkr_get_historical_data, ibkr_get_account_history and ibkr_get_option_quotes."

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DrawingLimits:
    """The bounds on drawing. `at_once`: processes; `waiting`: charts that wait for one; `deadline_s`: for one chart,
    which takes 0.1 to 0.2 s of a processor."""

    at_once: int = 2
    waiting: int = 8
    deadline_s: float = 15.0


class ChartDrawing:
    """Draws figures. `command`: the process; tests have others."""

    def __init__(self, limits: DrawingLimits | None = None, command: tuple[str, ...] = COMMAND) -> None:
        self._limits = limits or DrawingLimits()
        self._command = command
        self._places = asyncio.Semaphore(self._limits.at_once)
        self._waiting = 0

    async def png(self, figure: ChartFigure) -> bytes:
        """Return the figure as a PNG. Raises ToolError paced, timeout or drawing_failed."""
        if self._waiting >= self._limits.waiting:
            raise ToolError(
                "paced", f"Too many charts wait to be drawn (limit: {self._limits.waiting}). Retry in 2 seconds.",
                retry_after_s=2.0,
            )  # fmt: skip
        self._waiting += 1
        try:
            async with self._places:
                return await self._drawn(msgspec.json.encode(figure))
        finally:
            self._waiting -= 1

    async def _drawn(self, figure: bytes) -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=ROOT,
            env={name: os.environ[name] for name in PASSED if name in os.environ},
        )
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                (png, complaint), _ = await asyncio.gather(_answer(process), _hand_over(process, figure))
                if len(png) <= MOST_BYTES:
                    await process.wait()
        except TimeoutError:
            log.warning("drawing_failed", error=f"no picture in {self._limits.deadline_s:g} s")
            text = f"The chart was not drawn in {self._limits.deadline_s:g} s. Retry. {FIGURES}"
            raise ToolError("timeout", text) from None
        finally:
            await _end(process)
        status = process.returncode
        if status or not png.startswith(PNG) or len(png) > MOST_BYTES:
            log.warning("drawing_failed", status=status, error=complaint, bytes=len(png))
            text = f"The process that draws charts ended with status {status}; the front's log has its error. {FIGURES}"
            raise ToolError("drawing_failed", text)
        return png


async def _hand_over(process: asyncio.subprocess.Process, figure: bytes) -> None:
    """Write the figure; a process that ends before is seen by its status."""
    assert process.stdin is not None
    try:
        process.stdin.write(figure)
        await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        pass


async def _answer(process: asyncio.subprocess.Process) -> tuple[bytes, str]:
    """Return what the process writes, up to one byte beyond the bound, and the end of its complaint."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        return await process.stdout.readexactly(MOST_BYTES + 1), ""
    except asyncio.IncompleteReadError as ended:
        complaint = await process.stderr.read(ERROR_BYTES)
        await _drained(process.stderr)
        return ended.partial, complaint.decode(errors="replace").strip()[-500:]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process where it still runs, such as when its caller has gone. asyncio sees its end when its pipes have
    been read to theirs."""
    if process.returncode is None:
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await _drained(process.stdout)
    await _drained(process.stderr)
    await process.wait()


async def _drained(pipe: asyncio.StreamReader | None) -> None:
    while pipe is not None and await pipe.read(MOST_BYTES):
        pass
