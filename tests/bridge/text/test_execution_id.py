"""An execution and its corrections: they share a trade, and each has a version."""

import pytest

from bridge.text.execution_id import trade_of, version_of


@pytest.mark.parametrize(
    ("execId", "trade", "version"),
    [
        ("0000e0d5.6841d6f5.01.02", "0000e0d5.6841d6f5.01", 2),
        ("a.b.01.12", "a.b.01", 12),
        ("alone", "alone", 0),
        ("a.b", "a", 0),
    ],
)
def test_a_correction_shares_all_but_the_last_part_of_its_execId(execId: str, trade: str, version: int) -> None:
    assert (trade_of(execId), version_of(execId)) == (trade, version)
