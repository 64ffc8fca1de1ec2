"""From the worker's reply, or an error, to what an MCP client receives."""

from typing import Any

import msgspec
from fastmcp.tools import ToolResult
from mcp_types import CallToolResult, TextContent

from bridge.tool import Declared, ToolError
from mcp_front.texts import as_text, compact

# Where a program finds an error's code and details in either protocol era.
ERROR_META = "ibkr/error"
WRAPPED = {"fastmcp": {"wrap_result": True}}  # tells fastmcp's client that structuredContent is {"result": …}


def to_result(declared: Declared, reply: bytes) -> ToolResult:
    """The worker's JSON, which it has encoded from the declared shape: not validated again on its way through."""
    return value_result(declared, msgspec.json.decode(reply))


def value_result(declared: Declared, value: Any) -> ToolResult:
    """A result of what JSON decodes to; built without ToolResult's own pass over every value (a third of the cost)."""
    return ToolResult.model_construct(
        content=[TextContent(type="text", text=as_text(value))],
        structured_content={"result": value} if declared.wrapped else value,
        meta=WRAPPED if declared.wrapped else None,
        is_error=False,
    )


def error_result(error: ToolError, *, structured: bool) -> ToolResult:
    """An error that the model can read: "[code] message", then the details as JSON.

    The details are in `_meta` too. As structured content they go out only where `structured` says so: the TypeScript
    SDK 1.x checks structured content against the tool's output schema in errors as well, and would put its own
    complaint in the place of ours.
    """
    whole = {"code": error.code, "message": error.message, **error.details}
    text = str(error) + (f"\n{compact(error.details)}" if error.details else "")
    return ToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=whole if structured else None,
        meta={ERROR_META: whole},
        is_error=True,
    )


def wire_error(error: ToolError) -> CallToolResult:
    """The same, for an answer to a 2026-07-28 client that is given before the call reaches its tool."""
    result = error_result(error, structured=True).to_mcp_result()
    assert isinstance(result, CallToolResult)  # an error is always a whole result
    return result
