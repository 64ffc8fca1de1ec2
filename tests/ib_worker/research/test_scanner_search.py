"""Scanner parameters by words."""

from ib_worker.research.scanner_search import nearest, of_words
from ib_worker.research.scanner_xml import ScannerParameter

KNOWN = [
    ScannerParameter("scanCode", "TOP_PERC_GAIN", "Top % Gainers"),
    ScannerParameter("scanCode", "TOP_PERC_LOSE", "Top % Losers"),
    ScannerParameter("scanCode", "MOST_ACTIVE", "Most Active"),
]


def codes(found: list[ScannerParameter]) -> list[str]:
    return [each.code for each in found]


def test_every_word_must_be_there_and_where_none_has_all_those_with_most_are_found() -> None:
    assert codes(of_words(KNOWN, "top GAIN")) == ["TOP_PERC_GAIN"]
    assert codes(of_words(KNOWN, "top movers")) == ["TOP_PERC_GAIN", "TOP_PERC_LOSE"]
    assert of_words(KNOWN, "zebra") == []
    assert of_words(KNOWN, " ") == KNOWN


def test_the_nearest_code_is_written_alike_or_has_some_of_the_words() -> None:
    assert nearest(KNOWN, "top_perc_gains")[0] == "TOP_PERC_GAIN"
    assert nearest(KNOWN, "ACTIVE_STOCKS_TODAY") == ["MOST_ACTIVE"]
    assert nearest(KNOWN, "zzz") == []
