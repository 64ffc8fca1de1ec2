"""Every keyword of the published schemas, against the converters that hosts put between MCP and a model."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel, Field

from bridge.json_schema import arguments_schema
from mcp_front.offered import offered_tools

TOOLS = offered_tools()

# Taken by OpenAI's strict functions, Anthropic's tools and Gemini's function declarations alike (`make converters`).
IN_ARGUMENTS = {"type", "properties", "required", "anyOf", "enum", "description", "default", "minimum", "maximum"}
# Results reach hosts as plain JSON Schema; nothing converts them.
IN_RESULTS = {
    *("type", "properties", "required", "anyOf", "enum", "const", "description", "items", "format", "$ref", "$defs"),
    "additionalProperties",
}
BEFORE = 61_898  # characters of all schemas at the release before this one, as compact JSON


def schemas_in(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and all schemas in it; names of properties and values of `default` and `enum` are none."""
    yield node
    for mapping in ("properties", "$defs"):
        for each in node.get(mapping, {}).values():
            yield from schemas_in(each)
    for each in node.get("anyOf", []):
        yield from schemas_in(each)
    for single in ("items", "additionalProperties"):
        if isinstance(node.get(single), dict):
            yield from schemas_in(node[single])


@pytest.mark.trial("C14", "E8")
@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_every_published_keyword_is_one_that_all_converters_take(declared: Any) -> None:
    arguments = {word for schema in schemas_in(declared.input_schema()) for word in schema}
    results = {word for schema in schemas_in(declared.output_schema()) for word in schema}

    assert arguments <= IN_ARGUMENTS
    assert results <= IN_RESULTS
    for published in (declared.input_schema(), declared.output_schema()):
        jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.trial("D3", "E8")
@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_type_is_one_word_and_a_choice_lists_values_of_its_type(declared: Any) -> None:
    for schema in schemas_in(declared.input_schema()):
        assert "anyOf" in schema or isinstance(schema["type"], str)
        assert all(isinstance(each, str) and each for each in schema.get("enum", []))
        assert not {"anyOf", "type"} <= set(schema)  # Google's npm package refuses both together


@pytest.mark.trial("D4")
def test_list_of_tools_says_no_more_than_before() -> None:
    published = [schema for each in TOOLS for schema in (each.input_schema(), each.output_schema())]

    assert sum(len(json.dumps(each, separators=(",", ":"))) for each in published) <= BEFORE


@pytest.mark.trial("D4", "E8")
def test_bound_is_published_where_it_says_something_and_checked_where_it_does_not() -> None:
    class Request(BaseModel):
        count: Annotated[int, Field(gt=0, le=2_147_483_647)]
        share: Annotated[float, Field(gt=0, le=100, description="in percent")]
        name: Annotated[str, Field(min_length=2, max_length=3, pattern="^[a-z]+$")] = "ab"
        price: Annotated[float | None, Field(gt=0, le=1e9)] = None

    assert arguments_schema(Request, list(Request.model_fields))["properties"] == {
        "count": {"type": "integer", "minimum": 1},
        "share": {"type": "number", "maximum": 100, "description": "above 0; in percent"},
        "name": {"type": "string", "default": "ab"},
        "price": {"anyOf": [{"type": "number", "description": "above 0"}, {"type": "null"}]},
    }
    for wrong in ({"count": 0}, {"share": 0}, {"name": "a"}, {"name": "abcd"}, {"name": "A1"}, {"price": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Request.model_validate({"count": 1, "share": 1, **wrong})
