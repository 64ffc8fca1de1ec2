"""Duties that are not to end, and the end of those that are."""

import asyncio

import pytest
from structlog.typing import EventDict

from ib_worker.racing import restart_on_error, run_until_first_ends
from tests.waiting import until


async def test_a_duty_that_fails_or_ends_is_begun_again(logs: list[EventDict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ib_worker.racing.AGAIN_S", 0.0)
    begun = 0

    async def duty() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise KeyError("a strange message")
        if begun > 2:
            await asyncio.Event().wait()

    task = asyncio.create_task(run_until_first_ends(restart_on_error("the duty", duty)))
    await until(lambda: begun == 3, "it is begun a third time")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    (restarted,) = [each for each in logs if each["event"] == "task_restarted"]
    assert restarted["task"] == "the duty"
    assert "KeyError: 'a strange message'" in restarted["exception"]
