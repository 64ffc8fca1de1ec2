"""Keeps the JSON of recent lists: the same question about the same rows has the same answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any

from ib_worker.answers.shapes import EncodedAnswer

KEPT = 64  # questions
KEPT_BYTES = 1024 * 1024  # of all answers together; the rows that they were made of take several times as much
LONGEST_BYTES = 64 * 1024  # of one

Question = tuple[str, bytes]  # an operation and its arguments, as they came


@dataclass(frozen=True)
class _Kept:
    rows: tuple[Any, ...]
    of: int
    answer: EncodedAnswer[Any]


class KeptAnswers:
    """Answers by their question, the least recently used first. Rows are values that nobody changes, so an answer holds
    as long as its rows are the very same objects: a change of a position, a contract or a bar is a new object."""

    def __init__(self) -> None:
        self._kept: dict[Question, _Kept] = {}
        self._bytes = 0

    def find(self, question: Question, rows: Sequence[Any], of: int) -> EncodedAnswer[Any] | None:
        """Return the answer that these rows had, None where it is not known."""
        kept = self._kept.get(question)
        if kept is None or kept.of != of or len(kept.rows) != len(rows) or not all(map(is_, kept.rows, rows)):
            return None
        self._kept[question] = self._kept.pop(question)
        return kept.answer

    def keep(self, question: Question, rows: Sequence[Any], of: int, answer: EncodedAnswer[Any]) -> None:
        """Keep an answer in place of an earlier one, if it is not too long."""
        self._drop(question)
        if len(answer.json) > LONGEST_BYTES:
            return
        self._kept[question] = _Kept(tuple(rows), of, answer)
        self._bytes += len(answer.json)
        while len(self._kept) > KEPT or self._bytes > KEPT_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, question: Question) -> None:
        dropped = self._kept.pop(question, None)
        self._bytes -= len(dropped.answer.json) if dropped is not None else 0
