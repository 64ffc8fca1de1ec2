"""What is to end ends, also where its end meets an error; and duties that are not to end are begun again."""

import asyncio

import pytest
from structlog.typing import EventDict

from bridge.bus.transport.pubsub import PubSubListener
from bridge.tasks import cancel_and_wait, restart_on_error, run_until_first_ends
from tests.busy import BUSY_S
from tests.stacks.redis_relay import Shim
from tests.waiting import until


async def test_a_task_that_loses_its_first_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5 + BUSY_S):
        await cancel_and_wait([task], again_s=0.01)

    assert task.cancelled()
    assert lost == 2


async def test_what_a_task_raises_in_the_end_is_passed_over() -> None:
    async def fails() -> None:
        raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)

    await cancel_and_wait([task])
    await cancel_and_wait([])

    assert isinstance(task.exception(), ValueError)


@pytest.mark.fault(66)
@pytest.mark.parametrize("turns", range(12))
async def test_a_listener_ends_in_the_moment_in_which_redis_hangs_up(redis_url: str, session: str, turns: int) -> None:
    """As for a worker that wakes up, has lost its lease and finds its connection closed."""
    async with Shim(redis_url) as shim:
        listener = PubSubListener(shim.url, lambda *_: None, lambda: None)
        async with asyncio.timeout(10):
            async with listener:
                listener.subscribe(session)
                await listener.confirmed(session, 5)
                shim.cut()
                for _ in range(turns):
                    await asyncio.sleep(0)


async def test_a_duty_that_fails_or_ends_is_begun_again(logs: list[EventDict]) -> None:
    begun = 0

    async def duty() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise KeyError("a strange message")
        if begun > 2:
            await asyncio.Event().wait()

    task = asyncio.create_task(run_until_first_ends(restart_on_error("the duty", duty, pause_s=0.0)))
    await until(lambda: begun == 3, "it is begun a third time")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    (restarted,) = [each for each in logs if each["event"] == "task_restarted"]
    assert restarted["task"] == "the duty"
    assert "KeyError: 'a strange message'" in restarted["exception"]
