"""Groups of fields that several messages share: a contract printed in two ways, and a time in two ways."""

from __future__ import annotations

from dataclasses import replace

from ibgateway.simulator.wire.encoding.text import message
from ibgateway.simulator.wire.messages.fields import held_contract, local_time, order_contract, utc_time
from tests.stacks.ibgateway.message_fields import AAPL, AT, fields, read


def test_an_orders_contract_without_strike_and_right_says_0_and_a_question_mark() -> None:
    printed = read(message(5, *order_contract(AAPL)))

    assert printed[1:] == fields("265598 AAPL STK - 0 ? - SMART USD AAPL NMS")


def test_a_held_contract_without_strike_and_right_says_a_double_and_nothing() -> None:
    printed = read(message(61, *held_contract(AAPL, "NASDAQ")))

    assert printed[1:] == fields("265598 AAPL STK - 0.0 - - NASDAQ USD AAPL NMS")


def test_a_strike_is_minimal_in_an_order_and_a_double_in_a_position() -> None:
    call = replace(AAPL, strike=200.0, right="C")

    assert order_contract(call)[4:6] == ["200", "C"]
    assert held_contract(call, "SMART")[4:6] == ["200.0", "C"]


def test_a_time_is_written_in_the_zone_it_names_and_in_utc() -> None:
    assert local_time(AT, "US/Eastern") == "20250611 10:30:00 US/Eastern"
    assert local_time(AT, "Asia/Tokyo") == "20250611 23:30:00 Asia/Tokyo"
    assert utc_time(AT) == "20250611-14:30:00"
