"""The page at /: says what this server is, how its session stands, and how to connect. It requests nothing else."""

import asyncio
import json
from html import escape

from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bridge.bus.client.client import BusClient
from bridge.bus.oauth.resource import ENDPOINT
from mcp_front import VERSION
from mcp_front.http.paths import START
from mcp_front.tools.status import session_status

NAME = "ibkr"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #16833a; --bad: #b45309 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
code, pre { font: .875rem/1.5 ui-monospace, monospace }
pre { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; margin: .2rem 0 1rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
.state { border-left: 4px solid var(--bad); padding: .2rem .8rem; margin: 1.5rem 0 }
.ready { border-color: var(--good) }
.state b { color: var(--bad) } .ready b { color: var(--good) } p { margin: .3rem 0 }
"""
TOKEN = (
    "<p>This server requires a token. Add the header <code>Authorization: Bearer TOKEN</code>; the operator makes a "
    "token by <code>.venv/bin/python -m cli client add NAME --scopes read,trade</code>. In Claude Code that is "
    '<code>--header "Authorization: Bearer TOKEN"</code> at the end of the command.</p>'
)


OAUTH = (
    "<p>Hosts that sign in by OAuth need no token: add the address, and the browser leads to the operator's sign-in "
    "and consent. In Claude Code: <code>/mcp</code>; in Codex: <code>codex mcp login ibkr</code>.</p>"
)


def add_start_page(
    server: FastMCP, bus: BusClient, draining: asyncio.Event, *, tokens: bool, oauth: bool = False
) -> None:
    """Serve the page at /. It needs no token, and tells what /readyz tells."""

    async def start(request: Request) -> Response:
        status = await session_status(bus)
        state = "stopping" if draining.is_set() else status["state"]
        told = [status["cause"], status["remedy"]] if state != "ready" else []
        endpoint = f"{request.url.scheme}://{request.headers['host']}{ENDPOINT}"
        return HTMLResponse(page(endpoint, state, told, tokens=tokens, oauth=oauth), headers=HEADERS)

    server.custom_route(START, methods=["GET"])(start)


def page(endpoint: str, state: str, told: list[str | None], *, tokens: bool, oauth: bool = False) -> str:
    """Return the page for a server whose MCP endpoint is at this URL."""
    notes = "".join(f"<p>{escape(each)}</p>" for each in told if each)
    ready = " ready" if state == "ready" else ""
    ways = "".join(f"<p>{escape(host)}</p><pre>{escape(way)}</pre>" for host, way in ways_to_add(endpoint).items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>IBKR TWS MCP server</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>{STYLE}</style></head><body>
<h1>IBKR TWS MCP server</h1>
<p>Interactive Brokers for MCP clients: quotes, history, positions and orders through one TWS session.</p>
<div class="state{ready}"><p>Session: <b>{escape(state)}</b></p>{notes}</div>
<h2>Connect</h2>
<p>This page is for people. MCP clients connect to <code>{escape(endpoint)}</code> (streamable HTTP).</p>
{OAUTH if oauth else ""}{TOKEN if tokens else ""}
{ways}
<h2>Then ask</h2>
<p>"What is the state of my IBKR session?", "Show my positions", "Preview an order for 10 shares of MSFT".</p>
<h2>Look closer</h2>
<p><a href="/readyz">/readyz</a>: whether the session is ready. <a href="/healthz">/healthz</a>: whether this process
lives. Version {VERSION}.</p>
</body></html>
"""


def ways_to_add(url: str) -> dict[str, str]:
    """Return, by the host's name, the command to type, or the file and what to write into it."""
    vscode = json.dumps({"name": NAME, "type": "http", "url": url}, separators=(",", ":"))
    cursor = json.dumps({"mcpServers": {NAME: {"url": url}}})
    return {
        "Claude Code": f"claude mcp add --transport http {NAME} {url}",
        "Cursor": f"~/.cursor/mcp.json: {cursor}",
        "VS Code": f"code --add-mcp '{vscode}'",
        "Codex": f'~/.codex/config.toml:\n[mcp_servers.{NAME}]\nurl = "{url}"',
        "Gemini CLI": f"gemini mcp add --transport http {NAME} {url}",
    }
