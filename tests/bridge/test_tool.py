"""Declarations: what a class becomes in the registry and in the schemas that a model reads."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

import bridge.tool
from bridge.tool import (
    Effect,
    Model,
    PartialModel,
    ToolError,
    ToolRequest,
    ToolSpec,
    build_writes,
    operation,
    tool,
)


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
    assert (entry.effect, entry.deadline_s, entry.composed) == (Effect.READ, 15, False)


def test_a_tool_says_its_effect_and_its_deadline() -> None:
    entry = declared(effect=Effect.WRITE, deadline_s=20)

    assert (entry.effect, entry.deadline_s) == (Effect.WRITE, 20)
    assert [effect.value for effect in Effect] == ["read", "own", "session", "write", "halt"]


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
    assert (entry.effect, entry.composed, entry.deadline_s) == (Effect.READ, False, 3)


def test_the_manual_is_the_docstring_in_one_line() -> None:
    entry = declared()

    assert entry.doc == "Get a thing. In shares, at once."


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


def test_a_list_says_how_much_of_it_there_is_before_its_rows() -> None:
    schema = declared(returns=list[Thing]).output_schema()
    fields = list(schema["properties"])

    assert schema["required"] == ["count"]
    assert fields[:2] == ["count", "truncated"]
    assert {"result", "columns", "rows", "summary"} < set(fields)
    assert schema["properties"]["result"] == {"type": "array", "items": {"$ref": "#/$defs/Thing"}}
    assert "required" not in schema["$defs"]["Thing"]  # a caller may choose the fields of a row


class Weighed(PartialModel):
    kind: str
    grams: float | None = None
    pages: int | None = None
    bound: bool = False

    def inapplicable(self) -> Iterable[str]:
        return ("grams", "bound") if self.kind == "text" else ("pages",)


def test_a_field_that_does_not_apply_is_left_out_and_one_that_is_not_known_is_null() -> None:
    assert Weighed(kind="text").model_dump() == {"kind": "text", "pages": None}
    assert Weighed(kind="stone").model_dump_json() == '{"kind":"stone","grams":null,"bound":false}'
    assert Weighed(kind="text", grams=0, bound=True).model_dump()["grams"] == 0  # what is there is told
    assert Weighed.model_validate_json(Weighed(kind="text").model_dump_json()) == Weighed(kind="text")


class Wholly(PartialModel):
    kind: str
    grams: float | None
    pages: list[int]
    bound: bool

    def inapplicable(self) -> Iterable[str]:
        return ("grams", "pages", "bound")


def test_a_value_is_read_as_it_was_told_whatever_was_left_out() -> None:
    value = Wholly(kind="text", grams=None, pages=[], bound=False)

    assert value.model_dump() == {"kind": "text"}
    assert Wholly.model_validate({"kind": "text"}) == value
    with pytest.raises(ValidationError, match="kind"):
        Wholly.model_validate({"grams": 1.0})


def test_a_field_that_may_be_left_out_is_not_required() -> None:
    schema = declared(returns=Weighed).output_schema()

    assert schema["required"] == ["kind"]
    assert schema["properties"]["pages"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}


@pytest.mark.parametrize("returns", [dict[str, Thing], Thing | None])
def test_a_result_that_is_no_object_is_wrapped(returns: Any) -> None:
    entry = declared(returns=returns)
    schema = entry.output_schema()

    assert entry.wrapped
    assert (schema["type"], schema["required"], list(schema["properties"])) == ("object", ["result"], ["result"])
    assert schema["$defs"]["Thing"]["properties"]["title"] == {"type": "string"}
    assert "$defs" not in schema["properties"]["result"]


def test_a_plain_list_needs_no_definitions() -> None:
    entry = declared(returns=list[int])

    schema = entry.output_schema()
    assert schema["properties"]["result"] == {"type": "array", "items": {"type": "integer"}}
    assert "$defs" not in schema


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


def test_a_model_is_built_at_its_first_use_and_those_of_writes_when_that_is_said() -> None:
    class Placed(Model):
        number: int

    read = declared()
    bridge.tool.TOOLS.clear()
    write = declared(Placed, effect=Effect.WRITE)  # in place of the other, in the registry
    before = [each.__pydantic_complete__ for each in (read.request, write.request, Placed)]

    build_writes()

    assert before == [False, False, False]
    assert [each.__pydantic_complete__ for each in (read.request, write.request, Placed)] == [False, True, True]
