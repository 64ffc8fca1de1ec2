"""JSON Schemas as clients get them: keywords that every converter to OpenAI, Anthropic and Gemini functions takes.

Validation knows more than is published here: a pattern, a length or a large bound costs every model tokens on every
request and seldom helps it, so a declaration says in words what is worth saying. `requirements/converters.txt` has the
converters that `make converters` tries.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

Schema = dict[str, Any]

NULL = {"type": "null"}
UNPUBLISHED = ("title", "pattern", "minLength", "maxLength", "minItems", "maxItems")
VAST = 1_000_000_000  # a bound as large is there for the wire, and no model comes near it
EMPTY: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "array": []}
# Marks an optional argument in its declaration's own schema: its type's empty value means that it was left out.
TAKES_EMPTY = "takesEmpty"


class Untitled(GenerateJsonSchema):
    """Leaves out generated titles: a sixth of a schema."""

    def generate(self, schema: CoreSchema, mode: Any = "validation") -> JsonSchemaValue:
        whole: JsonSchemaValue = super().generate(schema, mode)
        _strip_titles(whole)
        return whole


def arguments_schema(declaration: type[BaseModel], order: list[str]) -> Schema:
    """Return the input schema of a tool, its properties in this order.

    `additionalProperties: false` is left out, although unknown arguments are always refused: google-genai fails on it
    and OpenAI's converters add it.
    """
    whole: Schema = declaration.model_json_schema(schema_generator=Untitled)
    return _object(_inlined(whole, whole.get("$defs", {})), order, ("required",))  # a tool's words stand beside it


def _object(schema: Schema, order: Iterable[str], keywords: tuple[str, ...] = ("description", "required")) -> Schema:
    """Return an object's published schema, its properties in this order; some are not published."""
    known = schema.get("properties", {})
    published: Schema = {
        "type": "object",
        "properties": {name: _argument(known[name]) for name in order if name in known},
    }
    kept = {name: schema[name] for name in keywords if name in schema}
    if "description" in kept:
        kept["description"] = " ".join(kept["description"].split())
    return published | kept


def _inlined(node: Any, definitions: Schema) -> Any:
    """Return a schema with each shape where it is used: not every converter follows a `$ref`."""
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    return {name: _inlined(each, definitions) for name, each in node.items() if name != "$defs"}


def result_schema(adapter: TypeAdapter[Any], *, wrapped: bool) -> Schema:
    """Return the output schema of a tool; a wrapped result is an object with the one property `result`."""
    schema: Schema = adapter.json_schema(mode="serialization", schema_generator=Untitled)
    _open(schema)
    if not wrapped:
        return schema
    definitions = schema.pop("$defs", {})
    whole: Schema = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
    return whole | ({"$defs": definitions} if definitions else {})


# What a list's answer says beside its rows, in this order: a host may show a model only its beginning. API.md explains
# them; here words would cost every client tokens for each tool.
LIST_FIELDS: Schema = {
    "count": {"type": "integer"},
    "truncated": {"type": "boolean"},
    "shown": {"type": "integer"},
    "next": {"type": "string"},
    "simulated": {"type": "boolean"},
}
TABLE_FIELDS: Schema = {
    "same": {"type": "object"},
    "copies": {"type": "object"},
    "columns": {"type": "array", "items": {"type": "string"}},
    "rows": {"type": "array", "items": {"type": "array"}},
    "summary": {"type": "object"},
}


def list_schema(adapter: TypeAdapter[Any]) -> Schema:
    """Return the output schema of a tool that returns a list, one for all formats: objects in `result`, or `columns`
    and `rows`, or a `summary`. `count` alone is required, since a caller may choose the fields of a row."""
    schema: Schema = adapter.json_schema(mode="serialization", schema_generator=Untitled)
    _open(schema)
    definitions = schema.pop("$defs", {})
    for shape in definitions.values():
        shape.pop("required", None)
    whole: Schema = {"type": "object", "properties": LIST_FIELDS | {"result": schema} | TABLE_FIELDS}
    return whole | {"required": ["count"]} | ({"$defs": definitions} if definitions else {})


def _argument(field: Schema) -> Schema:
    """One argument. OpenAI's strict functions must give every argument: an optional one without a default takes its
    type's empty value, or null where the empty value means something or there is none.

    `anyOf` with null last is the one form that all converters take: Anthropic's refuses a list of types, Google's
    refuses `nullable`. The description stands in the first branch, since Google's drops one beside `anyOf`. Null costs
    a model ten tokens an argument on every request, so validation alone takes it where an empty value does.
    """
    branches = [each for each in field.get("anyOf", [field]) if each != NULL]
    if field.get(TAKES_EMPTY):
        branches = [_without_lower_bounds(each) for each in branches]
    around = {name: field[name] for name in ("description", "default") if name in field}
    if len(branches) > 1:
        return around | {"anyOf": [_plain(each) for each in field["anyOf"]]}
    kept = _plain(branches[0] | around)
    if kept.get("default") == "":  # as if left out
        return {name: each for name, each in kept.items() if name != "default"}
    if "anyOf" not in field:
        return kept
    if kept.get("default") is not None:
        return kept
    kept.pop("default", None)
    return kept if field.get(TAKES_EMPTY) else {"anyOf": [kept, NULL]}


def _plain(value: Schema) -> Schema:
    """Return a value's schema without the keywords that are not published."""
    if value.get("type") == "object":
        return _object(value, value["properties"])
    if value.get("type") == "array":
        value = value | {"items": _argument(value["items"])}
    kept = {name: each for name, each in value.items() if name not in UNPUBLISHED}
    kept = {name: each for name, each in kept.items() if name not in ("minimum", "maximum") or abs(each) < VAST}
    above = kept.pop("exclusiveMinimum", None)  # OpenAPI 3.0 has a boolean there, and Google's converters refuse it
    if above is None:
        return kept
    if kept["type"] == "integer":
        return kept | {"minimum": above + 1}
    return kept | {"description": "; ".join(filter(None, (f"above {above:g}", kept.get("description"))))}


def _without_lower_bounds(value: Schema) -> Schema:
    """Return a number's schema that takes 0."""
    return {name: each for name, each in value.items() if name not in ("minimum", "exclusiveMinimum")}


def empty_value(field: Schema) -> Any:
    """Return the empty value of an optional argument's type; None where it has none, as a choice has not."""
    branches = [each for each in field.get("anyOf", ()) if each != NULL]
    return EMPTY.get(branches[0].get("type", "")) if len(branches) == 1 and "enum" not in branches[0] else None


def _strip_titles(node: Any) -> None:
    """Remove generated titles in place; a property that is itself called `title` is a mapping and stays."""
    if isinstance(node, list):
        for each in node:
            _strip_titles(each)
    elif isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for each in node.values():
            _strip_titles(each)


def _open(schema: Schema) -> None:
    """Remove from a result's shapes, in place, the defaults, and the promise of no further field: a client that keeps a
    list of tools checks the results of the next release against it. A field with a default may be left out."""
    for shape in (schema, *schema.get("$defs", {}).values()):
        if shape.get("additionalProperties") is False:
            del shape["additionalProperties"]
        fields = shape.get("properties", {})
        required = [name for name in shape.get("required", ()) if "default" not in fields[name]]
        if "required" in shape:
            shape["required"] = required
        for field in fields.values():
            field.pop("default", None)
