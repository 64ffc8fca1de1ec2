"""The text of a result holds all of it, and a list costs less than its JSON."""

import msgspec
import pytest

from mcp_front.protocol.text_tables import as_text, compact

BARS = [
    {"date": f"2025-01-{day:02}", "open": 100.0 + day, "close": 100.25 + day, "volume": 1e6, "barCount": None}
    for day in range(1, 29)
]


def test_object_is_its_json() -> None:
    value = {"is_connected": False, "cause": "no gateway", "farms": {}, "since": None}

    assert msgspec.json.decode(as_text(value)) == value


def test_list_is_a_table_with_every_row() -> None:
    lines = as_text(BARS).splitlines()

    assert lines[0] == "28 rows; the same in each: volume=1000000, barCount=null"
    assert lines[1] == "date\topen\tclose"
    assert lines[2] == "2025-01-01\t101\t101.25"
    assert len(lines) == 2 + len(BARS)


def test_table_is_less_than_half_of_the_json() -> None:
    assert len(as_text(BARS)) < len(compact(BARS)) / 2


def test_nested_object_becomes_dotted_columns() -> None:
    rows = [{"contract": {"symbol": symbol, "strike": None}, "position": size} for symbol, size in (("A", 1), ("B", 2))]

    assert as_text(rows) == ("2 rows; the same in each: contract.strike=null\ncontract.symbol\tposition\nA\t1\nB\t2")


def test_object_that_only_some_rows_have_is_not_said_to_be_null_in_each() -> None:
    rows = [{"alertId": "a", "happened": None}, {"alertId": "b", "happened": {"symbol": "TSLA", "price": 266.34}}]

    assert as_text(rows) == ("2 rows\nalertId\thappened.symbol\thappened.price\na\tnull\tnull\nb\tTSLA\t266.34")


def test_list_inside_an_object_is_a_table_after_it() -> None:
    text = as_text({"symbol": "SPY", "sample": [{"bid": 1.5}, {"bid": 2.5}]})

    assert text == '{"symbol":"SPY"}\nsample: 2 rows\nbid\n1.5\n2.5'


def test_rows_that_are_all_the_same_are_said_once() -> None:
    assert as_text([{"a": 1}, {"a": 1}]) == "2 rows; the same in each: a=1"


@pytest.mark.parametrize("value", [[], [{"a": 1}], "text", None, [1, 2]])
def test_short_value_is_its_json(value: object) -> None:
    assert as_text(value) == compact(value)


@pytest.mark.fault(102)
@pytest.mark.parametrize(
    ("cell", "shown"),
    [("a\tb", '"a\\tb"'), ("a\nb", '"a\\nb"'), ("", '""'), ("null", '"null"'), (None, "null"), ([1], "[1]"),
     (True, "true"), (1e300, "1e+300"), (-0.5, "-0.5"), ({}, "{}")],
)  # fmt: skip
def test_cell_cannot_be_taken_for_another_value_or_break_its_row(cell: object, shown: str) -> None:
    assert as_text([{"a": cell, "b": 1}, {"a": 0, "b": 2}]).splitlines()[2] == f"{shown}\t1"


def test_rows_with_different_keys_keep_their_columns_apart() -> None:
    assert as_text([{"a": 1}, {"b": 2}]).splitlines()[1:] == ["a\tb", "1\tnull", "null\t2"]
