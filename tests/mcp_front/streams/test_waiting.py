"""Calls that wait have a bound of their own."""

import pytest

from bridge.tool import ToolError
from mcp_front.streams.waiting import WaitPlaces


def test_one_caller_has_so_many_places_and_all_together_have_so_many() -> None:
    places = WaitPlaces("ibkr_read_stream", 1, 2, "End one first.")
    with places.place("claude"):
        with pytest.raises(ToolError, match=r"Too many calls of ibkr_read_stream \(limit: 1 per client.*End one first"):
            places.place("claude").__enter__()
        with places.place("codex"), pytest.raises(ToolError, match="paced"):
            places.place("cursor").__enter__()
    with places.place("claude"):
        pass
