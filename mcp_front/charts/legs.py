"""The legs of a payoff: given ones, or the account's position, with their quotes."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.text.contract_name import bare_name
from bridge.text.option_legs import MOST, PositionLeg
from bridge.tool import ToolError
from bridge.tools.account import GetPositions
from bridge.tools.market.charts import GetChart
from bridge.tools.market.options import MOST_LEGS, GetOptionQuotes
from mcp_front.charts.chart import no_data
from mcp_front.charts.profit import PricedLeg
from mcp_front.charts.source import ChartSource, Read

Row = Mapping[str, Any]
Quotes = Mapping[tuple[str, str], list[Row]]  # by expiry and trading class


@dataclass(frozen=True)
class QuotedLegs:
    """Legs with their prices, the underlying's price, and the currency of the amounts."""

    symbol: str
    legs: list[PricedLeg]
    under: float
    currency: str
    simulated: bool


async def quoted_legs(request: GetChart, source: ChartSource) -> QuotedLegs:
    """Return the legs of a call with their prices. Raises ToolError no_data, or as the quotes do."""
    legs = request.read_legs() if request.legs else await held_legs(request, source)
    expiries = sorted({(each.expiry, each.tradingClass) for each in legs if each.is_option})
    reads = await asyncio.gather(*(_quotes(legs, expiry, source) for expiry in expiries))
    rows: Quotes = {expiry: list(read.table_rows()) for expiry, read in zip(expiries, reads, strict=True)}
    _require_quotes(legs, rows)
    under = next((read.value["underPrice"] for read in reads if read.value["underPrice"]), None)
    if under is None:
        raise no_data(f"TWS has told no price of {legs[0].symbol}, without which there is no payoff. Retry.")
    priced = [_priced(each, rows, float(under)) for each in legs]
    currency = next((str(row["currency"]) for each in rows.values() for row in each if row.get("currency")), "")
    return QuotedLegs(legs[0].symbol, priced, float(under), currency, any(each.simulated for each in reads))


async def held_legs(request: GetChart, source: ChartSource) -> list[PositionLeg]:
    """Return the options that the account holds of a symbol, with its shares."""
    read = await source.read("get_positions", GetPositions(symbol=request.symbol, account=request.account))
    held = merged(filter(None, (_held(each, request.symbol) for each in read.value)))
    if not any(each.is_option for each in held):
        raise no_data(
            f"There is no position in options of {request.symbol}. Give legs, such as -1 SPY 18JUL25 400 P @ 3.20."
        )
    if len(held) > MOST:
        raise ToolError(
            "too_large",
            f"The position in {request.symbol} has {len(held)} legs; the limit is {MOST}. Give some as legs.",
        )
    return held


def _held(row: Row, symbol: str) -> PositionLeg | None:
    contract = row["contract"]
    if (
        contract["secType"] not in ("OPT", "STK")
        or not row["position"]
        or bare_name(contract["symbol"]) != bare_name(symbol)
    ):
        return None
    option = contract["secType"] == "OPT"
    return PositionLeg(
        position=float(row["position"]),
        symbol=contract["symbol"],
        expiry=contract["lastTradeDateOrContractMonth"] if option else "",
        strike=float(contract["strike"]) if option else 0.0,
        right=contract["right"] if option else "",
        price=row.get("avgPrice"),
        tradingClass=(contract.get("tradingClass") or "") if option else "",
    )


def merged(legs: Iterable[PositionLeg]) -> list[PositionLeg]:
    """Return one leg for each contract, of several accounts with its average price."""
    alike = defaultdict[PositionLeg, list[PositionLeg]](list)
    for each in legs:
        alike[replace(each, position=0.0, price=None)].append(each)
    found = []
    for same in alike.values():
        total = sum(leg.position for leg in same)
        known = total and all(leg.price is not None for leg in same)
        paid = sum(leg.position * (leg.price or 0.0) for leg in same)
        if total:
            found.append(replace(same[0], position=total, price=paid / total if known else None))
    return found


async def _quotes(legs: list[PositionLeg], expiry: tuple[str, str], source: ChartSource) -> Read:
    day, tradingClass = expiry
    strikes = sorted({each.strike for each in legs if (each.expiry, each.tradingClass) == expiry})
    asked = GetOptionQuotes(
        symbol=legs[0].symbol,
        expiry=day,
        strikes=", ".join(f"{each:.12g}" for each in strikes),
        tradingClass=tradingClass,
        limit=MOST_LEGS,
    )
    return await source.read("get_option_quotes", asked)


def _require_quotes(legs: Iterable[PositionLeg], rows: Quotes) -> None:
    """Raise ToolError no_data for an option that does not exist, or whose price nobody tells."""
    for leg in legs:
        row = _row(leg, rows) if leg.is_option else None
        if leg.is_option and row is None:
            raise no_data(
                f"TWS has no quote of {leg.symbol} {leg.name}. ibkr_get_option_chain lists expiries and strikes."
            )
        if row is not None and leg.price is None and mark_of(row) is None:
            raise no_data(f"Nobody quotes {leg.symbol} {leg.name}. Give its price behind the leg, such as @ 3.20.")


def _row(leg: PositionLeg, rows: Quotes) -> Row | None:
    of_expiry = rows[leg.expiry, leg.tradingClass]
    return next((each for each in of_expiry if (each["right"], float(each["strike"])) == (leg.right, leg.strike)), None)


def _priced(leg: PositionLeg, rows: Quotes, under: float) -> PricedLeg:
    row = _row(leg, rows) if leg.is_option else None
    if row is None:
        return PricedLeg(leg.name, leg.position, under if leg.price is None else leg.price, 1.0, mark=under)
    mark = mark_of(row)
    return PricedLeg(
        name=replace(leg, expiry=str(row["expiry"])).name,
        position=leg.position,
        price=leg.price if leg.price is not None else mark or 0.0,
        multiplier=float(row["multiplier"] or 100),
        right=leg.right,
        strike=leg.strike,
        expiry=str(row["expiry"]),
        days=int(row["days"]),
        volatility=row["impliedVol"],
        mark=mark,
    )


def mark_of(row: Row) -> float | None:
    """Return the middle of bid and ask, else TWS's model price."""
    bid, ask = row.get("bid"), row.get("ask")
    if bid is not None and ask is not None:
        return (float(bid) + float(ask)) / 2
    return row.get("optPrice")
