"""An advisor's groups can be replaced, and nonsense leaves them as they were."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World


def test_an_advisors_groups_can_be_replaced(world: World) -> None:
    groups = "<ListOfGroups><Group><name>Mine</name></Group></ListOfGroups>"
    assert world.replace_fa(1, groups)

    assert world.fa_config(1) == groups
    assert "DU1234567" in world.fa_config(3)


@pytest.mark.parametrize("xml", ["", "<ListOfGroups>", "<Other/>", "<!DOCTYPE x []><ListOfGroups/>"])
def test_groups_that_are_none_are_refused(world: World, xml: str) -> None:
    before = world.fa_config(1)
    with pytest.raises(Refusal):
        world.replace_fa(1, xml)

    assert world.fa_config(1) == before
