"""The tool: its declaration, the registry that the decorator fills, and the one error that reaches a model."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, TypeVar, cast, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bridge.json_schema import TAKES_EMPTY, arguments_schema, empty_value, list_schema, result_schema
from bridge.text.empty_arguments import without_empties

PREFIX = "ibkr_"


class Effect(StrEnum):
    """The effect of a call. The front derives MCP's hints from it, and the bus sends a write through an order
    record."""

    READ = "read"
    OWN = "own"  # keeps or removes something of its caller's alone, never an order
    SESSION = "session"  # changes the session that all clients share, never an order
    WRITE = "write"  # may trade: goes out under a key, is never sent twice
    HALT = "halt"  # stops trading, and can start none


class ToolError(Exception):
    """The one exception that reaches a model: what happened, then what to do.

    `code` is stable and meant for programs, `details` holds JSON values (candidates, a key, seconds to wait).
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code
        self.message = message
        self.details = details


class Model(BaseModel):
    """A value that crosses Redis and MCP. Frozen; numbers that TWS leaves unset are None, never NaN.

    pydantic builds its validator and its serializer at the first use: a process uses few of all, and they are 5 MiB of
    the worker and the front together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Picture(Model):
    """A PNG, and a line that says what it shows. The answer has no structured content, since hosts show their model
    nothing else of an answer that has some."""

    text: str
    png: bytes


class PartialModel(Model):
    """A value some of whose fields do not apply to each: such a field is left out where it has nothing to tell."""

    def inapplicable(self) -> Iterable[str]:
        """Return the names of the fields that do not apply to this value."""
        return ()

    @model_validator(mode="before")
    @classmethod
    def _with_what_was_left_out(cls, value: Any) -> Any:
        """Read a value as it was told: a field that it lacks tells nothing."""
        if not isinstance(value, dict):
            return value
        lacking = {name: field for name, field in cls.model_fields.items() if field.is_required() and name not in value}
        return {name: _nothing(field.annotation) for name, field in lacking.items()} | value

    @model_serializer(mode="wrap")
    def _partial(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = whole(self)
        for name in self.inapplicable():
            if _is_nothing(told.get(name)):
                told.pop(name, None)
        return told

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the fields: what the serializer makes has no schema of its own."""
        return handler(_unserialized(schema))


class ToolRequest(Model):
    """The arguments of a call. An unknown argument is refused: a mistyped `limitPrice` must not make a market order.

    null, "" and what TWS writes for nothing mean that an optional argument was left out, so that `model_fields_set`
    holds what was given.

    `first`: its arguments that a schema lists before all others, though they are not required.
    `after_groups`: its own arguments that a schema lists after those of its groups. The order of the fields themselves
    is in the digest of every call, and must stay. `always_digested`: its arguments that are in that digest even where
    they have their default. `title`: the tool's title. `search_words`: what people ask for, in words that the docstring
    need not have: hosts search with them, and no model reads them. `unpublished`: its optional arguments that are taken
    and are not in its schema, since every model pays for each on every request and few calls give it.
    """

    first: ClassVar[tuple[str, ...]] = ()
    after_groups: ClassVar[frozenset[str]] = frozenset()
    always_digested: ClassVar[frozenset[str]] = frozenset()
    title: ClassVar[str] = ""
    search_words: ClassVar[str] = ""
    unpublished: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the published arguments, those marked that have an empty value for left out."""
        whole = handler(schema)
        fields = handler.resolve_ref_schema(whole).get("properties", {})
        for name in cls.unpublished & fields.keys():
            del fields[name]
        for name, field in fields.items():
            empty = empty_value(field)
            if empty is not None and field.get("default", "") is None and name not in cls.tidied({name: empty}):
                field[TAKES_EMPTY] = True
        return whole

    @model_validator(mode="before")
    @classmethod
    def _without_empties(cls, arguments: Any) -> Any:
        return cls.tidied(arguments) if isinstance(arguments, dict) else arguments

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given."""
        return without_empties(arguments, _optional(cls)) if arguments else {}


@cache
def _optional(request: type[ToolRequest]) -> frozenset[str]:
    """Return the names of the arguments that may be left out."""
    return frozenset(name for name, field in request.model_fields.items() if not field.is_required())


def _nothing(kind: Any) -> Any:
    """Return the value with which a field of this kind tells nothing."""
    if kind is bool:
        return False
    return [] if get_origin(kind) is list else None


def _is_nothing(value: Any) -> bool:
    """Return whether a field tells nothing: 0 is a value, and false is none where a field does not apply."""
    return value is None or value is False or value in ([], "")


