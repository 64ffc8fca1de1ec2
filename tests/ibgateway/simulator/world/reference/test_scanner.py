"""Every scan ranks rows, narrowed by its filters, and an unknown one is refused."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.research import ScannerQuery
from ibgateway.simulator.world.reference.scanner import CODES
from ibgateway.simulator.world.world import World


def query(scanCode: str, **fields: object) -> ScannerQuery:
    return ScannerQuery(instrument="STK", locationCode="STK.US.MAJOR", scanCode=scanCode, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("scanCode", CODES)
def test_every_scan_ranks_rows(quiet: World, scanCode: str) -> None:
    rows = quiet.scan(query(scanCode, numberOfRows=10))

    assert [row.rank for row in rows] == list(range(10))
    assert len({row.details.contract.conId for row in rows}) == 10


def test_gainers_are_ranked_by_what_quotes_show(quiet: World) -> None:
    rows = quiet.scan(query("TOP_PERC_GAIN"))
    changes = []
    for row in rows[:10]:
        shown = quiet.snapshot(quiet.resolve(Contract(conId=row.details.contract.conId)))
        assert shown.last is not None
        assert shown.close is not None
        changes.append(shown.last / shown.close)

    assert changes == sorted(changes, reverse=True)


def test_filters_narrow_a_scan(quiet: World) -> None:
    dear = quiet.scan(query("MOST_ACTIVE", abovePrice=400.0))

    assert 0 < len(dear) < len(quiet.scan(query("MOST_ACTIVE")))
    assert quiet.scan(query("MOST_ACTIVE", filters=(("priceAbove", "400"),))) == dear


def test_an_unknown_scan_is_refused(quiet: World) -> None:
    with pytest.raises(Refusal) as refusal:
        quiet.scan(query("NO_SUCH_SCAN"))
    assert refusal.value.code == 162


def test_scanner_parameters_name_every_scan(quiet: World) -> None:
    codes = {each.text for each in Xml.fromstring(quiet.scanner_parameters()).iter("scanCode")}

    assert codes == set(CODES)
