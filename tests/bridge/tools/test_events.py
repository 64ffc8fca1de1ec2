"""The arguments of waits: a condition names what it is about, and nothing that it would not use."""

import pytest
from pydantic import ValidationError

from bridge.tools.events import WaitCondition, WaitFor


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ({"event": "order_filled"}, "order_filled needs the order's orderKey or permId"),
        ({"event": "order_done", "symbol": "SPY"}, "order_done needs the order's orderKey or permId"),
        ({"event": "order_filled", "permId": 9, "symbol": "SPY"}, "symbol: order_filled has no use for it"),
        ({"event": "halt", "permId": 9}, "permId: halt has no use for it"),
        ({"event": "halted"}, "Input should be"),
        ({"event": "halt", "colour": "red"}, "colour"),
    ],
)
def test_a_condition_that_lacks_or_wastes_something_is_refused(condition: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        WaitCondition.model_validate(condition)


def test_an_empty_argument_of_a_condition_was_left_out() -> None:
    asked = WaitFor.model_validate({"events": [{"event": "halt", "orderKey": "", "permId": None, "symbol": None}]})

    assert asked.events[0].model_fields_set == {"event"}


@pytest.mark.parametrize(
    "wrong",
    [{"events": []}, {"events": [{"event": "halt"}] * 21}, {"timeout_seconds": 0}, {"timeout_seconds": 14_401}],
)
def test_a_wait_has_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WaitFor.model_validate({"events": [{"event": "halt"}]} | wrong)
