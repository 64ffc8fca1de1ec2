"""The capabilities that the server declares: FastMCP declares prompts, resources, completions and apps without any."""

from typing import Any

from fastmcp import FastMCP
from mcp_types import ServerCapabilities, ToolsCapability


def declare_what_is_served(server: FastMCP) -> None:
    """Declare tools and log messages alone.

    No list is said to change: the tools that a session's mode hides come back without a notification.
    Lists of prompts and resources are still answered, empty, for clients that ask without looking.
    """
    declared = server._mcp_server.get_capabilities

    def get_capabilities(*args: Any, **options: Any) -> ServerCapabilities:
        kept = declared(*args, **options)
        return ServerCapabilities(tools=ToolsCapability(), logging=kept.logging)

    server._mcp_server.get_capabilities = get_capabilities  # type: ignore[method-assign]
