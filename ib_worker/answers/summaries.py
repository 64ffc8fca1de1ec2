"""The summary of a list: what its rows come to, in place of them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import log, sqrt
from typing import Any

from bridge.text.contract_name import contract_name
from bridge.text.numbers import exact, shortest
from bridge.tools.account import AccountSummaryValue, Position
from bridge.tools.market.contracts import ContractDetails
from bridge.tools.market.market_data import Bar
from bridge.tools.order_queries import Execution
from bridge.tools.order_report import OrderReport

MAIN_TAGS = (
    "NetLiquidation", "TotalCashValue", "GrossPositionValue", "BuyingPower", "AvailableFunds", "MaintMarginReq",
)  # fmt: skip
DIGITS = 6  # after the point: an amount of a currency has two, and a price of forex five
CONTRACTS = 30  # rows of one summary: the contracts that were traded most often
WARNINGS = 5  # messages of open orders; several orders share one
REJECTED = 10  # orders whose rejection is told
CONTRACT_COLUMNS = (
    "account", "name", "fills", "bought", "avgBought", "sold", "avgSold", "commission", "realizedPNL", "currency",
)  # fmt: skip
OFTEN_EQUAL = ("account", "currency")  # told once where they are the same in all rows


def summary_of(rows: Sequence[Any]) -> dict[str, Any]:
    """Return the summary of rows that are all of one shape; empty for none."""
    return SUMMARIES[type(rows[0])](rows) if rows else {}


def bars(rows: Sequence[Bar]) -> dict[str, Any]:
    """The course of a series. `barVolatilityPercent` is the standard deviation of the changes from one bar's close to
    the next, per bar and not annualised; `maxDrawdownPercent` the deepest fall of the closes from their highest so
    far."""
    closes = [(each.date, each.close) for each in rows if each.close is not None]
    highest = max(((each.high, each.date) for each in rows if each.high is not None), default=None)
    lowest = min(((each.low, each.date) for each in rows if each.low is not None), default=None)
    told: dict[str, Any] = {
        "first": {"date": rows[0].date, "open": rows[0].open},
        "last": {"date": rows[-1].date, "close": rows[-1].close},
        "high": highest and {"date": highest[1], "price": highest[0]},
        "low": lowest and {"date": lowest[1], "price": lowest[0]},
    }
    course = _course([close for _, close in closes], rows[0].open)
    return told | course | {"changeFrom": "the first bar's open"}


def _course(closes: list[float], opened: float | None) -> dict[str, Any]:
    """The change from the first bar's open to the last one's close, and how the closes moved between."""
    change = None if opened is None or not closes else closes[-1] - opened
    positive = opened is not None and opened > 0 and all(close > 0 for close in closes)  # rates may be 0 or below
    return {
        "change": None if change is None else round(change, DIGITS),
        "changePercent": round(change / opened * 100, 2) if positive and change is not None and opened else None,
        "barVolatilityPercent": _volatility(closes) if positive else None,
        "maxDrawdownPercent": _drawdown(closes) if positive else None,
    }


def _volatility(closes: list[float]) -> float | None:
    changes = [log(after / before) for before, after in pairwise(closes)]
    if len(changes) < 2:
        return None
    mean = sum(changes) / len(changes)
    return round(sqrt(sum((each - mean) ** 2 for each in changes) / (len(changes) - 1)) * 100, 2)


def _drawdown(closes: list[float]) -> float:
    highest, deepest = 0.0, 0.0
    for close in closes:
        highest = max(highest, close)
        deepest = max(deepest, 1 - close / highest)
    return round(deepest * 100, 2)


def positions(rows: Sequence[Position]) -> dict[str, Any]:
    """The cost of what is held by currency. A position whose cost is unknown is counted, and is in no sum."""
    told: dict[str, dict[str, Any]] = {}
    for each in rows:
        total = told.setdefault(each.contract.currency or "unknown", {"long": 0, "short": 0, "cost": 0.0})
        total["long" if each.position > 0 else "short"] += 1
        if each.avgCost is None:
            total["unknownCost"] = total.get("unknownCost", 0) + 1
        else:
            total["cost"] = round(total["cost"] + each.position * each.avgCost, 2)
    return {"byCurrency": told}


def executions(rows: Sequence[Execution]) -> dict[str, Any]:
    """The fills and what they were worth by the contract's currency, commissions and gains by that of the commission.
    What TWS has not told, or can't be reckoned without a multiplier, is counted, and is in no sum. `byContract` has
    quantities and average prices, null where TWS has not told all of it."""
    told: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in rows:
        total, worth = told[each.contract.currency or "unknown"], _worth(each)
        total["fills"] += 1
        _add(total, "bought" if each.side == "BOT" else "sold", worth, "unknownWorth")
        paid = told[each.commissionCurrency] if each.commissionCurrency else total
        _add(paid, "commission", each.commission, "unknownCommission")
        if each.realizedPNL is not None or each.commission is None:  # TWS tells both at once, and no gain of an opening
            _add(paid, "realizedPNL", each.realizedPNL, "unknownRealizedPNL")
    return {"byCurrency": {name: _rounded(total) for name, total in told.items()}, "byContract": _by_contract(rows)}


def _by_contract(rows: Sequence[Execution]) -> dict[str, Any]:
    fills: defaultdict[tuple[str, int], list[Execution]] = defaultdict(list)
    for each in rows:
        fills[each.account, each.contract.conId].append(each)
    most = sorted(fills.values(), key=len, reverse=True)
    told = [_contract_row(each) for each in most[:CONTRACTS]]
    same = {name: told[0][name] for name in OFTEN_EQUAL if len({row[name] for row in told}) == 1}
    columns = [name for name in CONTRACT_COLUMNS if name not in same]
    cells = [[row[name] for name in columns] for row in told]
    return {"count": len(most), "same": same, "columns": columns, "rows": cells}


def _contract_row(fills: Sequence[Execution]) -> dict[str, Any]:
    """Return what one contract's fills come to. `currency` is that of commission and realizedPNL: the contract's, as
    TWS charges it; where it is another one, both are null and in `byCurrency` alone."""
    bought, sold = ([each for each in fills if each.side == side] for side in ("BOT", "SLD"))
    currency = fills[0].contract.currency
    charged = all(each.commission is not None and each.commissionCurrency == currency for each in fills)
    return {
        "account": fills[0].account,
        "name": contract_name(fills[0].contract),
        "fills": len(fills),
        "bought": _quantity(bought),
        "avgBought": _average(bought),
        "sold": _quantity(sold),
        "avgSold": _average(sold),
        "commission": shortest(round(sum(each.commission or 0.0 for each in fills), 2)) if charged else None,
        "realizedPNL": shortest(round(sum(each.realizedPNL or 0.0 for each in fills), 2)) if charged else None,
        "currency": currency,
    }


def _quantity(fills: Sequence[Execution]) -> Any:
    shares = [each.shares for each in fills if each.shares is not None]
    return shortest(exact(sum(shares))) if len(shares) == len(fills) else None


def _average(fills: Sequence[Execution]) -> Any:
    """Return the average price; null for no fill, and where a price or quantity is unknown."""
    known = [(each.price, each.shares) for each in fills if each.price is not None and each.shares is not None]
    shares = sum(each for _, each in known)
    if len(known) < len(fills) or not shares:
        return None
    return shortest(round(sum(price * each for price, each in known) / shares, DIGITS))


def _worth(fill: Execution) -> float | None:
    contract = fill.contract
    if fill.price is None or fill.shares is None or contract.secType in ("BOND", "BAG"):
        return None  # a bond is quoted in percent of a face value, a combination in its legs
    if contract.multiplier is None:
        return fill.price * fill.shares if contract.secType in ("STK", "CASH", "CFD", "CRYPTO", "FUND") else None
    return fill.price * fill.shares * float(contract.multiplier)


def _add(total: Counter[str], name: str, value: float | None, unknown: str) -> None:
    if value is None:
        total[unknown] += 1
    else:
        total[name] += value  # type: ignore[assignment]  # a Counter of amounts


def _rounded(total: Counter[str]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in total.items()}


def orders(rows: Sequence[OrderReport]) -> dict[str, Any]:
    """Return the number of orders in each status, of each symbol, and of each contract in each status. `rejected`: the
    newest orders that were rejected, each with TWS's reason. `warnings`: the messages of open orders."""
    states: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in rows:
        states[contract_name(each.contract)][each.status] += 1
    most = sorted(states, key=lambda name: states[name].total(), reverse=True)
    told: dict[str, Any] = {
        "byStatus": dict(Counter(each.status for each in rows)),
        "bySymbol": dict(Counter(each.contract.symbol for each in rows).most_common(20)),
    }
    if len({each.status for each in rows}) > 1:
        told["byContract"] = {name: dict(states[name]) for name in most[:CONTRACTS]}
    if warnings := dict.fromkeys(each.message for each in rows if each.message and each.status != "Refused"):
        told["warnings"] = list(warnings)[:WARNINGS]
    rejected = [each for each in rows if each.status == "Inactive" and each.notices]
    if rejected:
        told["rejected"] = [_rejection(each) for each in rejected[-REJECTED:]]
    return told


