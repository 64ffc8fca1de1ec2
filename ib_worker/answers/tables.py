"""A list as a table: the names of its columns once, and a list of values for each row. Pure.

What is the same in every row stands once in `same`, and a column that repeats another in every row is named in `copies`
with the other's name: accounts, types and currencies are most of a short table otherwise.
"""

from collections.abc import Sequence
from typing import Any

from bridge.text.numbers import shortest
from bridge.tools.account import AccountSummaryValue

Cells = dict[str, Any]  # a row's values by column

OF_CLASSES = ("localSymbol", "tradingClass")  # tell options and futures apart; a stock has its symbol and conId
FEWEST = 2  # rows that can have something in common


def table(rows: Sequence[Cells], columns: Sequence[str], *, chosen: bool) -> dict[str, Any]:
    """Return `columns` and `rows`. A column is there if any row has the field; a row without it has null. Columns that
    the caller has chosen are all there, in the caller's order."""
    of_stocks = bool(rows) and all(row.get("secType") == "STK" for row in rows)
    needless = OF_CLASSES if of_stocks and not chosen else ()
    there = [name for name in columns if chosen or any(name in row for row in rows)]
    there = [name for name in there if name not in needless]
    if chosen or len(rows) < FEWEST:
        return _told(rows, there)
    lists = {name: [row.get(name) for row in rows] for name in there}
    same = {name: cells[0] for name, cells in lists.items() if all(each == cells[0] for each in cells)}
    copies = _copies({name: cells for name, cells in lists.items() if name not in same})
    told = _told(rows, [name for name in there if name not in same and name not in copies])
    return {name: each for name, each in (("same", same), ("copies", copies)) if each} | told


def _told(rows: Sequence[Cells], columns: list[str]) -> dict[str, Any]:
    return {"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]}


def _copies(lists: dict[str, list[Any]]) -> dict[str, str]:
    """Return the columns that repeat an earlier one in every row, with that one's name."""
    copies: dict[str, str] = {}
    for name, cells in lists.items():
        original = next((other for other in lists if other not in copies and lists[other] == cells), name)
        if original != name:
            copies[name] = original
    return copies


def by_currency(values: Sequence[AccountSummaryValue]) -> list[Cells]:
    """Return a row for each account and tag, with a column for each currency; `value` is that of none."""
    rows: dict[tuple[str, str], Cells] = {}
    for each in values:
        row = rows.setdefault((each.account, each.tag), {"account": each.account, "tag": each.tag})
        row[each.currency or "value"] = shortest(each.value)
    return list(rows.values())
