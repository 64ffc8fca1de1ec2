"""What fastmcp 4.1.2 gets wrong for a front such as this one, and the fix of each; a test per trap fails without it."""

import logging
import warnings
from typing import Any

from fastmcp import FastMCP
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import EmptyResult, SetLevelRequestParams


def disarm(server: FastMCP, schemas: dict[str, dict[str, Any]]) -> None:
    """Apply the fixes to a server whose tools' input schemas, by name, are `schemas`."""
    _look_schemas_up(server, schemas)
    _forget_levels(server)
    _quieten_messages()
    _import_early(server)


def _look_schemas_up(server: FastMCP, schemas: dict[str, dict[str, Any]]) -> None:
    """Each modern tools/call lists all tools first, only to find one input schema: 34 ms with fifty tools."""
    server._mcp_server.get_tool_input_schema = schemas.get


def _forget_levels(server: FastMCP) -> None:
    """A stateless server keeps the level of logging/setLevel under one key for everybody, so that one client silences
    the streams of all, for good. There is no session to keep it for: answer, and keep nothing."""

    async def taken(_context: Any, _params: SetLevelRequestParams) -> EmptyResult:
        return EmptyResult()

    server._mcp_server.add_request_handler("logging/setLevel", SetLevelRequestParams, taken)


def _quieten_messages() -> None:
    """Every ctx.info is also printed to stderr through Rich, twenty times the cost of the message; and the SDK warns on
    each that logging is deprecated, which the front uses by choice, beside progress and the summary."""
    logging.getLogger("fastmcp.server.context.to_client").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", category=MCPDeprecationWarning)


def _import_early(server: FastMCP) -> None:
    """The first handshake-era call imports the session store, and half a second passes for everybody."""
    server._state_store  # noqa: B018  # a property that imports
