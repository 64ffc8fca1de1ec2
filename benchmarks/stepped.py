"""`python -m benchmarks.stepped`: the worker or the front (STEPPED), which writes down its longest step.

Into the file STEPS_FILE at each SIGUSR1: seconds of the loop's thread, and what ran. On asyncio's own loop, as uvloop's
steps can't be timed.
"""

import asyncio
import json
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from benchmarks.steps import Steps, measured
from bridge.bus.client.client import BusClient
from bridge.runtime.heap import tune
from ib_worker.__main__ import work
from ib_worker.logging_setup import configure_logs as configure_worker_logs
from ib_worker.settings import WorkerSettings
from mcp_front.__main__ import assemble, front_id, serve
from mcp_front.logging_setup import configure_logs as configure_front_logs
from mcp_front.settings import load_settings


def worker() -> Coroutine[Any, Any, None]:
    settings = WorkerSettings()
    configure_worker_logs(settings.log_level, settings.log_format)
    tune()
    return work(settings)


def front() -> Coroutine[Any, Any, None]:
    settings = load_settings()
    configure_front_logs(settings.log_level, settings.log_format)
    bus_client = BusClient(settings.redis_url, settings.ibkr_session, front_id())
    assembled = assemble(settings, bus_client)
    tune()
    return serve(settings, bus_client, assembled)


async def stepped(steps: Steps, service: Coroutine[Any, Any, None]) -> None:
    file = Path(os.environ["STEPS_FILE"])

    def write() -> None:
        half = file.with_suffix(".half")
        half.write_text(json.dumps({"longest_s": steps.longest_s, "what": steps.what[:400], "over": len(steps.over)}))
        half.rename(file)
        steps.clear()

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, write)
    await service


if __name__ == "__main__":
    wanted = {"worker": worker, "front": front}[os.environ["STEPPED"]]()
    with measured() as found:
        asyncio.run(stepped(found, wanted))
