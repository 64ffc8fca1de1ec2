"""One caller's flood is told to wait; another caller does not feel it."""

import pytest

from bridge.tool import ToolError
from mcp_front.limits import Allowance, Limits

ALLOWANCE = Allowance(calls_per_s=10, burst=3, at_once=2)


def call(limits: Limits, name: str, now: float) -> None:
    with limits.admitted(name, now):
        pass


def test_burst_is_admitted_and_the_next_call_is_paced_with_its_wait() -> None:
    limits = Limits(ALLOWANCE)
    for _ in range(3):
        call(limits, "claude", 100.0)

    with pytest.raises(ToolError) as caught:
        call(limits, "claude", 100.0)

    assert caught.value.code == "paced"
    assert caught.value.details == {"retry_after_s": 0.1}


def test_call_is_admitted_after_the_wait_it_was_told() -> None:
    limits = Limits(ALLOWANCE)
    for _ in range(3):
        call(limits, "claude", 100.0)

    call(limits, "claude", 100.11)
    with pytest.raises(ToolError):
        call(limits, "claude", 100.12)


def test_burst_does_not_grow_beyond_its_size_while_nobody_calls() -> None:
    limits = Limits(ALLOWANCE)
    call(limits, "claude", 100.0)
    for _ in range(3):
        call(limits, "claude", 10_000.0)

    with pytest.raises(ToolError):
        call(limits, "claude", 10_000.0)


def test_one_caller_does_not_spend_what_is_anothers() -> None:
    limits = Limits(ALLOWANCE)
    for _ in range(3):
        call(limits, "hungry", 100.0)

    call(limits, "quiet", 100.0)


def test_calls_at_once_are_capped_and_free_their_place() -> None:
    limits = Limits(ALLOWANCE)
    with limits.admitted("claude", 100.0):
        with limits.admitted("claude", 100.0), pytest.raises(ToolError, match="2 calls running"):
            call(limits, "claude", 100.0)
        call(limits, "claude", 100.0)


def test_failed_call_frees_its_place() -> None:
    limits = Limits(Allowance(10, 10, 1))
    with pytest.raises(ValueError, match="broken"), limits.admitted("claude", 100.0):
        raise ValueError("broken")

    call(limits, "claude", 100.0)
