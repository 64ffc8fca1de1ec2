"""The ASGI application: the MCP endpoint at /api/v1, who may reach it from a browser, and under which host name."""

from collections.abc import Callable, Iterable
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.http import HostOriginGuardMiddleware, RequestContextMiddleware, StarletteWithLifespan
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.bus.oauth.resource import ENDPOINT
from mcp_front.http.accept import JsonOnlyMiddleware
from mcp_front.http.cut_off import CutOffMiddleware
from mcp_front.http.paths import PathMiddleware
from mcp_front.protocol.delivery import Delivery

HOSTS, LONGEST_HOST = 64, 256  # that are remembered, and the characters of one

Wrap = Callable[[ASGIApp], ASGIApp]  # makes the middleware around an application
HostAsked = tuple[object, bytes]

# A browser page on this machine, such as the MCP Inspector; the brackets are glob syntax for a literal [.
LOOPBACK_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*", "http://[[]::1[]]:*")
LOOPBACK_ORIGIN_PATTERN = r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?"


def build_app(
    server: FastMCP,
    allowed_hosts: tuple[str, ...],
    allowed_origins: tuple[str, ...],
    refusals: Wrap,
    layers: Iterable[Wrap],
) -> StarletteWithLifespan:
    """Both protocol eras, no sessions: any replica answers any request, and a client that hangs up cancels its call.

    `refusals` is around the guard of hosts and origins. `layers` are between authentication and MCP, the outermost
    first. Everything that FASTMCP_… variables could turn is said here: `json_response` for one would drop each log
    message.
    """
    app = server.http_app(
        path=ENDPOINT,
        transport="http",
        stateless_http=True,
        json_response=False,
        host_origin_protection=True,
        allowed_hosts=list(allowed_hosts),
        allowed_origins=[*LOOPBACK_ORIGINS, *allowed_origins],
        middleware=[
            _cors(allowed_origins),
            Middleware(Delivery),
            *(Middleware(each) for each in layers),
            Middleware(CutOffMiddleware),
            Middleware(JsonOnlyMiddleware),
        ],
    )
    around = [_remembering(each) for each in app.user_middleware if not _is(each, RequestContextMiddleware)]
    # FastMCP alone looks for its request there, and so behind the lane.
    inside = next(number for number, each in enumerate(around) if _is(each, CutOffMiddleware))
    app.user_middleware[:] = [*around[:inside], Middleware(RequestContextMiddleware), *around[inside:]]
    # Around the guard of hosts and origins, which http_app() puts before ours: its refusals are explained too.
    app.user_middleware[:0] = [Middleware(refusals), Middleware(PathMiddleware)]
    return app


class RememberedHostGuard:
    """FastMCP's guard of hosts and origins, asked once for each host that it lets in. A request with an origin, which
    comes from a browser, is looked at each time."""

    def __init__(self, app: ASGIApp, /, **options: Any) -> None:
        self._app = app
        self._guard = HostOriginGuardMiddleware(self._let_in, **options)
        self._known: set[HostAsked] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] == "http" and _host_asked(scope) in self._known
        await (self._app if known else self._guard)(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _host_asked(scope) if scope["type"] == "http" else None
        if asked is not None and len(self._known) < HOSTS:
            self._known.add(asked)
        await self._app(scope, receive, send)


def _host_asked(scope: Scope) -> HostAsked | None:
    """Return what the guard decides by: the server's address and the one header Host; None where it has to look at
    more."""
    host = None
    for name, value in scope["headers"]:
        if name == b"origin" or (name == b"host" and host is not None):
            return None
        if name == b"host":
            host = value
    return None if host is None or len(host) > LONGEST_HOST else (scope.get("server"), host)


def _remembering(each: Middleware) -> Middleware:
    return Middleware(RememberedHostGuard, **each.kwargs) if _is(each, HostOriginGuardMiddleware) else each


def _is(each: Middleware, kind: type) -> bool:
    cls: object = each.cls
    return cls is kind


class OriginMiddleware(CORSMiddleware):
    """CORS, which a request without an origin has nothing to do with: its answer only says that it would differ."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return

        async def varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _varying(message.get("headers", ()))}
            await send(message)

        await self.app(scope, receive, varying)


def _varying(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with Origin among those that Vary names."""
    others = [pair for pair in headers if pair[0].lower() != b"vary"]
    names = [value for name, value in headers if name.lower() == b"vary"]
    return [*others, (b"vary", b", ".join([*names, b"Origin"]))]


def _cors(allowed_origins: tuple[str, ...]) -> Middleware:
    """Lets pages of the allowed origins read answers; the guard before it has refused all others."""
    return Middleware(
        OriginMiddleware,
        allow_origins=list(allowed_origins),
        allow_origin_regex=LOOPBACK_ORIGIN_PATTERN,
        allow_methods=["GET", "POST", "DELETE", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=["mcp-session-id", "mcp-protocol-version", "www-authenticate"],
        max_age=600,
    )