def _unserialized(schema: CoreSchema) -> CoreSchema:
    """Return a model's schema without the serializer, which stands on the model or on a schema around it."""
    kept = {name: each for name, each in schema.items() if name != "serialization"}
    if isinstance(kept.get("schema"), dict) and kept["type"] != "model":
        kept["schema"] = _unserialized(kept["schema"])
    return cast("CoreSchema", kept)


@dataclass(frozen=True)
class ToolSpec:
    """One entry of the registry: an operation of the worker, or a tool that the front composes of such operations."""

    name: str  # without the prefix: get_positions
    request: type[ToolRequest]
    returns: Any
    effect: Effect
    toolset: str
    deadline_s: float  # the whole call, as the MCP client sees it
    composed: bool = False  # the front answers it itself, from other operations
    relieves: bool = False  # reduces risk or shows it: never refused for form, quota or queue
    waits: bool = False  # waits for an event: takes no place among its caller's calls
    console: bool = False  # for operators who are signed in at the console alone: it knows no client's rights
    serves: tuple[str, ...] = ()  # further toolsets, whose tools ask it of the worker

    @property
    def tool_name(self) -> str:
        return PREFIX + self.name

    @property
    def title(self) -> str:
        return f"IBKR {self.request.title or self.name.replace('_', ' ')}"

    @property
    def doc(self) -> str:
        return " ".join((self.request.__doc__ or "").split())

    def input_schema(self) -> dict[str, Any]:
        return arguments_schema(self.request, _promised_order(self.request))

    def output_schema(self) -> dict[str, Any]:
        """The schema of `structuredContent`, empty of a picture, which has none. A list is one property of an object
        that says how much of it there is; another value that is no object is wrapped as `{"result": …}`, as FastMCP
        does."""
        if self.returns is Picture:
            return {}
        return list_schema(self.adapter) if self.listed else result_schema(self.adapter, wrapped=self.wrapped)

    @property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.returns)

    @property
    def listed(self) -> bool:
        return get_origin(self.returns) is list

    @property
    def wrapped(self) -> bool:
        return get_origin(self.returns) is not None or not issubclass(self.returns, BaseModel)


TOOLS: dict[str, ToolSpec] = {}  # by tool name: what the front offers
OPERATIONS: dict[str, ToolSpec] = {}  # by bare name: what the worker handles

D = TypeVar("D", bound=type[ToolRequest])


def build_writes() -> None:
    """Build the models of the writes' arguments and results now, so that no first order waits for them."""
    for declared in OPERATIONS.values():
        if declared.effect is Effect.WRITE:
            declared.request.model_rebuild()
            declared.returns.model_rebuild()


def tool(
    *,
    returns: Any,
    toolset: str,
    effect: Effect = Effect.READ,
    deadline_s: float = 15,
    composed: bool = False,
    relieves: bool = False,
    waits: bool = False,
    serves: tuple[str, ...] = (),
) -> Callable[[D], D]:
    """Declare a tool: the class's name, docstring and fields are the tool's name, manual and schema."""

    def declare(request: D) -> D:
        name = _operation_name(request)
        declared = ToolSpec(
            name, request, returns, effect, toolset, deadline_s, composed, relieves, waits, serves=serves
        )
        TOOLS[declared.tool_name] = declared
        if not composed:
            OPERATIONS[name] = declared
        return request

    return declare


def operation(
    *,
    returns: Any,
    toolset: str,
    effect: Effect = Effect.READ,
    deadline_s: float = 15,
    console: bool = False,
    serves: tuple[str, ...] = (),
) -> Callable[[D], D]:
    """Declare something that the front asks of the worker on behalf of a tool, or the console for itself, and no model
    sees."""

    def declare(request: D) -> D:
        name = _operation_name(request)
        OPERATIONS[name] = ToolSpec(name, request, returns, effect, toolset, deadline_s, console=console, serves=serves)
        return request

    return declare


def _operation_name(request: type[ToolRequest]) -> str:
    """Return a declaration's name without the prefix: get_positions of GetPositions."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", request.__name__).lower()


def _promised_order(request: type[ToolRequest]) -> list[str]:
    """The first and the required fields, then the declaration's own, then those of its groups in the order they are
    named."""
    fields = request.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    return list(dict.fromkeys([*request.first, *required, *_own_first(request)]))


def _own_first(declaration: type) -> list[str]:
    """A class's own fields before those of its groups, theirs in the same order."""
    if not issubclass(declaration, ToolRequest):
        return []
    own = [name for name in declaration.__annotations__ if name in declaration.model_fields]
    late = [name for name in own if name in declaration.after_groups]
    groups = [name for base in declaration.__bases__ for name in _own_first(base)]
    return [name for name in own if name not in late] + groups + late
