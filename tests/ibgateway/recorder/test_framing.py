"""Bytes become payloads however they were split, and what can't be frames is refused."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.recorder.framing import MAX_FRAME, FrameSplitter
from ibgateway.simulator.wire.frames import BadFrame, frames

PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


@given(PAYLOADS, st.lists(st.integers(0, 400)), st.booleans())
def test_any_splitting_of_the_bytes_gives_the_same_payloads(
    payloads: list[bytes], cuts: list[int], of_client: bool
) -> None:
    data = (b"API\0" if of_client else b"") + frames(payloads)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    cutter = FrameSplitter(of_client=of_client)

    found = [payload for a, b in pairwise(edges) for payload in cutter.feed(data[a:b])]

    assert found == payloads


def test_a_client_that_begins_otherwise_is_refused() -> None:
    with pytest.raises(BadFrame):
        list(FrameSplitter(of_client=True).feed(b"GET / HTTP/1.1"))


@pytest.mark.parametrize("length", [0, MAX_FRAME + 1])
def test_a_length_that_no_frame_has_is_refused_after_the_frames_before_it(length: int) -> None:
    found: list[bytes] = []

    with pytest.raises(BadFrame):
        found.extend(FrameSplitter(of_client=False).feed(frames([b"9\0"]) + struct.pack(">I", length) + b"x"))

    assert found == [b"9\0"]
