"""Turns what ib_async decodes into the declarations' shapes, and TWS's many ways to say "nothing" into None. Pure."""

import logging
import math
import re
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import ib_async
from ib_async.util import UNSET_INTEGER

from bridge.account import AccountSummaryValue, AccountUpdate, PnL, PnLSingle, Position
from bridge.blotter import Execution
from bridge.contracts import ContractDetails
from bridge.market_data import Bar
from bridge.values import Contract, MarketDataType, OnContract
from ib_worker.order_events import Commission
from ib_worker.tws.text import message

MARKET_DATA_TYPES: dict[int, MarketDataType] = {1: "live", 2: "frozen", 3: "delayed", 4: "delayed-frozen"}
UNSET_DOUBLE = sys.float_info.max
UNSET_LONG = 2**63 - 1  # reqPnL's position and other 64-bit fields
LEDGER = "$LEDGER-"  # a setting of new users puts it before the tags of a currency's figures
TIME_FORMAT = "%Y%m%d %H:%M:%S"
SMART, IDEALPRO = "SMART", "IDEALPRO"
SIDES: dict[str, Literal["BOT", "SLD"]] = {"BOT": "BOT", "SLD": "SLD"}
# Gateways on Windows name zones in Windows' words; those of the exchanges' and most users' places.
ZONES = {
    "Eastern Standard Time": "America/New_York",
    "Central Standard Time": "America/Chicago",
    "Mountain Standard Time": "America/Denver",
    "Pacific Standard Time": "America/Los_Angeles",
    "GMT Standard Time": "Europe/London",
    "Greenwich Mean Time": "Europe/London",
    "Central European Standard Time": "Europe/Berlin",
    "Central Europe Standard Time": "Europe/Budapest",
    "W. Europe Standard Time": "Europe/Berlin",
    "Romance Standard Time": "Europe/Paris",
    "Israel Standard Time": "Asia/Jerusalem",
    "India Standard Time": "Asia/Kolkata",
    "China Standard Time": "Asia/Shanghai",
    "Hong Kong Standard Time": "Asia/Hong_Kong",
    "Singapore Standard Time": "Asia/Singapore",
    "Japan Standard Time": "Asia/Tokyo",
    "Tokyo Standard Time": "Asia/Tokyo",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Coordinated Universal Time": "UTC",
}

log = logging.getLogger("ib_worker.convert")

_NUMERIC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def number(value: float | Decimal | None) -> float | None:
    """A figure, or None where TWS left it unset, NaN or infinite."""
    if value is None:
        return None
    found = float(value)
    return found if abs(found) < UNSET_DOUBLE else None  # also false for NaN


def whole(value: float | None) -> int | None:
    """A count, or None where TWS left it unset or said -1."""
    if value is None or not math.isfinite(value) or value < 0 or value in (UNSET_INTEGER, UNSET_LONG):
        return None
    return int(value)


def identity(value: int | None) -> int | None:
    """A permId, conId or the like: zero and unset mean that there is none."""
    return None if value in (None, 0, UNSET_INTEGER, UNSET_LONG) else value


def unsigned(value: float | Decimal | None) -> float | None:
    """A price or size that TWS writes as -1 where there is none."""
    found = number(value)
    return None if found == -1 else found


def text(value: str | None) -> str | None:
    """A name, or None where TWS wrote nothing or "?"."""
    return None if value in (None, "", "?") else value


def listed(value: str | None) -> list[str]:
    return [each for each in (value or "").split(",") if each]


def contract(found: ib_async.Contract) -> Contract:
    return Contract(
        conId=found.conId,
        symbol=found.symbol,
        secType=found.secType,
        exchange=text(found.exchange),
        primaryExchange=text(found.primaryExchange),
        currency=text(found.currency),
        localSymbol=text(found.localSymbol),
        tradingClass=text(found.tradingClass),
        lastTradeDateOrContractMonth=text(found.lastTradeDateOrContractMonth),
        strike=number(found.strike) or None,  # TWS writes 0 where there is none
        right=text(found.right if found.right != "0" else ""),
        multiplier=text(found.multiplier),
    )


def requested(asked: OnContract) -> ib_async.Contract:
    """The contract that a request describes, as TWS wants it asked. A conId stands alone: other fields could clash."""
    if asked.conId:
        return ib_async.Contract(conId=asked.conId, exchange="" if asked.exchange == SMART else asked.exchange)
    forex = (asked.secType, asked.exchange) == ("CASH", SMART)  # SMART, the default, knows no forex
    return ib_async.Contract(
        symbol=asked.symbol,
        secType=asked.secType,
        exchange=IDEALPRO if forex else asked.exchange,
        currency=asked.currency,
        primaryExchange=asked.primaryExchange or "",
        lastTradeDateOrContractMonth=asked.lastTradeDateOrContractMonth or "",
        strike=asked.strike or 0.0,
        right=asked.right or "",
        multiplier=asked.multiplier or "",
    )


