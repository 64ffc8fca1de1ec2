"""News, scanners and reports, field by field as gateways print them."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import ContractDetails
from ibgateway.simulator.model.research import Headline, ScannerRow
from ibgateway.simulator.wire.messages import (
    research,
)
from tests.stacks.ibgateway.message_fields import AAPL, AT, fields, read


def test_news_and_bulletins() -> None:
    headline = Headline(AT, "BRFG", "BRFG$1", "Up")

    assert read(research.historical_news(9, headline)) == ["86", "9", "2025-06-11 14:30:00.0", "BRFG", "BRFG$1", "Up"]
    assert read(research.news_bulletin(3, 1, "text", "NYSE")) == fields("14 1 3 1 text NYSE")


def test_a_scans_rows_are_counted_and_name_market_and_class() -> None:
    row = ScannerRow(0, ContractDetails(AAPL, "NMS", 0.01, "LMT", "SMART"))

    assert read(research.scanner_data(9, [row])) == fields(
        "20 3 9 1 0 265598 AAPL STK - 0 - SMART USD AAPL NMS NMS - - - -"
    )


def test_the_last_headlines_end_says_whether_there_are_more() -> None:
    assert read(research.historical_news_end(9, True)) == fields("87 9 1")
    assert read(research.historical_news_end(9, False)) == fields("87 9 0")
