"""The reference data of a login without a family, tiers or branding."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World


def test_the_rest_of_the_reference_answers(quiet: World) -> None:
    assert quiet.family_codes() == [("DU1234567", "")]
    assert quiet.soft_dollar_tiers() == []
    assert quiet.user_info() == ""
    with pytest.raises(Refusal):
        quiet.fa_config(2)
