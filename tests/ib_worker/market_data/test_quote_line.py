"""The market-data lines that quotes leave alone."""

import pytest

from ib_worker.market_data.quote_line import kept_from_quotes


@pytest.mark.parametrize(("most", "kept"), [(100, 10), (20, 10), (6, 3), (1, 0)])
def test_quotes_leave_ten_lines_alone_or_half_of_a_few(most: int, kept: int) -> None:
    assert kept_from_quotes(most) == kept
