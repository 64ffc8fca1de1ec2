"""Answers that are kept: only the very same rows have the same answer, and what is kept stays small."""

import pytest

from ib_worker.answers import kept_answers
from ib_worker.answers.kept_answers import KeptAnswers
from ib_worker.answers.shapes import EncodedAnswer

ASKED = ("get_positions", b"{}")
ANSWER: EncodedAnswer[list[object]] = EncodedAnswer(b"[1]", None)


def test_the_same_rows_have_the_same_answer() -> None:
    rows, kept = [object(), object()], KeptAnswers()
    kept.keep(ASKED, rows, 2, ANSWER)

    assert kept.find(ASKED, list(rows), 2) is ANSWER


@pytest.mark.parametrize("change", ["another row", "fewer rows", "another order", "another count", "another question"])
def test_whatever_else_changes_has_none(change: str) -> None:
    rows, kept = [[1], [2]], KeptAnswers()
    kept.keep(ASKED, rows, 2, ANSWER)
    now = {"another row": [rows[0], [2]], "fewer rows": rows[:1], "another order": rows[::-1]}.get(change, rows)
    question = ("get_positions", b'{"account":"DU1"}') if change == "another question" else ASKED

    assert kept.find(question, now, 3 if change == "another count" else 2) is None


def test_a_new_answer_takes_the_place_of_the_earlier_one() -> None:
    old, new, kept = [object()], [object()], KeptAnswers()
    kept.keep(ASKED, old, 1, ANSWER)
    kept.keep(ASKED, new, 1, EncodedAnswer(b"[2]", None))

    assert kept.find(ASKED, old, 1) is None
    assert kept.find(ASKED, new, 1) == EncodedAnswer(b"[2]", None)


def test_a_long_answer_is_not_kept() -> None:
    rows, kept = [object()], KeptAnswers()
    kept.keep(ASKED, rows, 1, EncodedAnswer(b"x" * (kept_answers.LONGEST_BYTES + 1), None))

    assert kept.find(ASKED, rows, 1) is None


def test_the_answers_together_have_a_bound_and_the_least_used_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "KEPT_BYTES", 9)
    rows, kept = [object()], KeptAnswers()
    questions = [("get_positions", b"%d" % number) for number in range(4)]
    for question in questions[:3]:
        kept.keep(question, rows, 1, ANSWER)
    kept.find(questions[0], rows, 1)
    kept.keep(questions[3], rows, 1, ANSWER)

    assert [kept.find(question, rows, 1) is not None for question in questions] == [True, False, True, True]
