"""Malformed input, in a bounded run; `python -m tests.ibgateway.simulator.fuzz 1000000` is the long one."""

import pytest

from tests.ibgateway.simulator.fuzz import Fuzzer


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_input_crashes_the_simulator_or_places_another_order_than_it_says(seed: int) -> None:
    counts = Fuzzer(seed).run(600)

    assert sum(counts.values()) - counts["orders"] == 600
    assert counts["refused"] > 100
    assert counts["handled"] > 100
    assert counts["orders"] > 10
