"""One caller's flood waits for itself; another caller does not feel it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.tool import ToolError
from mcp_front.admission.rate_limits import QUEUED_S, ConcurrencyLimiter, RateLimiter, rate_limiter
from mcp_front.settings import FrontSettings

PER_S, BURST = 10, 3


@pytest.fixture
def paces() -> RateLimiter:
    return RateLimiter(PER_S, BURST)


def test_a_burst_goes_on_at_once_and_the_next_wait_for_their_turns(paces: RateLimiter) -> None:
    waits = [paces.wait_s("claude", 100.0) for _ in range(6)]

    assert waits == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


def test_whoever_waited_is_in_step(paces: RateLimiter) -> None:
    for _ in range(4):
        paces.wait_s("claude", 100.0)

    assert paces.wait_s("claude", 100.2) == 0.0
    assert paces.wait_s("claude", 100.2) == pytest.approx(0.1)


def test_a_burst_does_not_grow_while_nobody_calls(paces: RateLimiter) -> None:
    paces.wait_s("claude", 100.0)

    waits = [paces.wait_s("claude", 10_000.0) for _ in range(4)]

    assert waits == pytest.approx([0, 0, 0, 0.1], abs=1e-6)


def test_too_long_a_wait_is_refused_with_its_length_and_takes_no_place(paces: RateLimiter) -> None:
    for _ in range(BURST + int(QUEUED_S * PER_S)):
        paces.wait_s("claude", 100.0)

    for _ in range(2):
        with pytest.raises(ToolError) as caught:
            paces.wait_s("claude", 100.0)
        assert caught.value.code == "paced"
        assert caught.value.message == "Too many requests of claude (limit: 10 per second). Retry in 5.1 seconds."
        assert caught.value.details["retry_after_s"] == pytest.approx(QUEUED_S + 0.1)
    assert paces.wait_s("claude", 100.1) == pytest.approx(QUEUED_S)


def test_one_caller_does_not_spend_what_is_anothers(paces: RateLimiter) -> None:
    for _ in range(10):
        paces.wait_s("hungry", 100.0)

    assert paces.wait_s("quiet", 100.0) == 0.0


@given(st.lists(st.floats(0, 1), max_size=200))
def test_no_caller_is_ever_let_in_faster_than_its_pace(gaps: list[float]) -> None:
    paces, now, let_in = RateLimiter(PER_S, BURST), 0.0, list[float]()
    for gap in gaps:
        now += gap
        try:
            let_in.append(now + paces.wait_s("claude", now))
        except ToolError:
            continue
    for first, begin in enumerate(let_in):
        for count, end in enumerate(let_in[first:], 1):
            assert count <= BURST + (end - begin) * PER_S + 1e-6


def test_calls_at_once_are_capped_and_free_their_place() -> None:
    limits = ConcurrencyLimiter(2)
    with limits.admitted("claude"):
        with limits.admitted("claude"), pytest.raises(ToolError, match=r"limit: 2\)"), limits.admitted("claude"):
            pass
        with limits.admitted("claude"):
            pass
        with limits.admitted("quiet"):
            pass


def test_a_name_that_has_no_call_running_is_forgotten() -> None:
    limits = ConcurrencyLimiter(1)
    for number in range(400):
        with limits.admitted(f"name {number}"), pytest.raises(ToolError), limits.admitted(f"name {number}"):
            pass

    assert not limits._running


def test_without_a_rate_of_the_operators_nobody_is_held_to_one() -> None:
    assert rate_limiter(FrontSettings().front_calls_per_s, 100) is None
    assert rate_limiter(0.001, 1) is not None


def test_what_may_not_pass_now_passes_later_and_never_later_than_the_bound() -> None:
    answers = RateLimiter(10, 1)

    delays = [answers.delay_s("hungry", 0.0, 0.35) for _ in range(6)]

    assert delays == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.35, 0.35])
    assert answers.delay_s("quiet", 0.0, 0.35) == 0.0
