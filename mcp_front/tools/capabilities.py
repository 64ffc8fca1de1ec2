"""The capabilities that the server declares: FastMCP declares completions, apps and lists that change, without any."""

from typing import Any

from fastmcp import FastMCP
from mcp_types import PromptsCapability, ResourcesCapability, ServerCapabilities, ToolsCapability
from mcp_types.version import MODERN_PROTOCOL_VERSIONS


def declare_what_is_served(server: FastMCP) -> None:
    """Declare tools and log messages; in 2026-07-28 also prompts and resources.

    No list is said to change: the tools that a session's mode hides come back without a notification.
    Lists of prompts and resources are still answered, empty, for clients that ask without looking. In 2026-07-28 a
    server must declare every list that it answers (SEP-2575).
    """
    declared = server._mcp_server.get_capabilities

    def get_capabilities(*args: Any, **options: Any) -> ServerCapabilities:
        kept = ServerCapabilities(tools=ToolsCapability(), logging=declared(*args, **options).logging)
        if options.get("protocol_version") in MODERN_PROTOCOL_VERSIONS:
            kept.prompts, kept.resources = PromptsCapability(), ResourcesCapability()
        return kept

    server._mcp_server.get_capabilities = get_capabilities  # type: ignore[method-assign]
