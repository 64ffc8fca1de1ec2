"""A cursor belongs to its principal and to its stream."""

import pytest

from bridge.bus.events.event import Cursor
from bridge.tool import ToolError
from mcp_front.streams.cursors import opened_cursor, sealed_cursor

CURSOR = Cursor(3, "17-0")


def test_a_cursor_belongs_to_its_principal() -> None:
    assert opened_cursor(sealed_cursor(CURSOR, "claude"), "claude") == CURSOR
    with pytest.raises(ToolError, match="given to another client"):
        opened_cursor(sealed_cursor(CURSOR, "claude"), "codex")
    for wrong in ("", "3.17-0", "3.17-0.", "x.17-0.abcdefgh"):
        with pytest.raises(ToolError, match="cursor"):
            opened_cursor(wrong, "claude")


@pytest.mark.parametrize(("sealed", "opened"), [("", "quotes-1"), ("quotes-1", ""), ("quotes-1", "quotes-2")])
def test_a_cursor_belongs_to_its_stream(sealed: str, opened: str) -> None:
    assert opened_cursor(sealed_cursor(CURSOR, "claude", sealed), "claude", sealed) == CURSOR
    with pytest.raises(ToolError, match="given to another client"):
        opened_cursor(sealed_cursor(CURSOR, "claude", sealed), "claude", opened)
