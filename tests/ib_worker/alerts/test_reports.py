"""The sentences about an alert's level."""

from typing import Any

import pytest

from bridge.bus.events.watches import Mark
from bridge.tools.events import WaitCondition
from ib_worker.alerts.reports import level_sides, standing


@pytest.mark.parametrize(
    ("terms", "base", "told"),
    [
        ({"above": 300}, None, ["above 300"]),
        ({"changePercent": -1}, 293.8, ["at or below 290.862: 1 % under 293.8"]),
        ({"changePercent": 2}, 100, ["at or below 98: 2 % under 100", "at or above 102: 2 % over 100"]),
        ({"changePercent": -1}, None, ["1 % under the first price that comes"]),
    ],
)
def test_a_level_is_told_with_the_price_that_it_is_measured_from(
    terms: dict[str, Any], base: float | None, told: list[str]
) -> None:
    condition = WaitCondition.model_validate({"event": "price", "symbol": "SPY", **terms})

    assert level_sides(condition, base) == told


@pytest.mark.parametrize(
    ("mark", "price", "told"),
    [(Mark(), 646, "fires at once"), (Mark(), 701, ""), (Mark(armed=False), 646, "fires again after")],
)
def test_a_level_that_is_true_already_is_told_with_what_comes_of_it(mark: Mark, price: float, told: str) -> None:
    condition = WaitCondition.model_validate({"event": "price", "symbol": "SPY", "below": 700})

    said = standing(condition, mark, price)
    assert told in said
    assert bool(told) == bool(said)
