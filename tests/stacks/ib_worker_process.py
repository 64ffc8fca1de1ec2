"""The worker as a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ibgateway.simulator.server.server import Simulator

pytestmark = pytest.mark.timeout(180)
START_S = 40  # a Python process with all it imports, on a machine that does much else
Process = asyncio.subprocess.Process


async def python(*arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@asynccontextmanager
async def running(redis_url: str, session: str, sim: Simulator, beat: Path) -> AsyncIterator[Process]:
    process = await python(
        "ib_worker", REDIS_URL=redis_url, IBKR_SESSION=session, GATEWAY_PORT=str(sim.port), BEAT_FILE=str(beat)
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
