"""Positions, account values and profit, field by field as gateways print them."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.account import AccountPnL, AccountPosition, AccountValue
from ibgateway.simulator.wire.encoding.text import UNSET_DOUBLE
from ibgateway.simulator.wire.messages import account
from tests.stacks.ibgateway.message_fields import AAPL, AT, fields, read


def test_position_names_the_primary_exchange_and_prints_strike_and_cost_as_doubles() -> None:
    held = AccountPosition("DU1", AAPL, Decimal(15), 200.25)

    assert read(account.position(held)) == fields("61 3 DU1 265598 AAPL STK - 0.0 - - NASDAQ USD AAPL NMS 15 200.25")
    assert read(account.position_multi(9, held, "m"))[:4] == fields("71 1 9 DU1")


def test_an_account_value_begins_with_its_tag_and_a_summarys_with_its_account() -> None:
    value = AccountValue("DU1", "NetLiquidation", "1000000.00", "USD")

    assert read(account.account_value(value)) == fields("6 2 NetLiquidation 1000000.00 USD DU1")
    assert read(account.account_summary(9, value)) == fields("63 1 9 DU1 NetLiquidation 1000000.00 USD")
    assert read(account.account_update_multi(9, value, "m")) == fields("73 1 9 DU1 m NetLiquidation 1000000.00 USD")


def test_profit_that_is_not_known_is_the_unset_double() -> None:
    assert read(account.pnl(9, AccountPnL(1.5, None, 0.0))) == ["94", "9", "1.5", UNSET_DOUBLE, "0.0"]


def test_an_account_is_as_of_a_time_of_day_in_the_gateways_zone() -> None:
    assert read(account.account_time(AT, "US/Eastern")) == fields("8 1 10:30")
