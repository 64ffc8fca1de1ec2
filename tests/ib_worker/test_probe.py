"""The probe of a container: what it finds of the worker on this host."""

import asyncio
from pathlib import Path

import pytest

from ib_worker import liveness as beat
from ib_worker import probe
from tests.waiting import until


async def test_a_worker_that_ends_takes_its_sign_of_life_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "beat"
    monkeypatch.setenv("BEAT_FILE", str(file))
    living = asyncio.create_task(beat.touch_while_alive(file))
    await until(file.exists, "the worker lives")
    assert probe.main() == 0

    living.cancel()
    await asyncio.gather(living, return_exceptions=True)

    assert probe.main() == 1
