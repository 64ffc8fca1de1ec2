"""Whose request a task carries out, and how much of what all share one caller may hold."""

import asyncio

import pytest

from ib_worker.pacing.caller import SESSION, acting_for, current_call, current_caller, max_share


def test_what_nobody_asked_for_is_the_sessions_own() -> None:
    assert current_caller() == SESSION


def test_a_caller_is_known_inside_alone_and_the_one_before_afterwards() -> None:
    with acting_for("claude"):
        with acting_for("codex"):
            assert current_caller() == "codex"
        assert current_caller() == "claude"

    assert current_caller() == SESSION


def test_a_call_that_fails_leaves_no_caller_behind() -> None:
    with pytest.raises(ValueError, match="wrong"), acting_for("claude"):
        raise ValueError("wrong")

    assert current_caller() == SESSION


def test_what_a_call_was_let_in_for_holds_in_its_parts_and_for_no_other_call() -> None:
    with acting_for("claude") as call:
        call.is_let_in = True
        with acting_for("claude"):
            assert current_call().is_let_in
        with acting_for("codex"):
            assert not current_call().is_let_in

    assert not current_call().is_let_in


async def test_a_task_that_is_begun_inside_is_the_callers_even_afterwards() -> None:
    go = asyncio.Event()

    async def whose() -> str:
        await go.wait()
        return current_caller()

    with acting_for("claude"):
        task = asyncio.create_task(whose())
    go.set()

    assert await task == "claude"


@pytest.mark.parametrize(("whole", "share"), [(100, 80), (60, 48), (5, 4), (4, 4), (1, 1)])
def test_one_caller_leaves_every_fifth_to_the_others(whole: int, share: int) -> None:
    assert max_share(whole) == share
