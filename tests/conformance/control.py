"""The control: the front's tools on a plain FastMCP server, with no middleware, no lane and no setting of ours.

`python -m tests.conformance.control` takes the front's environment variables.
"""

import asyncio

import uvicorn
from fastmcp import FastMCP
from starlette.types import ASGIApp

from bridge.bus.client.client import BusClient
from bridge.bus.oauth.resource import ENDPOINT
from bridge.tool import ToolSpec
from mcp_front.__main__ import Front, assemble, front_id
from mcp_front.logging_setup import configure_logs
from mcp_front.settings import load_settings
from mcp_front.timing import USUAL
from mcp_front.tools.catalogue import offered_tools
from mcp_front.tools.known_tools import HiddenTools
from mcp_front.tools.server import NAME, declared_tool


async def main() -> None:
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    async with BusClient(settings.redis_url, settings.ibkr_session, front_id()) as bus_client:
        app = plain_app(assemble(settings, bus_client), offered_tools(settings.front_toolsets))
        config = uvicorn.Config(
            app, settings.front_host, settings.front_port, ws="none", lifespan="on", log_config=None,
            timeout_keep_alive=USUAL.idle_s,
        )  # fmt: skip
        await uvicorn.Server(config).serve()


def plain_app(front: Front, tools: list[ToolSpec]) -> ASGIApp:
    """FastMCP's application as it comes; its tools answer as the front's do."""
    server = FastMCP(NAME)
    for declared in tools:
        server.add_tool(declared_tool(declared, front.calls, HiddenTools(tools)))
    return server.http_app(path=ENDPOINT)


if __name__ == "__main__":
    asyncio.run(main())
