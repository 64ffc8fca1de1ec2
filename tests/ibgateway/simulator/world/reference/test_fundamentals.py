"""Every fundamental report is XML with content, and a missing one is refused."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.reference.fundamentals import REPORTS
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, stock


@pytest.mark.parametrize("reportType", REPORTS)
def test_every_fundamental_report_is_xml_with_content(quiet: World, reportType: str) -> None:
    report = Xml.fromstring(quiet.fundamental_data(quiet.resolve(AAPL), reportType))

    assert len(list(report.iter())) > 3


@pytest.mark.parametrize(("symbol", "reportType"), [("SPY", "ReportSnapshot"), ("AAPL", "NoSuchReport")])
def test_missing_fundamentals_are_refused(quiet: World, symbol: str, reportType: str) -> None:
    with pytest.raises(Refusal) as refusal:
        quiet.fundamental_data(quiet.resolve(stock(symbol)), reportType)
    assert refusal.value.code == 430


def test_a_snapshots_ratios_follow_from_price_and_earnings(quiet: World) -> None:
    report = Xml.fromstring(quiet.fundamental_data(quiet.resolve(AAPL), "ReportSnapshot"))
    ratio = {each.get("FieldName"): float(each.text or "nan") for each in report.iter("Ratio")}

    assert ratio["PEEXCLXOR"] == pytest.approx(ratio["NPRICE"] / ratio["TTMEPSXCLX"], abs=1e-4)
    assert ratio["YIELD"] == pytest.approx(ratio["TTMDIVSHR"] / ratio["NPRICE"] * 100, abs=1e-4)
