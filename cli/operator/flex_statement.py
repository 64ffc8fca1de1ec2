"""A Flex statement of IBKR as records of the account's past: a file of the operator's disk, nothing is fetched.

The library ibflex reads the statement. Before it does, the file is refused if it declares a document type: no statement
has one, and entities of one can be made to fill the memory.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat
from zoneinfo import ZoneInfo

import ibflex
from ibflex import parser as flex

from bridge.bus.history.records import AccountSnapshot, CashFlow, CoveredDays, TradeCommission, TradeExecution
from bridge.text.contract_name import contract_name
from cli.errors import Problem

MOST_BYTES = 128 * 1024 * 1024  # a year of a busy account has some 20
NEW_YORK = ZoneInfo("America/New_York")  # a statement's zone, where the account's settings name no other
CLOSE = time(16)
OF_UNDERLYING = frozenset({"OPT", "FOP", "FUT", "WAR"})  # whose symbol is TWS's localSymbol
ALIASES = {"FSFOP": "FOP", "FSOPT": "OPT", "FXCFD": "CFD"}
EXECUTIONS = frozenset({None, "EXECUTION"})  # of levels of detail: the others are sums of these
SUMMARY = "SUMMARY"
FORM = "Set the Flex query to XML, its dates to yyyy-MM-dd, and its times to HH:mm:ss."


@dataclass
class FlexAccount:
    """One account of a statement. `covered` and `traded`: the days whose deposits, and whose trades, it has told."""

    account: str
    snapshots: list[AccountSnapshot] = field(default_factory=list)
    executions: list[TradeExecution] = field(default_factory=list)
    commissions: list[TradeCommission] = field(default_factory=list)
    flows: list[CashFlow] = field(default_factory=list)
    covered: list[CoveredDays] = field(default_factory=list)
    traded: list[CoveredDays] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)  # sections that a query may have, and this one has not


READ = frozenset({"AccountInformation", "EquitySummaryInBase", "Trades", "CashTransactions", "Transfers"})
SECTIONS = {
    "EquitySummaryInBase": "Net Asset Value (NAV) in Base",
    "Trades": "Trades, at the level of executions",
    "CashTransactions": "Cash Transactions",
}


def read_statement(file: Path) -> list[FlexAccount]:
    """Return the accounts of a statement file. Raises Problem for a file that is none, or OSError."""
    if file.stat().st_size > MOST_BYTES:
        raise Problem(f"{file}: it is larger than {MOST_BYTES // 1024 // 1024} MiB. Export fewer days at once.")
    content = file.read_bytes()
    _require_plain(file, content)
    try:
        sections, reduced = _reduced(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of attributes that IBKR has added since
            response = flex.parse(reduced)
    except (flex.FlexParserError, AssertionError, ValueError) as error:
        raise Problem(f"{file}: ibflex cannot read this statement ({error}). {FORM}") from error
    accounts: dict[str, FlexAccount] = {}
    for statement, there in zip(response.FlexStatements, sections, strict=True):
        _add(accounts.setdefault(statement.accountId, FlexAccount(statement.accountId)), statement, there)
    for each in accounts.values():
        each.covered, each.traded = _merged(each.covered), _merged(each.traded)
    return list(accounts.values())


def _require_plain(file: Path, content: bytes) -> None:
    """Raises Problem for what is no XML, or declares a document type."""

    def refuse(*_: object) -> None:
        raise Problem(f"{file}: it declares a document type, which no Flex statement does. Nothing was imported.")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Problem(f"{file}: it is no XML ({error}). {FORM}") from error


def _reduced(content: bytes) -> tuple[list[set[str]], bytes]:
    """Return the names of each statement's sections, and the XML with those alone that are read here.

    An empty section tells that nothing was, an absent one nothing, and ibflex does not tell them apart. It also rejects
    a statement with a section that it does not know.
    """
    root = ElementTree.fromstring(content)
    found: list[set[str]] = []
    for statement in root.iter("FlexStatement"):
        found.append({section.tag for section in statement})
        for section in list(statement):
            if section.tag not in READ:
                statement.remove(section)
    return found, ElementTree.tostring(root)


def _add(to: FlexAccount, statement: Any, sections: set[str]) -> None:
    first, last = statement.fromDate, statement.toDate
    days = CoveredDays(to.account, first.isoformat(), last.isoformat())
    to.missing |= SECTIONS.keys() - sections
    base = _base(statement)
    to.snapshots += [each for row in statement.EquitySummaryInBase if (each := _snapshot(to.account, row, base))]
    if "Trades" in sections:
        to.traded.append(days)
        _add_trades(to, [each for each in statement.Trades if isinstance(each, ibflex.Trade)])
    if "CashTransactions" in sections:
        to.covered.append(days)
        to.flows += _flows(to.account, statement)


def _base(statement: Any) -> str:
    information = statement.AccountInformation
    told = [getattr(information, "currency", None), *(row.currency for row in statement.EquitySummaryInBase)]
    return next((each for each in told if each), "")


def _snapshot(account: str, row: Any, base: str) -> AccountSnapshot | None:
    if row.total is None or row.reportDate is None or (row.accountId or account) != account:
        return None
    if not base:
        raise Problem(f"{account}: the statement names no base currency. Add Account Information to the Flex query.")
    at = datetime.combine(row.reportDate, CLOSE, NEW_YORK).astimezone(UTC)
    return AccountSnapshot(
        account=account,
        date=row.reportDate.isoformat(),
        time=at.isoformat(),
        kind="flex",
        base=base,
        netLiquidation=float(row.total),
        totalCash=_number(row.cash),
    )


def _add_trades(to: FlexAccount, rows: Iterable[Any]) -> None:
    for row in rows:
        if row.levelOfDetail not in EXECUTIONS or row.quantity is None or row.tradePrice is None or not row.quantity:
            continue
        execId = row.ibExecID or f"flex.{row.transactionID or row.tradeID}"
        to.executions.append(_execution(to.account, execId, row))
        if row.ibCommission is not None:
            opened = row.openCloseIndicator is ibflex.OpenClose.OPEN
            realized = None if opened else _number(row.fifoPnlRealized)
            currency = row.ibCommissionCurrency or row.currency or ""
            to.commissions.append(TradeCommission(execId, -float(row.ibCommission), currency, realized))


def _execution(account: str, execId: str, row: Any) -> TradeExecution:
    secType = row.assetCategory.value if row.assetCategory else "STK"
    secType = ALIASES.get(secType, secType)
    symbol = row.symbol or ""
    if secType in OF_UNDERLYING and row.underlyingSymbol:
        symbol = row.underlyingSymbol
    elif secType == "CASH":
        symbol = symbol.partition(".")[0]
    contract = {
        "symbol": symbol,
        "secType": secType,
        "currency": row.currency,
        "lastTradeDateOrContractMonth": f"{row.expiry:%Y%m%d}" if row.expiry else "",
        "strike": _number(row.strike),
        "right": row.putCall.value if row.putCall else "",
    }
    at = _instant(row).isoformat()
    return TradeExecution(
        execId=execId,
        account=account,
        time=at,
        heard=at,
        conId=int(row.conid or 0),
        name=contract_name(contract),
        symbol=symbol,
        secType=secType,
        currency=row.currency or "",
        side="BOT" if row.quantity > 0 else "SLD",
        shares=abs(float(row.quantity)),
        price=float(row.tradePrice),
        multiplier=f"{row.multiplier.normalize():f}" if row.multiplier else "",
        exchange=row.exchange or "",
        orderRef=row.orderReference or "",
        flex=True,
    )


def _instant(row: Any) -> datetime:
    at = row.dateTime or datetime.combine(row.tradeDate or row.reportDate, row.tradeTime or CLOSE)
    return at.replace(tzinfo=NEW_YORK).astimezone(UTC) if isinstance(at, datetime) else at


def _flows(account: str, statement: Any) -> Iterator[CashFlow]:
    """Yield the deposits and withdrawals, and the positions and money that were transferred."""
    names = Counter[str]()
    for row in statement.CashTransactions:
        if row.type is ibflex.CashAction.DEPOSITWITHDRAW and row.levelOfDetail != SUMMARY and row.amount:
            day = row.reportDate or row.dateTime.date()
            yield _flow(account, names, row, day, (row.amount, row.currency or ""), row.description or "")
    for row in statement.Transfers:
        if row.levelOfDetail == SUMMARY:
            continue
        day = row.reportDate or row.date
        sign = -1 if row.direction is ibflex.InOut.OUT else 1
        base = _base(statement)
        for amount, currency in ((row.positionAmountInBase, base), (row.cashTransfer, row.currency or "")):
            if amount and day is not None:
                told = f"transfer {row.symbol or ''}".strip()
                yield _flow(account, names, row, day, (sign * abs(amount), currency), told)


def _flow(account: str, names: Counter[str], row: Any, day: date, money: tuple[Decimal, str], text: str) -> CashFlow:
    """Return a flow under a name that the same row has in every statement."""
    amount, currency = money
    name = f"{account} {row.transactionID or f'{day} {currency} {amount:f}'}"
    names[name] += 1
    id = name if names[name] == 1 else f"{name} {names[name]}"
    return CashFlow(id, account, day.isoformat(), float(amount), currency, _number(row.fxRateToBase), text[:200])


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _merged(days: list[CoveredDays]) -> list[CoveredDays]:
    """Return the days in as few parts as possible: a query by day has one statement for each."""
    found: list[CoveredDays] = []
    for each in sorted(days, key=lambda each: (each.first, each.last)):
        if found and date.fromisoformat(each.first).toordinal() <= date.fromisoformat(found[-1].last).toordinal() + 1:
            last = max(found[-1].last, each.last)
            found[-1] = CoveredDays(each.account, found[-1].first, last)
        else:
            found.append(each)
    return found
