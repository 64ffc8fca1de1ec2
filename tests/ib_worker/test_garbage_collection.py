"""The cycle collector: what a session knows is not looked through again and again."""

import gc

import pytest

from ib_worker import garbage_collection as garbage

pytestmark = pytest.mark.usefixtures("untuned")


def test_all_objects_are_looked_through_once_in_millions_of_allocations() -> None:
    garbage.tune()

    young, younger, older = gc.get_threshold()
    assert young <= 1_000  # a look through the young ones takes milliseconds
    assert young * younger * older >= 3_000_000


def test_what_there_is_at_the_start_is_no_garbage() -> None:
    garbage.tune()

    assert gc.get_freeze_count() > 0


def test_what_a_session_has_read_is_left_alone_from_then_on() -> None:
    garbage.tune()
    before = gc.get_freeze_count()
    known = [[number] for number in range(1_000)]

    garbage.keep()

    assert gc.get_freeze_count() >= before + len(known)
