"""The order book from TWS's changes."""

from ib_worker.market_data.depth_book import (
    ASK,
    BID,
    DEEPEST,
    DELETE,
    INSERT,
    UPDATE,
    BookChange,
    DepthBook,
    depth_lines,
    is_whole,
)


def test_rows_are_inserted_changed_and_deleted_by_position() -> None:
    book = DepthBook(
        [
            BookChange(0, INSERT, BID, 10.0, 5, "ARCA"),
            BookChange(1, INSERT, BID, 9.0, 6),
            BookChange(0, INSERT, BID, 11.0, 7, "NYSE"),  # the others move down
            BookChange(2, UPDATE, BID, 8.5, 2.5),
            BookChange(1, DELETE, BID, 0, 0),
            BookChange(0, INSERT, ASK, 12.0, 1),
        ]
    )

    assert book.rows(5) == [["NYSE", 7, 11.0, 12.0, 1, None], [None, 2.5, 8.5, None, None, None]]
    assert len(book.rows(1)) == 1


def test_a_change_beyond_the_end_breaks_nothing() -> None:
    book = DepthBook(
        [
            BookChange(7, UPDATE, ASK, 12.0, 1),
            BookChange(9, DELETE, ASK, 0, 0),
            BookChange(-1, INSERT, ASK, 1.0, 1),
            BookChange(0, INSERT, 5, 1.0, 1),
        ]
    )

    assert book.rows(10) == [[None, None, None, 12.0, 1, None]]


def test_a_side_has_ten_rows_at_most() -> None:
    changes = [BookChange(0, INSERT, side, 10.0, 1) for side in (BID, ASK) for _ in range(DEEPEST)]

    assert is_whole(changes)
    assert not is_whole(changes[:-1])
    assert len(DepthBook([*changes, *changes]).rows(99)) == DEEPEST


def test_a_row_without_a_size_has_no_price_and_a_text_is_short() -> None:
    (row,) = DepthBook([BookChange(0, INSERT, BID, -1.0, 0, "A\u202e" + "x" * 99)]).rows(1)

    assert row[2] is None
    assert len(str(row[0])) == 16


def test_an_account_has_three_books_and_one_more_for_every_hundred_lines() -> None:
    assert [depth_lines(lines) for lines in (0, 100, 400, 500, 9_999)] == [3, 3, 4, 5, 60]
