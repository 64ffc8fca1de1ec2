"""The Python SDK's client, release 2."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client

from tests.conformance.clients.calls import Heard, main


class Connected:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def tools(self) -> list[dict[str, Any]]:
        found = await self._client.list_tools()
        return [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in found.tools]

    async def call(self, tool: str, arguments: dict[str, Any], heard: Heard) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments, progress_callback=heard.on_progress)
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)


@asynccontextmanager
async def connect(url: str, era: str, heard: Heard) -> AsyncIterator[Connected]:
    mode = "legacy" if era < "2026" else era
    async with Client(url, mode=mode, logging_callback=heard.on_message, log_level="info") as client:
        yield Connected(client)


if __name__ == "__main__":
    main(connect)
