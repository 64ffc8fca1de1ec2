"""Turns what ib_async decodes into the declarations' shapes; `tws.unset` says which numbers are none. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, tzinfo

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tools.account import AccountSummaryValue, AccountUpdate, PnL, PnLSingle, Position
from bridge.tools.market.contracts import ContractDetails
from bridge.tools.market.market_data import Bar
from bridge.tools.types import Contract, ContractArguments, MarketDataType
from ib_worker.tws.values import unset
from ib_worker.tws.values.text import comma_list, untrusted
from ib_worker.tws.values.unset import identity as identity  # the same name again exports it
from ib_worker.tws.values.unset import number as number
from ib_worker.tws.values.unset import text as text

MARKET_DATA_TYPES: dict[int, MarketDataType] = {1: "live", 2: "frozen", 3: "delayed", 4: "delayed-frozen"}
NAME_CHARS = 120  # of a name that somebody outside gives: a company's, a fund's
LEDGER = "$LEDGER-"  # a setting of new users puts it before the tags of a currency's figures
BAR_FIELDS = 8  # of historicalData: date, open, high, low, close, volume, average, barCount
SMART, IDEALPRO = "SMART", "IDEALPRO"
# SMART, the default, knows none of these: without an exchange TWS finds them wherever they are listed.
EXCHANGES = {"CASH": IDEALPRO, **dict.fromkeys(("FUT", "FOP", "IND", "CONTFUT", "CRYPTO", "CMDTY"), "")}
BY_CONTRACT = frozenset({"OPT", "FOP", "FUT", "WAR"})  # whose cost includes the multiplier
UNKNOWN_UNITS = frozenset({"BOND", "BAG"})  # quoted in percent of a face value that a position does not tell


def contract(found: ib_async.Contract) -> Contract:
    return Contract(
        conId=found.conId,
        symbol=found.symbol,
        secType=found.secType,
        exchange=text(found.exchange),
        primaryExchange=text(found.primaryExchange),
        currency=text(found.currency),
        localSymbol=_name(found.localSymbol),
        tradingClass=_name(found.tradingClass),
        lastTradeDateOrContractMonth=text(found.lastTradeDateOrContractMonth),
        strike=unset.value("contract.strike", found.strike),
        right=unset.applies(found.right),
        multiplier=unset.applies(found.multiplier),
    )


def to_tws_contract(asked: ContractArguments) -> ib_async.Contract:
    """The contract that a request describes, as TWS wants it asked. A conId stands alone: other fields could clash."""
    if asked.conId:
        exchange = "" if asked.exchange == SMART else asked.exchange
        return ib_async.Contract(conId=asked.conId, exchange=exchange, includeExpired=asked.includeExpired)
    exchange = EXCHANGES.get(asked.secType, SMART) if asked.exchange == SMART else asked.exchange
    return ib_async.Contract(
        symbol=asked.symbol,
        secType=asked.secType,
        exchange=exchange,
        currency=asked.currency,
        primaryExchange=asked.primaryExchange or "",
        lastTradeDateOrContractMonth=asked.lastTradeDateOrContractMonth or "",
        strike=asked.strike or 0.0,
        right=asked.right or "",
        multiplier=asked.multiplier or "",
        localSymbol=asked.localSymbol or "",
        tradingClass=asked.tradingClass or "",
        secIdType=asked.secIdType or "",
        secId=asked.secId or "",
        includeExpired=asked.includeExpired,
    )


def _name(told: str | None) -> str | None:
    return text(untrusted(told or "", NAME_CHARS))


def details(found: ib_async.ContractDetails) -> ContractDetails:
    return ContractDetails(
        contract=contract(found.contract or ib_async.Contract()),
        marketName=_name(found.marketName),
        longName=_name(found.longName),
        minTick=unset.value("contractDetails.positive", found.minTick),
        orderTypes=comma_list(found.orderTypes),
        validExchanges=comma_list(found.validExchanges),
        marketRuleIds=[int(each) for each in comma_list(found.marketRuleIds)],
        priceMagnifier=identity(unset.count(found.priceMagnifier)),
        industry=_name(found.industry),
        category=_name(found.category),
        subcategory=_name(found.subcategory),
        stockType=text(found.stockType),
        contractMonth=text(found.contractMonth),
        realExpirationDate=text(found.realExpirationDate),
        underConId=identity(found.underConId),
        timeZoneId=text(found.timeZoneId),
        tradingHours=text(found.tradingHours),
        liquidHours=text(found.liquidHours),
        minSize=unset.value("contractDetails.positive", found.minSize),
        sizeIncrement=unset.value("contractDetails.positive", found.sizeIncrement),
        secIds={each.tag: each.value for each in found.secIdList or []},
        priceIncrements=None,  # of a market rule, which the details only name
        cusip=text(found.cusip),
        coupon=number(found.coupon) if found.cusip else None,  # ib_async has 0 for what is no bond
        maturity=text(found.maturity),
    )


def bars(texts: Sequence[str], where: tzinfo, secType: str, price: str) -> list[Bar]:
    """The bars of historicalData, BAR_FIELDS texts each. `price` is the rule of their prices: rates may be 0."""
    starts = range(0, len(texts), BAR_FIELDS)
    return [bar(texts[start : start + BAR_FIELDS], where, secType, price) for start in starts]


def bar(texts: Sequence[str], where: tzinfo, secType: str = "", price: str = "historicalData.price") -> Bar:
    started, opened, high, low, close, volume, average, barCount = texts
    traded = unset.is_something(volume)

    def told(field: str, text: str) -> float | None:
        return unset.value(field, text, backed=traded, secType=secType)

    return Bar(
        date=bar_start(started, where),
        open=told(price, opened),
        high=told(price, high),
        low=told(price, low),
        close=told(price, close),
        volume=told("historicalData.volume", volume),
        average=told("historicalData.average", average),
        barCount=unset.count(barCount),
    )


def bar_start(written: str, where: tzinfo) -> str:
    """TWS's date of a bar (formatDate 2: a day as YYYYMMDD, an instant as epoch seconds) in ISO 8601."""
    if len(written) == 8:
        return date(int(written[:4]), int(written[4:6]), int(written[6:])).isoformat()
    return datetime.fromtimestamp(int(written), UTC).astimezone(where).isoformat()


