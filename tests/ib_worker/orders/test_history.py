"""The first and the latest entries of an order's history stay, however long it lives."""

from datetime import UTC, datetime

from ib_worker.orders.history import LIFE_EVENTS, HistoryEntry, appended

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


def entries(count: int) -> list[str]:
    life: tuple[HistoryEntry, ...] = ()
    for number in range(count):
        life = appended(life, HistoryEntry(AT, "orderStatus", str(number)))
    return [each.what for each in life]


def test_a_short_history_is_whole() -> None:
    assert entries(LIFE_EVENTS) == [str(number) for number in range(LIFE_EVENTS)]


def test_of_a_long_history_the_middle_is_left_out() -> None:
    half = LIFE_EVENTS // 2
    kept = entries(1000)

    assert kept == [str(number) for number in (*range(half), *range(1000 - half, 1000))]
