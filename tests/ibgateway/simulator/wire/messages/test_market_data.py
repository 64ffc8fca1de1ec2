"""Ticks, depth and news ticks, field by field as gateways print them."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.market_data import BarData, BidAsk, OptionComputation, Trade
from ibgateway.simulator.model.research import Headline
from ibgateway.simulator.wire.messages import market_data
from tests.stacks.ibgateway.message_fields import AT, fields, read


def test_ticks_are_a_head_for_the_client_and_a_tail_for_all() -> None:
    price = market_data.head(market_data.TICK_PRICE, 1001) + market_data.price_tail(68, 255.45, "200")
    size = market_data.head(market_data.TICK_SIZE, 1001) + market_data.size_tail(74, "312894")

    assert read(price) == fields("1 6 1001 68 255.45 200 0")
    assert read(size) == fields("2 6 1001 74 312894")
    assert read(market_data.price_tail(1, None, "0", 1)) == fields("1 -1.0 0 1")


def test_greeks_that_were_not_computed_have_their_sentinels() -> None:
    nothing = OptionComputation(None, None, None, None, None, None, None, None)

    told = read(market_data.head(market_data.TICK_OPTION, 9) + market_data.option_tail(13, nothing))

    assert told == fields("21 9 13 1 -1.0 -2.0 -1.0 -1.0 -2.0 -2.0 -2.0 -1.0")


def test_a_print_says_by_bits_what_it_was() -> None:
    trade = Trade(AT, 255.45, Decimal(100), "ISLAND", pastLimit=True, unreported=True, conditions="T")

    assert read(market_data.tick_by_tick_last(9, 2, trade, 2)) == fields("99 9 2 1749652200 255.45 100 3 ISLAND T")


def test_a_side_without_a_quote_is_minus_1_tick_by_tick() -> None:
    quote = BidAsk(AT, None, Decimal(0), 255.45, Decimal(300))

    assert read(market_data.tick_by_tick_bid_ask(9, quote, 2)) == fields("99 9 3 1749652200 -1 255.45 0 300 0")


def test_a_real_time_bar_without_trades_has_no_average_price() -> None:
    bar = BarData(AT, 254.2, 254.8, 250.65, 255.0, Decimal(-1), -1.0, -1)

    assert read(market_data.real_time_bar(9, bar, "-1", 2)) == fields(
        "50 3 9 1749652200 254.20 254.80 250.65 255.00 -1 -1 -1"
    )


def test_a_news_tick_has_its_time_in_milliseconds() -> None:
    headline = Headline(AT, "BRFG", "BRFG$1", "Up")

    assert read(market_data.tick_news(9, headline)) == fields("84 9 1749652200000 BRFG BRFG$1 Up -")
