"""Each chart comes with one line about it."""

from mcp_front.charts.chart import badge, sentence


def test_simulated_data_are_named_in_the_picture_and_in_the_line() -> None:
    assert (badge(True), badge(False)) == ("SIMULATED", "")
    assert sentence("SPY.", "", simulated=True) == "SPY. Simulated data."
    assert sentence("SPY.", "Cut.", simulated=False) == "SPY. Cut."
