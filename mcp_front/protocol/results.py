"""The results and errors that an MCP client receives, made of the worker's replies."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from fastmcp.tools import ToolResult
from mcp_types import CallToolResult, ImageContent, TextContent
from pydantic import PrivateAttr

from bridge.bus.messages import ACCOUNTS, SIMULATED, TRUNCATED
from bridge.tool import Picture, ToolError, ToolSpec
from mcp_front.protocol.text_tables import as_text, compact

# Where a program finds an error's code and details in either protocol era.
ERROR_META = "ibkr/error"
TRUNCATED_META = "ibkr/truncated"  # rows, of, newest, narrow
TEXTS, TEXT_BYTES = 16, 64 * 1024  # texts that are kept, and the longest reply of one: 2 MB in all
WRAPPED = {"fastmcp": {"wrap_result": True}}  # tells fastmcp's client that structuredContent is {"result": …}
TABLE = frozenset({"count", "same", "copies", "columns", "rows"})  # the parts of a table

NONE: Mapping[str, Any] = MappingProxyType({})


class RepeatedResult(ToolResult):
    """A result that may be told again, as it is. `known`: its JSON in a response, by whether the era is the stateless
    one."""

    _known: dict[bool, bytes] = PrivateAttr(default_factory=dict)

    def known(self, modern: bool, encode: Callable[[], bytes]) -> bytes:
        """Return its JSON, which `encode` makes the first time."""
        kept = self._known  # once: pydantic looks for it
        if (known := kept.get(modern)) is None:
            known = kept[modern] = encode()
        return known


def to_result(declared: ToolSpec, reply: bytes, details: Mapping[str, Any] = NONE, *, raw: bool = False) -> ToolResult:
    """The worker's JSON, which it has encoded from the declared shape: not validated again on its way through.

    A list comes as its rows, or as its table or summary. `details` say how much of a list it is: the structured answer
    and the text begin with that, and `_meta` has it for programs. `raw`: rows and objects stay the worker's JSON in the
    structured answer, for msgspec to copy.
    """
    if raw and len(reply) <= TEXT_BYTES and details.keys().isdisjoint((TRUNCATED, ACCOUNTS)):
        return _kept_result(declared, reply, bool(details.get(SIMULATED)))
    text, rows = _kept_text(reply) if len(reply) <= TEXT_BYTES else _text_and_rows(reply)
    return (
        _copied(declared, reply, text, details, rows)
        if raw
        else _made(declared, msgspec.json.decode(reply), text, details, rows)
    )


@lru_cache(TEXTS)
def _kept_result(declared: ToolSpec, reply: bytes, simulated: bool) -> ToolResult:
    """Return the result of a reply that is not cut. Clients repeat their questions, and the answer is often the same:
    then it is neither made nor encoded again."""
    text, rows = _text_and_rows(reply)
    made = _copied(declared, reply, text, {SIMULATED: True} if simulated else NONE, rows)
    return RepeatedResult.model_construct(
        content=made.content, structured_content=made.structured_content, meta=made.meta, is_error=made.is_error
    )


def _copied(declared: ToolSpec, reply: bytes, text: str, details: Mapping[str, Any], rows: int | None) -> ToolResult:
    """Return the result with the worker's JSON in it, where that is whole in the structured answer."""
    copied = rows is not None or not declared.listed
    return _made(declared, msgspec.Raw(reply) if copied else msgspec.json.decode(reply), text, details, rows)


def value_result(declared: ToolSpec, value: Any) -> ToolResult:
    """A result of what JSON decodes to."""
    return _made(declared, value, _text(value), NONE, len(value) if isinstance(value, list) else None)


def picture_result(picture: Picture) -> ToolResult:
    """A result of a line and an image. Hosts drop the image of an answer that has structured content too."""
    image = ImageContent(type="image", data=b64encode(picture.png).decode(), mime_type="image/png")
    return ToolResult(content=[TextContent(type="text", text=picture.text), image])


