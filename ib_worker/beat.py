"""The sign of life of this process, in a file: a standby has it as well, and it needs neither Redis nor a gateway."""

import asyncio
import time
from pathlib import Path
from typing import NoReturn

BEAT_S = 1.0
STALE_S = 10.0  # a loop that is blocked for this long serves nobody


async def beat(file: Path) -> NoReturn:
    """Touch the file every second, from the loop that does the work."""
    try:
        while True:
            _touch(file)
            await asyncio.sleep(BEAT_S)
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
