"""A Flex statement as IBKR writes it, of a made-up account."""

from collections.abc import Sequence

INFORMATION = '<AccountInformation accountId="DU1234567" currency="USD" accountType="Individual" />'
EQUITY = (
    '<EquitySummaryByReportDateInBase accountId="DU1234567" currency="USD" reportDate="2025-06-09" cash="900000" '
    'total="995000.25" />'
    '<EquitySummaryByReportDateInBase accountId="DU1234567" currency="USD" reportDate="2025-06-10" cash="925000" '
    'total="1,020,500.50" />'
)
TRADE = (
    '<Trade accountId="DU1234567" currency="USD" fxRateToBase="1" assetCategory="STK" symbol="AAPL" conid="265598" '
    'multiplier="1" strike="" expiry="" putCall="" transactionID="11" tradeID="21" ibExecID="0000e0d5.aa.01.01" '
    'tradeDate="2025-06-09" dateTime="2025-06-09;10:31:05" quantity="10" tradePrice="190.5" ibCommission="-1" '
    'ibCommissionCurrency="USD" buySell="BUY" openCloseIndicator="O" fifoPnlRealized="0" exchange="NASDAQ" '
    'levelOfDetail="EXECUTION" />'
)
OPTION = (
    '<Trade accountId="DU1234567" currency="USD" assetCategory="OPT" symbol="SPY   250718P00400000" conid="7001" '
    'underlyingSymbol="SPY" multiplier="100" strike="400" expiry="2025-07-18" putCall="P" transactionID="12" '
    'ibExecID="0000e0d5.bb.01.01" dateTime="2025-06-09;11:00:00" quantity="-2" tradePrice="3.5" ibCommission="-1.05" '
    'ibCommissionCurrency="USD" buySell="SELL" openCloseIndicator="C" fifoPnlRealized="42.5" exchange="CBOE" '
    'levelOfDetail="EXECUTION" />'
)
PAIR = (
    '<Trade accountId="DU1234567" currency="USD" assetCategory="CASH" symbol="EUR.USD" conid="12087792" multiplier="1" '
    'transactionID="13" ibExecID="0000e0d5.cc.01.01" dateTime="2025-06-10;09:00:00" quantity="2000" '
    'tradePrice="1.1401" ibCommission="-2" ibCommissionCurrency="USD" buySell="BUY" exchange="IDEALFX" '
    'levelOfDetail="EXECUTION" />'
)
DEPOSIT = (
    '<CashTransaction accountId="DU1234567" currency="USD" fxRateToBase="1" description="WIRE" '
    'dateTime="2025-06-10" reportDate="2025-06-10" amount="25000" type="Deposits/Withdrawals" transactionID="881" '
    'levelOfDetail="DETAIL" />'
)
DAYS = (("2025-06-09", "2025-06-10"),)


def statement(
    equity: str = EQUITY,
    trades: str | None = TRADE + OPTION + PAIR,
    cash: str | None = DEPOSIT,
    information: str = INFORMATION,
    more: str = "",
    days: Sequence[tuple[str, str]] = DAYS,
) -> str:
    """Return the XML; None leaves a section out."""
    sections = (("Trades", trades), ("CashTransactions", cash))
    told = "".join(f"<{name}>{rows}</{name}>" for name, rows in sections if rows is not None)
    body = f"{information}<EquitySummaryInBase>{equity}</EquitySummaryInBase>{told}{more}"
    of_days = (
        f'<FlexStatement accountId="DU1234567" fromDate="{first}" toDate="{last}" period="" '
        f'whenGenerated="2025-06-11;09:00:00">{body}</FlexStatement>'
        for first, last in days
    )
    return (
        '<FlexQueryResponse queryName="Past" type="AF">'
        f'<FlexStatements count="{len(days)}">{"".join(of_days)}</FlexStatements></FlexQueryResponse>'
    )
