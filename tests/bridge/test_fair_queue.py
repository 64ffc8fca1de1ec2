"""Turns in lines of their own: first come, first served within a line, and the lines one after another."""

import asyncio
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.fair_queue import RoundRobinQueue, Turn

CALLERS = st.sampled_from(["anna", "bert", "carl"])


class Waiting:
    """A rotation, and a name for each turn in it."""

    def __init__(self) -> None:
        self.rotation: RoundRobinQueue[Turn] = RoundRobinQueue()
        self.names: dict[Turn, str] = {}
        self._numbers = count()
        self._loop = asyncio.new_event_loop()

    def add(self, caller: str) -> Turn:
        turn = self._loop.create_future()
        self.names[turn] = f"{caller}{next(self._numbers)}"
        self.rotation.add(caller, turn)
        return turn

    def all(self) -> list[str]:
        return [self.names[self.rotation.take()] for _ in range(len(self.rotation))]

    def close(self) -> None:
        self._loop.close()


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def test_callers_take_turns_and_keep_the_order_of_their_own(waiting: Waiting) -> None:
    for caller in ("anna", "anna", "anna", "bert", "carl", "bert"):
        waiting.add(caller)

    assert waiting.all() == ["anna0", "bert3", "carl4", "anna1", "bert5", "anna2"]
    waiting.close()


def test_who_comes_back_goes_to_the_end(waiting: Waiting) -> None:
    for caller in ("anna", "bert"):
        waiting.add(caller)
    assert waiting.names[waiting.rotation.take()] == "anna0"
    waiting.add("anna")

    assert waiting.all() == ["bert1", "anna2"]
    waiting.close()


def test_a_place_is_given_up_once_and_leaves_no_line_behind(waiting: Waiting) -> None:
    first, second = waiting.add("anna"), waiting.add("anna")
    waiting.rotation.remove("anna", first)
    waiting.rotation.remove("anna", first)
    waiting.rotation.remove("bert", first)
    assert (waiting.rotation.waiting("anna"), len(waiting.rotation)) == (1, 1)
    waiting.rotation.remove("anna", second)

    assert (waiting.rotation.waiting("anna"), len(waiting.rotation)) == (0, 0)
    with pytest.raises(StopIteration):
        waiting.rotation.take()
    waiting.close()


@given(st.lists(CALLERS, max_size=12), CALLERS)
def test_a_place_is_reached_after_no_more_turns_than_was_said(others: list[str], caller: str) -> None:
    waiting = Waiting()
    for each in others:
        waiting.add(each)
    said = waiting.rotation.before(caller)
    mine = waiting.add(caller)

    taken = waiting.all().index(waiting.names[mine])
    assert taken <= said <= taken + 2  # the other lines may be ahead by one each, or not
    waiting.close()
