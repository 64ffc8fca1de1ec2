"""Each tool has a recorded example that fits today's declaration, and an example is short and stable."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from bridge.tool import ToolSpec
from mcp_front.tools.catalogue import offered_tools
from tests.examples.__main__ import RECORDED, with_earlier
from tests.examples.stable import random_values, short, stable

TOOLS = offered_tools()


def recorded(tool: str) -> dict[str, Any]:
    file = RECORDED / f"{tool}.json"
    assert file.exists(), f"{tool} has no example: run make api-examples, with a step of tests/examples/steps.py"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_a_tools_example_fits_its_declaration(declared: ToolSpec) -> None:
    example = recorded(declared.tool_name)

    declared.request.model_validate(example["arguments"])
    jsonschema.validate(example["arguments"], declared.input_schema())
    jsonschema.validate(example["answer"], declared.output_schema())


def test_no_example_is_of_a_tool_that_is_gone() -> None:
    assert {file.stem for file in RECORDED.glob("*.json")} == {declared.tool_name for declared in TOOLS}


def test_a_field_of_an_earlier_answer_is_an_argument() -> None:
    arguments = {"handle": "<ibkr_subscribe.handle>", "limit": 2}

    assert with_earlier(arguments, {"ibkr_subscribe": {"handle": "s-1"}}) == {"handle": "s-1", "limit": 2}
    assert with_earlier(["<ibkr_get_news.rows.0.1>"], {"ibkr_get_news": {"rows": [["a", "b"]]}}) == ["b"]


def test_random_values_and_moments_are_the_same_in_each_run() -> None:
    answer = {
        "handle": "s-77", "message": "s-77 began at 2025-06-11T10:30:07.25-04:00.", "time": "2026-01-02T03:04:05Z",
        "date": "2025-06-10T14:30:00Z",
    }  # fmt: skip

    assert stable(answer, random_values(answer)) == {
        "handle": "s-0123456789ab",
        "message": "s-0123456789ab began at 2025-06-11T10:30:00-04:00.",
        "time": "2025-06-11T14:30:00Z",
        "date": "2025-06-10T14:30:00Z",
    }


def test_rows_and_long_lists_are_cut_and_columns_are_not() -> None:
    columns, row = ["a", "b", "c", "d", "e", "f", "g"], [1, 2, 3, 4, 5, 6, 7]

    assert short({"columns": columns, "rows": [row] * 3, "types": columns, "age_s": 0.4, "port": 40321}) == {
        "columns": columns, "rows": [row] * 2, "types": columns[:6], "age_s": 0, "port": 4002,
    }  # fmt: skip
