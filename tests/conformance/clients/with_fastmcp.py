"""FastMCP's client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import Client

from tests.conformance.clients.calls import Heard, main


class Connected:
    def __init__(self, client: Client[Any]) -> None:
        self._client = client

    async def tools(self) -> list[dict[str, Any]]:
        found = await self._client.list_tools()
        return [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in found]

    async def call(self, tool: str, arguments: dict[str, Any], heard: Heard) -> dict[str, Any]:
        result = await self._client.call_tool_mcp(tool, arguments, progress_handler=heard.on_progress)
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)


@asynccontextmanager
async def connect(url: str, era: str, heard: Heard) -> AsyncIterator[Connected]:
    mode = "legacy" if era < "2026" else era
    async with Client(url, mode=mode, log_handler=heard.on_message) as client:
        yield Connected(client)


if __name__ == "__main__":
    main(connect)
