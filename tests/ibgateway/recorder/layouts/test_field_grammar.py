"""A layout names each field of a frame by version, condition and count, and fits no other frame."""

from __future__ import annotations

import pytest

from ibgateway.recorder.layouts.field_grammar import LayoutMismatch, message, since, times, when

PARTS = message("sample", "kind", when("kind", ["1"], "one"), since(170, "new"), times("rows", "a b"))


def test_parts_are_there_by_version_condition_and_count() -> None:
    assert PARTS.names(169, ["9", "0", "0"]) == ("msgId", "kind", "rows")
    assert PARTS.names(170, ["9", "1", "x", "y", "1", "a", "b"]) == ("msgId", "kind", "one", "new", "rows", "a", "b")


@pytest.mark.parametrize(
    "texts",
    [
        ["9"],
        ["9", "0"],
        ["9", "0", "0", "more"],
        ["9", "0", "2", "a", "b"],
        ["9", "0", "-1"],
        ["9", "0", "9999999"],
        ["9", "0", "many"],
    ],
)
def test_a_frame_with_other_fields_does_not_fit(texts: list[str]) -> None:
    with pytest.raises(LayoutMismatch):
        PARTS.names(169, texts)
