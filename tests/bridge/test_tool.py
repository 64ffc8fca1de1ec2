"""Declarations: what a class becomes in the registry and in the schemas that a model reads."""

import json
from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

import bridge.tool
from bridge.tool import Effect, Model, ToolError, ToolRequest, ToolSpec, operation, tool


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, ToolSpec], dict[str, ToolSpec]]:
    """Empty dicts in place of the real ones, which other tests count."""
    tools: dict[str, ToolSpec] = {}
    operations: dict[str, ToolSpec] = {}
    monkeypatch.setattr(bridge.tool, "TOOLS", tools)
    monkeypatch.setattr(bridge.tool, "OPERATIONS", operations)
    return tools, operations


class Thing(Model):
    """A thing."""

    title: str
    at: datetime | None = None


class Group(ToolRequest):
    venue: str = "SMART"
    symbol: str
    currency: str = "USD"


def declared(returns: Any = Thing, **options: Any) -> ToolSpec:
    @tool(returns=returns, toolset="things", **options)
    class GetThing(Group):
        """Get a thing.
        In shares,
            at once."""

        own: int = 1
        needed: int
        maybe: Annotated[int | None, Field(description="may be left out")] = None
        either: int | str | None = None

    [entry] = bridge.tool.TOOLS.values()
    assert entry.request is GetThing
    return entry


def test_a_tool_is_registered_under_its_classs_name(
    registry: tuple[dict[str, ToolSpec], dict[str, ToolSpec]],
) -> None:
    entry = declared()

    tools, operations = registry
    assert tools == {"ibkr_get_thing": entry}
    assert operations == {"get_thing": entry}
    assert (entry.name, entry.tool_name, entry.toolset) == ("get_thing", "ibkr_get_thing", "things")
    assert (entry.effect, entry.deadline_s, entry.exposed, entry.composed) == (Effect.READ, 15, True, False)


def test_a_tool_says_its_effect_and_its_deadline() -> None:
    entry = declared(effect=Effect.WRITE, deadline_s=20)

    assert (entry.effect, entry.deadline_s) == (Effect.WRITE, 20)
    assert [effect.value for effect in Effect] == ["read", "session", "write", "halt"]


def test_a_composed_tool_is_no_operation_of_the_worker(
    registry: tuple[dict[str, ToolSpec], dict[str, ToolSpec]],
) -> None:
    entry = declared(composed=True)

    assert entry.composed
    assert registry[1] == {}


def test_an_operation_is_no_tool(registry: tuple[dict[str, ToolSpec], dict[str, ToolSpec]]) -> None:
    @operation(returns=Thing, toolset="things", deadline_s=3)
    class OpenHTTPThing(ToolRequest):
        """Open it."""

    tools, operations = registry
    entry = operations["open_h_t_t_p_thing"]
    assert tools == {}
    assert entry.request is OpenHTTPThing
    assert (entry.effect, entry.exposed, entry.composed, entry.deadline_s) == (Effect.READ, False, False, 3)


def test_the_manual_is_the_docstring_without_its_indentation() -> None:
    entry = declared()

    assert entry.doc == "Get a thing.\nIn shares,\nat once."


def test_a_class_without_a_docstring_has_an_empty_manual(
    registry: tuple[dict[str, ToolSpec], dict[str, ToolSpec]],
) -> None:
    @operation(returns=Thing, toolset="things")
    class OpenThing(ToolRequest):
        pass

    OpenThing.__doc__ = None

    assert registry[1]["open_thing"].doc == ""
    assert registry[1]["open_thing"].deadline_s == 15


def test_arguments_come_required_first_then_own_then_the_groups() -> None:
    assert list(declared().input_schema()["properties"]) == [
        "symbol",
        "needed",
        "own",
        "maybe",
        "either",
        "venue",
        "currency",
    ]


def test_the_input_schema_is_plain() -> None:
    schema = declared().input_schema()

    assert schema["required"] == ["symbol", "needed"]
    assert "title" not in schema
    assert "description" not in schema
    assert schema["properties"]["maybe"] == {
        "anyOf": [{"type": "integer", "description": "may be left out"}, {"type": "null"}]
    }
    assert schema["properties"]["own"] == {"type": "integer", "default": 1}
    assert schema["properties"]["needed"] == {"type": "integer"}


def test_an_argument_of_several_types_keeps_them_all() -> None:
    either = declared().input_schema()["properties"]["either"]

    assert either == {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}], "default": None}


def test_a_declaration_without_arguments_has_an_empty_schema(
    registry: tuple[dict[str, ToolSpec], dict[str, ToolSpec]],
) -> None:
    @operation(returns=Thing, toolset="things")
    class OpenThing(ToolRequest):
        """Open it."""

    assert registry[1]["open_thing"].input_schema() == {
        "type": "object",
        "properties": {},
    }


def test_a_result_that_is_an_object_is_its_own_output() -> None:
    entry = declared()

    assert not entry.wrapped
    schema = entry.output_schema()
    assert schema["type"] == "object"
    assert schema["properties"]["title"] == {"type": "string"}  # a field of that name is not a generated title
    assert "title" not in schema
    assert json.dumps(schema).count('"title"') == 2  # the field itself, and its place among the required ones


@pytest.mark.parametrize("returns", [list[Thing], dict[str, Thing], Thing | None])
def test_a_result_that_is_no_object_is_wrapped(returns: Any) -> None:
    entry = declared(returns=returns)
    schema = entry.output_schema()

    assert entry.wrapped
    assert (schema["type"], schema["required"], list(schema["properties"])) == ("object", ["result"], ["result"])
    assert schema["$defs"]["Thing"]["properties"]["title"] == {"type": "string"}
    assert "$defs" not in schema["properties"]["result"]


def test_a_plain_list_needs_no_definitions() -> None:
    entry = declared(returns=list[int])

    assert entry.output_schema() == {
        "type": "object",
        "properties": {"result": {"type": "array", "items": {"type": "integer"}}},
        "required": ["result"],
    }


def test_a_plain_value_is_wrapped() -> None:
    assert declared(returns=int).wrapped


def test_the_adapter_encodes_what_the_tool_returns() -> None:
    assert declared(returns=list[Thing]).adapter.dump_json([Thing(title="x")]) == b'[{"title":"x","at":null}]'


def test_an_error_says_code_message_and_details() -> None:
    error = ToolError("not_found", "No such contract.", symbol="X")

    assert str(error) == "[not_found] No such contract."
    assert (error.code, error.message, error.details) == ("not_found", "No such contract.", {"symbol": "X"})


def test_a_shape_is_frozen_takes_nothing_unknown_and_no_nan() -> None:
    class Priced(Model):
        price: float | None = None

    with pytest.raises(ValidationError, match="frozen"):
        Priced(price=1).price = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Priced.model_validate({"limitPrice": 1})
    for value in (float("nan"), float("inf"), float("-inf"), "NaN", "Infinity"):
        with pytest.raises(ValidationError, match="finite"):
            Priced.model_validate({"price": value})
