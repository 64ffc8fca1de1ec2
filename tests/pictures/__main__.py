"""`python -m tests.pictures`: makes the README's pictures anew, from a run of the demo on free ports.

The simulator begins at a fixed instant with its own seed, so that two runs differ by the seconds that they take.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastmcp import Client
from mcp_types import ImageContent

from cli.commands.tour import take_tour
from cli.local_stack.embedded_redis import free_port
from cli.local_stack.readiness import until_ready
from tests.pictures.recording import RecordingScreen

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
PARTS = ["tour", "charts"]
START = "2025-06-11T10:30:00-04:00"
CHARTS: dict[str, dict[str, Any]] = {
    "chart-candles": {"symbol": "NVDA"},
    "chart-payoff": {
        "kind": "payoff",
        "legs": ["-1 SPY 18JUL25 580 P", "1 SPY 18JUL25 560 P", "-1 SPY 18JUL25 620 C", "1 SPY 18JUL25 640 C"],
    },
}


async def main(names: list[str]) -> None:
    async with demo() as url:
        if "tour" in names:
            screen = RecordingScreen()
            await take_tour(url, screen)
            written("tour.svg", screen.svg("make demo").encode())
        if "charts" in names:
            for name, arguments in CHARTS.items():
                written(f"{name}.png", await chart(url, arguments))


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """Run the demo without its tour, with every toolset, and yield its endpoint."""
    port, gateway = free_port(), free_port()
    with tempfile.TemporaryDirectory() as state:
        command = [
            *(sys.executable, "-m", "cli", "up", "--no-tour", "--no-console", "--toolsets", "all", "--start", START),
            *("--port", str(port), "--sim-port", str(gateway), "--state", state),
        ]
        running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
        try:
            await until_ready(port, lambda _news: None)
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            running.send_signal(signal.SIGINT)
            await running.wait()


async def chart(url: str, arguments: dict[str, Any]) -> bytes:
    async with Client(url) as client:
        answer = await client.call_tool("ibkr_get_chart", arguments)
    image = answer.content[1]
    assert isinstance(image, ImageContent)
    return b64decode(image.data)


def written(name: str, picture: bytes) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_bytes(picture)
    print(f"{FOLDER.relative_to(ROOT) / name}: {len(picture):,} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {' '.join(PARTS)}; all without any")
    asyncio.run(main(parser.parse_args().names or PARTS))
