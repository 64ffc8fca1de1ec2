"""The text of a result: every row and value, in as few tokens as a table takes.

Many hosts hand a model only the text of a result, so the text is complete. An object is compact JSON. A list of objects
is a table: keys once instead of in every row, and values shared by all rows once.
"""

from collections.abc import Callable
from typing import Any

import msgspec

Row = dict[str, Any]

# A tab needs no quoting beside JSON values, and costs a model as much as a comma.
GAP = "\t"


def as_text(value: Any) -> str:
    """The text of a result; `value` is what JSON decodes to."""
    if _is_table(value):
        return _table(value)
    if not isinstance(value, dict):
        return compact(value)
    tables = {name: each for name, each in value.items() if _is_table(each)}
    rest = compact({name: each for name, each in value.items() if name not in tables})
    return "\n".join([rest, *(f"{name}: {_table(rows)}" for name, rows in tables.items())])


def compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _is_table(value: Any) -> bool:
    """Two or more objects; one object is shorter as JSON."""
    return isinstance(value, list) and len(value) > 1 and all(isinstance(each, dict) for each in value)


def _table(objects: list[Row]) -> str:
    rows = [_flat(each) for each in objects]
    named = dict.fromkeys(name for row in rows for name in row)
    objects_of = {name[:at] for name in named for at, sign in enumerate(name) if sign == "."}
    # An object that some rows have, and that is null in the others, is told by its own columns.
    columns = [name for name in named if name not in objects_of or any(row.get(name) is not None for row in rows)]
    cells = {name: [_cell(row.get(name)) for row in rows] for name in columns}
    shared = [name for name in columns if len(set(cells[name])) == 1]
    varying = [name for name in columns if name not in shared]
    head = f"{len(rows)} rows"
    if shared:
        head += "; the same in each: " + ", ".join(f"{name}={cells[name][0]}" for name in shared)
    body = map(GAP.join, zip(*(cells[name] for name in varying), strict=True)) if varying else ()
    return "\n".join([head, *([GAP.join(varying)] if varying else []), *body])


def _flat(value: Row, prefix: str = "") -> Row:
    """Nested objects as dotted names: contract.symbol."""
    if not prefix and not any(type(each) is dict for each in value.values()):
        return value
    flat: Row = {}
    for name, each in value.items():
        if isinstance(each, dict) and each:
            flat |= _flat(each, f"{prefix}{name}.")
        else:
            flat[prefix + name] = each
    return flat


def _cell(value: Any) -> str:
    """A value as a model reads it: 100 for 100.0, a plain string without quotes, null and all else as JSON."""
    return SHOWN.get(type(value), compact)(value)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _word(value: str) -> str:
    return value if value and value.isprintable() and value != "null" else compact(value)


# By type, since a table has thousands of cells.
SHOWN: dict[type, Callable[[Any], str]] = {
    float: _number,
    str: _word,
    int: str,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}
