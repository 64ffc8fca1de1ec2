"""The Python SDK's client, release 1, in an environment of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from tests.conformance.clients.calls import Heard, main


class Connected:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def tools(self) -> list[dict[str, Any]]:
        found = await self._session.list_tools()
        return [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in found.tools]

    async def call(self, tool: str, arguments: dict[str, Any], heard: Heard) -> dict[str, Any]:
        result = await self._session.call_tool(tool, arguments, progress_callback=heard.on_progress)
        dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return dumped


@asynccontextmanager
async def connect(url: str, _era: str, heard: Heard) -> AsyncIterator[Connected]:
    # By name: the type checker sees release 2.
    session_of = import_module("mcp.client.session").ClientSession
    connection = import_module("mcp.client.streamable_http").streamable_http_client
    async with (
        connection(url) as (reader, writer, _),
        session_of(reader, writer, logging_callback=heard.on_message) as session,
    ):
        await session.initialize()
        yield Connected(session)


if __name__ == "__main__":
    main(connect)