def _made(declared: ToolSpec, value: Any, text: str, details: Mapping[str, Any], rows: int | None) -> ToolResult:
    if declared.listed:
        return _list_result(value, text, details, rows)
    return _result(value, text, dict(WRAPPED) if declared.wrapped else {}, wrapped=declared.wrapped)


@lru_cache(TEXTS)
def _kept_text(reply: bytes) -> tuple[str, int | None]:
    """Return a reply's text. Making it is most of a long result's cost, and clients repeat their questions."""
    return _text_and_rows(reply)


def _text_and_rows(reply: bytes) -> tuple[str, int | None]:
    """Return a reply's text, and the count of its rows; None where it is no list of rows."""
    value = msgspec.json.decode(reply)
    return _text(value), len(value) if isinstance(value, list) else None


def _text(value: Any) -> str:
    """The text of a result; of a table it is that of its rows as objects, below what the answer says beside them."""
    if not isinstance(value, dict) or not {"count", "columns", "rows"} <= value.keys():
        return as_text(value)
    beside = {name: each for name, each in value.items() if name not in TABLE}
    rows = as_text(_objects(value))
    return f"{compact(beside)}\n{rows}" if beside else rows


def _objects(table: dict[str, Any]) -> list[dict[str, Any]]:
    same, copies = table.get("same", {}), table.get("copies", {})
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return [same | row | {name: row[other] for name, other in copies.items()} for row in rows]


def _list_result(value: Any, text: str, details: Mapping[str, Any], rows: int | None) -> ToolResult:
    """A list: how much of it there is, then its rows. Only where they are objects in `result` is the mark set by which
    fastmcp's client takes `result` for the whole. `rows`: None where they come as a table or a summary."""
    body: dict[str, Any] = value if rows is None else {"result": value}
    cut: dict[str, Any] | None = details.get(TRUNCATED)
    root: dict[str, Any] = {"count": body.get("count", rows) if cut is None else cut["of"]}
    root["truncated"] = cut is not None
    meta: dict[str, Any] = dict(WRAPPED) if "result" in body else {}
    if cut is not None:
        root |= {"shown": cut["rows"], "next": cut["narrow"]}
        text, meta[TRUNCATED_META] = f"{_cut(cut)}\n{text}", cut
    if (accounts := details.get(ACCOUNTS)) is not None:
        root["accounts"] = accounts
        text = f"accounts: {', '.join(accounts)} alone, by the rights of your token.\n{text}"
    if details.get(SIMULATED):
        root["simulated"] = True
    return _result(root | {name: each for name, each in body.items() if name != "count"}, text, meta)


def _result(value: Any, text: str, meta: dict[str, Any], *, wrapped: bool = False) -> ToolResult:
    """Build a result without ToolResult's own pass over every value (a third of the cost)."""
    return ToolResult.model_construct(
        content=[TextContent(type="text", text=text)],
        structured_content={"result": value} if wrapped else value,
        meta=meta or None,
        is_error=False,
    )


def _cut(truncated: dict[str, Any]) -> str:
    which = "the newest" if truncated["newest"] else "the first"
    return f"truncated: {which} {truncated['rows']} of {truncated['of']} rows. {truncated['narrow']}"


def error_result(error: ToolError) -> ToolResult:
    """An error that the model can read: "[code] message", then the details as JSON; the details are in `_meta` too.

    There is no structured content: it would break the tool's output schema, against which clients (the TypeScript SDK,
    MCP Inspector) check it in errors as well, and show their own complaint in place of ours.
    """
    whole = {"code": error.code, "message": error.message, **error.details}
    text = str(error) + (f"\n{compact(error.details)}" if error.details else "")
    return ToolResult(
        content=[TextContent(type="text", text=text)],
        meta={ERROR_META: whole},
        is_error=True,
    )


def wire_error(error: ToolError) -> CallToolResult:
    """The same, for an answer that is given before the call reaches its tool."""
    result = error_result(error).to_mcp_result()
    assert isinstance(result, CallToolResult)  # an error is always a whole result
    return result