def position(account: str, found: ib_async.Contract, held: float, avgCost: float) -> Position:
    cost = number(avgCost)
    return Position(
        account=account, contract=contract(found), position=held, avgCost=cost, avgPrice=unit_price(found, cost)
    )


def unit_price(on: ib_async.Contract | Contract, cost: float | None) -> float | None:
    """An average cost as a price that the quote can be held against. Source: IBKR's page on updatePortfolio and
    position: of options and futures the cost is of a whole contract."""
    if cost is None or on.secType in UNKNOWN_UNITS:
        return None
    if on.secType not in BY_CONTRACT:
        return cost
    multiplier = unset.applies(on.multiplier)
    return cost / float(multiplier) if multiplier else None


def summary_value(account: str, tag: str, value: str, currency: str) -> AccountSummaryValue:
    return AccountSummaryValue(
        account=account, tag=tag.removeprefix(LEDGER), value=unset.account_value(value), currency=text(currency)
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
        marketPrice=unset.market_value(found.marketPrice, found.marketValue, found.position, found.contract.secType),
        marketValue=unset.market_value(found.marketValue, found.marketPrice, found.position, found.contract.secType),
        averageCost=number(found.averageCost),
        unrealizedPNL=number(found.unrealizedPNL),
        realizedPNL=number(found.realizedPNL),
        avgPrice=unit_price(found.contract, number(found.averageCost)),
    )


def pnl(account: str, modelCode: str, figures: Iterable[float]) -> PnL:
    daily, unrealized, realized = (number(each) for each in figures)
    return PnL(account=account, modelCode=modelCode, dailyPnL=daily, unrealizedPnL=unrealized, realizedPnL=realized)


def pnl_single(
    whose: PnL,
    on: Contract | None = None,
    held: float | None = None,
    worth: float | None = None,
) -> PnLSingle:
    """The figures of one position, or of a whole account and model where `on` is left out."""
    return PnLSingle(
        **whose.model_dump(),
        conId=on.conId if on else None,
        symbol=on.symbol if on else None,
        position=number(held),
        value=number(worth),
        name=contract_name(on) if on else None,
    )
