"""Scanners, news, fundamentals, events and advisor set-ups answer with content, and refuse nonsense."""

from __future__ import annotations

import json
from xml.etree import ElementTree as Xml

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.reference.fundamentals import REPORTS
from ibgateway.simulator.world.reference.scanner import CODES
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, stock


def query(scanCode: str, **fields: object) -> v.ScannerQuery:
    return v.ScannerQuery(instrument="STK", locationCode="STK.US.MAJOR", scanCode=scanCode, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("scanCode", CODES)
def test_every_scan_ranks_rows(quiet: World, scanCode: str) -> None:
    rows = quiet.scan(query(scanCode, numberOfRows=10))

    assert [row.rank for row in rows] == list(range(10))
    assert len({row.details.contract.conId for row in rows}) == 10


def test_gainers_are_ranked_by_what_quotes_show(quiet: World) -> None:
    rows = quiet.scan(query("TOP_PERC_GAIN"))
    changes = []
    for row in rows[:10]:
        shown = quiet.snapshot(quiet.resolve(v.Contract(conId=row.details.contract.conId)))
        assert shown.last is not None
        assert shown.close is not None
        changes.append(shown.last / shown.close)

    assert changes == sorted(changes, reverse=True)


def test_filters_narrow_a_scan(quiet: World) -> None:
    dear = quiet.scan(query("MOST_ACTIVE", abovePrice=400.0))

    assert 0 < len(dear) < len(quiet.scan(query("MOST_ACTIVE")))
    assert quiet.scan(query("MOST_ACTIVE", filters=(("priceAbove", "400"),))) == dear


def test_an_unknown_scan_is_refused(quiet: World) -> None:
    with pytest.raises(v.Refusal) as refusal:
        quiet.scan(query("NO_SUCH_SCAN"))
    assert refusal.value.code == 162


def test_scanner_parameters_name_every_scan(quiet: World) -> None:
    codes = {each.text for each in Xml.fromstring(quiet.scanner_parameters()).iter("scanCode")}

    assert codes == set(CODES)


def test_headlines_have_articles(quiet: World) -> None:
    found = quiet.historical_news(265598, "BRFG+DJ-N", None, None, 20)

    assert len(found) == 20
    assert [each.time for each in found] == sorted((each.time for each in found), reverse=True)
    assert found[0].time <= START
    assert {each.providerCode for each in found} <= {"BRFG", "DJ-N"}
    for headline in found:
        assert headline.headline in quiet.article(headline.providerCode, headline.articleId).text


def test_news_ticks_are_the_historical_headlines(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    ticks = quiet.headlines(START - 10 * 86_400, START, contract)
    codes = "+".join(code for code, _ in quiet.news_providers())

    assert ticks
    assert ticks[::-1] == quiet.historical_news(265598, codes, START - 10 * 86_400, START, 300)


@pytest.mark.parametrize("articleId", ["", "BRFG$zz", "BRFG$00040d7ex4f1ax9", "BRFG$00000001x4f1ax0", "BRFG$0x0x0x0"])
def test_an_unknown_article_is_refused(quiet: World, articleId: str) -> None:
    with pytest.raises(v.Refusal) as refusal:
        quiet.article("BRFG", articleId)
    assert refusal.value.code == 10172


def test_news_of_nobody_is_refused(quiet: World) -> None:
    with pytest.raises(v.Refusal):
        quiet.historical_news(42, "BRFG", None, None, 10)
    with pytest.raises(v.Refusal):
        quiet.historical_news(265598, "NOBODY", None, None, 10)


def test_a_bulletin_comes_as_the_market_opens(quiet: World) -> None:
    assert len(quiet.bulletins(START - 86_400, START)) == 1
    assert quiet.bulletins(START, START + 60) == []


@pytest.mark.parametrize("reportType", REPORTS)
def test_every_fundamental_report_is_xml_with_content(quiet: World, reportType: str) -> None:
    report = Xml.fromstring(quiet.fundamental_data(quiet.resolve(AAPL), reportType))

    assert len(list(report.iter())) > 3


@pytest.mark.parametrize(("symbol", "reportType"), [("SPY", "ReportSnapshot"), ("AAPL", "NoSuchReport")])
def test_missing_fundamentals_are_refused(quiet: World, symbol: str, reportType: str) -> None:
    with pytest.raises(v.Refusal) as refusal:
        quiet.fundamental_data(quiet.resolve(stock(symbol)), reportType)
    assert refusal.value.code == 430


def test_corporate_events_are_within_the_dates(quiet: World) -> None:
    meta = json.loads(quiet.wsh_meta())["data"]["meta_data"]["event_types"]
    events = json.loads(quiet.wsh_events(265598, start="20250101", end="20251231"))

    assert {each["event_type"] for each in events} == {each["tag"] for each in meta}
    assert len(events) == 8
    assert all("20250101" <= each["index_date"] <= "20251231" for each in events)
    watched = json.loads(quiet.wsh_events(filter='{"watchlist":["8314"],"wshe_div":"false"}'))
    assert {each["ticker"] for each in watched} == {"IBM"}
    assert {each["event_type"] for each in watched} == {"wshe_ed"}


@pytest.mark.parametrize("filter", ["", "nonsense", '{"watchlist":["x"]}', "[1]"])
def test_events_of_nobody_are_refused(quiet: World, filter: str) -> None:
    with pytest.raises(v.Refusal):
        quiet.wsh_events(filter=filter)


def test_an_advisors_groups_can_be_replaced(world: World) -> None:
    groups = "<ListOfGroups><Group><name>Mine</name></Group></ListOfGroups>"
    assert world.replace_fa(1, groups)

    assert world.fa_config(1) == groups
    assert "DU1234567" in world.fa_config(3)


@pytest.mark.parametrize("xml", ["", "<ListOfGroups>", "<Other/>", "<!DOCTYPE x []><ListOfGroups/>"])
def test_groups_that_are_none_are_refused(world: World, xml: str) -> None:
    before = world.fa_config(1)
    with pytest.raises(v.Refusal):
        world.replace_fa(1, xml)

    assert world.fa_config(1) == before


def test_the_rest_of_the_reference_answers(quiet: World) -> None:
    assert quiet.family_codes() == [("DU1234567", "")]
    assert quiet.soft_dollar_tiers() == []
    assert quiet.user_info() == ""
    with pytest.raises(v.Refusal):
        quiet.fa_config(2)
