"""Answers that are kept for their own time."""

from ib_worker.pacing.reference_data import KEPT, KEPT_CHARS, ReferenceData


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


def test_what_is_kept_longest_is_not_pushed_out_by_articles() -> None:
    kept = ReferenceData(lambda: 0.0)
    kept.keep("scanner parameters", "x", 86_400)
    for number in range(KEPT + 10):
        kept.keep(number, "article", 600)

    assert (kept.get("scanner parameters"), kept.get(0), kept.get(KEPT + 9)) == ("x", None, "article")


def test_long_texts_leave_when_they_are_too_much_together() -> None:
    kept = ReferenceData(lambda: 0.0)
    for number in range(5):
        kept.keep(number, "text", 600, KEPT_CHARS // 4)

    assert [kept.get(number) for number in range(5)] == [None, "text", "text", "text", "text"]
    assert kept.chars <= KEPT_CHARS
