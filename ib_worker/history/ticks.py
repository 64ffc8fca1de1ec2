"""Pages of historical ticks: which ticks of TWS's answers a page has, and where the next one begins. Pure.

TWS's times have whole seconds, and many ticks have the same one. TWS cuts an answer at the end of a second and not
inside (IBKR's page on historical ticks), so an answer and a count of its ticks name a place exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from bridge.text.end_of_history import TWS_UTC
from bridge.tools.types import Cell
from ib_worker.tws.values import unset

MOST_TICKS = 1_000  # that TWS sends for one request, beside those of the second at which it cuts


@dataclass(frozen=True)
class TickPosition:
    """A place in a series: after `skip` ticks, counted from the beginning of `second` on, or backward from its end."""

    forward: bool
    second: int  # since the epoch
    skip: int = 0

    @classmethod
    def of(cls, cursor: str) -> "TickPosition":
        second, skip = cursor[1:].split(".")
        return cls(cursor[0] == "f", int(second), int(skip))

    @property
    def cursor(self) -> str:
        return f"{'f' if self.forward else 'b'}{self.second}.{self.skip}"

    @property
    def start(self) -> str:
        """TWS's startDateTime; empty where the series is read backward."""
        return _tws_time(self.second) if self.forward else ""

    @property
    def end(self) -> str:
        """TWS's endDateTime: a second later, so that the last one is there whether TWS includes its end or not."""
        return "" if self.forward else _tws_time(self.second + 1)


@dataclass(frozen=True)
class TickPage:
    """The ticks of one page, oldest first, and the place of the next one; None where TWS has no more."""

    ticks: list[Any]
    following: TickPosition | None


def page(found: Sequence[Any], place: TickPosition, limit: int, until: int | None = None) -> TickPage:
    """Return the page at a place of TWS's answer to it. `until`: the last second of a series that is read forward."""
    full = len(found) >= MOST_TICKS
    read = _forward if place.forward else _backward
    return read(found, place, limit, until, full)


def _forward(found: Sequence[Any], place: TickPosition, limit: int, until: int | None, full: bool) -> TickPage:
    inside = [tick for tick in found if until is None or _second(tick) <= until]
    ticks = inside[place.skip : place.skip + limit]
    taken = place.skip + len(ticks)
    if taken < len(inside):
        return TickPage(ticks, TickPosition(True, place.second, taken))
    if not full or len(inside) < len(found):
        return TickPage(ticks, None)
    last = _second(found[-1])
    if last == place.second:  # one second has more ticks than TWS sends: what is left of it can't be had
        return TickPage(ticks, TickPosition(True, last + 1))
    return TickPage(ticks, TickPosition(True, last, sum(_second(tick) == last for tick in found)))


def _backward(found: Sequence[Any], place: TickPosition, limit: int, _: int | None, full: bool) -> TickPage:
    inside = [tick for tick in found if _second(tick) <= place.second]
    end = max(len(inside) - place.skip, 0)
    ticks = inside[max(end - limit, 0) : end]
    taken = place.skip + len(ticks)
    if taken < len(inside):
        return TickPage(ticks, TickPosition(False, place.second, taken))
    if not full:
        return TickPage(ticks, None)
    first = _second(found[0])
    if first >= place.second:
        return TickPage(ticks, TickPosition(False, place.second - 1))
    return TickPage(ticks, TickPosition(False, first, sum(_second(tick) == first for tick in found)))


def _second(tick: Any) -> int:
    return int(tick.time.timestamp())


def _tws_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(TWS_UTC)


def _price(tick: Any, name: str) -> Cell:
    return _number(unset.number(getattr(tick, name)))


def _number(value: float | None) -> Cell:
    return int(value) if value is not None and value.is_integer() else value


def _trade(tick: Any) -> dict[str, Cell]:
    return {
        "price": _price(tick, "price"),
        "size": _price(tick, "size"),
        "exchange": unset.text(tick.exchange),
        "specialConditions": unset.text(tick.specialConditions),
        "pastLimit": tick.tickAttribLast.pastLimit,
        "unreported": tick.tickAttribLast.unreported,
    }


def _sides(tick: Any) -> dict[str, Cell]:
    """A side without a quote has the price -1 or 0, and no size."""
    bid = unset.value("tickPrice.quote", tick.priceBid, backed=unset.is_something(tick.sizeBid))
    ask = unset.value("tickPrice.quote", tick.priceAsk, backed=unset.is_something(tick.sizeAsk))
    return {
        "bid": _number(bid),
        "bidSize": _price(tick, "sizeBid"),
        "ask": _number(ask),
        "askSize": _price(tick, "sizeAsk"),
    }


def _middle(tick: Any) -> dict[str, Cell]:
    return {"price": _price(tick, "price")}


CELLS: dict[str, Callable[[Any], dict[str, Cell]]] = {"TRADES": _trade, "BID_ASK": _sides, "MIDPOINT": _middle}
EMPTY = {"TRADES": ("price", "size"), "BID_ASK": ("bid", "bidSize", "ask", "askSize"), "MIDPOINT": ("price",)}


def table(ticks: Sequence[Any], whatToShow: str, where: tzinfo) -> tuple[dict[str, Cell], list[str], list[list[Cell]]]:
    """Return what is equal in all rows, the columns of the rest, and the rows."""
    rows = [_when(tick, where) | CELLS[whatToShow](tick) for tick in ticks]
    columns = list(rows[0]) if rows else ["time", *EMPTY[whatToShow]]
    same = {name: rows[0][name] for name in columns if len(rows) > 1 and len({row[name] for row in rows}) == 1}
    kept = [name for name in columns if name not in same]
    return same, kept, [[row[name] for name in kept] for row in rows]


def _when(tick: Any, where: tzinfo) -> dict[str, Cell]:
    local = tick.time.astimezone(where)
    return {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M:%S}", "utcOffset": local.isoformat()[-6:]}
