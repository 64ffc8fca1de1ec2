"""The usual waits of a front fit one another, its hosts' timeouts and the limits of the fair queue."""

import dataclasses

import pytest

from mcp_front.admission.fair_queueing import BODY_S
from mcp_front.settings import FrontSettings
from mcp_front.timing import USUAL

HOST_TIMEOUT_S = 60.0  # of the TypeScript SDK, after which a call is given up


def test_a_stream_of_a_minute_ends_before_its_host_gives_up() -> None:
    assert USUAL.latest_s + USUAL.flush_s < HOST_TIMEOUT_S
    assert USUAL.long_stream_s < HOST_TIMEOUT_S
    assert USUAL.early_s > USUAL.flush_s


def test_a_stream_that_ends_without_news_has_shown_before_that_it_lives() -> None:
    assert USUAL.send_s < USUAL.pulse_s < HOST_TIMEOUT_S / 4


def test_a_slow_call_becomes_a_stream_long_before_its_host_gives_up() -> None:
    assert USUAL.stream_after_s + 2 * USUAL.ping_s < HOST_TIMEOUT_S


def test_the_fair_queue_answers_a_slow_body_before_its_connection_is_cut() -> None:
    assert USUAL.body_s > BODY_S


def test_a_stopping_front_gives_its_calls_longer_than_what_is_left_after_them() -> None:
    assert USUAL.drain_s + USUAL.cut_s < FrontSettings.model_fields["front_drain_s"].default
    assert isinstance(USUAL.cut_s, int)  # uvicorn takes whole seconds


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(USUAL)])
def test_no_wait_can_be_changed_while_it_is_used(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(USUAL, name, 0.0)
