"""The recorded tokens of the list of tools: within their bars, and true of today's declarations without npm."""

import pytest

from benchmarks.tool_tokens import BARS, GROWTH, PIECES, Figures, pieces_of, recorded
from mcp_front.tools.catalogue import offered_tools

RECORD_ANEW = "run make tokens ARGS=--write, and shorten a description or a schema where the figure is above its bar"


@pytest.mark.parametrize("named", BARS)
def test_recorded_figure_is_within_its_bar_and_grows_by_5_percent_only_where_it_is_changed(named: str) -> None:
    figures, pieces = recorded()[named], pieces_of(offered_tools([named]))

    assert figures.tokens <= BARS[named]
    assert figures.estimate(pieces) <= BARS[named], RECORD_ANEW
    assert pieces <= figures.pieces * GROWTH, f"{pieces} pieces, recorded {figures.pieces}: {RECORD_ANEW}"


def test_a_twentieth_more_is_noticed() -> None:
    figures = Figures(tokens=1000, pieces=900)

    assert figures.estimate(946) == 1051


def test_pieces_are_words_numbers_of_three_digits_and_runs_of_signs() -> None:
    text = '{"lastTradeDate":"YYYYMM","max":12345}, two words'

    assert PIECES.findall(text) == [
        *('{"', "last", "Trade", "Date", '":"', "YYYYMM", '","', "max", '":', "123", "45", "},", " two", " words")
    ]  # fmt: skip
