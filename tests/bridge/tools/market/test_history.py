"""Arguments of the tools about a contract's past and its hours."""

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS
from bridge.tools.market.history import GetHistogram, GetHistoricalTicks, GetTradingSchedule


@pytest.mark.parametrize(
    ("written", "tws"),
    [("3 D", "3 days"), ("1 day", "1 day"), ("2 weeks", "2 weeks"), ("1 M", "1 month"), ("1 Y", "1 year")],
)
def test_a_histograms_period_is_written_as_tws_takes_it(written: str, tws: str) -> None:
    assert GetHistogram(symbol="SPY", timePeriod=written).timePeriod == tws


@pytest.mark.parametrize("written", ["2 years", "13 months", "0 days", "3600 S", "long ago"])
def test_a_histogram_is_of_a_year_at_most(written: str) -> None:
    with pytest.raises(ValidationError):
        GetHistogram(symbol="SPY", timePeriod=written)


def test_what_a_schema_does_not_list_is_accepted() -> None:
    listed = TOOLS["ibkr_get_historical_ticks"].input_schema()["properties"]
    whole = GetHistoricalTicks(symbol="ES", secType="FUT", exchange="CME", lastTradeDateOrContractMonth="202509")

    assert {"symbol", "secType", "conId"} <= set(listed)
    assert not {"exchange", "lastTradeDateOrContractMonth", "strike"} & set(listed)
    assert whole.exchange == "CME"


def test_past_days_are_bounded() -> None:
    with pytest.raises(ValidationError, match="pastDays"):
        GetTradingSchedule(symbol="SPY", pastDays=32)
