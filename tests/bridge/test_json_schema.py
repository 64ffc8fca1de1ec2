"""Every keyword of the published schemas, against the converters that hosts put between MCP and a model."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel, Field

from bridge.json_schema import EMPTY, Untitled, arguments_schema
from mcp_front.tools.catalogue import offered_tools
from tests.stacks.example_arguments import example_arguments

TOOLS = offered_tools()

# Taken by OpenAI's strict functions, Anthropic's tools and Gemini's function declarations alike (`make converters`).
IN_ARGUMENTS = {"type", "properties", "required", "anyOf", "enum", "description", "default", "minimum", "maximum"}
IN_ARGUMENTS |= {"items"}  # of a list, whose objects are written out where they are used
# Results reach hosts as plain JSON Schema; nothing converts them.
IN_RESULTS = {
    *("type", "properties", "required", "anyOf", "enum", "const", "description", "items", "format", "$ref", "$defs"),
    "additionalProperties",
}
WORDS = '"description":"above 0",'  # a little longer than the keyword that it stands for


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


def length(schema: dict[str, Any]) -> int:
    return len(json.dumps(schema, separators=(",", ":")))


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
@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_schema_has_no_character_that_tells_a_model_nothing(declared: Any) -> None:
    """A published argument costs less than validation's own schema of it, null included."""
    whole = declared.request.model_json_schema(schema_generator=Untitled)
    for name, published in declared.input_schema()["properties"].items():
        validated = whole["properties"][name]
        shapes = length(whole["$defs"]) if "$ref" in json.dumps(validated) else 0
        assert length(published) <= length(validated) + shapes + len(WORDS), name
        assert not {"pattern", "minLength", "maxLength"} & {word for each in schemas_in(published) for word in each}


@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_result_may_have_further_fields_in_a_later_release(declared: Any) -> None:
    assert all(schema.get("additionalProperties") is not False for schema in schemas_in(declared.output_schema()))


@pytest.mark.trial("D4")
def test_list_of_tools_costs_a_sixth_less_than_validations_own_schemas() -> None:
    published = sum(length(each.input_schema()) + length(each.output_schema()) for each in TOOLS)
    validated = sum(
        length(each.request.model_json_schema(schema_generator=Untitled))
        + length(each.adapter.json_schema(mode="serialization", schema_generator=Untitled))
        for each in TOOLS
    )

    assert published < validated * 5 / 6


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


@pytest.mark.trial("D3")
@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_call_that_gives_every_argument_as_a_strict_function_must_is_taken(declared: Any) -> None:
    """OpenAI's strict functions give every argument: its default where it has one, null where it takes null, else its
    type's empty value. Each means that it was left out."""
    schema, example = declared.input_schema(), example_arguments(declared)
    rest = {name: left_out(field) for name, field in schema["properties"].items() if name not in example}

    request = declared.request.model_validate(rest | example)
    assert request == declared.request.model_validate(example)


def left_out(field: dict[str, Any]) -> Any:
    """Return what a strict function gives for an argument that it leaves out."""
    if "default" in field or "anyOf" in field:
        return field.get("default")
    assert field.get("minimum", 0) <= 0
    return EMPTY[field["type"]]


@pytest.mark.trial("D3")
@pytest.mark.parametrize("declared", TOOLS, ids=lambda declared: declared.name)
def test_every_optional_argument_takes_null(declared: Any) -> None:
    """Some clients send null for what they leave out, whether the schema has it or not."""
    example = example_arguments(declared)
    nothing = {name: None for name in declared.request.model_fields if name not in example}

    assert declared.request.model_validate(nothing | example) == declared.request.model_validate(example)


def test_an_argument_whose_empty_value_means_something_takes_null() -> None:
    change = {declared.name: declared for declared in TOOLS}["modify_order"].input_schema()["properties"]

    assert change["lmtPrice"]["anyOf"][1:] == [{"type": "null"}]  # a limit of 0 is a price
    assert change["tif"]["anyOf"][1:] == [{"type": "null"}]  # a choice has no empty value
    assert change["orderRef"] == {"type": "string"}
