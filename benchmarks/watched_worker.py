"""The worker, which writes what it holds into the file WATCH_FILE whenever it gets SIGUSR1."""

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ib_worker.__main__ import work
from ib_worker.logging_setup import configure_logs
from ib_worker.settings import WorkerSettings

MOST_COMMON = 12


def held() -> dict[str, Any]:
    """The tasks by name, and how many objects there are, of which kinds most."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(type(each).__name__ for each in objects)
    tasks = sorted(each.get_name().split(" ")[0] for each in asyncio.all_tasks())
    return {"tasks": len(tasks), "names": tasks, "objects": len(objects), "kinds": dict(kinds.most_common(MOST_COMMON))}


async def watched(settings: WorkerSettings, file: Path) -> None:
    def write() -> None:
        half = file.with_suffix(".half")
        half.write_text(json.dumps(held()), encoding="utf-8")
        half.rename(file)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, write)
    await work(settings)


def main() -> int:
    settings = WorkerSettings()
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(watched(settings, Path(os.environ["WATCH_FILE"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
