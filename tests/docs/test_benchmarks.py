"""The page of benchmarks takes the table that `make bench-peers` prints."""

import pytest

from benchmarks.peers.measure import CROWDED, KINDS, POSITIONS, Times
from benchmarks.peers.report import ToolList, in_page, missed, table
from benchmarks.peers.servers import OURS, Server
from tests.docs.sentences import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


def server(name: str) -> Server:
    return Server(name, 1, "/", ("a", {}), lambda _: ("b", {}), lambda *_: ("c", {}))


def results(ours_s: float, other_s: float) -> dict[str, dict[str, Times]]:
    def times(seconds: float) -> Times:
        return Times([[seconds] * 10] * 2, [1 / seconds] * 2)

    both = {OURS: times(ours_s), "other": times(other_s)}
    return {kind: both if kind in (POSITIONS, CROWDED) else {} for kind in KINDS}


def test_the_page_has_a_place_for_the_table() -> None:
    page = in_page(PAGE.read_text(encoding="utf-8"), "| a new table |")

    assert page.count("| a new table |") == 1
    assert in_page(page, "| another |").count("| a new table |") == 0


def test_a_page_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        in_page("# Benchmarks\n", "| a new table |")


@pytest.mark.parametrize(("ours_s", "verdict"), [(0.001, "met"), (0.0019, "missed")])
def test_a_row_has_the_ratio_to_the_best_other_server(ours_s: float, verdict: str) -> None:
    found = results(ours_s, 0.002)
    lists = {OURS: ToolList(2, 3000, 700), "other": ToolList(1, 1000, None)}

    text = table([server(OURS), server("other")], found, {OURS: "9 / 8", "other": "7 / 6"}, lists)

    ratio = f"{ours_s / 0.002:.2f}"
    assert f"| {ratio} | at most 0.75: {verdict} |" in text
    assert "| 2 tools, 700 tokens, 3 kB | 1 tools, 1 kB |" in text
    assert missed(found) == (verdict == "missed")
