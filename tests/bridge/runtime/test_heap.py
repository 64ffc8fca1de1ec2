"""Freed memory goes back to the system where its C library can give it back, and what is kept is not looked through
again and again."""

import asyncio
import gc

import pytest

from bridge.runtime import heap
from bridge.runtime.heap import keep, release_at_rest, release_free_pages, tune
from tests.waiting import until


@pytest.mark.usefixtures("untuned")
def test_all_objects_are_looked_through_once_in_millions_of_allocations() -> None:
    tune()

    young, younger, older = gc.get_threshold()
    assert young <= 1_000  # a look through the young ones takes milliseconds
    assert young * younger * older >= 3_000_000


@pytest.mark.usefixtures("untuned")
def test_what_there_is_at_the_start_is_no_garbage() -> None:
    tune()

    assert gc.get_freeze_count() > 0


@pytest.mark.usefixtures("untuned")
def test_what_is_kept_is_left_alone_from_then_on() -> None:
    tune()
    before = gc.get_freeze_count()
    known = [[number] for number in range(1_000)]

    keep()

    assert gc.get_freeze_count() >= before + len(known)


def test_free_pages_are_released_or_left() -> None:
    release_free_pages()


async def test_free_pages_are_released_while_nothing_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []
    released: list[int] = []
    monkeypatch.setattr(heap, "release_free_pages", lambda: released.append(len(looks)))

    def is_idle() -> bool:
        looks.append(len(looks) >= 3)
        return looks[-1]

    task = asyncio.create_task(release_at_rest(is_idle, every_s=0.001))
    await until(lambda: len(released) > 1, "it was released twice")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert released[:2] == [4, 5]
