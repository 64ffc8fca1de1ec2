"""Each filter changes the frames that it concerns, so many of them, and no others."""

from __future__ import annotations

import pytest

from ibgateway.simulator.faults.filters import (
    Delay,
    Duplicate,
    FrameFilter,
    Reverse,
    Rewrite,
    Sending,
    Swallow,
    Truncate,
    msg_id,
)

ERROR, TIME, OTHER_TIME = b"4\x00-1\0", b"49\x001\x005\0", b"49\x001\x006\0"
SENT: list[Sending] = [(0.0, ERROR), (0.0, TIME), (0.0, OTHER_TIME)]


@pytest.mark.parametrize(
    ("filter_", "sent"),
    [
        (Swallow(49, None, None), [(0.0, ERROR)]),
        (Swallow(49, None, 1), [(0.0, ERROR), (0.0, OTHER_TIME)]),
        (Swallow(None, None, None), []),
        (Delay(49, None, None, 2.5), [(0.0, ERROR), (2.5, TIME), (2.5, OTHER_TIME)]),
        (Duplicate(4, None, None, 3), [(0.0, ERROR)] * 3 + SENT[1:]),
        (Reverse(49, None, None), [(0.0, ERROR), (0.0, OTHER_TIME), (0.0, TIME)]),
        (Rewrite(4, None, None, 1, "7"), [(0.0, b"4\x007\0"), *SENT[1:]]),
        (Rewrite(4, None, None, 9, "7"), SENT),  # no such field
        (Truncate(49, None, 1, 2), [(0.0, ERROR), (0.0, b"49\x001\0"), (0.0, OTHER_TIME)]),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, FrameFilter) else "",
)
def test_a_filter_changes_the_frames_that_it_names(filter_: FrameFilter, sent: list[Sending]) -> None:
    assert filter_.apply(SENT, 1) == sent


def test_a_filter_of_one_client_leaves_the_others_alone() -> None:
    filter_ = Swallow(None, 7, 1)

    assert filter_.apply(SENT, 1) == SENT
    assert filter_.apply(SENT, None) == SENT
    assert filter_.apply(SENT, 7) == SENT[1:]


def test_delays_add_up() -> None:
    assert Delay(None, None, None, 1.0).apply([(2.0, ERROR)], 1) == [(3.0, ERROR)]


def test_a_frame_without_a_message_id_has_none() -> None:
    assert (msg_id(TIME), msg_id(b"x\0"), msg_id(b"")) == (49, None, None)
