"""The contractDetails (10) of an instrument, and the tables that they refer to."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.contracts import ContractDetails, PriceIncrement
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.instruments.instrument import Instrument

STOCK_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,BENCHPX,CASHQTY,COND,CONDORDER,DARKONLY,DARKPOLL,DAY,"
    "DEACT,DEACTDIS,DEACTEOD,DIS,DUR,GAT,GTC,GTD,GTT,HID,IBKRATS,ICE,IMB,IOC,LIT,LMT,LOC,MIDPX,MIT,MKT,MOC,MTL,"
    "NGCOMB,NODARK,NONALGO,OCA,OPG,OPGREROUT,PEGBENCH,PEGMID,POSTATS,POSTONLY,PREOPGRTH,PRICECHK,REL,REL2MID,"
    "RELPCTOFS,RPI,RTH,SCALE,SCALEODD,SCALERST,SIZECHK,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,SWEEP,TRAIL,TRAILLIT,"
    "TRAILLMT,TRAILMIT,WHATIF"
)
OTHER_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,COND,CONDORDER,DAY,DEACT,DEACTDIS,DEACTEOD,GAT,GTC,GTD,GTT,"
    "HID,ICE,IOC,LIT,LMT,MIT,MKT,MTL,NGCOMB,NONALGO,OCA,REL,SCALE,SCALERST,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,"
    "TRAILMIT,WHATIF"
)
HARD_TO_BORROW = frozenset({"RRC", "PLTR"})  # whose short sales wait until shares are located
PENNY_BELOW_3 = (PriceIncrement(0.0, 0.01), PriceIncrement(3.0, 0.05))
RULES = {
    26: (PriceIncrement(0.0, 0.01),),
    32: (PriceIncrement(0.0, 0.01),),
    67: (PriceIncrement(0.0, 0.25),),
    109: PENNY_BELOW_3,
    110: (PriceIncrement(0.0, 0.05),),
    239: (PriceIncrement(0.0, 0.00005),),
    1867: (PriceIncrement(0.0, 0.01),),
    2104: (PriceIncrement(0.0, 0.001),),
    1947: (PriceIncrement(0.0, 0.0005),),
}


def details(instrument: Instrument, exchange: str, now: float) -> ContractDetails:
    """Return the details as of `now`; their trading hours begin with today."""
    calendar = instrument.calendar
    stock = instrument.secType == "STK"
    size = _sizes(instrument)
    return ContractDetails(
        contract=instrument.contract(exchange),
        marketName=instrument.tradingClass or instrument.symbol,
        minTick=instrument.minTick,
        orderTypes=STOCK_TYPES if stock else OTHER_TYPES,
        validExchanges=",".join(instrument.exchanges),
        underConId=instrument.underConId,
        longName=instrument.longName,
        contractMonth=f"{instrument.expiry:%Y%m}" if instrument.expiry else "",
        industry=instrument.industry,
        category=instrument.category,
        subcategory=instrument.subcategory,
        timeZoneId=calendar.hours.zone,
        tradingHours=calendar.hours_text(now, liquid=False),
        liquidHours=calendar.hours_text(now, liquid=True),
        aggGroup=1 if stock else 2147483647,
        underSymbol=instrument.symbol if instrument.expiry else "",
        underSecType=_under_sec_type(instrument),
        marketRuleIds=",".join([str(instrument.ruleId)] * len(instrument.exchanges)),
        secIdList=(("ISIN", instrument.isin),) if instrument.isin else (),
        realExpirationDate=f"{instrument.expiry:%Y%m%d}" if instrument.expiry else "",
        stockType=instrument.stockType,
        minSize=size[0],
        sizeIncrement=size[1],
        suggestedSizeIncrement=size[2],
        bond=instrument.bond,
    )


def _under_sec_type(instrument: Instrument) -> str:
    if instrument.secType == "FUT":
        return "IND" if instrument.series in ("SP500", "NDX") else ""
    if instrument.secType == "FOP":
        return "FUT"
    if instrument.secType == "OPT":
        return "STK" if instrument.hours == "US_OPTION" and not instrument.tradingClass.startswith("SPX") else "IND"
    return ""


def _sizes(instrument: Instrument) -> tuple[Decimal, Decimal, Decimal]:
    """Return minimum size, increment and suggested increment."""
    if instrument.secType == "STK" and instrument.currency == "USD":
        return Decimal("0.0001"), Decimal("0.0001"), Decimal(100)
    if instrument.secType == "CASH":
        return Decimal("0.01"), Decimal("0.01"), Decimal(1000)
    return Decimal(1), Decimal(1), Decimal(1)


def derivative_types(instrument: Instrument) -> tuple[str, ...]:
    """Return the kinds of derivatives that a symbol search names."""
    if instrument.secType == "STK" and instrument.currency == "USD":
        return ("CFD", "OPT", "IOPT", "WAR", "BAG") if instrument.strikeStep else ("CFD", "BAG")
    if instrument.secType == "IND":
        return ("OPT", "FUT", "FOP", "BAG") if instrument.strikeStep else ("FUT",)
    return ()


def market_rule(marketRuleId: int) -> list[PriceIncrement]:
    if marketRuleId not in RULES:
        raise Refusal(321, f"Error validating request.-'cC' : cause - Invalid market rule id {marketRuleId}")
    return list(RULES[marketRuleId])
