"""Whatever clients do, books reconcile, orders take legal paths, and no book is crossed."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ibgateway.simulator.sequences import STEPS, Sequence, worlds
from tests.stacks.ibgateway.world_and_trader import new_world

SEQUENCES = int(os.environ.get("SIMULATOR_SEQUENCES", "50"))


@pytest.mark.timeout(60 + SEQUENCES)
def test_random_sequences_violate_nothing() -> None:
    assert list(worlds(SEQUENCES)) == list(range(1, SEQUENCES + 1))


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(1, 50), dice=st.integers(0, 2**31), hours=st.floats(0, 40))
def test_any_seed_and_start_violates_nothing(seed: int, dice: int, hours: float) -> None:
    world = new_world(seed)
    world.advance(world.now + hours * 3600)

    Sequence(world, dice).run(STEPS)
