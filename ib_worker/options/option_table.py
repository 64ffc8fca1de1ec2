"""The quotes of many options as one table. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bridge.text.contract_name import contract_name
from bridge.text.numbers import shortest
from bridge.tools.market.options import OptionFailure
from bridge.tools.types import Cell
from ib_worker.market_data.quote import OptionGreeks
from ib_worker.options.leg_reader import OptionLeg

COLUMNS = (
    "strike", "right", "bid", "ask", "optPrice", "volume", "openInterest", "impliedVol", "delta", "gamma", "vega",
    "theta", "marketDataType", "halted",
)  # fmt: skip
QUOTED = ("bid", "ask", "volume", "marketDataType", "halted")  # of the quote; a pydantic model is slow without a name
OFTEN_EQUAL = ("right", "marketDataType", "halted")
GREEKS = ("impliedVol", "delta", "gamma", "vega", "theta")
DIGITS = 4  # that greeks have; their inputs are known no better
PRICE_DECIMALS = 4
NAMED = 5  # options of one failure

Row = dict[str, Cell]


def row_of(leg: OptionLeg) -> Row:
    """Return the cells of an option that has values."""
    assert leg.values is not None
    quote, greeks = leg.values.known(leg.values.heard or datetime.min), leg.values.greeks
    cells: Row = dict.fromkeys(COLUMNS)
    cells |= {name: getattr(quote, name) for name in QUOTED}
    if greeks is not None:
        cells |= {name: significant(getattr(greeks, name)) for name in GREEKS}
    cells |= {
        "optPrice": model_price(greeks),
        "strike": leg.contract.strike,
        "right": leg.contract.right,
        "openInterest": leg.values.open_interest(leg.contract.right),
    }
    return {name: shortest(each) for name, each in cells.items()}


def folded(rows: Sequence[Row], facts: Row) -> tuple[Row, list[str], list[list[Cell]]]:
    """Return what is equal in all rows beside `facts`, the columns of the rest, and the rows. The model's price is told
    only where somebody quotes no bid or no ask."""
    quoted = all(row["bid"] is not None and row["ask"] is not None for row in rows)
    names = [name for name in COLUMNS if not (quoted and name == "optPrice")]
    foldable = OFTEN_EQUAL if len(rows) == 1 else [name for name in names if name != "strike"]
    same = {name: rows[0][name] for name in foldable if name in names and _is_equal(rows, name)}
    columns = [name for name in names if name not in same]
    return facts | same, columns, [[row[name] for name in columns] for row in rows]


def failures(legs: Sequence[OptionLeg]) -> list[OptionFailure]:
    """Return the errors of options without values, each with the options that have it."""
    alike: dict[tuple[str, str], list[OptionLeg]] = {}
    for leg in legs:
        if leg.error is not None:
            alike.setdefault((leg.error.code, leg.error.message), []).append(leg)
    return [
        OptionFailure(
            count=len(each),
            options=[contract_name(leg.contract) for leg in each[:NAMED]],
            code=code,
            message=message,
            twsCode=each[0].error.details.get("twsCode") if each[0].error else None,
        )
        for (code, message), each in alike.items()
    ]


def oldest_s(legs: Sequence[OptionLeg], now: datetime) -> float:
    """Return how long ago the values of the oldest row came."""
    heard = [leg.values.heard or now for leg in legs if leg.values is not None]
    return round(max((now - min(heard, default=now)).total_seconds(), 0.0), 1)


def under_price(legs: Sequence[OptionLeg]) -> float | None:
    """Return the underlying's price with which TWS computed the latest greeks."""
    latest = max(
        (leg for leg in legs if leg.values is not None and leg.values.greeks is not None), key=_heard, default=None
    )
    greeks = latest.values.greeks if latest is not None and latest.values is not None else None
    return None if greeks is None else greeks.undPrice


def model_price(greeks: OptionGreeks | None) -> float | None:
    return None if greeks is None or greeks.optPrice is None else round(greeks.optPrice, PRICE_DECIMALS)


def significant(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _heard(leg: OptionLeg) -> float:
    return leg.values.heard.timestamp() if leg.values is not None and leg.values.heard is not None else float("inf")


def _is_equal(rows: Sequence[Row], name: str) -> bool:
    return bool(rows) and all(row[name] == rows[0][name] for row in rows)
