"""Answers that are kept for their own time."""

from ib_worker.pacing.reference_data import KEPT, ReferenceData


def test_an_answer_is_there_until_its_time_is_over() -> None:
    now = [0.0]
    kept = ReferenceData(lambda: now[0])
    kept.keep("day", "a", 86_400)
    kept.keep("hour", "b", 3_600)

    now[0] = 3_600

    assert (kept.get("day"), kept.get("hour"), kept.get("never")) == ("a", None, None)


def test_the_oldest_answer_goes_first() -> None:
    kept = ReferenceData(lambda: 0.0)
    for number in range(KEPT):
        kept.keep(number, "x", 60)
    kept.keep(0, "y", 60)  # it is the youngest now
    kept.keep("one more", "z", 60)

    assert (kept.get(0), kept.get(1), kept.get("one more")) == ("y", None, "z")
