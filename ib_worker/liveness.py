"""The liveness file of this process, also of a standby's; it needs neither Redis nor a gateway."""

import asyncio
import time
from pathlib import Path
from typing import NoReturn

import structlog

BEAT_S = 1.0
STALE_S = 10.0  # a loop that is blocked for this long serves nobody
LATE_S = 1.0  # beyond this a loop was held up by more than a busy machine

log = structlog.get_logger("ib_worker.liveness")


async def touch_while_alive(file: Path, every_s: float = BEAT_S, late_s: float = LATE_S) -> NoReturn:
    """Touch the file every second, from the loop that does the work, and say when the loop has stood still."""
    try:
        while True:
            _touch(file)
            began = time.monotonic()
            await asyncio.sleep(every_s)
            stood_s = time.monotonic() - began - every_s
            if stood_s > late_s:
                log.warning("event_loop_stalled", stalled_s=round(stood_s, 1))
    finally:
        _remove(file)


def _touch(file: Path) -> None:
    """A local file: this takes microseconds, and a disk that hangs is to be noticed."""
    file.touch()


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)


def is_alive(file: Path) -> bool:
    try:
        age_s = time.time() - file.stat().st_mtime
    except OSError:
        return False
    return age_s < STALE_S
