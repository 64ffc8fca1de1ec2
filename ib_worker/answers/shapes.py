"""The forms of a list's answer: objects, a table, or a summary; and how many rows fit into it. Pure.

An answer is formed before it is encoded: what a caller does not want costs neither the bus nor the front.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, Literal, TypeGuard, TypeVar, get_args

import msgspec
from pydantic import BaseModel

from bridge.text.numbers import shortest
from bridge.tool import ToolError, ToolRequest
from bridge.tools.account import AccountSummaryValue
from bridge.tools.order_report import OrderReport
from bridge.tools.types import ListArguments
from ib_worker.answers.bounds import ANSWER_BYTES, BOUNDS, WHOLE_BYTES, Bound
from ib_worker.answers.summaries import SUMMARIES, summary_of
from ib_worker.answers.tables import Cells, by_currency, table

EMPTY: tuple[Any, ...] = (None, "", [])
Path = tuple[str, ...]  # of a field in a row: ("contract", "symbol")

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Shape:
    """The form that a caller wants an answer in. `columns`: the path of each field by the column's name."""

    format: Literal["objects", "table", "summary"]
    limit: int | None
    columns: dict[str, Path]
    chosen: bool  # the caller has named the fields

    @property
    def whole(self) -> bool:
        """Return whether objects are told with all their fields."""
        return self.format == "objects" and not self.chosen


@dataclass(frozen=True)
class EncodedAnswer(Generic[T]):
    """The JSON of a T, a list, or of its table or summary; and how much of the list it has, None where that is all."""

    json: bytes
    truncated: dict[str, Any] | None


@dataclass(frozen=True)
class ListSource(Generic[T]):
    """The items of which a T, a list, is made; none of it where the answer of these very items is known. `of`: how many
    rows there are in all."""

    items: Sequence[Any]
    convert: Callable[[Any], BaseModel]
    of: int


def shape_of(request: ToolRequest, returns: Any) -> Shape:
    """Return the form that a request asks for. Raises ToolError invalid_arguments for a field that a row does not
    have."""
    row = get_args(returns)[0]
    known = columns_of(row)
    if not isinstance(request, ListArguments):
        return Shape("objects", None, known, chosen=False)
    if request.format == "summary" and row not in SUMMARIES:
        raise ToolError(
            "invalid_arguments", "format: this list has no summary. Use objects or table.", fields=["format"]
        )
    if request.fields is None:
        columns = known if request.format == "objects" else _usual(row, known)
        return Shape(request.format, request.limit, columns, chosen=False)
    return Shape(request.format, request.limit, _chosen(request.fields, known), chosen=True)


def _usual(row: type[BaseModel], known: dict[str, Path]) -> dict[str, Path]:
    """Return the columns of a table whose caller has named none: not those that a row declares `only_if_named`."""
    left_out: frozenset[str] = getattr(row, "only_if_named", frozenset())
    return {name: path for name, path in known.items() if name not in left_out}


@cache
def columns_of(row: type[BaseModel]) -> dict[str, Path]:
    """Return the path of each field by the name of its column. A nested field's own name is its column, and where two
    have the same one, its path: contract.symbol."""
    paths = list(_paths(row))
    names = [path[-1] for path in paths]
    return {path[-1] if names.count(path[-1]) == 1 else ".".join(path): path for path in paths}


def _paths(row: type[BaseModel]) -> Iterator[Path]:
    for name, field in row.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((name, *path) for path in _paths(kind))
        else:
            yield (name,)


def _chosen(fields: Sequence[str], known: dict[str, Path]) -> dict[str, Path]:
    """Return the columns of the named fields: by a column's name, a path, or the name of a nested object."""
    chosen: dict[str, Path] = {}
    for field in fields:
        path = tuple(field.split("."))
        found = {name: each for name, each in known.items() if name == field or each[: len(path)] == path}
        if not found:
            raise ToolError(
                "invalid_arguments",
                f"fields: there is no {field}. There are {', '.join(known)}. Nothing was requested from TWS.",
                fields=["fields"],
            )
        chosen |= found
    return chosen


def shaped(
    operation: str,
    rows: Sequence[R],
    of: int,
    shape: Shape,
    narrow: Callable[[R], str] | None = None,
    least: int = 0,
) -> EncodedAnswer[Any]:
    """Return the rows in the form that is wanted, as many as fit. `of`: how many there are in all; `least`: how many
    are told whatever their length; `narrow`: how to get the others by the first of those that are told, where the
    bound's own words do not say."""
    bound, shape = BOUNDS.get(operation, Bound(narrow="Request less.")), _with_warnings(operation, rows, shape)
    if shape.format == "summary":
        summary = {"count": of, "summary": summary_of(rows)}
        return EncodedAnswer(msgspec.json.encode(summary), _cut(bound, len(rows), of, bound.narrow))
    if shape.format == "table" and shape.limit is None and not shape.chosen and _are_account_values(rows):
        return EncodedAnswer(_of_currencies(rows), None)
    told = _fitting(rows, bound, shape, least)
    cut = _cut(bound, len(told), of, narrow(told[0][0]) if narrow and told else _narrow(bound, shape))
    if shape.format == "table":
        count: dict[str, Any] = {"count": of}
        cells = [each for _, each, _ in told]
        sparse = not shape.chosen and bool(rows) and isinstance(rows[0], OrderReport)
        rest = table(cells, _filled(shape.columns, cells) if sparse else list(shape.columns), chosen=shape.chosen)
        return EncodedAnswer(msgspec.json.encode(count | rest), cut)
    return EncodedAnswer(b"[" + b",".join(row for _, _, row in told) + b"]", cut)


