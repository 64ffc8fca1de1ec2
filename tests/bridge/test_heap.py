"""Freed memory goes back to the system where its C library can give it back."""

import asyncio

import pytest

from bridge import heap
from bridge.heap import release_at_rest, release_free_pages
from tests.waiting import until


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