def details(found: ib_async.ContractDetails) -> ContractDetails:
    return ContractDetails(
        contract=contract(found.contract or ib_async.Contract()),
        marketName=text(found.marketName),
        longName=text(message(found.longName)),
        minTick=number(found.minTick),
        orderTypes=listed(found.orderTypes),
        validExchanges=listed(found.validExchanges),
        marketRuleIds=[int(each) for each in listed(found.marketRuleIds)],
        priceMagnifier=whole(found.priceMagnifier),
        industry=text(found.industry),
        category=text(found.category),
        subcategory=text(found.subcategory),
        stockType=text(found.stockType),
        contractMonth=text(found.contractMonth),
        realExpirationDate=text(found.realExpirationDate),
        underConId=identity(found.underConId),
        timeZoneId=text(found.timeZoneId),
        tradingHours=text(found.tradingHours),
        liquidHours=text(found.liquidHours),
        minSize=number(found.minSize),
        sizeIncrement=number(found.sizeIncrement),
        secIds={each.tag: each.value for each in found.secIdList or []},
    )


def zone(name: str | None) -> tzinfo:
    """The zone that TWS names, or UTC where it is not to be found: a bar's instant stays right either way."""
    known = ZONES.get(name or "", name or "UTC")
    try:
        return ZoneInfo(known)
    except (KeyError, ValueError, OSError):  # ZoneInfo raises each of them, by kind of wrong name
        log.warning("time zone %r is not known, UTC is taken", known)
        return UTC


def utc_time(written: str) -> str:
    """An execution's time as TWS writes it, "20260413 15:27:04 US/Eastern", told in UTC; other forms as they are."""
    parts = written.split(maxsplit=2)
    if len(parts) < 3:
        return written
    day, clock, name = parts
    local = datetime.strptime(f"{day} {clock}", TIME_FORMAT).replace(tzinfo=zone(name))
    return f"{local.astimezone(UTC):{TIME_FORMAT}} UTC"


def bar(found: ib_async.BarData, where: tzinfo) -> Bar:
    return Bar(
        date=bar_start(str(found.date), where),
        open=number(found.open),
        high=number(found.high),
        low=number(found.low),
        close=number(found.close),
        volume=unsigned(found.volume),
        average=unsigned(found.average),
        barCount=whole(found.barCount),
    )


def bar_start(written: str, where: tzinfo) -> str:
    """TWS's date of a bar (formatDate 2: a day as YYYYMMDD, an instant as epoch seconds) in ISO 8601."""
    if len(written) == 8:
        return date(int(written[:4]), int(written[4:6]), int(written[6:])).isoformat()
    return datetime.fromtimestamp(int(written), UTC).astimezone(where).isoformat()


def position(account: str, found: ib_async.Contract, held: float, avgCost: float) -> Position:
    return Position(account=account, contract=contract(found), position=held, avgCost=number(avgCost))


def figure(value: str) -> float | str | None:
    """The value of an account's tag: most are numbers, some (AccountType) are words."""
    if _NUMERIC.fullmatch(value):
        return number(float(value))
    return text(value)


def summary_value(account: str, tag: str, value: str, currency: str) -> AccountSummaryValue:
    return AccountSummaryValue(
        account=account, tag=tag.removeprefix(LEDGER), value=figure(value), currency=text(currency)
    )


def value_update(account: str, tag: str, value: str, currency: str, at: datetime) -> AccountUpdate:
    known = summary_value(account, tag, value, currency)
    return AccountUpdate(
        kind="value", account=account, time=at, tag=known.tag, value=known.value, currency=known.currency
    )


def portfolio_update(found: ib_async.PortfolioItem, at: datetime) -> AccountUpdate:
    return AccountUpdate(
        kind="portfolio",
        account=found.account,
        time=at,
        contract=contract(found.contract),
        position=found.position,
        marketPrice=number(found.marketPrice),
        marketValue=number(found.marketValue),
        averageCost=number(found.averageCost),
        unrealizedPNL=number(found.unrealizedPNL),
        realizedPNL=number(found.realizedPNL),
    )


def pnl(account: str, modelCode: str, figures: Iterable[float]) -> PnL:
    daily, unrealized, realized = (number(each) for each in figures)
    return PnL(account=account, modelCode=modelCode, dailyPnL=daily, unrealizedPnL=unrealized, realizedPnL=realized)


def pnl_single(
    whose: PnL,
    conId: int | None = None,
    symbol: str | None = None,
    held: float | None = None,
    worth: float | None = None,
) -> PnLSingle:
    """The figures of one position, or of a whole account and model where `conId` is left out."""
    return PnLSingle(**whose.model_dump(), conId=conId, symbol=symbol, position=number(held), value=number(worth))


def execution(found: ib_async.Execution, on: ib_async.Contract, paid: Commission | None) -> Execution:
    return Execution(
        execId=found.execId,
        time=found.time,
        account=found.acctNumber,
        contract=contract(on),
        side=SIDES[found.side],
        shares=found.shares,
        price=found.price,
        cumQty=found.cumQty,
        avgPrice=found.avgPrice,
        exchange=found.exchange,
        orderId=found.orderId if found.orderId != UNSET_INTEGER else 0,  # orders placed by hand have none
        permId=found.permId,
        clientId=found.clientId,
        orderRef=text(found.orderRef),
        commission=paid.commission if paid else None,
        commissionCurrency=paid.currency if paid else None,
        realizedPNL=paid.realizedPNL if paid else None,
    )
