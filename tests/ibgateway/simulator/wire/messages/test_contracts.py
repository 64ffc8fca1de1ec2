"""Contract details, bonds, searches and exchanges, field by field as gateways print them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ibgateway.simulator.model.contracts import BondDetails, Contract, ContractDescription, ContractDetails
from ibgateway.simulator.model.market_data import DepthExchange
from ibgateway.simulator.wire.messages import contracts
from tests.stacks.ibgateway.message_fields import AAPL, fields, read

PUT = Contract(
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
DETAILS = ContractDetails(
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
    bond = BondDetails(cusip="912828C57", coupon=2.25, maturity="20300331", callable=True)
    sizes = [] if version < 164 else ["0.0001", "0.0001", "100"]

    told = read(contracts.bond_details(version, 9, DETAILS, bond))

    middle = fields("20300331 - - - - 0 1 0 - SMART USD NMS NMS 265598")
    assert told == [*fields(head), *middle, *fields(tail), *fields("ISIN US0378331005 1 26,26"), *sizes]


def test_a_symbol_search_describes_its_finds_since_176() -> None:
    found = [ContractDescription(AAPL, ("OPT", "CFD"), "APPLE INC")]

    assert read(contracts.symbol_samples(175, 9, found)) == fields("79 9 1 265598 AAPL STK NASDAQ USD 2 OPT CFD")
    assert read(contracts.symbol_samples(176, 9, found))[-4:] == ["OPT", "CFD", "APPLE INC", ""]


def test_depth_exchanges_without_a_group_say_so_with_the_unset_integer() -> None:
    one = DepthExchange("ISLAND", "STK", "", "Deep2")

    assert read(contracts.depth_exchanges([one])) == fields("80 1 ISLAND STK - Deep2 2147483647")
