"""A client that calls tools of a running front as any MCP client does; an error is returned as its code and message."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2
from fastmcp import Client
from fastmcp.client.logging import LogMessage
from fastmcp.exceptions import FastMCPError
from mcp.shared.exceptions import MCPError

from cli.errors import Problem

UNREACHED = (FastMCPError, MCPError, httpx2.HTTPError, RuntimeError)  # RuntimeError: the client could not connect


@dataclass(frozen=True)
class Answer:
    """A tool's answer; `code` is empty if the tool succeeded."""

    value: Any = None
    code: str = ""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


async def _unheard(_message: LogMessage) -> None:
    """A stream's updates: its summary is what is asked for."""


class Tools:
    """A client of the front at `url`. Entering it raises Problem if nobody answers, or the front rejects the token."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._client = Client(url, auth=token, log_handler=_unheard)
        self._entered = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._entered.enter_async_context(self._client)
        except UNREACHED as error:
            raise Problem(f"{self._url}: {error}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._entered.aclose()

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Raises Problem where the front itself is lost."""
        try:
            result = await self._client.call_tool_mcp(f"ibkr_{tool}", arguments)
        except UNREACHED as error:
            raise Problem(f"ibkr_{tool}: {error}") from error
        content = result.structured_content or {}
        if not result.is_error:
            return Answer(content.get("result", content))
        details = (result.meta or {}).get("ibkr/error", {})
        text = "".join(getattr(each, "text", "") for each in result.content)
        return Answer(None, details.get("code", "error"), details.get("message", text), details)