def _with_warnings(operation: str, rows: Sequence[BaseModel], shape: Shape) -> Shape:
    """Return the shape with the messages of open orders, where one has any: that is a warning, and whoever chooses the
    fields has not chosen against it."""
    if operation != "get_open_orders" or not shape.chosen:
        return shape
    warned = any(isinstance(each, OrderReport) and each.message for each in rows)
    return replace(shape, columns=shape.columns | {"message": ("message",)}) if warned else shape


def _filled(columns: Iterable[str], rows: Sequence[Cells]) -> list[str]:
    """Return the columns that tell something in a row: an order has many fields, and few orders use most of them."""
    return [name for name in columns if any(row.get(name) not in EMPTY for row in rows)]


def _are_account_values(rows: Sequence[Any]) -> TypeGuard[Sequence[AccountSummaryValue]]:
    return bool(rows) and isinstance(rows[0], AccountSummaryValue)


def _of_currencies(values: Sequence[AccountSummaryValue]) -> bytes:
    """Return the table of account values: a tag is told once for all currencies."""
    rows = by_currency(values)
    columns = dict.fromkeys(name for row in rows for name in row)
    counted: dict[str, Any] = {"count": len(rows)}
    return msgspec.json.encode(counted | table(rows, list(columns), chosen=False))


def _cut(bound: Bound, rows: int, of: int, narrow: str) -> dict[str, Any] | None:
    """Return how much of a list is told, None where that is all."""
    return None if rows >= of else {"rows": rows, "of": of, "newest": bound.newest, "narrow": narrow}


def _narrow(bound: Bound, shape: Shape) -> str:
    """Return how to get the rows that are left out: whoever has given a limit needs no advice to give one."""
    if shape.limit is None:
        return bound.narrow
    return f"A limit above {shape.limit} returns {'earlier rows' if bound.newest else 'more rows'} too."


def _fitting(rows: Sequence[R], bound: Bound, shape: Shape, least: int) -> list[tuple[R, Cells, bytes]]:
    """Return the rows that fit, each as it came, as cells, and as JSON. Raises ToolError too_large for a list that is
    never cut."""
    encode = _whole if shape.whole else _row_of(shape)
    room = _room(bound, shape)
    wanted = rows if shape.limit is None else (rows[-shape.limit :] if bound.newest else rows[: shape.limit])
    told: list[tuple[R, Cells, bytes]] = []
    size = 2
    for each in reversed(wanted) if bound.newest else wanted:
        cells, row = encode(each)
        size += len(row) + 1
        if size > ANSWER_BYTES if len(told) < least else size > room:
            if shape.limit is None and bound.rows is None:
                raise _too_long(bound, len(rows))
            break
        told.append((each, cells, row))
    if bound.newest:
        told.reverse()
    return told


def _room(bound: Bound, shape: Shape) -> int:
    """Return the most bytes of the rows: fewer where nobody has said how many rows are wanted."""
    if shape.limit is not None:
        return ANSWER_BYTES
    return WHOLE_BYTES if bound.rows is None else bound.default_bytes


def _too_long(bound: Bound, rows: int) -> ToolError:
    return ToolError(
        "too_large",
        f"limit: the {rows:,} rows are longer than {WHOLE_BYTES // 1024:,} KiB, the most of one answer. {bound.narrow} "
        f"Or use format table, fields, or a limit.",
        rows=rows,
    )


def _whole(row: BaseModel) -> tuple[Cells, bytes]:
    return {}, row.model_dump_json().encode()


def _row_of(shape: Shape) -> Callable[[BaseModel], tuple[Cells, bytes]]:
    """Return what makes a row of the table, or an object of the chosen fields."""

    def row(each: BaseModel) -> tuple[Cells, bytes]:
        whole = each.model_dump(mode="json")
        if shape.format == "objects":
            return {}, msgspec.json.encode(_picked(whole, shape.columns))
        cells = {name: _cell(whole, path) for name, path in shape.columns.items() if _has(whole, path)}
        return cells, msgspec.json.encode(list(cells.values()))

    return row


def _picked(whole: dict[str, Any], columns: dict[str, Path]) -> dict[str, Any]:
    """Return the chosen fields where they stand in the object."""
    picked: dict[str, Any] = {}
    for path in columns.values():
        if _has(whole, path):
            inner = picked
            for name in path[:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = _cell(whole, path)
    return picked


def _has(whole: dict[str, Any], path: Path) -> bool:
    for name in path:
        if name not in whole:
            return False
        whole = whole[name]
    return True


def _cell(whole: dict[str, Any], path: Path) -> Any:
    value: Any = whole
    for name in path:
        value = value[name]
    return shortest(value)
