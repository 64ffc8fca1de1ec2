"""OAuth at the resource server: metadata of the endpoint (RFC 9728), and the challenges that lead clients to them."""

from collections.abc import Iterable

import structlog
from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.bus.oauth.resource import ALIASES, ENDPOINT
from bridge.tool import ToolSpec
from mcp_front.admission.auth import current_rights, principal_of, signs_in_by_oauth
from mcp_front.protocol.direct_call import CALL
from mcp_front.protocol.envelope import MESSAGE
from mcp_front.protocol.jsonrpc import answer

METADATA = "/.well-known/oauth-protected-resource"
SCOPES = ("read", "trade", "admin")
DOCUMENTATION = "/"  # the start page

log = structlog.get_logger(__name__)


class ProtectedResource:
    """The front as a resource of an authorization server. url: where clients reach the front; issuer: the server's;
    prefix: what that one's scopes have before ours."""

    def __init__(self, url: str, issuer: str, prefix: str = "") -> None:
        self._url = url
        self._issuer = issuer
        self._prefix = prefix

    def metadata(self, path: str = ENDPOINT) -> dict[str, object]:
        """Return the metadata of the endpoint under one of its paths."""
        return {
            "resource": self._url + path,
            "authorization_servers": [self._issuer],
            "scopes_supported": [self._prefix + each for each in SCOPES],
            "bearer_methods_supported": ["header"],
            "resource_name": "IBKR TWS MCP server",
            "resource_documentation": self._url + DOCUMENTATION,
        }

    def challenge(self, path: str, error: str = "", scopes: Iterable[str] = SCOPES) -> bytes:
        """Return the header WWW-Authenticate for a request to this path. `error`: RFC 6750's code, if there is one."""
        of = path if path in ALIASES else ENDPOINT
        parts = [f'error="{error}"'] if error else []
        parts += [
            f'resource_metadata="{self._url}{METADATA}{of}"',
            f'scope="{" ".join(self._prefix + each for each in scopes)}"',
        ]
        return f"Bearer {', '.join(parts)}".encode()

    def add_metadata(self, server: FastMCP) -> None:
        """Serve the metadata, for clients without a token: at the standard's place for each path, and without one."""

        async def told(request: Request) -> Response:
            path = request.url.path.rstrip("/").removeprefix(METADATA) or ENDPOINT
            headers = {"Cache-Control": "max-age=300"}
            return JSONResponse(self.metadata(path), headers=headers)

        for path in ("", ENDPOINT, *ALIASES):
            server.custom_route(METADATA + path, methods=["GET"])(told)


class ScopeMiddleware:
    """ASGI middleware that answers a call for which its client's scopes are too few with 403 and the scopes to ask for.

    A client that signed in by OAuth can then ask its person for more. One with a static token can not, and gets MCP's
    error from the tool.
    """

    def __init__(self, app: ASGIApp, resource: ProtectedResource, offered: Iterable[ToolSpec]) -> None:
        self._app = app
        self._resource = resource
        self._tools = {declared.tool_name: declared for declared in offered}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = self._called(scope) if MESSAGE in scope and signs_in_by_oauth(scope) else None
        missing = current_rights(scope).missing_scope(declared.effect) if declared else None
        if declared is None or missing is None:
            await self._app(scope, receive, send)
            return
        wanted = [each for each in SCOPES if each == missing or each in current_rights(scope).scopes]
        log.warning("scope_missing", caller=principal_of(scope), tool=declared.tool_name, scope=missing)
        challenge = self._resource.challenge(ENDPOINT, "insufficient_scope", wanted)
        text = f'{declared.tool_name} needs the "{missing}" scope. Sign in again, and let the operator allow it.'
        told = {"code": -32000, "message": text, "data": {"code": "forbidden", "scope": missing}}
        request_id = scope[MESSAGE].get("id")
        await answer(403, {"id": request_id, "error": told}, send, (b"www-authenticate", challenge))

    def _called(self, scope: Scope) -> ToolSpec | None:
        message = scope[MESSAGE]
        return self._tools.get(message["params"].get("name", "")) if message.get("method") == CALL else None
