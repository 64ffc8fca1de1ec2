"""What makes the shipped extracts undoes splits and leaves dividends alone."""

from __future__ import annotations

import numpy as np
import pytest

from ibgateway.simulator.world.data import extract


def test_a_split_is_undone_for_the_days_before_it() -> None:
    # adj_close / close: a dividend of one percent, then two for one, then nothing
    ratio = np.array([1 / 2.02, 1 / 2.0, 1.0, 1.0])

    assert extract._split_factor(ratio).tolist() == [2.0, 2.0, 1.0, 1.0]


def test_splits_multiply_and_half_shares_count() -> None:
    ratio = np.array([1 / 3.0, 1 / 1.5, 1.0])

    assert extract._split_factor(ratio).tolist() == [3.0, 1.5, 1.0]


def test_dividends_are_no_splits() -> None:
    assert extract._split_factor(np.array([0.8, 0.9, 1.0])).tolist() == [1.0, 1.0, 1.0]


def test_a_source_that_is_not_installed_is_named() -> None:
    with pytest.raises(SystemExit, match="no_such_source is not installed"):
        extract._package("no_such_source")
