"""Columns once, and what rows have in common once."""

from ib_worker.answers.tables import table

ROWS = [
    {"symbol": "A", "name": "A", "side": "BOT", "shares": 1},
    {"symbol": "B", "name": "B", "side": "BOT", "shares": 2},
]
COLUMNS = ["symbol", "name", "side", "shares", "strike"]


def test_what_is_the_same_or_a_copy_stands_once() -> None:
    assert table(ROWS, COLUMNS, chosen=False) == {
        "same": {"side": "BOT"}, "copies": {"name": "symbol"}, "columns": ["symbol", "shares"],
        "rows": [["A", 1], ["B", 2]],
    }  # fmt: skip


def test_one_row_has_nothing_in_common() -> None:
    assert table(ROWS[:1], COLUMNS, chosen=False) == {"columns": COLUMNS[:4], "rows": [["A", "A", "BOT", 1]]}


def test_chosen_columns_are_told_as_they_are() -> None:
    assert table(ROWS, ["strike", "side"], chosen=True) == {
        "columns": ["strike", "side"], "rows": [[None, "BOT"], [None, "BOT"]],
    }  # fmt: skip


def test_a_stocks_class_tells_nothing_that_its_symbol_does_not() -> None:
    stocks = [{"symbol": each, "secType": "STK", "tradingClass": "NMS"} for each in "AB"]
    mixed = [stocks[0], stocks[1] | {"secType": "OPT"}]

    assert "tradingClass" not in str(table(stocks, list(stocks[0]), chosen=False))
    assert "tradingClass" in str(table(mixed, list(stocks[0]), chosen=False))
