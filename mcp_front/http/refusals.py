"""ASGI middleware around everything: a refusal names its remedy, and leaves a line in the log.

The framework's own are two words, or advice that holds for no setting of this front.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.bus.oauth.resource import ENDPOINT
from bridge.text.plain_text import one_line
from mcp_front.admission.rate_limits import RateLimiter
from mcp_front.oauth.protected_resource import ProtectedResource
from mcp_front.protocol.jsonrpc import answer

LINES_PER_S, LINES = 1, 20  # of one kind of refusal: a flood must not fill the log
LOGGED = (401, 403, 421)  # what a setting or a token cures
SHOWN = 100  # characters of a header
KEPT_HEADERS = (b"allow", b"vary", b"access-control-")  # by their beginning: an allowed page may read the reason

ADD_CLIENT = ".venv/bin/python -m cli client add NAME --scopes read,trade"
SIGN_IN = "Sign in by OAuth: the header WWW-Authenticate names the metadata."
SIGN_IN_AGAIN = "A token of a sign-in by OAuth has expired, or its client was revoked: sign in again. Else:"
NOT_SERVED = f"Nothing is served here. The MCP endpoint is {ENDPOINT}, and the page at / says how to connect."
NOT_GET = f"{ENDPOINT} accepts MCP messages by POST. The page at / says how to connect."

log = structlog.get_logger(__name__)

Fault = Callable[[], str | None]  # of the tokens file
Refusal = tuple[str, str]  # a code for programs and logs, and a text for people


class RefusalMiddleware:
    """Replaces the body of each 401, 403, 404, 405 and 421, and logs all of them that a setting could cure."""

    def __init__(self, app: ASGIApp, tokens_fault: Fault, resource: ProtectedResource | None = None) -> None:
        """resource: what clients are told of who sign in by OAuth, where they can."""
        self._app = app
        self._resource = resource
        self._tokens_fault = tokens_fault
        self._lines = RateLimiter(LINES_PER_S, LINES)
        self._explain: Mapping[int, Callable[[Headers], Refusal]] = {
            401: self._no_token,
            403: _forbidden_origin,
            404: lambda _: ("not_found", NOT_SERVED),
            405: lambda _: ("method_not_allowed", NOT_GET),
            421: _unknown_host,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = False

        async def explaining(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and self._is_bare(message):
                refused = True
                await self._refuse(scope, message, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, explaining)

    def _is_bare(self, start: Message) -> bool:
        """Return whether an error response lacks a reason; MCP's own 404, for an unknown method, has one."""
        status, headers = start["status"], Headers(raw=start["headers"])
        if status == 403 and "www-authenticate" in headers:  # for more scopes: its body says which
            return False
        has_reason = headers.get("content-type", "").startswith("application/json")
        return status in self._explain and (status in LOGGED or not has_reason)

    async def _refuse(self, scope: Scope, start: Message, send: Send) -> None:
        status = start["status"]
        code, text = self._explain[status](Headers(scope=scope))
        if status in LOGGED:
            self._log(scope, status, code)
        kept = [pair for pair in start["headers"] if pair[0].lower().startswith(KEPT_HEADERS)]
        if status == 401:
            kept.append((b"www-authenticate", self._challenge(scope["path"], code)))
        told = {"id": None, "error": {"code": -32000, "message": text, "data": {"code": code}}}
        await answer(status, told, send, *kept)

    def _challenge(self, path: str, code: str) -> bytes:
        error = "" if code == "token_missing" else "invalid_token"
        if self._resource is not None:
            return self._resource.challenge(path.rstrip("/"), error)
        return f'Bearer error="{error}"'.encode() if error else b"Bearer"

    def _log(self, scope: Scope, status: int, code: str) -> None:
        if self._lines.waits(code, asyncio.get_running_loop().time()):
            return
        headers, client = Headers(scope=scope), scope.get("client")
        log.warning(
            "refused",
            status=status,
            code=code,
            address=client[0] if client else None,
            host=_shown(headers, "host"),
            origin=_shown(headers, "origin"),
            user_agent=_shown(headers, "user-agent"),
        )

    def _no_token(self, headers: Headers) -> Refusal:
        fault = self._tokens_fault()
        if fault is not None:
            text = "The server cannot read its tokens file, so it accepts no token. The operator: see /readyz."
            return "tokens_unreadable", text
        given = headers.get("authorization", "")
        if not given.lower().startswith("bearer "):
            text = f"Send the header Authorization: Bearer TOKEN. The operator makes a token by `{ADD_CLIENT}`."
            text = f"{SIGN_IN} Or: {text}" if self._resource else text
            return "token_missing", text
        text = (
            f"The server does not know this token: it is mistyped, or it was removed. Make a new one: `{ADD_CLIENT}`."
        )
        return "token_unknown", f"{SIGN_IN_AGAIN} {text}" if self._resource else text


def _forbidden_origin(headers: Headers) -> Refusal:
    origin = _shown(headers, "origin")
    text = f"Pages of {origin} may not call this server. To allow them, set FRONT_ALLOWED_ORIGINS={origin}."
    return "origin_not_allowed", text


def _unknown_host(headers: Headers) -> Refusal:
    host = _shown(headers, "host")
    if not host:
        return "host_missing", "Send the header Host with the name that FRONT_ALLOWED_HOSTS or the address has."
    text = f"This server does not answer to the host name {host}. If it is right, set FRONT_ALLOWED_HOSTS={host}."
    return "host_not_allowed", text


def _shown(headers: Headers, name: str) -> str | None:
    return one_line(headers[name], SHOWN) if name in headers else None
