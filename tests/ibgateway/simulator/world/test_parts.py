"""A world is made for a start that the calendars cover."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.stacks.ibgateway.world_and_trader import NEW_YORK, new_world


@pytest.mark.parametrize("year", [1999, 2031])
def test_a_start_without_a_calendar_is_an_error(year: int) -> None:
    with pytest.raises(ValueError, match="2000"):
        new_world(start=datetime(year, 6, 11, 10, tzinfo=NEW_YORK).timestamp())
