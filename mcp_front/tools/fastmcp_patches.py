"""Workarounds for fastmcp 4.2.3 in this front; a test per workaround fails without it."""

import warnings

from fastmcp import FastMCP
from mcp.shared.exceptions import MCPDeprecationWarning


def apply_patches(server: FastMCP) -> None:
    """Apply the workarounds."""
    _allow_messages()
    _import_early(server)


def _allow_messages() -> None:
    """Silence the SDK's warning on each log message: the front sends messages by choice, beside progress and the
    summary, and the protocol keeps them until July 2027 at least."""
    warnings.filterwarnings("ignore", category=MCPDeprecationWarning)


def _import_early(server: FastMCP) -> None:
    """Import the session store now: the first handshake-era call would, and block every other call for 0.3 s."""
    server._state_store  # noqa: B018  # a property that imports
