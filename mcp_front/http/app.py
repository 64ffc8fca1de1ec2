"""The ASGI application: the MCP endpoint at /api/v1, who may reach it from a browser, and under which host name."""

from collections.abc import Callable

from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from mcp_front.admission.fair_queueing import Counted, FairQueueMiddleware
from mcp_front.admission.rate_limits import RateLimiter
from mcp_front.http.accept import JsonOnlyMiddleware
from mcp_front.http.cut_off import CutOffMiddleware
from mcp_front.http.messages import Cancel, MessageMiddleware
from mcp_front.http.paths import ENDPOINT, PathMiddleware
from mcp_front.http.refusals import Fault, RefusalMiddleware
from mcp_front.protocol.delivery import Delivery

Lane = Callable[[ASGIApp], ASGIApp]

# A browser page on this machine, such as the MCP Inspector; the brackets are glob syntax for a literal [.
LOOPBACK_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*", "http://[[]::1[]]:*")
LOOPBACK_ORIGIN_PATTERN = r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?"


def build_app(
    server: FastMCP,
    allowed_hosts: tuple[str, ...],
    allowed_origins: tuple[str, ...],
    paces: RateLimiter | None,
    counted: Counted,
    cancel: Cancel,
    tokens_fault: Fault,
    lane: Lane,
) -> StarletteWithLifespan:
    """Both protocol eras, no sessions: any replica answers any request, and a client that hangs up cancels its call.

    Everything that FASTMCP_… variables could turn is said here: `json_response` for one would drop each log message.
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
            Middleware(FairQueueMiddleware, paces=paces, counted=counted),
            Middleware(MessageMiddleware, cancel=cancel),
            Middleware(lane),
            Middleware(CutOffMiddleware),
            Middleware(JsonOnlyMiddleware),
        ],
    )
    # Around the guard of hosts and origins, which http_app() puts before ours: its refusals are explained too.
    app.user_middleware[:0] = [Middleware(RefusalMiddleware, tokens_fault=tokens_fault), Middleware(PathMiddleware)]
    return app


def _cors(allowed_origins: tuple[str, ...]) -> Middleware:
    """Lets pages of the allowed origins read answers; the guard before it has refused all others."""
    return Middleware(
        CORSMiddleware,
        allow_origins=list(allowed_origins),
        allow_origin_regex=LOOPBACK_ORIGIN_PATTERN,
        allow_methods=["GET", "POST", "DELETE", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=["mcp-session-id", "mcp-protocol-version", "www-authenticate"],
        max_age=600,
    )
