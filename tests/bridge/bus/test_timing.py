"""The usual waits of the bus fit one another and the promises that are made with them."""

import dataclasses

import pytest

import bridge.tools.orders  # noqa: F401  # the declarations fill the registry
from bridge.bus.timing import USUAL
from bridge.tool import OPERATIONS

PAUSE_S = 5.0  # of Redis, which costs no leader its lease


def test_a_leader_stops_before_redis_may_give_the_lease_to_another() -> None:
    assert 0 < USUAL.margin_s < USUAL.lease_s - USUAL.renew_s


def test_a_lease_outlasts_a_pause_of_redis() -> None:
    assert USUAL.lease_s - USUAL.margin_s - USUAL.renew_s >= PAUSE_S


def test_a_caller_is_told_within_two_and_a_half_seconds_that_redis_is_away() -> None:
    assert USUAL.connect_s + USUAL.answer_s <= 2.5
    assert USUAL.confirm_s + USUAL.connect_s <= 2.0


def test_a_repeated_submit_leaves_time_for_its_answer() -> None:
    assert USUAL.submit_again_s < OPERATIONS["place_order"].deadline_s / 2


def test_an_approved_form_is_used_before_another_can_be_answered() -> None:
    assert 0 < USUAL.approved_form_s < USUAL.form_s


def test_a_stream_is_counted_several_times_before_it_is_abandoned() -> None:
    assert USUAL.listener_check_s * 3 <= USUAL.linger_s


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(USUAL)])
def test_no_wait_can_be_changed_while_it_is_used(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(USUAL, name, 0.0)
