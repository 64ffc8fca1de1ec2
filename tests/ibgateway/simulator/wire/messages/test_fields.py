"""Messages field by field, as gateways print them at each version that changed a layout."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ibgateway.simulator.model import values
from ibgateway.simulator.wire.encoding.text import UNSET_DOUBLE
from ibgateway.simulator.wire.messages import (
    account,
    contracts,
    history,
    market_data,
    order_state,
    orders,
    research,
    session,
)

AT = 1749652200.0  # 2025-06-11 10:30:00 US/Eastern
AAPL = values.Contract(
    conId=265598,
    symbol="AAPL",
    secType="STK",
    exchange="SMART",
    primaryExchange="NASDAQ",
    currency="USD",
    localSymbol="AAPL",
    tradingClass="NMS",
)
PUT = values.Contract(
    conId=853200900,
    symbol="OBDC",
    secType="OPT",
    lastTradeDateOrContractMonth="20261120",
    strike=10.0,
    right="P",
    multiplier="100",
    exchange="SMART",
    currency="USD",
    localSymbol="OBDC  261120P00010000",
    tradingClass="OBDC",
)
DETAILS = values.ContractDetails(
    contract=AAPL,
    marketName="NMS",
    minTick=0.01,
    orderTypes="LMT,MKT",
    validExchanges="SMART,ISLAND",
    longName="APPLE INC",
    industry="Technology",
    category="Computers",
    subcategory="Computers",
    tradingHours="th",
    liquidHours="lh",
    secIdList=(("ISIN", "US0378331005"),),
    marketRuleIds="26,26",
    stockType="COMMON",
    minSize=Decimal("0.0001"),
    sizeIncrement=Decimal("0.0001"),
)


def read(payload: bytes) -> list[str]:
    assert payload.endswith(b"\0")
    return payload.decode("ascii")[:-1].split("\0")


def fields(text: str) -> list[str]:
    """`-` stands for an empty field."""
    return [field.replace("~", " ") if field != "-" else "" for field in text.split()]


DETAILS_START = "AAPL STK -"
DETAILS_MIDDLE = (
    "LMT,MKT SMART,ISLAND 1 0 APPLE~INC NASDAQ - Technology Computers Computers US/Eastern th lh - - "
    "1 ISIN US0378331005 1 - - 26,26 - COMMON"
)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (157, f"10 8 9 {DETAILS_START} 0 - SMART USD AAPL NMS NMS 265598 0.01 100 - {DETAILS_MIDDLE}"),
        (163, f"10 8 9 {DETAILS_START} 0 - SMART USD AAPL NMS NMS 265598 0.01 100 - {DETAILS_MIDDLE} 0.0001"),
        (164, f"10 9 {DETAILS_START} 0 - SMART USD AAPL NMS NMS 265598 0.01 - {DETAILS_MIDDLE} 0.0001 0.0001 100"),
        (182, f"10 9 {DETAILS_START} - 0 - SMART USD AAPL NMS NMS 265598 0.01 - {DETAILS_MIDDLE} 0.0001 0.0001 100"),
        (200, f"10 9 {DETAILS_START} - 0 - SMART USD AAPL NMS NMS 265598 0.01 - {DETAILS_MIDDLE} 0.0001 0.0001 100 0"),
    ],
)
def test_contract_details(version: int, expected: str) -> None:
    assert read(contracts.contract_details(version, 9, DETAILS)) == fields(expected)


def test_an_options_last_trade_names_its_time_and_zone() -> None:
    details = replace(DETAILS, contract=PUT, lastTradeTime="16:00:00", realExpirationDate="20261120")

    assert read(contracts.contract_details(200, 9, details))[4:8] == [
        "20261120-16:00:00-US/Eastern",
        "20261120",
        "10",
        "P",
    ]


@pytest.mark.parametrize(
    ("version", "head", "tail"),
    [
        (157, "18 6 9 AAPL STK 912828C57 2", "0.01 100 LMT,MKT SMART,ISLAND - - 0 - APPLE~INC - - 1"),
        (164, "18 9 AAPL STK 912828C57 2", "0.01 LMT,MKT SMART,ISLAND - - 0 - APPLE~INC - - 1"),
        (188, "18 9 AAPL STK 912828C57 2.25", "0.01 LMT,MKT SMART,ISLAND - - 0 - APPLE~INC US/Eastern th lh - - 1"),
    ],
)
def test_bond_details(version: int, head: str, tail: str) -> None:
    bond = values.BondDetails(cusip="912828C57", coupon=2.25, maturity="20300331", callable=True)
    sizes = [] if version < 164 else ["0.0001", "0.0001", "100"]

    told = read(contracts.bond_details(version, 9, DETAILS, bond))

    middle = fields("20300331 - - - - 0 1 0 - SMART USD NMS NMS 265598")
    assert told == [*fields(head), *middle, *fields(tail), *fields("ISIN US0378331005 1 26,26"), *sizes]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (157, "4 2 9 200 no~such"),
        (166, "4 2 9 200 no~such {}"),
        (194, "4 9 200 no~such {} 1749652200000"),
    ],
)
def test_errors(version: int, expected: str) -> None:
    assert read(session.error(version, 9, 200, "no such", AT, "{}")) == fields(expected)


BARS = values.Requested(
    [
        values.Bar(AT, 254.2, 254.8, 250.65, 255.0, Decimal(2829736), 252.2664, 13633),
        values.Bar(AT + 3600, 1, 1, 1, 1, Decimal(-1), -1.0, -1),
    ],
    AT - 86400,
    AT,
)
SPAN = ["20250610 10:30:00 US/Eastern", "20250611 10:30:00 US/Eastern"]
ROWS = [
    "20250611 10:30:00 US/Eastern",
    *fields("254.20 254.80 250.65 255.00 2829736 252.266 13633"),
    "20250611 11:30:00 US/Eastern",
    *fields("1.00 1.00 1.00 1.00 -1 -1 -1"),
]


def test_bars_come_with_their_span_in_one_message_and_since_196_in_two() -> None:
    style = history.BarStyle("US/Eastern", 2)

    (old,) = history.historical_data(195, 9, BARS, style)
    new, end = history.historical_data(196, 9, BARS, style)

    assert read(old) == ["17", "9", *SPAN, "2", *ROWS]
    assert read(new) == ["17", "9", "2", *ROWS]
    assert read(end) == ["108", "9", *SPAN]


def test_a_bars_date_follows_the_format_that_was_asked_for() -> None:
    assert history.BarStyle("US/Eastern", 2, 2).date(AT) == "1749652200"
    assert history.BarStyle("US/Eastern", 2, 2, daily=True).date(1749600000.0) == "20250611"


def test_a_midpoint_between_two_ticks_has_a_digit_more() -> None:
    style = history.BarStyle("US/Eastern", 2)

    assert [style.price(x) for x in (255.0, 255.4, 255.405)] == ["255.00", "255.40", "255.405"]


def test_before_175_us_stocks_volume_is_counted_in_hundreds() -> None:
    style = history.BarStyle("US/Eastern", 2, lot=100)

    assert [style.volume(Decimal(250)), style.volume(Decimal(-1))] == ["2", "-1"]


def test_a_bar_update_has_close_before_high_and_low() -> None:
    told = read(history.historical_data_update(9, BARS.bars[0], history.BarStyle("US/Eastern", 2)))

    assert told == ["90", "9", "13633", ROWS[0], *fields("254.20 255.00 254.80 250.65 252.266 2829736")]


def test_a_schedule_has_local_times_and_the_days_that_they_belong_to() -> None:
    sessions = [values.TradingSession(AT - 3600, AT + 19800, "20250611")]

    told = read(history.historical_schedule(9, sessions, "US/Eastern"))

    stamps = ["20250611-09:30:00", "20250611-16:00:00"]
    assert told == ["106", "9", *stamps, "US/Eastern", "1", *stamps, "20250611"]


STATUS = values.OrderStatus(0, 0, "PreSubmitted", Decimal(0), Decimal("1.0"), 0.0, 1518189976, 0, 0.0)


def test_order_status_has_no_digit_too_many() -> None:
    assert read(orders.order_status(STATUS)) == fields("3 0 PreSubmitted 0 1 0 1518189976 0 0 0 - 0")


EXECUTION = values.Execution(
    clientId=94,
    orderId=1,
    contract=replace(AAPL, exchange="SMART"),
    execId="0000e0d5.69dd7411.01.01",
    time=AT,
    acctNumber="DU1",
    exchange="IEX",
    side="BOT",
    shares=Decimal(1),
    price=257.95,
    permId=389211034,
    liquidation=0,
    cumQty=Decimal(1),
    avgPrice=257.95,
)
EXECUTION_FIELDS = [
    *fields("11 -1 1 265598 AAPL STK - 0.0 - - IEX USD AAPL NMS 0000e0d5.69dd7411.01.01"),
    "20250611 10:30:00 US/Eastern",
    *fields("DU1 IEX BOT 1 257.95 389211034 94 0 1 257.95 - - - - 2"),
]


@pytest.mark.parametrize(("version", "more"), [(177, []), (178, ["0"]), (197, ["0"]), (198, ["0", ""])])
def test_executions_name_the_venue(version: int, more: list[str]) -> None:
    told = read(orders.exec_details(version, -1, EXECUTION, "US/Eastern", "US/Eastern"))

    assert told == [*EXECUTION_FIELDS, *more]


def test_an_execution_can_name_a_zone_that_no_database_has() -> None:
    told = read(orders.exec_details(200, -1, EXECUTION, "US/Eastern", "Eastern Standard Time"))

    assert told[15] == "20250611 10:30:00 Eastern Standard Time"


def test_a_commission_report_leaves_profit_and_yield_unset() -> None:
    report = values.CommissionReport(94, "e.1", 1.0, "USD", None)

    assert read(orders.commission_report(report)) == ["59", "1", "e.1", "1.0", "USD", UNSET_DOUBLE, UNSET_DOUBLE, ""]


def test_position_names_the_primary_exchange_and_prints_strike_and_cost_as_doubles() -> None:
    held = values.Position("DU1", AAPL, Decimal(15), 200.25)

    assert read(account.position(held)) == fields("61 3 DU1 265598 AAPL STK - 0.0 - - NASDAQ USD AAPL NMS 15 200.25")
    assert read(account.position_multi(9, held, "m"))[:4] == fields("71 1 9 DU1")


def test_a_symbol_search_describes_its_finds_since_176() -> None:
    found = [values.ContractDescription(AAPL, ("OPT", "CFD"), "APPLE INC")]

    assert read(contracts.symbol_samples(175, 9, found)) == fields("79 9 1 265598 AAPL STK NASDAQ USD 2 OPT CFD")
    assert read(contracts.symbol_samples(176, 9, found))[-4:] == ["OPT", "CFD", "APPLE INC", ""]


def test_depth_exchanges_without_a_group_say_so_with_the_unset_integer() -> None:
    one = values.DepthExchange("ISLAND", "STK", "", "Deep2")

    assert read(contracts.depth_exchanges([one])) == fields("80 1 ISLAND STK - Deep2 2147483647")


def test_ticks_are_a_head_for_the_client_and_a_tail_for_all() -> None:
    price = market_data.head(market_data.TICK_PRICE, 1001) + market_data.price_tail(68, 255.45, "200")
    size = market_data.head(market_data.TICK_SIZE, 1001) + market_data.size_tail(74, "312894")

    assert read(price) == fields("1 6 1001 68 255.45 200 0")
    assert read(size) == fields("2 6 1001 74 312894")
    assert read(market_data.price_tail(1, None, "0", 1)) == fields("1 -1.0 0 1")


def test_greeks_that_were_not_computed_have_their_sentinels() -> None:
    nothing = values.OptionComputation(None, None, None, None, None, None, None, None)

    told = read(market_data.head(market_data.TICK_OPTION, 9) + market_data.option_tail(13, nothing))

    assert told == fields("21 9 13 1 -1.0 -2.0 -1.0 -1.0 -2.0 -2.0 -2.0 -1.0")


def test_news_and_bulletins() -> None:
    headline = values.Headline(AT, "BRFG", "BRFG$1", "Up")

    assert read(research.historical_news(9, headline)) == ["86", "9", "2025-06-11 14:30:00.0", "BRFG", "BRFG$1", "Up"]
    assert read(market_data.tick_news(9, headline)) == fields("84 9 1749652200000 BRFG BRFG$1 Up -")
    assert read(research.news_bulletin(3, 1, "text", "NYSE")) == fields("14 1 3 1 text NYSE")


# An option's limit order at version 200, group by group.
OPEN_200 = [
    "5 0 853200900 OBDC OPT 20261120 10 P 100 SMART USD OBDC~~261120P00010000 OBDC",
    "SELL 1 LMT 1.2 0.0 GTC - DU1 - 0 - 0 1518189976 0 0 0 -",  # action … goodAfterTime
    "1518189976.0/DU1/100 - - - - - 0 - - 0 - -1 0",  # shares allocation … auctionStrategy
    "- - - - - 2147483647 0 0 0 - 3 0 0 - 0 0",  # startingPrice … triggerMethod
    "- 0 None - 0 - - - ? 0 0 - 0 0",  # volatility … referencePriceType
    "- - - - - 0 0 0 2147483647 2147483647 - - 0 - IB 0 0 - 0",  # trailStopPrice … solicited
    "0 PreSubmitted" + f" {UNSET_DOUBLE}" * 9 + " - - - - -" + f" {UNSET_DOUBLE}" * 9,
    "-9223372036854775808 - 0 - 0 0 0",  # suggested size … number of conditions
    "None" + f" {UNSET_DOUBLE}" * 6 + " 0 - - - 0 0 0 0 0",  # adjustedOrderType … usePriceMgmtAlgo
    "- - 0 - - - - - - 0 - 0 - 2147483647 - 0",  # duration … imbalanceOnly
]
ORDER = values.Order("SELL", Decimal(1), "LMT", 1.2, tif="GTC", account="DU1")


def test_open_order_at_200() -> None:
    shown = values.OpenOrder(0, 0, 1518189976, PUT, ORDER, values.OrderState("PreSubmitted"))

    assert read(order_state.open_order(200, shown)) == [field for group in OPEN_200 for field in fields(group)]


# How many fields openOrder and completedOrder have from each version on.
LENGTHS = {
    157: (128, 96),
    158: (129, 96),
    160: (130, 96),
    162: (131, 96),
    170: (136, 101),
    177: (135, 100),
    183: (136, 101),
    184: (137, 102),
    185: (138, 102),
    189: (139, 102),
    193: (141, 102),
    195: (154, 102),
    198: (155, 103),
    199: (156, 103),
}
COMPLETED_200 = [
    "101 265598 AAPL STK - 0 ? - SMART USD AAPL NMS BUY 1 LMT 500.0 0.0 GTC oca DU1 - 0 - 1002 0 0 0 -",
    "- - - - - 0 - - 0 - -1 - - - - - 2147483647 0 0 - 3 0 - 0 None - 0 0 0 - 0 0 - - -",
    "0 0 0 2147483647 2147483647 - - - IB 0 0 - 0 Cancelled 0 0 0",
    f"{UNSET_DOUBLE} {UNSET_DOUBLE} 0 0 0 - 0 2147483647 0 Not~an~insider~or~substantial~shareholder 0 0",
    "9223372036854775807 20250611~10:30:00~US/Eastern Cancelled~by~Trader - - - - - - 0 -",
]


def test_completed_order_at_200() -> None:
    state = values.OrderState(
        "Cancelled", completedTime="20250611 10:30:00 US/Eastern", completedStatus="Cancelled by Trader"
    )
    order = values.Order("BUY", Decimal(1), "LMT", 500.0, tif="GTC", ocaGroup="oca", account="DU1")

    told = read(order_state.completed_order(200, values.OpenOrder(1, 0, 1002, AAPL, order, state)))

    assert told == [field for group in COMPLETED_200 for field in fields(group)]


@pytest.mark.parametrize("version", range(157, 201))
def test_orders_have_as_many_fields_as_their_version_has(version: int) -> None:
    shown = values.OpenOrder(0, 0, 1, PUT, ORDER, values.OrderState("Submitted"))
    since = max(one for one in LENGTHS if one <= version)

    told = len(read(order_state.open_order(version, shown))), len(read(order_state.completed_order(version, shown)))

    assert told == LENGTHS[since]
