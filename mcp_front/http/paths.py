"""ASGI middleware that serves the MCP endpoint under the paths that clients and people try."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.bus.oauth.resource import ALIASES, ENDPOINT

START = "/"
SAME = dict.fromkeys(ALIASES, ENDPOINT)


class PathMiddleware:
    """A slash at the end is ignored: a redirect would name the scheme that a TLS proxy speaks to the front, http.

    A browser at the endpoint gets the start page: what it would get there is "Method Not Allowed".
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = served(scope["path"])
            if path == ENDPOINT and _is_browser(scope):
                path = START
            if path != scope["path"]:
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def served(path: str) -> str:
    """Return the path under which a request is routed."""
    plain = path.rstrip("/") or START
    return SAME.get(plain, plain)


def is_message(scope: Scope) -> bool:
    """Return whether a request carries an MCP message."""
    return bool(scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == ENDPOINT)


def _is_browser(scope: Scope) -> bool:
    """Return whether a browser asks: an MCP client's GET accepts an event stream."""
    accept = Headers(scope=scope).get("accept", "")
    return scope["method"] in ("GET", "HEAD") and "text/html" in accept and "text/event-stream" not in accept
