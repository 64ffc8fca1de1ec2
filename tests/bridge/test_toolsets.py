"""The names that FRONT_TOOLSETS takes, and the toolsets that they mean."""

import pytest

from bridge.toolsets import TOOLSETS, chosen_toolsets

BY_DEFAULT = {name for name, toolset in TOOLSETS.items() if toolset.default}


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ((), BY_DEFAULT),
        (("default",), BY_DEFAULT),
        (("default", "depth"), BY_DEFAULT | {"depth"}),
        (("all",), set(TOOLSETS)),
        (("all", "session"), set(TOOLSETS)),
        (("session", "history"), {"session", "history"}),
    ],
)
def test_names_mean_their_toolsets(named: tuple[str, ...], chosen: set[str]) -> None:
    assert chosen_toolsets(named) == chosen


def test_a_name_that_is_no_toolset_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        ValueError, match=r"no such toolset: bonds, quotas\. There are all, default, session, contracts"
    ):
        chosen_toolsets(["quotas", "session", "bonds"])
