"""The entries of streams as rows, and rows as tables. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.bus.events.event import Cursor, EventPage, SessionEvent
from bridge.bus.events.kept_stream import GAP, KeptPage
from bridge.bus.identity.rights import Rights
from bridge.text.contract_name import contract_name
from mcp_front.streams.summaries import DIGITS, same_in_all, spread_of
from mcp_front.streams.wait_for import told

Row = dict[str, Any]

# The columns of each kind of stream, in order. A value that TWS has not told yet is null.
COLUMNS: dict[str, tuple[str, ...]] = {
    "quotes": (
        "kind", "time", "bid", "bidSize", "ask", "askSize", "last", "lastSize", "volume", "open", "high", "low",
        "close", "halted", "marketDataType", "updates",
    ),
    "depth": ("kind", "time", "book", "updates"),
    "news": ("kind", "time", "providerCode", "articleId", "untrusted_headline", "updates"),
    "bars": ("kind", "time", "open", "high", "low", "close", "volume", "average", "barCount", "updates"),
    "bars5s": ("kind", "time", "open", "high", "low", "close", "volume", "average", "barCount", "updates"),
    "ticks": (
        "kind", "time", "price", "size", "exchange", "specialConditions", "pastLimit", "unreported", "updates",
    ),
    "account": (
        "kind", "time", "tag", "value", "currency", "symbol", "conId", "position", "marketPrice", "marketValue",
        "averageCost", "unrealizedPNL", "realizedPNL", "updates",
    ),
    "orders": (
        "kind", "time", "symbol", "orderKey", "orderRef", "orderId", "permId", "account", "conId", "details",
    ),
}  # fmt: skip


# The columns of each kind that are told once where they are equal in all entries of an answer.
OFTEN_EQUAL: dict[str, tuple[str, ...]] = {
    "quotes": ("kind", "volume", "open", "high", "low", "close", "halted", "marketDataType"),
    "depth": ("kind",),
    "news": ("kind", "providerCode"),
    "bars": ("kind",),
    "bars5s": ("kind",),
    "ticks": ("kind", "exchange", "specialConditions", "pastLimit", "unreported"),
    "account": ("kind", "currency"),
    "orders": ("account",),
}


@dataclass(frozen=True)
class Entries:
    """At most so many rows as were asked for, and where to go on. `more`: there are others already."""

    rows: Sequence[Row]
    next: Cursor
    gap: bool
    missing: int | None
    more: bool

    @property
    def conflated(self) -> int:
        return sum(max(row.get("updates", 1) - 1, 0) for row in self.rows)


def of_events(page: EventPage, limit: int, page_length: int, owner: str, rights: Rights) -> Entries:
    """Return the session's events as rows, without other principals' alerts and without what concerns accounts that the
    client has no right to. A page of `page_length` events may have
    others behind it."""
    own = [each for each in page.events if _is_own(each.event, owner) and may_see(each.event, rights)]
    taken, cut = own[:limit], len(own) > limit
    rows = [told(each.event) for each in taken]
    more = cut or len(page.events) >= page_length
    return Entries(rows, taken[-1].cursor if cut else page.next, page.gap, page.missing, more)


def may_see(event: SessionEvent, rights: Rights) -> bool:
    """Return whether an event concerns an account that the client has a right to, or none. The event of an approval has
    no account, and tells of an order: it is for clients with a right to all accounts."""
    if not rights.accounts:
        return True
    return event.kind != "approval" and (not event.account or rights.has_account(event.account))


def _is_own(event: SessionEvent, owner: str) -> bool:
    """An alert carries the name of its watch, which begins with its owner's tag."""
    return event.kind != "alert" or str(event.details.get("watch", "")).startswith(f"{owner}-")


def of_kept(page: KeptPage, kind: str, limit: int) -> Entries:
    """Return the entries of a kept stream as rows. The page was asked for with one entry more than `limit`."""
    taken = page.entries[:limit]
    rows = [stream_row(kind, each.kind, each.body) | {"updates": each.updates} for each in taken]
    broken = any(each.kind == GAP for each in taken)
    missing = None if broken else page.missing
    next_ = taken[-1].cursor if taken else page.next
    return Entries(rows, next_, page.gap or broken, missing, len(page.entries) > limit)


def stream_row(kind: str, entry_kind: str, body: Mapping[str, Any]) -> Row:
    """Return one update in the columns of its stream. A gap has no values: nothing is known then."""
    contract = body.get("contract")
    found = dict(body)
    if contract:
        found |= {"symbol": contract_name(contract), "conId": contract.get("conId")}
    values = {name: found.get(name) for name in COLUMNS[kind]}
    return values | {"kind": entry_kind, "updates": 1}


def as_table(kind: str, rows: Iterable[Row]) -> list[list[Any]]:
    """Return the rows without their columns' names."""
    return [[row[name] for name in COLUMNS[kind]] for row in rows]


def as_factored(kind: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return `same`, `columns` and `rows`: what is equal in all rows stands once in `same`, and in no row."""
    same = same_in_all(rows, OFTEN_EQUAL[kind])
    columns = [name for name in COLUMNS[kind] if name not in same]
    return {"same": same, "columns": columns, "rows": [[row[name] for name in columns] for row in rows]}


SUMMARY = ("value", "first", "last", "low", "high", "mean")
SPREAD = "spread"  # of a quote: ask less bid


def as_summary(kind: str, rows: Sequence[Row]) -> list[list[Any]]:
    """Return a row of SUMMARY's columns for each value that is a number in some entry; of quotes the spread first."""
    series: dict[str, list[Any]] = (
        {SPREAD: [spread_of(row["bid"], row["ask"]) for row in rows]} if kind == "quotes" else {}
    )
    series |= {name: [row[name] for row in rows] for name in COLUMNS[kind] if name != "updates"}
    told = {name: [each for each in values if _is_number(each)] for name, values in series.items()}
    return [[name, *_course(values)] for name, values in told.items() if values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _course(values: Sequence[float]) -> list[float]:
    return [values[0], values[-1], min(values), max(values), round(sum(values) / len(values), DIGITS)]
