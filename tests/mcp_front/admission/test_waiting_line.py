"""Requests that wait: in rotation at each level of who asks, and the longest line gives way."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_front.admission.waiting_line import Path, Turn, WaitingLine

PATHS = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from("12"))
STEPS = st.sampled_from(["keep", "remove", "take", "drop"])


class Waiting:
    """A line, and a name for each turn in it."""

    def __init__(self) -> None:
        self.line = WaitingLine()
        self.names: dict[Turn, str] = {}
        self._numbers = count()
        self._loop = asyncio.new_event_loop()

    def add(self, *path: str, size: int = 1) -> Turn:
        turn = Turn(self._loop.create_future(), size)
        self.names[turn] = f"{'/'.join(path)}-{next(self._numbers)}"
        self.line.add(path, turn)
        return turn

    def all(self) -> list[str]:
        names = []
        while (turn := self.line.take()) is not None:
            names.append(self.names[turn])
        return names

    def close(self) -> None:
        self._loop.close()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.close()


def test_one_connection_is_served_in_the_order_of_its_requests(waiting: Waiting) -> None:
    for _ in range(3):
        waiting.add("a", "x", "1")

    assert waiting.all() == ["a/x/1-0", "a/x/1-1", "a/x/1-2"]


def test_another_principal_is_next_however_many_labels_and_connections_one_has(waiting: Waiting) -> None:
    for number in range(50):
        waiting.add("hungry", f"name {number}", f"127.0.0.1:{number}")
    for _ in range(2):
        waiting.add("quiet", "claude", "127.0.0.1:1")

    places = [place for place, name in enumerate(waiting.all()) if name.startswith("quiet")]
    assert places == [1, 3]


def test_another_label_of_one_principal_is_next_however_many_connections_one_has(waiting: Waiting) -> None:
    for number in range(50):
        waiting.add("local", "hungry", f"127.0.0.1:{number}")
    waiting.add("local", "quiet", "127.0.0.1:99")

    assert waiting.all()[1] == "local/quiet/127.0.0.1:99-50"


def test_clients_without_names_take_turns_by_connection(waiting: Waiting) -> None:
    for _ in range(20):
        waiting.add("local", "127.0.0.1", "127.0.0.1:1")
    waiting.add("local", "127.0.0.1", "127.0.0.1:2")

    assert waiting.all()[1] == "local/127.0.0.1/127.0.0.1:2-20"


def test_whoever_may_not_is_passed_over_and_keeps_its_turn(waiting: Waiting) -> None:
    first = waiting.add("local", "hungry", "1")
    second = waiting.add("local", "quiet", "2")

    assert waiting.line.take(lambda path: path[1:2] != ("hungry",)) is second
    assert waiting.line.take(lambda path: path[1:2] != ("hungry",)) is None
    assert waiting.line.size == 1
    assert waiting.line.take() is first


def test_the_newest_of_whoever_has_most_bytes_waiting_gives_way(waiting: Waiting) -> None:
    waiting.add("many", "x", "1")
    waiting.add("many", "x", "1")
    waiting.add("large", "x", "1", size=2)
    waiting.add("large", "y", "1", size=5)

    assert waiting.names[waiting.line.drop()] == "large/y/1-3"
    assert waiting.line.size_of(("large",)) == 2
    assert waiting.line.size_of(("large", "y")) == 0


@given(st.lists(st.tuples(PATHS, STEPS)))
def test_sizes_are_those_of_the_turns_that_are_left(steps: list[tuple[Path, str]]) -> None:
    waiting, gone = Waiting(), set[Turn]()
    turns = [(path, waiting.add(*path, size=number + 1)) for number, (path, _) in enumerate(steps)]
    for (path, turn), (_, step) in zip(turns, steps, strict=True):
        if step == "remove":
            assert waiting.line.remove(path, turn) == (turn not in gone)
            gone.add(turn)
        elif step in ("take", "drop") and waiting.line:
            turn_gone = waiting.line.take() if step == "take" else waiting.line.drop()
            assert turn_gone is not None  # somebody waits
            gone.add(turn_gone)
    left = [(path, turn) for path, turn in turns if turn not in gone]
    sizes = [waiting.line.size_of(path[:2]) for path, _ in turns]
    size, names = waiting.line.size, sorted(waiting.all())
    waiting.close()

    assert size == sum(turn.size for _, turn in left)
    assert sizes == [sum(turn.size for each, turn in left if each[:2] == path[:2]) for path, _ in turns]
    assert names == sorted(waiting.names[turn] for _, turn in left)