def _rejection(order: OrderReport) -> dict[str, Any]:
    last = order.notices[-1]
    return {
        "orderId": order.orderId,
        "name": contract_name(order.contract),
        "code": last.code,
        "message": last.message,
    }


def account_values(rows: Sequence[AccountSummaryValue]) -> dict[str, Any]:
    """The main figures of each account, in the currency that TWS tells beside each."""
    told: dict[str, dict[str, Any]] = {}
    for each in rows:
        figures = told.setdefault(each.account, {})
        if each.tag in MAIN_TAGS:
            figures |= {each.tag: each.value, "currency": each.currency}
    return {"byAccount": told}


def contracts(rows: Sequence[ContractDetails]) -> dict[str, Any]:
    """Return the number of contracts of each type and in each currency, and their expiries."""
    found = [each.contract for each in rows]
    return {
        "bySecType": dict(Counter(each.secType for each in found)),
        "byCurrency": dict(Counter(each.currency or "unknown" for each in found)),
        "expiries": sorted({each.lastTradeDateOrContractMonth for each in found if each.lastTradeDateOrContractMonth}),
    }


SUMMARIES: dict[type, Callable[[Any], dict[str, Any]]] = {
    Bar: bars,
    Position: positions,
    Execution: executions,
    OrderReport: orders,
    AccountSummaryValue: account_values,
    ContractDetails: contracts,
}
