"""The results and errors that an MCP client receives, made of the worker's replies."""

from functools import lru_cache
from typing import Any

import msgspec
from fastmcp.tools import ToolResult
from mcp_types import CallToolResult, TextContent

from bridge.tool import ToolError, ToolSpec
from mcp_front.protocol.text_tables import as_text, compact

# Where a program finds an error's code and details in either protocol era.
ERROR_META = "ibkr/error"
TRUNCATED_META = "ibkr/truncated"  # rows, of, newest, narrow
TEXTS, TEXT_BYTES = 16, 64 * 1024  # texts that are kept, and the longest reply of one: 2 MB in all
WRAPPED = {"fastmcp": {"wrap_result": True}}  # tells fastmcp's client that structuredContent is {"result": …}


def to_result(declared: ToolSpec, reply: bytes, truncated: dict[str, Any] | None = None) -> ToolResult:
    """The worker's JSON, which it has encoded from the declared shape: not validated again on its way through.

    `truncated` says how much of a long result it is: the text begins with that, and `_meta` has it for programs.
    """
    value = msgspec.json.decode(reply)
    return _result(declared, value, _kept_text(reply) if len(reply) <= TEXT_BYTES else as_text(value), truncated)


def value_result(declared: ToolSpec, value: Any) -> ToolResult:
    """A result of what JSON decodes to."""
    return _result(declared, value, as_text(value), None)


@lru_cache(TEXTS)
def _kept_text(reply: bytes) -> str:
    """Return a reply's text. Making it is most of a long result's cost, and clients repeat their questions."""
    return as_text(msgspec.json.decode(reply))


def _result(declared: ToolSpec, value: Any, text: str, truncated: dict[str, Any] | None) -> ToolResult:
    """Build a result without ToolResult's own pass over every value (a third of the cost)."""
    meta: dict[str, Any] = dict(WRAPPED) if declared.wrapped else {}
    if truncated is not None:
        text, meta = f"{_cut(truncated)}\n{text}", meta | {TRUNCATED_META: truncated}
    return ToolResult.model_construct(
        content=[TextContent(type="text", text=text)],
        structured_content={"result": value} if declared.wrapped else value,
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
