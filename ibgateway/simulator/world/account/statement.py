"""Account values under TWS's tags: the Account Window's set, and the account summary's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from ibgateway.simulator.model.account import AccountValue
from ibgateway.simulator.world.account.ledger import Ledger
from ibgateway.simulator.world.account.margin import AccountWorth, Prices

SEGMENTS = ("", "-C", "-S")  # whole account, commodities, securities

# Tags whose value is an amount in the base currency; how each follows from the account's worth.
AMOUNTS: dict[str, Callable[[AccountWorth], float]] = {
    "NetLiquidation": lambda w: w.net,
    "TotalCashValue": lambda w: w.cash,
    "SettledCash": lambda w: w.cash - w.unsettled,
    "AccruedCash": lambda w: 0.0,
    "AccruedDividend": lambda w: 0.0,
    "BuyingPower": lambda w: w.buying_power,
    "EquityWithLoanValue": lambda w: w.with_loan,
    "PreviousEquityWithLoanValue": lambda w: w.previous,
    "GrossPositionValue": lambda w: w.gross,
    "ReqTEquity": lambda w: w.with_loan,
    "RegTEquity": lambda w: w.with_loan,
    "RegTMargin": lambda w: w.initial,
    "SMA": lambda w: max(w.with_loan - w.initial, 0.0),
    "InitMarginReq": lambda w: w.initial,
    "MaintMarginReq": lambda w: w.maintenance,
    "AvailableFunds": lambda w: w.available,
    "ExcessLiquidity": lambda w: w.excess,
    "FullInitMarginReq": lambda w: w.initial,
    "FullMaintMarginReq": lambda w: w.maintenance,
    "FullAvailableFunds": lambda w: w.available,
    "FullExcessLiquidity": lambda w: w.excess,
    "LookAheadInitMarginReq": lambda w: w.initial,
    "LookAheadMaintMarginReq": lambda w: w.maintenance,
    "LookAheadAvailableFunds": lambda w: w.available,
    "LookAheadExcessLiquidity": lambda w: w.excess,
    "Billable": lambda w: 0.0,
    "Guarantee": lambda w: 0.0,
    "IndianStockHaircut": lambda w: 0.0,
    "NetLiquidationUncertainty": lambda w: 0.0,
    "NLVAndMarginInReview": lambda w: 0.0,
    "PASharesValue": lambda w: 0.0,
    "PhysicalCertificateValue": lambda w: 0.0,
    "PostExpirationExcess": lambda w: 0.0,
    "PostExpirationMargin": lambda w: 0.0,
    "TotalDebitCardPendingCharges": lambda w: 0.0,
    "PreviousDayEquityWithLoanValue": lambda w: w.previous,
}
PLAIN: dict[str, Callable[[AccountWorth], str]] = {
    "AccountType": lambda w: "INDIVIDUAL",
    "Cushion": lambda w: f"{w.cushion:.6g}",
    "DayTradesRemaining": lambda w: "-1",
    "DayTradesRemainingT+1": lambda w: "-1",
    "DayTradesRemainingT+2": lambda w: "-1",
    "DayTradesRemainingT+3": lambda w: "-1",
    "DayTradesRemainingT+4": lambda w: "-1",
    "HighestSeverity": lambda w: "0",
    "Leverage": lambda w: f"{w.gross / w.net if w.net else 0:.2f}",
    "LookAheadNextChange": lambda w: "0",
}
SUMMARY = (
    "AccountType,Cushion,DayTradesRemaining,DayTradesRemainingT+1,DayTradesRemainingT+2,DayTradesRemainingT+3,"
    "DayTradesRemainingT+4,HighestSeverity,Leverage,LookAheadNextChange,AccruedCash,AccruedDividend,AvailableFunds,"
    "BuyingPower,EquityWithLoanValue,ExcessLiquidity,FullAvailableFunds,FullExcessLiquidity,FullInitMarginReq,"
    "FullMaintMarginReq,GrossPositionValue,InitMarginReq,LookAheadAvailableFunds,LookAheadExcessLiquidity,"
    "LookAheadInitMarginReq,LookAheadMaintMarginReq,MaintMarginReq,NetLiquidation,PreviousEquityWithLoanValue,"
    "PreviousDayEquityWithLoanValue,RegTEquity,ReqTEquity,RegTMargin,SMA,SettledCash,TotalCashValue"
)
SUMMARY_TAGS = frozenset(SUMMARY.split(","))
ZERO_LEDGER = (
    "AccruedCash,Cryptocurrency,FundValue,MutualFundValue,MoneyMarketFundValue,CorporateBondValue,TBondValue,"
    "TBillValue,WarrantValue,IssuerOptionValue,NetDividend"
)
LEDGER = "$LEDGER"


def summary(account: str, worth: AccountWorth, base: str, tags: Iterable[str]) -> list[AccountValue]:
    """Return the summary's rows of the given tags, in TWS's order, without $LEDGER tags."""
    wanted = set(tags)
    rows = [AccountValue(account, tag, make(worth)) for tag, make in PLAIN.items() if tag in wanted]
    return rows + [
        AccountValue(account, tag, money(make(worth)), base)
        for tag, make in sorted(AMOUNTS.items())
        if tag in wanted and tag in SUMMARY_TAGS
    ]


def window(account: str, worth: AccountWorth, base: str) -> list[AccountValue]:
    """Return the Account Window's values of a securities account: its commodities' segment is empty."""
    rows = [
        AccountValue(account, "AccountCode", account),
        AccountValue(account, "AccountReady", "true"),
        AccountValue(account, "AccountType", "INDIVIDUAL"),
    ]
    rows += [AccountValue(account, tag, make(worth)) for tag, make in PLAIN.items() if tag in WINDOW_PLAIN]
    rows += [AccountValue(account, "Leverage-S", PLAIN["Leverage"](worth))]
    rows += [AccountValue(account, "SegmentTitle-C", "US Commodities")]
    rows += [AccountValue(account, "SegmentTitle-S", "US Securities")]
    rows += [AccountValue(account, "TradingType-S", "STKNOPT"), AccountValue(account, "WhatIfPMEnabled", "true")]
    for tag, make in sorted(AMOUNTS.items()):
        for segment in SEGMENTS if tag in SEGMENTED else ("",):
            amount = 0.0 if segment == "-C" else make(worth)
            rows.append(AccountValue(account, tag + segment, money(amount), base))
    return rows


WINDOW_PLAIN = frozenset(tag for tag in PLAIN if tag.startswith(("Cushion", "DayTrades", "LookAhead")))
SEGMENT_TAGS = (
    "AccruedCash AccruedDividend AvailableFunds Billable EquityWithLoanValue ExcessLiquidity FullAvailableFunds "
    "FullExcessLiquidity FullInitMarginReq FullMaintMarginReq GrossPositionValue Guarantee IndianStockHaircut "
    "InitMarginReq LookAheadAvailableFunds LookAheadExcessLiquidity LookAheadInitMarginReq LookAheadMaintMarginReq "
    "MaintMarginReq NetLiquidation NetLiquidationUncertainty PASharesValue PhysicalCertificateValue "
    "PostExpirationExcess PostExpirationMargin TotalCashValue TotalDebitCardPendingCharges"
)
SEGMENTED = frozenset(SEGMENT_TAGS.split())


def ledger_rows(ledger: Ledger, prices: Prices) -> list[AccountValue]:
    """Return the rows of $LEDGER:ALL: BASE first, then each currency."""
    currencies = sorted(
        {ledger.base}
        | {currency for currency, amount in ledger.cash.items() if amount}
        | {held.instrument.currency for held in ledger.holdings.values() if held.quantity}
    )
    parts = {currency: _currency_sums(ledger, currency, prices) for currency in currencies}
    totals = {
        name: sum(part[name] * prices.rate(currency) for currency, part in parts.items())
        for name in parts[currencies[0]]
    }
    rows = _ledger_part(ledger.account, "BASE", totals, 1.0)
    for currency, part in parts.items():
        rows += _ledger_part(ledger.account, currency, part, prices.rate(currency))
    return rows


def _currency_sums(ledger: Ledger, currency: str, prices: Prices) -> dict[str, float]:
    cash = float(ledger.cash.get(currency, Decimal(0)))
    sums = dict.fromkeys(
        ("CashBalance", "TotalCashBalance", "StockMarketValue", "OptionMarketValue", "FutureOptionValue", "FuturesPNL",
         "CorporateBondValue", "FxCashBalance", "UnrealizedPnL", "RealizedPnL", "NetLiquidationByCurrency"),
        0.0,
    )  # fmt: skip
    sums["CashBalance"] = sums["TotalCashBalance"] = cash
    sums["RealizedPnL"] = float(ledger.realized.get(currency, Decimal(0)))
    for held in ledger.holdings.values():
        instrument = held.instrument
        if instrument.currency != currency or not held.quantity or instrument.secType == "CASH":
            continue
        one, quantity = prices.of(instrument) * instrument.units, float(held.quantity)
        sums["UnrealizedPnL"] += quantity * (one - float(held.cost))
        if instrument.secType == "FUT":
            sums["FuturesPNL"] += quantity * (one - float(held.basis))
        else:
            sums[MARKET_VALUE[instrument.secType]] += quantity * one
    sums["NetLiquidationByCurrency"] = cash + sum(sums[name] for name in (*MARKET_VALUE.values(), "FuturesPNL"))
    return sums


MARKET_VALUE = {
    "STK": "StockMarketValue",
    "OPT": "OptionMarketValue",
    "FOP": "FutureOptionValue",
    "BOND": "CorporateBondValue",
}


def _ledger_part(account: str, currency: str, part: dict[str, float], rate: float) -> list[AccountValue]:
    values = {"Currency": currency, "RealCurrency": currency, "ExchangeRate": f"{rate:.5f}", "AccountOrGroup": account}
    values |= dict.fromkeys(ZERO_LEDGER.split(","), "0.00")
    values |= {name: money(amount) for name, amount in part.items()}
    return [AccountValue(account, tag, value, currency) for tag, value in sorted(values.items())]


def money(amount: float) -> str:
    """Return an amount as TWS prints it: two decimals, and no minus before a zero."""
    text = f"{amount:.2f}"
    return "0.00" if text == "-0.00" else text
