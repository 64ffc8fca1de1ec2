"""/healthz (this process) and /readyz (the session behind it) for orchestrators: no token needed, no secret told."""

import asyncio
from collections.abc import Callable

from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.bus.client.client import BusClient
from mcp_front.tools.status import session_status

TOLD = ("state", "cause", "remedy")  # not the accounts, hosts and clients that ibkr_get_status shows
FRESH = {"Cache-Control": "no-store"}


UNREADABLE = "The tokens file (FRONT_TOKENS_FILE) cannot be read, so every client is refused: {0}"
CORRECT = "Correct the file, or put a good one in its place: this front reads it again by itself."

Fault = Callable[[], str | None]  # of the tokens file


def add_health(server: FastMCP, bus: BusClient, draining: asyncio.Event, tokens_fault: Fault) -> None:
    """Serve both beside the MCP endpoint."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=FRESH)

    async def readyz(_request: Request) -> Response:
        if draining.is_set():
            return JSONResponse({"state": "stopping", "cause": "This front is being stopped."}, 503, FRESH)
        fault = tokens_fault()
        if fault is not None:
            told = {"state": "tokens_unreadable", "cause": UNREADABLE.format(fault), "remedy": CORRECT}
            return JSONResponse(told, 503, FRESH)
        status = await session_status(bus)
        ready = status["state"] == "ready"
        return JSONResponse({name: status[name] for name in TOLD}, 200 if ready else 503, FRESH)

    server.custom_route("/healthz", methods=["GET"])(healthz)
    server.custom_route("/readyz", methods=["GET"])(readyz)
